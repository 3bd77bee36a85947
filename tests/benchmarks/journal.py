"""Appends: 64 commands in flight, one sealed event each, against plain eventsourcing and the raw insert.

floor   the bare driver: the same documents, 64 rows an INSERT, one table with its primary key, one commit a batch
plain   an eventsourcing application: 64 threads, each saves its own aggregate, one commit an event, same size
one by one   the same application with one thread, which is its best case on a disk that syncs fast
ours    encode, seal, `flush` of the keys, `Journal.append` of 64: versions checked, sequences and times assigned
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import uuid_utils
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from psycopg.conninfo import conninfo_to_dict

from milepost.journal import Append, Attributes, Committed, Journal, KeyStore, Ref, Wanted
from milepost_contracts.events.base import Context
from milepost_contracts.events.goal import DeadlineShifted
from milepost_contracts.types import Party
from tests.support.postgres import database

IN_FLIGHT = 64
GOALS = 1024  # each is written to in turn, so that versions grow and every append is checked
ROUNDS = 7
BATCHES = 80  # of 64 events, a round
COMMITS = 640  # of one event, a round
WANTED = {"sqlite": 4.0, "postgresql": 10.0}  # ours over plain, from the issue

Report = Callable[[str], None]


def _id() -> str:
    return str(uuid_utils.uuid7())


class Commands:
    """What accept does between deciding and the journal: encode, seal, say which versions were read."""

    def __init__(self, keys: KeyStore) -> None:
        """Start with goals that do not exist."""
        self._keys = keys
        self._goals: list[Ref] = [("goal", _id()) for _ in range(GOALS)]
        self._versions = dict.fromkeys(self._goals, 0)
        self._owner = f"user:{_id()}"
        party = Party(ref=f"user:{_id()}", role="mentor")
        self._context = Context(
            owner=self._owner,
            accountable=None,
            parties=[Party(ref=self._owner, role="mentee"), party],
            mentorship=_id(),
            programme=None,
            cycle=None,
        )
        self._next = 0

    def one(self) -> Append:
        """Return the append of the next command."""
        ref = self._goals[self._next % GOALS]
        self._next += 1
        event_id, command_id = _id(), _id()
        key = self._keys.sealing_key("acme", ref, "parties", self._owner, self._owner)
        shifted = DeadlineShifted(
            old="2026-06-30",  # type: ignore[arg-type]  # encoded as it stands
            new="2026-07-31",  # type: ignore[arg-type]  # encoded as it stands
            days=31,
            reason=key.seal("The workshop moved to July, and so must we.", event_id, "/reason"),
            reason_code="dependency",
            revision=3,
            context=self._context,
        )
        wanted = Wanted(*ref, shifted.TAG, event_id, msgspec.json.encode(shifted), key.hash(b"command"))
        attributes = Attributes(
            actor=self._owner, authnby="jwt", correlationid=command_id, causationid=command_id, traceparent=_TRACE
        )
        command = f"goal/{ref[1]}/{command_id}"
        return Append("acme", command, {ref: self._versions[ref]}, [wanted], attributes)

    def settle(self, batch: Sequence[Append], outcomes: Sequence[object]) -> None:
        """Note the versions that were reached; raises where one was not committed."""
        for append, outcome in zip(batch, outcomes, strict=True):
            if not isinstance(outcome, Committed):
                raise TypeError(f"{append.command}: {outcome}")
            stored = outcome.events[-1]
            self._versions[stored.ref] = stored.version


_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Ours:
    """Commands through the journal; a round returns events/s."""

    def __init__(self, stack: ExitStack, url: str, folder: Path) -> None:
        """Open the journal at *url* and a key store, and write to every goal once, so that each has its key."""
        self._keys = stack.enter_context(KeyStore(f"sqlite:///{folder / 'keys.db'}", folder / "wrapping"))
        self._journal = stack.enter_context(Journal(url))
        self._commands = Commands(self._keys)
        self.documents: list[bytes] = []
        self.round(GOALS // IN_FLIGHT)

    def round(self, batches: int = BATCHES) -> float:
        """Encode, seal and append *batches* of 64; keep the documents for the floor."""
        self.documents.clear()
        started = time.perf_counter()
        for _ in range(batches):
            batch = [self._commands.one() for _ in range(IN_FLIGHT)]
            self._keys.flush()
            outcomes = self._journal.append(batch)
            self._commands.settle(batch, outcomes)
            self.documents += [stored.document for outcome in outcomes for stored in outcome.events]  # type: ignore[union-attr]  # settled
        return len(self.documents) / (time.perf_counter() - started)


class Goal(Aggregate):
    """A goal as a plain eventsourcing application would write it."""

    @event("Created")
    def __init__(self) -> None:
        """Bring it."""
        self.document = ""

    @event("Shifted")
    def shift(self, document: str) -> None:
        """Shift its deadline; *document* is as large as ours."""
        self.document = document


class Plain:
    """Application.save of eventsourcing, one commit an event; a round returns events/s."""

    def __init__(self, stack: ExitStack, environment: dict[str, str], threads: int) -> None:
        """Open the application and its goals, one for each command in flight."""
        self._application: Application[UUID] = Application(env=environment)
        stack.callback(self._application.close)
        self._pool = stack.enter_context(ThreadPoolExecutor(threads))
        self._goals = [Goal() for _ in range(IN_FLIGHT)]
        self._application.save(*self._goals)
        self._threads = threads

    def round(self, size: int) -> float:
        """Save COMMITS events of about *size* octets, each thread its own goals."""
        document = "x" * (size - 200)  # its own members and the timestamp make up the rest

        def work(part: Sequence[Goal]) -> None:
            for number in range(COMMITS // self._threads):
                goal = part[number % len(part)]
                goal.shift(document)
                self._application.save(goal)

        parts = [self._goals[place :: self._threads] for place in range(self._threads)]
        started = time.perf_counter()
        list(self._pool.map(work, parts))
        return COMMITS / (time.perf_counter() - started)


_FLOOR_TABLE = "CREATE TABLE floor (id TEXT, version BIGINT, tag TEXT, state {blob}, PRIMARY KEY (id, version))"


class SQLiteFloor:
    """The bare driver: 64 rows a commit into one table with its key; a round returns events/s."""

    def __init__(self, stack: ExitStack, path: Path) -> None:
        """Make the table."""
        self._connection = sqlite3.connect(path, isolation_level=None)
        stack.callback(self._connection.close)
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", _FLOOR_TABLE.format(blob="BLOB")):
            self._connection.execute(statement)

    def round(self, documents: Sequence[bytes]) -> float:
        """Insert *documents*."""
        started = time.perf_counter()
        for rows in _rows(documents):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT INTO floor VALUES (?, ?, ?, ?)", rows)
            self._connection.execute("COMMIT")
        return len(documents) / (time.perf_counter() - started)


class PostgresFloor:
    """The bare driver: 64 rows a commit into one table with its key; a round returns events/s."""

    def __init__(self, stack: ExitStack, url: str) -> None:
        """Make the table."""
        self._connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        self._connection.execute(_FLOOR_TABLE.format(blob="BYTEA"))

    def round(self, documents: Sequence[bytes]) -> float:
        """Insert *documents*."""
        started = time.perf_counter()
        for rows in _rows(documents):
            self._connection.execute(
                "INSERT INTO floor SELECT * FROM unnest(%b::text[], %b::bigint[], %b::text[], %b::bytea[])",
                [list(column) for column in zip(*rows, strict=True)],
                prepare=True,
            )
        return len(documents) / (time.perf_counter() - started)


def _rows(documents: Sequence[bytes]) -> Iterator[list[tuple[Any, ...]]]:
    aggregate = f"acme/goal/{_id()}"
    for start in range(0, len(documents), IN_FLIGHT):
        batch = documents[start : start + IN_FLIGHT]
        yield [(aggregate, start + n, "goal.deadline_shifted.v1", document) for n, document in enumerate(batch)]


def run(report: Report = print) -> None:
    """Measure both databases and report one line each."""
    report(f"journal appends, events/s, {IN_FLIGHT} in flight, durable, sealed, versions checked; medians of {ROUNDS}")
    names = ("floor", "plain", "one by one", "ours", "ours/plain", "wanted", "ours/one", "ours/floor", "octets")
    report(" " * 11 + "".join(f"{name:>11}" for name in names))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = {"PERSISTENCE_MODULE": "eventsourcing.sqlite"}
        many = Plain(stack, environment | {"SQLITE_DBNAME": str(folder / "plain.db")}, IN_FLIGHT)
        one = Plain(stack, environment | {"SQLITE_DBNAME": str(folder / "one.db")}, 1)
        ours = Ours(stack, f"sqlite:///{folder / 'journal.db'}", folder)
        _rounds(report, "sqlite", SQLiteFloor(stack, folder / "floor.db"), many, one, ours)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(database())
        given = conninfo_to_dict(url)
        environment = {f"POSTGRES_{part.upper()}": str(given[part]) for part in ("dbname", "host", "port", "user")}
        environment |= {"PERSISTENCE_MODULE": "eventsourcing.postgres", "POSTGRES_PASSWORD": ""}
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA plain; CREATE SCHEMA one")
        many = Plain(stack, environment | {"POSTGRES_SCHEMA": "plain"}, IN_FLIGHT)
        one = Plain(stack, environment | {"POSTGRES_SCHEMA": "one"}, 1)
        _rounds(report, "postgresql", PostgresFloor(stack, url), many, one, Ours(stack, url, folder))


def _rounds(report: Report, name: str, floor: SQLiteFloor | PostgresFloor, many: Plain, one: Plain, ours: Ours) -> None:
    # In turns, so that whatever else the machine does meets all of them.
    rates: list[tuple[float, float, float, float]] = []
    for _ in range(ROUNDS):
        rate = ours.round()
        size = sum(map(len, ours.documents)) // len(ours.documents)
        rates.append((floor.round(ours.documents), many.round(size), one.round(size), rate))
    raw, plain, single, rate = (statistics.median(column) for column in zip(*rates, strict=True))
    report(
        f"{name:11}{raw:11,.0f}{plain:11,.0f}{single:11,.0f}{rate:11,.0f}{rate / plain:11.1f}{WANTED[name]:11.0f}"
        f"{rate / single:11.1f}{rate / raw:11.2f}{size:11}"
    )


if __name__ == "__main__":
    run()
