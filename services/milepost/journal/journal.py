"""The event store: a batch of wishes becomes durable here in one transaction, and is read from here ever after."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Self, cast

from eventsourcing.persistence import EventStore, PersistenceError

from milepost.journal import postgres, sqlite
from milepost.journal.appends import Append, Outcome, Ref, originator, stored_command
from milepost.journal.batch import ERASURES, Batch, CommandKnown, instant
from milepost.journal.errors import JournalCorrupt, JournalError, JournalUnavailable
from milepost.journal.stored import Stored
from milepost.journal.urls import postgres_parameters, shown, sqlite_path

# PostgreSQL's words; on SQLite the recorder says `?` for `%s` and `rowid` for `notification_id`.
_HEAD = "SELECT MAX(originator_version) AS version FROM stored_events WHERE originator_id = %s"
_VERSION_AT = "SELECT MAX(originator_version) AS version FROM stored_events WHERE originator_id = %s AND sequence <= %s"
_COMMAND = "SELECT sequence, command_events, answer FROM stored_events WHERE tenant = %s AND command = %s"
_NTH = (
    "SELECT notification_id AS position FROM stored_events WHERE notification_id > %s"
    " ORDER BY notification_id LIMIT 1 OFFSET %s"
)
_COUNT = "SELECT COUNT(*) AS events FROM stored_events WHERE notification_id > %s"
_LAST = "SELECT COALESCE(MAX(notification_id), 0) AS position FROM stored_events"
_OF_TENANT = (
    "SELECT notification_id AS position, originator_id, originator_version, topic, state FROM stored_events"
    " WHERE tenant = %s AND sequence > %s ORDER BY sequence LIMIT %s"
)
_BARE_AFTER = (
    "SELECT notification_id AS position, tenant, sequence, state FROM stored_events WHERE notification_id > %s"
    " ORDER BY notification_id LIMIT %s"
)
_BARE_OF_TENANT = (
    "SELECT notification_id AS position, tenant, sequence, state FROM stored_events"
    " WHERE tenant = %s AND sequence > %s ORDER BY sequence LIMIT %s"
)
# Their ids stand together in the index, whose order is that of bytes.
_OF_KIND = (
    "SELECT notification_id AS position, originator_id, originator_version, topic, state FROM stored_events"
    " WHERE originator_id > %s AND originator_id < %s AND sequence < %s ORDER BY sequence DESC LIMIT %s"
)
_ERASURES = (
    "SELECT notification_id AS position, originator_id, originator_version, topic, state FROM stored_events"  # noqa: S608  a constant
    f" WHERE {ERASURES} ORDER BY tenant, sequence"
)
# Jumps from tenant to tenant through the index instead of walking all events.
_HEADS = (
    "WITH RECURSIVE tenants(tenant) AS (SELECT MIN(tenant) FROM stored_events UNION ALL"
    " SELECT (SELECT MIN(tenant) FROM stored_events WHERE tenant > tenants.tenant)"
    " FROM tenants WHERE tenants.tenant IS NOT NULL)"
    " SELECT tenant, sequence, recorded_us FROM stored_events AS e JOIN tenants USING (tenant)"
    " WHERE sequence = (SELECT MAX(sequence) FROM stored_events WHERE tenant = e.tenant)"
)


class Known(NamedTuple):
    """What a command wrote when it came first, and the answer that was kept with it."""

    events: list[Stored]
    answer: bytes | None


class Head(NamedTuple):
    """The end of a tenant's events: last sequence and last time (`2026-03-01T09:30:00.123456Z`)."""

    sequence: int
    time: str


class Bare(NamedTuple):
    """A document as it is stored, not looked into, and where: for who hashes it."""

    position: int
    tenant: str
    sequence: int
    document: bytes


def _clock_us() -> int:
    return time.time_ns() // 1000


def _nowhere(_: str) -> None:
    """Pass a fault point."""


class Journal:
    """The journal at a URL. Threads may share it; calls block until the database has answered.

    Every method raises JournalUnavailable when the database cannot be reached or refuses.
    """

    def __init__(
        self,
        url: str,
        *,
        writes: bool = True,
        create: bool = True,
        clock_us: Callable[[], int] = _clock_us,
        at: Callable[[str], None] = _nowhere,
    ) -> None:
        """Open the journal at *url*: `sqlite:///PATH` (absolute: four slashes) or `postgresql://...`.

        writes: False for publish and replay, which only read; a SQLite journal has one writing process.
        create: False where the tables are made beforehand by somebody with more rights; on PostgreSQL a writer then
        needs SELECT and INSERT on stored_events and UPDATE on append_lock, a reader SELECT on stored_events.
        clock_us: microseconds since 1970, UTC. at: called with the name of each fault point
        (`journal.before_commit`, `journal.after_commit`), so that tests can end the process there.

        Raises BadURL, JournalInUse, JournalUnavailable, JournalUnsafe.
        """
        path = sqlite_path(url)
        self._store: sqlite.Store | postgres.Store = (
            sqlite.Store(path, writes=writes, create=create)
            if path is not None
            else postgres.Store(postgres_parameters(url), writes=writes, create=create)
        )
        self._shown = shown(url)
        self._writes = writes
        self._clock_us = clock_us
        self._at = at
        self._appending = threading.Lock()
        self._closed = False
        recorder = self._store.recorder
        self._events: EventStore[str] = EventStore(self._store.mapper, recorder)

    def __repr__(self) -> str:
        return f"<Journal {self._shown}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, batch: Sequence[Append]) -> list[Outcome]:
        """Make durable, in one transaction, every append of *batch* whose versions hold; return each one's outcome.

        Appends are settled in the order given; one that is dropped never hurts its neighbours. Raises OutcomeUnknown
        (all of what would have been committed, or none of it, is written), JournalUnavailable (nothing is written),
        and whatever a `redecide` raised (nothing is written).
        """
        if not self._writes:
            raise JournalError("this journal was opened for reading")
        if not batch:
            return []
        with self._appending:
            self._demand_open()
            try:
                outcomes = self._attempt(batch, look_up=False)
            except CommandKnown:
                # Rare: two processes were sent the same command. Looking each one up is paid only then.
                outcomes = self._again(batch)
            for append in batch:
                append.built_on = ()  # settled; otherwise each would keep all before it in memory
            return outcomes

    def _again(self, batch: Sequence[Append]) -> list[Outcome]:
        try:
            return self._attempt(batch, look_up=True)
        except CommandKnown as error:
            raise JournalCorrupt(f"a foreign writer or constraint is at work in this journal: {error}") from error

    def _attempt(self, batch: Sequence[Append], *, look_up: bool) -> list[Outcome]:
        with self._store.locked() as locked:
            pairs = [(append.tenant, append.stored_command) for append in batch]
            settling = Batch(locked, self._clock_us(), locked.known(pairs) if look_up else ())
            outcomes = settling.run(batch)
            if settling.rows:
                positions = locked.insert(settling.rows)
                self._at("journal.before_commit")
                locked.commit()
                self._at("journal.after_commit")
                for stored, position in zip(settling.stored, positions, strict=True):
                    stored.position = position
                for append in batch:
                    append.kept = settling.kept(append)
        return outcomes

    def load(self, tenant: str, ref: Ref, after_version: int = 0, until_version: int | None = None) -> list[Stored]:
        """Return the events of *ref* whose version is above *after_version*, up to *until_version*, in order."""
        with self._reading():
            found = self._events.get(originator(tenant, ref), gt=after_version, lte=until_version)
            return cast("list[Stored]", list(found))

    def head(self, tenant: str, ref: Ref) -> int:
        """Return the newest version of *ref*; 0: it does not exist."""
        return int(self._query(_HEAD, originator(tenant, ref))[0]["version"] or 0)

    def version_at(self, tenant: str, ref: Ref, sequence: int) -> int:
        """Return the version of *ref* when the tenant's newest sequence was *sequence*; 0: it did not exist yet."""
        return int(self._query(_VERSION_AT, originator(tenant, ref), sequence)[0]["version"] or 0)

    def by_command(self, tenant: str, command: str) -> Known | None:
        """Return what the command `{aggregate}/{id}/{command_id}` wrote and its answer; None: it wrote nothing."""
        found = self._query(_COMMAND, tenant, stored_command(command))
        if not found:
            return None
        first = found[0]
        # A command's events stand together in the tenant's order.
        events = self.events_after(tenant, first["sequence"] - 1, first["command_events"])
        return Known(events, None if first["answer"] is None else bytes(first["answer"]))

    def after(self, position: int, limit: int) -> list[Stored]:
        """Return at most *limit* events of all tenants after *position*, in the order of their commits."""
        with self._reading():
            rows = self._store.recorder.select_notifications(position, limit, inclusive_of_start=False)
            return [self._store.mapper.to_domain_event(row) for row in rows]

    def nth_after(self, position: int, count: int) -> int | None:
        """Return the position of the *count*-th event after *position*; None: there are fewer."""
        found = self._query(_NTH, position, count - 1)
        return int(found[0]["position"]) if found else None

    def count_after(self, position: int) -> int:
        """Return how many events there are after *position*."""
        return int(self._query(_COUNT, position)[0]["events"])

    def last_position(self) -> int:
        """Return the position of the newest event; 0: there is none."""
        return int(self._query(_LAST)[0]["position"])

    def at(self, tenant: str, sequence: int) -> Stored | None:
        """Return the event with this *sequence* of the tenant, with its position; None: there is none."""
        found = self.events_after(tenant, sequence - 1, 1)
        return found[0] if found and found[0].sequence == sequence else None

    def events_after(self, tenant: str, sequence: int, limit: int) -> list[Stored]:
        """Return at most *limit* events of the tenant after *sequence*, in order, with their positions."""
        rows = self._query(_OF_TENANT, tenant, sequence, limit)
        recorder, documents = self._store.recorder, self._store.mapper
        return [documents.to_domain_event(recorder.notification(row)) for row in rows]

    def of_kind(self, tenant: str, aggregate: str, before: int, limit: int) -> list[Stored]:
        """Return at most *limit* events of all aggregates of a kind, below sequence *before*, the newest first.

        The cost grows with the events of that kind: it is for those of which there are few.
        """
        rows = self._query(_OF_KIND, f"{tenant}/{aggregate}/", f"{tenant}/{aggregate}0", before, limit)
        recorder, documents = self._store.recorder, self._store.mapper
        return [documents.to_domain_event(recorder.notification(row)) for row in rows]

    def bare_after(self, position: int, limit: int) -> list[Bare]:
        """Return at most *limit* documents of all tenants after *position*, in the order of their commits."""
        return _bare(self._query(_BARE_AFTER, position, limit))

    def bare_of(self, tenant: str, sequence: int, limit: int) -> list[Bare]:
        """Return at most *limit* documents of the tenant after *sequence*, in order."""
        return _bare(self._query(_BARE_OF_TENANT, tenant, sequence, limit))

    def heads(self) -> dict[str, Head]:
        """Return each tenant's head; the cost grows with the tenants, not with the events."""
        rows = self._query(_HEADS)
        return {row["tenant"]: Head(row["sequence"], instant(row["recorded_us"])) for row in rows}

    def erasures(self) -> list[Stored]:
        """Return every `person.erased` and `person.keys_destroyed` of all tenants, each tenant's in order."""
        recorder, documents = self._store.recorder, self._store.mapper
        return [documents.to_domain_event(recorder.notification(row)) for row in self._query(_ERASURES)]

    def close(self) -> None:
        """Close the database, after an append that is under way."""
        with self._appending:
            self._closed = True
            self._store.close()

    def _query(self, statement: str, *parameters: object) -> list[Any]:
        with self._reading():
            return self._store.recorder.query(statement, parameters)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        self._demand_open()
        try:
            yield
        except (PersistenceError, sqlite3.Error) as error:
            raise JournalUnavailable(f"{self._shown}: {error}") from error

    def _demand_open(self) -> None:
        if self._closed:
            raise JournalUnavailable(f"{self._shown} was closed")


def _bare(rows: list[Any]) -> list[Bare]:
    return [Bare(row["position"], row["tenant"], row["sequence"], bytes(row["state"])) for row in rows]
