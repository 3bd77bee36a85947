"""A goal is kept: its head under one key, its history in chunks, so that no value grows with the goal's age.

`g/BUCKET/GOAL` the head, `h/GOAL/N` the history, `n/GOAL` what the children of a goal have come to together,
`c/CYCLE` the days of a programme's cycle, `p/PERSON/GOAL` where somebody told a confidence.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterable, Iterator

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.plugin import Delivered
from milepost_okr.history import AnyEntry
from milepost_okr.noting import Head, noted

CHUNK_BYTES = 24_000  # an entry has some 100 bytes, 4 kB at the most; a value may have 64 kB
BUCKET_CHARS = 3  # 4,096 buckets: a hundred thousand goals are 25 in each

_Chunk = list[AnyEntry]


class Goal:
    """A goal that was read: what it is, and everything that is known of its past."""

    def __init__(self, id_: str, head: Head, chunks: list[_Chunk]) -> None:
        """Take what was read; nothing is changed yet."""
        self.id = id_
        self.head = head
        self.changed: set[int] = set()  # chunks
        self._chunks = chunks

    @property
    def entries(self) -> Iterator[AnyEntry]:
        """Its history, in the order in which it was told."""
        return (entry for chunk in self._chunks for entry in chunk)

    @property
    def last(self) -> AnyEntry | None:
        """The newest entry."""
        return self._chunks[-1][-1] if self._chunks and self._chunks[-1] else None

    def chunk(self, number: int) -> _Chunk:
        """Return a part of the history as it is kept."""
        return self._chunks[number]

    def add(self, entries: Iterable[AnyEntry]) -> None:
        """Let the history go on."""
        for entry in entries:
            size = len(msgspec.json.encode(entry))
            if not self._chunks or len(msgspec.json.encode(self._chunks[-1])) + size > CHUNK_BYTES:
                self._chunks.append([])
            self._chunks[-1].append(entry)
            self.changed.add(len(self._chunks) - 1)

    def replace_last(self, entry: AnyEntry) -> None:
        """Put *entry* in the place of the newest one."""
        self._chunks[-1][-1] = entry
        self.changed.add(len(self._chunks) - 1)

    def rewrite(self, rewritten: Callable[[AnyEntry], AnyEntry]) -> bool:
        """Put what *rewritten* returns in the place of every entry; return whether anything changed."""
        for number, chunk in enumerate(self._chunks):
            new = [rewritten(entry) for entry in chunk]
            if new != chunk:
                self._chunks[number] = new
                self.changed.add(number)
        return bool(self.changed)


class Sums(msgspec.Struct, frozen=True):
    """What the children of a goal that have any progress have come to: exact sums."""

    weights: str = "0"
    total: str = "0"


class Goals:
    """Reads and keeps goals in one turn."""

    def __init__(self, context: Context) -> None:
        """Take where they are kept."""
        self._state = context.state
        self.dates = functools.cache(self._dates)
        self.reference = functools.cache(self._reference)

    def get(self, id_: str) -> Goal | None:
        """Return the goal, None where nothing is known of it."""
        head = self._state.get(head_key(id_), Head)
        if head is None:
            return None
        chunks = [chunk for _, chunk in self._state.items(f"h/{id_}/", _Chunk)]
        return Goal(id_, head, chunks)

    def after(self, event: Delivered) -> Goal | None:
        """Return the goal of *event* as it is after it; None for events of other aggregates."""
        if event.aggregate != "goal":
            return None
        goal = self.get(event.aggregate_id) or Goal(event.aggregate_id, Head(), [])
        if event.version > goal.head.version:
            goal.head, entries = noted(goal.head, event)
            goal.add(entries)
        return goal

    def put(self, goal: Goal) -> None:
        """Keep what has changed."""
        self._state.set(head_key(goal.id), goal.head)
        for number in sorted(goal.changed):
            self._state.set(f"h/{goal.id}/{number:06d}", goal.chunk(number))
        goal.changed.clear()

    def bucket(self, number: int) -> Iterator[str]:
        """Yield the ids of the goals in one of `BUCKETS` buckets."""
        prefix = f"g/{number:0{BUCKET_CHARS}x}/"
        for key, _ in self._state.items(prefix):
            yield key.removeprefix(prefix)

    def sums(self, id_: str) -> Sums:
        """Return what the children of a goal have come to."""
        return self._state.get(f"n/{id_}", Sums, Sums())  # type: ignore[no-any-return]  # State.get is untyped

    def put_sums(self, id_: str, sums: Sums) -> None:
        """Keep what the children of a goal have come to."""
        self._state.set(f"n/{id_}", sums)

    def put_dates(self, cycle: str, first: dt.date, last: dt.date) -> None:
        """Keep the days of a programme's cycle."""
        self._state.set(f"c/{cycle}", (first, last))

    def _dates(self, cycle: str) -> tuple[dt.date, dt.date] | None:
        found: tuple[dt.date, dt.date] | None = self._state.get(f"c/{cycle}", tuple[dt.date, dt.date])
        return found

    def _reference(self, id_: str) -> str | None:
        head: Head | None = self._state.get(head_key(id_), Head)
        return None if head is None else head.reference


BUCKETS = 16**BUCKET_CHARS


def head_key(id_: str) -> str:
    """Return where a goal's head is kept: ids begin with their time, so the end tells them apart."""
    return f"g/{id_[-BUCKET_CHARS:]}/{id_}"
