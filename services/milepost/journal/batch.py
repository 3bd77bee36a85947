"""Here it is decided, inside the append lock, which wishes of a batch become events, and each gets its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from milepost.journal.appends import Append, Committed, Dropped, Nothing, Outcome, Ref, originator
from milepost.journal.stored import Stored

# Erasures are few and are looked for at every start: they have an index of their own.
ERASURES = "topic IN ('person.erased.v1', 'person.keys_destroyed.v1')"


class Tail(NamedTuple):
    """The end of a tenant's events: last sequence, and last recorded time in microseconds since 1970 (UTC)."""

    sequence: int
    recorded_us: int


class Row(NamedTuple):
    """What is inserted; `command`, its number of events and `answer` stand on a command's first row alone."""

    originator_id: str
    originator_version: int
    topic: str
    tenant: str
    sequence: int
    recorded_us: int
    event_id: str
    command: str | None
    command_events: int | None
    answer: bytes | None
    state: bytes


class Locked(Protocol):
    """A transaction that holds the append lock, so that what it reads stays true until it ends."""

    def versions(self, keys: Sequence[str]) -> dict[str, int]:
        """Return the newest version of each originator id; 0 where there is none."""
        ...

    def look(self, keys: Sequence[str], tenants: Sequence[str]) -> tuple[dict[str, int], dict[str, Tail]]:
        """Return `versions` of *keys*, and the tail of each tenant that has events."""
        ...

    def load(self, key: str, after_version: int) -> list[Stored]:
        """Return the stored events of an originator id above *after_version*, in order."""
        ...

    def known(self, commands: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return those of *commands* (tenant, stored command) that the journal has."""
        ...

    def insert(self, rows: Sequence[Row]) -> Sequence[int]:
        """Insert *rows* in order and return their positions; raises CommandKnown."""
        ...


class CommandKnown(Exception):  # noqa: N818  not an error of the caller's: the batch is tried again
    """The database refused a row as a duplicate: most likely a command that was sent to two processes."""


class Batch:
    """One batch in the lock: keeps what holds, simulating versions as kept commands advance them."""

    def __init__(self, locked: Locked, now_us: int, known: Iterable[tuple[str, str]] = ()) -> None:
        """Take the transaction, the clock's time read inside it, and the commands that are surely in the journal."""
        self.rows: list[Row] = []
        self.stored: list[Stored] = []
        self._locked = locked
        self._now_us = now_us
        self._commands = set(known)
        self._versions = _Versions(locked)
        self._written: dict[str, list[Stored]] = {}
        self._tails: dict[str, _Running] = {}
        self._kept: set[int] = set()

    def run(self, appends: Sequence[Append]) -> list[Outcome]:
        """Return what becomes of each append, in order; `rows` and `stored` are then what must be inserted."""
        keys = {key for append in appends for key, _, _ in append.keys}
        tenants = {append.tenant for append in appends}
        versions, tails = self._locked.look(list(keys), list(tenants))
        self._versions.update(versions)
        self._tails = {tenant: _Running(tails.get(tenant, Tail(0, 0)), self._now_us) for tenant in tenants}
        return [self._settle(append) for append in appends]

    def kept(self, append: Append) -> bool:
        """Say whether *append* is durable, or in this batch, exactly as it stands."""
        return append.kept or id(append) in self._kept

    def load(self, tenant: str, ref: Ref, after_version: int = 0) -> list[Stored]:
        """Return the events of *ref* above *after_version*: the journal's, then what this batch has kept so far."""
        key = originator(tenant, ref)
        written = [stored for stored in self._written.get(key, ()) if stored.version > after_version]
        return self._locked.load(key, after_version) + written

    def head(self, tenant: str, ref: Ref) -> int:
        """Return the newest version of *ref*, this batch's included; 0: it does not exist."""
        return self._versions[originator(tenant, ref)]

    def _settle(self, append: Append) -> Outcome:
        if (append.tenant, append.stored_command) in self._commands:
            return Dropped(stale=[], known=True)
        stale = self._stale(append)
        if not stale and self._founded(append):
            self._kept.add(id(append))
            return self._keep(append)
        if append.redecide is None:
            return Dropped(stale)
        again = append.redecide(self)
        if again is None:
            return Nothing()
        if (again.tenant, again.command) != (append.tenant, append.command):
            raise ValueError(f"{append.command} was decided again as {again.command}")
        if (stale := self._stale(again)) or not self._founded(again):
            return Dropped(stale)
        return self._keep(again)

    def _stale(self, append: Append) -> list[Ref]:
        return [ref for key, ref, version in append.keys if self._versions[key] != version]

    def _founded(self, append: Append) -> bool:
        return all(self.kept(below) for below in append.built_on)

    def _keep(self, append: Append) -> Committed:
        tail = self._tails[append.tenant]
        events: list[Stored] = []
        first: tuple[str | None, int | None, bytes | None] = (
            append.stored_command,
            len(append.drafts),
            append.answer,
        )
        for draft in append.drafts:
            version = self._versions[draft.key] + 1
            tail.sequence += 1
            document = draft.document(tail.time, version, tail.sequence)
            self._versions[draft.key] = version
            self.rows.append(
                Row(
                    draft.key,
                    version,
                    draft.tag,
                    append.tenant,
                    tail.sequence,
                    tail.recorded_us,
                    draft.event_id,
                    *first,
                    document,
                )
            )
            first = (None, None, None)
            stored = Stored(
                tenant=append.tenant,
                ref=draft.ref,
                version=version,
                tag=draft.tag,
                sequence=tail.sequence,
                event_id=draft.event_id,
                document=document,
            )
            self._written.setdefault(draft.key, []).append(stored)
            events.append(stored)
        self.stored += events
        self._commands.add((append.tenant, append.stored_command))
        return Committed(events, tail.told)


class _Versions(dict[str, int]):
    """The newest version of each originator id as the batch advances it; what was not looked at yet is looked up."""

    def __init__(self, locked: Locked) -> None:
        super().__init__()
        self._locked = locked

    def __missing__(self, key: str) -> int:
        self.update(self._locked.versions([key]))
        return self[key]


class _Running:
    """A tenant's end as the batch advances it; a batch has one recorded time, because it becomes true at once."""

    __slots__ = ("recorded_us", "sequence", "time", "told")

    def __init__(self, tail: Tail, now_us: int) -> None:
        self.sequence = tail.sequence
        self.recorded_us = max(now_us, tail.recorded_us)
        self.told = instant(self.recorded_us)
        self.time = self.told.encode()


def instant(recorded_us: int) -> str:
    """Return microseconds since 1970 as `2026-03-01T09:30:00.123456Z`."""
    seconds, microseconds = divmod(recorded_us, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{microseconds:06d}Z"
