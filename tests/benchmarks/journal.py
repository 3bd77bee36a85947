"""Appends: 64 commands in flight, one sealed event each, against plain eventsourcing and the raw insert."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import uuid_utils
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresFactory
from eventsourcing.sqlite import SQLiteFactory
from psycopg.conninfo import conninfo_to_dict

from milepost.journal import Append, Attributes, Committed, Journal, KeyStore, Ref, Wanted
from milepost_contracts.events.base import Context
from milepost_contracts.events.goal import DeadlineShifted
from milepost_contracts.types import Party
from tests.support.postgres import server

IN_FLIGHT = 64
GOALS = 1024  # each is written to in turn, so that versions grow and every append is checked
OURS = 300  # batches of 64
PLAIN = 2000  # commits of one event
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
        event = DeadlineShifted(
            old="2026-06-30",  # type: ignore[arg-type]  # encoded as it stands
            new="2026-07-31",  # type: ignore[arg-type]  # encoded as it stands
            days=31,
            reason=key.seal("The workshop moved to July, and so must we.", event_id, "/reason"),
            reason_code="dependency",
            revision=3,
            context=self._context,
        )
        wanted = Wanted(*ref, event.TAG, event_id, msgspec.json.encode(event), key.hash(b"command"))
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


def ours(url: str, folder: Path) -> tuple[float, list[bytes]]:
    """Return events/s through the journal, and the documents it stored."""
    with KeyStore(f"sqlite:///{folder / 'keys.db'}", folder / "wrapping") as keys, Journal(url) as journal:
        commands = Commands(keys)
        documents: list[bytes] = []
        started = 0.0
        for number in range(OURS + GOALS // IN_FLIGHT):
            if number == GOALS // IN_FLIGHT:  # each goal has its key by now
                documents.clear()
                started = time.perf_counter()
            batch = [commands.one() for _ in range(IN_FLIGHT)]
            keys.flush()
            outcomes = journal.append(batch)
            commands.settle(batch, outcomes)
            documents += [event.document for outcome in outcomes for event in outcome.events]  # type: ignore[union-attr]  # settled
        return len(documents) / (time.perf_counter() - started), documents


def plain(factory: SQLiteFactory | PostgresFactory, documents: Sequence[bytes]) -> float:
    """Return events/s of eventsourcing's own recorder, one commit an event, same documents."""
    recorder = factory.application_recorder()
    aggregate = f"acme/goal/{_id()}"
    started = time.perf_counter()
    for version, document in enumerate(documents[:PLAIN], 1):
        recorder.insert_events([StoredEvent(aggregate, version, "goal.deadline_shifted.v1", document)])
    rate = PLAIN / (time.perf_counter() - started)
    factory.close()
    return rate


def floor_sqlite(path: Path, documents: Sequence[bytes]) -> float:
    """Return events/s of the bare driver: 64 rows a commit into one table with its key."""
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", _FLOOR_TABLE.format(blob="BLOB")):
        connection.execute(statement)
    started = time.perf_counter()
    for rows in _rows(documents):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO floor VALUES (?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
    rate = len(documents) / (time.perf_counter() - started)
    connection.close()
    return rate


def floor_postgres(url: str, documents: Sequence[bytes]) -> float:
    """Return events/s of the bare driver: 64 rows a commit into one table with its key."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_FLOOR_TABLE.format(blob="BYTEA"))  # type: ignore[arg-type]  # psycopg wants a literal
        started = time.perf_counter()
        for rows in _rows(documents):
            columns = [list(column) for column in zip(*rows, strict=True)]
            connection.execute(
                "INSERT INTO floor SELECT * FROM unnest(%b::text[], %b::bigint[], %b::text[], %b::bytea[])",
                columns,
                prepare=True,
            )
        return len(documents) / (time.perf_counter() - started)


_FLOOR_TABLE = "CREATE TABLE floor (id TEXT, version BIGINT, tag TEXT, state {blob}, PRIMARY KEY (id, version))"


def _rows(documents: Sequence[bytes]) -> Iterator[list[tuple[Any, ...]]]:
    aggregate = f"acme/goal/{_id()}"
    for start in range(0, len(documents), IN_FLIGHT):
        batch = documents[start : start + IN_FLIGHT]
        yield [(aggregate, start + n, "goal.deadline_shifted.v1", document) for n, document in enumerate(batch)]


@contextmanager
def _postgres_database() -> Iterator[str]:
    name = f"bench_{uuid_utils.uuid7().hex}"
    with psycopg.connect(server().url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]  # psycopg wants a literal
        yield server().url(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]  # as above


def run(report: Report = print) -> None:
    """Measure both databases and report one line each."""
    report(f"journal appends, events/s, {IN_FLIGHT} in flight, durable (floor: raw insert; plain: one commit an event)")
    report(
        f"{'':12}{'floor':>10}{'plain':>10}{'ours':>10}{'ours/plain':>12}{'wanted':>8}{'ours/floor':>12}{'bytes':>8}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rate, documents = ours(f"sqlite:///{folder / 'journal.db'}", folder)
        factory = SQLiteFactory({"SQLITE_DBNAME": str(folder / "plain.db"), "ORIGINATOR_ID_TYPE": "text"})
        _line(
            report, "sqlite", floor_sqlite(folder / "floor.db", documents), plain(factory, documents), rate, documents
        )
    with tempfile.TemporaryDirectory() as name, _postgres_database() as url:
        rate, documents = ours(url, Path(name))
        given = conninfo_to_dict(url)
        environment = {f"POSTGRES_{part.upper()}": str(given[part]) for part in ("dbname", "host", "port", "user")}
        environment |= {"POSTGRES_PASSWORD": "", "ORIGINATOR_ID_TYPE": "text", "POSTGRES_SCHEMA": "plain"}
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA plain")
        one_by_one = plain(PostgresFactory(environment), documents)
        _line(report, "postgresql", floor_postgres(url, documents), one_by_one, rate, documents)


def _line(report: Report, name: str, floor: float, one: float, rate: float, documents: Sequence[bytes]) -> None:
    size = sum(map(len, documents)) // len(documents)
    report(
        f"{name:12}{floor:10,.0f}{one:10,.0f}{rate:10,.0f}{rate / one:12.1f}{WANTED[name]:8.0f}"
        f"{rate / floor:12.2f}{size:8}"
    )


if __name__ == "__main__":
    run()
