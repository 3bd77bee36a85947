"""Two processes and one plugin: one lease, one writer, and what a killed one leaves behind."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from milepost.database import DatabaseError
from milepost.react.store import Moved, Position, Store
from tests.react.store.keeper import BATCH
from tests.react.turns import BEGIN, MANIFEST, TENANT, kept

WAIT_S = 20.0  # for what takes milliseconds on an idle machine
KILLS = 6
ROOT = Path(__file__).parents[3]


@contextmanager
def keeper(url: str) -> Iterator[subprocess.Popen[str]]:
    """Run a process that holds the lease; it is killed at the end."""
    command = [sys.executable, "-m", "tests.react.store.keeper", url, MANIFEST.id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def leased(store: Store, stack: ExitStack) -> None:
    """Take the lease as soon as it is free; *stack* ends it."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            stack.enter_context(store.lease())
        except DatabaseError as error:
            if error.code != "in_use" or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def test_one_has_the_lease(url: str, store: Store) -> None:
    """While one has the lease no other gets it, nor empties the store; afterwards the next one does."""
    other = Store(url, MANIFEST.id)
    other.open()
    assert not store.holds()
    with store.lease():
        assert store.holds()
        with pytest.raises(DatabaseError, match="another process holds"), other.lease():
            pass
        for act in (other.reset, lambda: other.begin(BEGIN, "live", anew=True)):
            with pytest.raises(DatabaseError) as refused:
                act()
            assert refused.value.code == "in_use"
        assert not other.holds()
        other.set_paused("by_hand")  # an operator needs no lease
        assert store.status().paused == "by_hand"
        store.begin(Position(1, 7), "live")
        another = Store(url, "another")
        with another.lease():  # before it is opened
            another.open()
            assert another.holds()
            another.begin(BEGIN, "live")
        another.close()
    assert not store.holds()
    with other.lease():
        assert other.holds()
    other.reset()
    other.close()


def test_a_killed_holder(url: str, store: Store) -> None:
    """The lease of a process ends with it; what it had kept is there whole: state, effects, sequence and position."""
    seeded = random.Random(1)  # noqa: S311  when to kill
    said = 0
    for _ in range(KILLS):
        with keeper(url) as process:
            with pytest.raises(DatabaseError, match="another process holds"), store.lease():
                pass
            assert process.stdout is not None
            for _ in range(seeded.randrange(1, 30)):
                said = int(process.stdout.readline())
            process.kill()
            said = max([said, *map(int, process.stdout.read().split())])
        with ExitStack() as stack:
            leased(store, stack)
            assert store.holds()
            reached = store.numbers()[TENANT]
            assert said <= reached <= said + BATCH
            assert store.status().position == Position(1, reached)
            assert store.get(TENANT, "n") == b"%d" % reached
            assert store.counts().waiting == reached


def test_two_copies_race(url: str, store: Store) -> None:
    """Of copies that write from the same position one goes on and the others read again: each turn is kept once."""
    turns, failures = 40, []

    def count(name: bytes) -> None:
        copy = Store(url, MANIFEST.id)
        copy.open()
        try:
            while True:
                before = copy.status().position  # first: what is read after it is no older
                if (number := copy.numbers().get(TENANT, 0) + 1) > turns:
                    break
                so_far = copy.get(TENANT, "by") or b""
                turn = kept(number, writes={"by": so_far + name}, effects={"mail": {"n": number}})
                try:
                    copy.keep(
                        [(turn, TENANT, number)], Position(1, before.stream_sequence + 1), before=before, handled=1
                    )
                except Moved:
                    continue
        except Exception as error:  # noqa: BLE001  seen by the test
            failures.append(error)
        finally:
            copy.close()

    threads = [threading.Thread(target=count, args=(name,)) for name in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert failures == []
    status = store.status()
    assert (status.position, store.numbers()) == (Position(1, turns), {TENANT: turns})
    assert len(store.get(TENANT, "by") or b"") == store.counts().waiting == turns
    assert status.handled == turns


def test_first_starts_at_once(url: str) -> None:
    """Several first starts at the same time all find the tables made, once."""
    failures: list[Exception] = []
    go = threading.Barrier(4)

    def first() -> None:
        copy = Store(url, "fresh")
        go.wait(WAIT_S)
        try:
            copy.open()
            assert not copy.status().started
        except Exception as error:  # noqa: BLE001  seen by the test
            failures.append(error)
        copy.close()

    threads = [threading.Thread(target=first) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert failures == []


def test_a_lost_connection_is_a_lost_lease(postgres_url: str) -> None:
    """On PostgreSQL, who loses the connection loses the lease and can write no more; the next one goes on."""
    store = Store(postgres_url, MANIFEST.id)
    store.open()
    store.begin(BEGIN, "live")
    other = Store(postgres_url, MANIFEST.id)
    other.open()
    with store.lease():
        (pid,) = store._on().query("SELECT pg_backend_pid()")[0]
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        with ExitStack() as stack:
            leased(other, stack)
            other.keep([], Position(1, 5), before=BEGIN)
            assert not store.holds()
            with pytest.raises(DatabaseError) as lost:
                store.keep([], Position(1, 3), before=BEGIN)
            assert lost.value.code == "unavailable"
            with pytest.raises(DatabaseError):
                store.open()  # not within the lease that was lost
            assert not store.holds()
    store.open()
    with store.lease():
        assert store.holds()
        assert store.status().position == Position(1, 5)
    store.close()
    other.close()
