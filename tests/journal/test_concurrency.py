"""Many writers: numbers stay dense, time never runs backward, no reader passes over what comes later."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from milepost.journal import Committed, Dropped, Journal, Stored
from tests.journal.processes import Worker
from tests.journal.wishes import append, goal
from tests.journal.worker import commit

Opening = Callable[..., Journal]


def demand_order(journal: Journal, events: int) -> None:
    """Hold the whole journal against the promises of its order."""
    stored = journal.after(0, events + 1)
    assert [event.sequence for event in stored] == list(range(1, events + 1))
    assert [event.position for event in stored] == sorted({event.position for event in stored})
    times = [event.time for event in stored]
    assert times == sorted(times)
    for ref in {event.ref for event in stored}:
        versions = [event.version for event in stored if event.ref == ref]
        assert versions == list(range(1, len(versions) + 1))


def test_eight_threads(journal: Journal) -> None:
    """Threads that race for the same goals each commit everything in the end, in one dense order."""
    refs = [goal() for _ in range(3)]

    def work(worker: int) -> None:
        for number in range(25):
            ref = refs[(worker + number) % len(refs)]
            commit(journal, [ref], f"goal/{ref[1]}/{worker}-{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    demand_order(journal, 200)


def test_eight_processes(postgres_url: str) -> None:
    """Processes that race for the same goals on PostgreSQL: what each was told is stored, once, in one dense order."""
    refs = [goal() for _ in range(3)]
    workers = [Worker(postgres_url, 15, refs) for _ in range(8)]
    for worker in workers:
        worker.wait_ready()
    with Journal(postgres_url, writes=False) as journal:
        following = Following(journal, 8 * 15)
        for worker in workers:
            worker.go()
        told: dict[str, int] = {}
        for worker in workers:
            status, acknowledged, complaints = worker.told()
            assert status == 0, complaints
            told |= dict(acknowledged)
        demand_order(journal, 8 * 15)
        assert len(told) == 8 * 15
        for command, sequence in told.items():
            known = journal.by_command("acme", command)
            assert known is not None
            assert [event.sequence for event in known.events] == [sequence]
        assert [event.position for event in following.result()] == [event.position for event in journal.after(0, 1000)]


class Following:
    """A reader that goes on from the last position it saw while others write, as the relay does."""

    def __init__(self, journal: Journal, events: int) -> None:
        """Start reading, until *events* were seen."""
        self._journal, self._events = journal, events
        self._seen: list[Stored] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while len(self._seen) < self._events and not self._stop.is_set():
            self._seen += self._journal.after(self._seen[-1].position if self._seen else 0, 7)

    def result(self) -> list[Stored]:
        """Return what was seen; by now everything is committed, so that what is missing was passed over."""
        self._thread.join(10)
        self._stop.set()
        self._thread.join()
        return self._seen


def test_simultaneous_first_starts(postgres_url: str) -> None:
    """Eight processes that meet an empty database at the same moment all come up, and all can append."""
    workers = [Worker(postgres_url, 1, [goal()]) for _ in range(8)]
    for worker in workers:
        worker.wait_ready()
        worker.go()
    assert [worker.told()[0] for worker in workers] == [0] * 8
    with Journal(postgres_url, writes=False) as journal:
        demand_order(journal, 8)


def test_two_processes_with_one_command(postgres_url: str) -> None:
    """A command sent to two processes is kept once, even where it writes to different goals and no version collides."""
    first, second = Journal(postgres_url), Journal(postgres_url)
    target, here, there = goal(), goal(), goal()
    command = f"goal/{target[1]}/same"
    with first, second:
        assert isinstance(first.append([append({target: 0, here: 0}, here, command=command)])[0], Committed)
        assert second.append([append({target: 0, there: 0}, there, command=command)]) == [Dropped([], known=True)]


@pytest.mark.parametrize("mode", ["SHARE UPDATE EXCLUSIVE", "ROW EXCLUSIVE"])
def test_appends_do_not_wait_for_vacuum(postgres_url: str, mode: str) -> None:
    """While autovacuum or analyze (or a foreign writer) holds its lock on the events, appends go on."""
    with Journal(postgres_url) as journal, psycopg.connect(postgres_url) as vacuum:
        vacuum.execute(f"LOCK TABLE stored_events IN {mode} MODE")
        with ThreadPoolExecutor(1) as pool:
            appending = pool.submit(journal.append, [append({goal(): 0})])
            assert isinstance(appending.result(timeout=8)[0], Committed)


def test_reading_does_not_wait_for_writing(open_journal: Opening) -> None:
    """While an append is inside its lock, readers see the state before it and do not wait."""
    inside, leave = threading.Event(), threading.Event()

    def at(point: str) -> None:
        if point == "journal.before_commit":
            inside.set()
            assert leave.wait(30)

    writer = open_journal(at=at)
    ref = goal()
    with ThreadPoolExecutor(1) as pool:
        appending = pool.submit(writer.append, [append({ref: 0})])
        assert inside.wait(30)
        assert (writer.head("acme", ref), writer.after(0, 10), writer.heads()) == (0, [], {})
        leave.set()
        assert isinstance(appending.result()[0], Committed)
    assert writer.head("acme", ref) == 1
