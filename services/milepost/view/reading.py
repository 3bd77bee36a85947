"""The stream is read from the checkpoint on, for ever: whatever breaks, reading goes on where the rows are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from nats.aio.client import Client
from nats.errors import Error as NatsError

from milepost.database import DatabaseError
from milepost.ordered import Broken, NoStream, Ordered, stream_state
from milepost.view.applying import Applied, Applying, Gap, Moved, Position
from milepost.view.sets import OldModel
from milepost_contracts.envelope import EnvelopeError

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

# Events of one transaction at the most. So many wait only after a standstill, and then all is read the sooner the fewer
# times a goal is written; else a batch is what arrived while the one before it was written.
BATCH_MAX = 5_000
# Before trying again what failed: from a moment to so long that a log is still readable.
PAUSE_S_MIN, PAUSE_S_MAX = 0.05, 5.0
# Events asked of the journal in one go.
MISSING_MAX = 500

EventsAfter = Callable[[str, int, int], Awaitable[list[bytes]]]
"""(tenant, after sequence, limit) -> documents in order; raises ConnectionError."""


class Missing(Exception):  # noqa: N818  says what the log tells
    """Events are neither in the stream nor to be had from the journal; nothing is skipped, reading waits for them."""


class Reading:
    """Reads events into the tables, in order; `halted` says why it cannot, None when it can."""

    def __init__(
        self,
        applying: Applying,
        events_after: EventsAfter,
        *,
        log: FilteringBoundLogger,
        told: Callable[[Applied], None],
        reset: Callable[[dict[str, int]], None],
        batch_max: int = BATCH_MAX,
    ) -> None:
        """Take the writer, where missing events come from, and who is told of each batch and of each new beginning."""
        self._applying = applying
        self._events_after = events_after
        self._log = log
        self._told = told
        self._reset = reset
        self._batch_max = batch_max
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="view-writer")
        self.halted: str | None = "starting"
        self.position = Position(0, 0)
        self.caught_up = asyncio.Event()  # set when all is read that was in the stream when reading began
        self._goal = 0

    async def run(self, nc: Client) -> None:
        """Read until cancelled."""
        pause = PAUSE_S_MIN
        while True:
            before = self.position
            try:
                await self._read(nc)
            except (Moved, Broken) as reason:
                self._log.info("reading_again", why=str(reason) or type(reason).__name__)
            except (
                NoStream,
                NatsError,
                DatabaseError,
                EnvelopeError,
                OldModel,
                Missing,
                OSError,
                TimeoutError,
            ) as error:
                self.halted = getattr(error, "code", type(error).__name__)
                self._log.warning("reading_waits", why=self.halted, error=str(error), retry_s=round(pause, 2))
            pause = PAUSE_S_MIN if self.position != before else min(pause * 2, PAUSE_S_MAX)
            await asyncio.sleep(pause)

    async def close(self) -> None:
        """Let the transaction that runs end, and free what the writer holds."""
        await self._in_thread(self._applying.close)
        self._executor.shutdown()

    async def _read(self, nc: Client) -> None:
        state = await stream_state(nc)
        self.position = await self._in_thread(self._applying.load)
        self._reset(self._applying.numbers)
        if self._applying.learned:
            self._log.warning("rebuild_due", tags=self._applying.learned, run="milepost view rebuild")
        if self.position.generation != state.generation or self.position.stream_sequence > state.last_sequence:
            # Another stream than the one that was read: from its beginning, passing over what the rows have.
            if self.position.generation:
                self._log.info("stream_begins_anew", generation=state.generation)
            await self._apply([], Position(state.generation, 0))
        self._goal = state.last_sequence
        ordered = Ordered(nc, start=self.position.stream_sequence + 1)
        try:
            await ordered.open()
            self.halted = None
            self._look()
            while True:
                arrived = await ordered.next(self._batch_max)
                await self._apply(arrived.documents, Position(state.generation, arrived.last_sequence))
        finally:
            await ordered.close()

    async def _apply(self, documents: list[bytes], position: Position) -> None:
        while True:
            try:
                applied = await self._in_thread(self._applying.apply, documents, position)
                break
            except Gap as gap:
                missing = await self._missing(gap)
                documents = [*documents[: gap.place], *missing, *documents[gap.place :]]
        self.position = position
        if applied.events:
            self._told(applied)
        if self.halted is None:
            self._look()

    def _look(self) -> None:
        if self.position.stream_sequence >= self._goal:
            self.caught_up.set()

    async def _missing(self, gap: Gap) -> list[bytes]:
        """Return the events that the stream does not have."""
        self._log.warning("events_missing", tenant=gap.tenant, after=gap.after, before=gap.before)
        try:
            found = await self._events_after(gap.tenant, gap.after, min(gap.before - gap.after - 1, MISSING_MAX))
        except (ConnectionError, TimeoutError) as error:
            raise Missing(f"{gap}; the journal's side does not answer: {error}") from error
        if not found:
            raise Missing(f"{gap}; the journal's side has none of them")
        return found

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *arguments)
