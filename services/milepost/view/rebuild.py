"""The view is built again beside the live one, compared with it row by row, and then takes its place.

Nobody waits for it: questions go on on the live tables until the moment of the switch, and who reads the stream finds
in the new tables the checkpoint that the old ones had.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from milepost.database import Connection, Row, Table
from milepost.garbage import uncollected
from milepost.view import tables
from milepost.view.applying import Gap, Position, fresh
from milepost.view.folding import Folding
from milepost.view.sets import RETIRED, Sets

Numbers = dict[str, int]
"""Tenant -> sequence."""
Source = Callable[[int, int], Awaitable[list[bytes]]]
"""(how many documents were taken before, at most how many) -> the next documents in order; none: no more for now."""
EventsAfter = Callable[[str, int, int], Awaitable[list[bytes]]]
Progress = Callable[[int, int], None]
"""(events folded, events wanted)."""

BATCH = 5_000  # documents asked for in one go: 5 MB
# Changed rows in memory before they are written: about 500 MB at the most. Every goal that fits is written once.
WAITING_MAX = 50_000
DIFFERENCES_MAX = 20  # that are named; the others are counted
PATIENCE_S = 30.0  # for events that the live view has and the source does not give
PAUSE_S = 0.05  # before looking for those again
# How long the live view may stand still for the switch: questions with `min_sequence` wait 5 s.
HELD_S_MAX = 4.0


class RebuildError(RuntimeError):
    """The view was not rebuilt and the live one is as it was; `code` is `rebuild_failed`."""

    code = "rebuild_failed"


class Difference(NamedTuple):
    """A row that is not the same: in which table, its key, and `missing`, `extra` or `other` in the rebuilt view."""

    table: str
    key: tuple[Any, ...]
    kind: str


class Rebuilt(NamedTuple):
    """What became of a rebuild.

    `seconds` in all, `built_seconds` until the tables were filled, `parts` of that: decoding, folding, writing.
    `compared`: False where the live tables are of another model and say nothing.
    """

    events: int
    seconds: float
    built_seconds: float
    parts: dict[str, float]
    compared: bool
    rows: int
    differences: list[Difference]
    differing: int
    switched: bool


class Building:
    """A set of tables that is filled and that nobody reads yet; blocking, for one thread at a time."""

    def __init__(self, sets: Sets, number: int) -> None:
        """Make set *number*, empty."""
        sets.drop(number)
        sets.create(number)
        self.number = number
        self._connection = sets.connect(number)
        self._folding = Folding()
        self._recorded: dict[str, str] = {}
        self.numbers: Numbers = {}
        self.events = 0
        self.parts: dict[str, float] = {}  # seconds

    @property
    def connection(self) -> Connection:
        """Where the tables are."""
        return self._connection

    def take(self, documents: Sequence[bytes], wanted: Numbers) -> list[bytes]:
        """Fold those of *documents* that *wanted* has too; return the rest. Raises Gap, EnvelopeError."""
        with self._timed("decoding"):
            events, numbers, recorded, rest = fresh(documents, self.numbers, wanted)
        with self._timed("folding"):
            self._folding.fold(self._connection, events)
        self.numbers |= numbers
        self._recorded |= recorded
        self.events += len(events)
        if self._folding.waiting > WAITING_MAX:
            self.write()
        return rest

    def write(self) -> None:
        """Write all that is folded."""
        with self._timed("writing"), self._connection.writing():
            self._folding.write(self._connection)
            self._connection.upsert(
                tables.SEQUENCE, [(tenant, number, self._recorded[tenant]) for tenant, number in self.numbers.items()]
            )

    def finish(self, position: Position) -> None:
        """Write the checkpoint, and all that is not on the disk yet."""
        self.write()
        self._connection.upsert(tables.CHECKPOINT, [("view", *position, tables.MODEL)])
        self._connection.settle()

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.parts[part] = self.parts.get(part, 0.0) + time.monotonic() - began


class Rebuild:
    """One rebuild of the view at *url*."""

    def __init__(
        self, url: str, source: Source, events_after: EventsAfter, progress: Progress = lambda _done, _wanted: None
    ) -> None:
        """Take where all events come from, where those come from that it lacks, and who is told of the progress."""
        self._sets = Sets(url)
        self._source = source
        self._events_after = events_after
        self._progress = progress
        self._taken = 0
        self._rest: list[bytes] = []

    async def run(self, *, accept_differences: bool = False) -> Rebuilt:
        """Build, compare and switch; with differences only where they are accepted. Raises RebuildError."""
        with self._sets.alone(), uncollected():
            try:
                return await self._run(accept_differences=accept_differences)
            finally:
                await asyncio.to_thread(self._sets.drop_others)
                self._sets.close()

    async def _run(self, *, accept_differences: bool) -> Rebuilt:
        began = time.monotonic()
        number = await asyncio.to_thread(self._sets.open)
        await asyncio.to_thread(self._sets.drop_others)  # what a rebuild that was killed left behind
        with ExitStack() as stack:
            live = await asyncio.to_thread(self._sets.connect, number)
            stack.callback(live.close)
            building = await asyncio.to_thread(Building, self._sets, number + 1)
            stack.callback(building.close)
            await self._build(building, _numbers(live))
            await asyncio.to_thread(building.write)
            built, parts = time.monotonic() - began, dict(building.parts)
            compared, differences = 0, list[Difference]()
            same_model = _checkpoint(live)[1] == tables.MODEL
            if same_model:
                # What is compared with is one state of the live tables: they go on, the snapshot does not.
                with live.reading():
                    await self._build(building, _numbers(live))
                    await asyncio.to_thread(building.write)
                    compared, differences = await asyncio.to_thread(compare, live, building.connection)
            switched = not differences or accept_differences
            if switched:
                await self._switch(building, live, number)
            told, count = differences[:DIFFERENCES_MAX], len(differences)
            seconds = time.monotonic() - began
            return Rebuilt(building.events, seconds, built, parts, same_model, compared, told, count, switched)

    async def _build(self, building: Building, wanted: Numbers) -> None:
        """Fold until *building* has what *wanted* says, and nothing beyond it."""
        total = sum(wanted.values())
        silent_since = time.monotonic()
        documents, self._rest = self._rest, []
        following: asyncio.Task[list[bytes]] | None = None
        try:
            while True:
                if documents:
                    self._rest += await self._take(building, documents, wanted)
                    self._progress(building.events, total)
                    silent_since = time.monotonic()
                if _reached(building.numbers, wanted):
                    return
                documents = await (following or self._next())
                # The next ones are asked for while these are folded.
                following = asyncio.ensure_future(self._next()) if documents else None
                if not documents:
                    documents = await self._lacking(building, wanted, silent_since)
        finally:
            if following is not None:
                self._rest += await following

    async def _next(self) -> list[bytes]:
        documents = await self._source(self._taken, BATCH)
        self._taken += len(documents)
        return documents

    async def _take(self, building: Building, documents: list[bytes], wanted: Numbers) -> list[bytes]:
        while True:
            try:
                return await asyncio.to_thread(building.take, documents, wanted)
            except Gap as gap:
                found = await self._events_after(gap.tenant, gap.after, min(gap.before - gap.after - 1, BATCH))
                if not found:
                    raise RebuildError(f"{gap}, in the stream and in the journal") from gap
                documents = [*documents[: gap.place], *found, *documents[gap.place :]]

    async def _lacking(self, building: Building, wanted: Numbers, since: float) -> list[bytes]:
        """Return events that the live view has and the source does not give."""
        for tenant, number in wanted.items():
            have = building.numbers.get(tenant, 0)
            if have < number and (found := await self._events_after(tenant, have, min(number - have, BATCH))):
                return found
        if time.monotonic() - since > PATIENCE_S:
            raise RebuildError("the live view has events that neither the stream nor the journal gives")
        await asyncio.sleep(PAUSE_S)
        return []

    async def _switch(self, building: Building, live: Connection, number: int) -> None:
        """Hold whoever writes the live tables, take over what they had last, and make *building* the current set."""
        await self._build(building, _numbers(live))
        with live.writing():
            # Whoever writes waits for this row, and then finds that it is not theirs any more.
            position, model = _checkpoint(live)
            live.execute("UPDATE checkpoint SET model = ? WHERE name = 'view' AND model = ?", (RETIRED, model))
            async with asyncio.timeout(HELD_S_MAX):
                await self._build(building, _numbers(live))
                await asyncio.to_thread(building.finish, position)
            await asyncio.to_thread(self._sets.switch, number, building.number)


def compare(live: Connection, rebuilt: Connection) -> tuple[int, list[Difference]]:
    """Return how many rows were compared, and every difference between two sets of tables."""
    compared = 0
    differences: list[Difference] = []
    with rebuilt.reading():
        for table in tables.MODELS:
            ours, theirs = _Rows(table, rebuilt), _Rows(table, live)
            while ours.key is not None or theirs.key is not None:
                compared += 1
                if theirs.key is None or (ours.key is not None and ours.key < theirs.key):
                    assert ours.key is not None  # noqa: S101  one of both is there
                    differences.append(Difference(table.name, ours.key, "extra"))
                    ours.advance()
                elif ours.key is None or theirs.key < ours.key:
                    differences.append(Difference(table.name, theirs.key, "missing"))
                    theirs.advance()
                else:
                    if ours.row != theirs.row:
                        differences.append(Difference(table.name, ours.key, "other"))
                    ours.advance()
                    theirs.advance()
    return compared, differences


class _Rows:
    """A table's rows in the order of their keys, one at a time."""

    def __init__(self, table: Table, connection: Connection) -> None:
        self._width = table.key
        self._rows: Iterator[Row] = connection.scan(table)
        self.row: Row = ()
        self.key: Row | None = None
        self.advance()

    def advance(self) -> None:
        self.row = next(self._rows, ())
        self.key = self.row[: self._width] if self.row else None


def _reached(numbers: Numbers, wanted: Numbers) -> bool:
    return all(numbers.get(tenant, 0) >= number for tenant, number in wanted.items())


def _numbers(connection: Connection) -> Numbers:
    return dict(connection.query("SELECT tenant, number FROM sequence"))


def _checkpoint(connection: Connection) -> tuple[Position, int]:
    found = connection.query("SELECT generation, stream_sequence, model FROM checkpoint WHERE name = 'view'")
    generation, stream_sequence, model = found[0]
    return Position(generation, stream_sequence), model
