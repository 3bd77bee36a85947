"""The process around the relay: woken by hints, polling as the safety net, halting for good, refilling when asked."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Literal

from nats.aio.client import Client
from nats.aio.msg import Msg

from milepost.journal import JournalError, JournalUnavailable
from milepost.logs import logger
from milepost.publish.jetstream import (
    ANSWER_S_MAX,
    BATCH_DUPLICATE,
    UNREACHABLE,
    WRONG_LAST_SEQUENCE,
    ApiError,
    JetStream,
)
from milepost.publish.reconcile import reconcile
from milepost.publish.refill import Record, Recording, Wanted, empty, record_commands, refilling
from milepost.publish.relay import FaultPoint, Place, Relay, nowhere
from milepost.publish.reports import (
    Halt,
    HaltError,
    Progress,
    Reconciled,
    Refilled,
    Status,
    no_progress,
)
from milepost.publish.source import Entry, Source, count_to, reading
from milepost.publish.streams import Marks, StreamError, check_server, ensure_beside, window_s
from milepost_contracts.subjects import HINT, STREAM

# A lost hint delays an event by at most this; one indexed read and one request a second cost nothing.
POLL_S = 1.0
# After a failure: at once a short wait, then doubled up to one that a recovering broker does not notice.
BACK_OFF_S = (0.1, 5.0)

log = logger("publish")


class BusyError(RuntimeError):
    """A refill is under way already; `code` is `busy`."""

    code = "busy"


class Publisher:
    """Publishes the events of *source* as long as `run` runs; several processes fence each other.

    *record* is how a refill is recorded (refill.CommandRecord: on the bus). *nc* must reconnect without end.
    """

    def __init__(
        self,
        nc: Client,
        source: Source,
        record: Record,
        *,
        replicas: int = 1,
        poll_s: float = POLL_S,
        answer_s_max: float = ANSWER_S_MAX,
        at: FaultPoint = nowhere,
    ) -> None:
        """Keep the ends; nothing is sent before `run`. *at* is called with the name of each fault point."""
        self._nc = nc
        self._source = source
        self._record = record
        self._poll_s = poll_s
        self._at = at
        self._stream = JetStream(nc, STREAM, answer_s_max=answer_s_max)
        self._relay = Relay(self._stream, source, replicas=replicas, at=at)
        self._wake = asyncio.Event()
        self._refill_asked = asyncio.Event()
        self._state: Literal["starting", "running", "waiting", "halted"] = "starting"
        self._reason = ""
        self._alarm = ""
        self._halt: Halt | None = None
        self._place = Place(0, 0, "")
        self._marks = Marks(generation=0)
        self._published = 0
        self._back_off_s = BACK_OFF_S[0]
        self._duplicate_at: int | None = None
        self._wanted: Wanted | None = None
        self._recording: Recording | None = None

    async def run(self) -> None:
        """Publish until cancelled."""
        hints = await self._nc.subscribe(HINT, cb=self._hinted)
        try:
            while True:
                _end_if_cancelled()
                await self._attempt()
        finally:
            await self._stop_recording()
            await self._relay.forget()
            if self._nc.is_connected:
                await hints.unsubscribe()

    async def status(self) -> Status:
        """Return what the relay does and how far it is, asked anew from stream and journal where they answer."""
        seq, marks, lag, refill = self._place.last_seq, self._marks, None, None
        with contextlib.suppress(ApiError, StreamError, *UNREACHABLE):
            info = await self._stream.info()
            seq, marks = info.state.last_seq, Marks.read(info.metadata)
        if self._state == "running":
            with contextlib.suppress(JournalError):
                lag = await reading(self._source.count_after, self._place.position)
                refill = await reading(refilling, self._source, marks, self._place.position, self._recording)
        return Status(
            state=self._state,
            reason=self._reason,
            halt=self._halt,
            alarm=self._alarm,
            generation=marks.generation,
            last_sequence=seq,
            position=self._place.position,
            lag=lag,
            published=self._published,
            refill=refill,
        )

    async def reconcile(self, progress: Progress = no_progress) -> Reconciled:
        """Compare journal and stream, event by event, up to where they agree that they are, else up to their ends.

        Raises ApiError, UNREACHABLE, JournalError, StreamError.
        """
        try:
            place, _ = await Relay(self._stream, self._source, replicas=self._relay.replicas).resume()
        except HaltError:
            info = await self._stream.info()
            place = Place(info.state.last_seq, await reading(self._source.last_position), "")
        return await reconcile(self._stream, self._source, place, progress)

    async def refill(self, progress: Progress = no_progress) -> Refilled:
        """Empty the stream and fill it again; the only way on after a halt. `run` does it, other processes stand by.

        Returns when every event is there again and the tenants were asked once to record it; where there was no
        answer they are asked again in the background. Raises BusyError; HaltError where the relay halts on the way;
        StreamError where the stream is not one that may be emptied.
        """
        if self._wanted is not None:
            raise BusyError("a refill is under way")
        self._wanted = Wanted(progress)
        self._refill_asked.set()
        self._wake.set()
        try:
            return await self._wanted.report
        finally:
            self._wanted = None
            self._refill_asked.clear()

    async def _hinted(self, _: Msg) -> None:
        self._wake.set()

    async def _attempt(self) -> None:
        """Go on until something is off, and then wait as long as that wants."""
        try:
            version = self._nc.connected_server_version
            check_server(version.major, version.minor)
            await ensure_beside(self._nc, replicas=self._relay.replicas)
            if self._asked is not None:
                await self._empty(self._asked)
            await self._go_on()
        except HaltError as error:
            await self._halted(error)
        except StreamError as error:
            await self._halted(HaltError("misconfigured", str(error), lasting=False))
        except ApiError as error:
            await self._refused(error)
        except (*UNREACHABLE, JournalUnavailable) as error:
            await self._waiting(f"{type(error).__name__}: {error}")
        except JournalError as error:
            await self._halted(HaltError(error.code, str(error), lasting=False))

    async def _go_on(self) -> None:
        self._place, self._marks = await self._relay.resume()
        log.info("resumed", last_sequence=self._place.last_seq, position=self._place.position)
        self._state, self._reason, self._halt = "running", "", None
        if self._duplicate_at == self._place.last_seq:
            await self._stood_by_duplicates()
        if self._recording is not None and self._recording.marks.generation != self._marks.generation:
            await self._stop_recording()
        if self._wanted is not None and self._wanted.emptied and not self._marks.refill_to:
            # A rival filled it and has recorded that already.
            commands = await reading(record_commands, self._source, self._wanted.emptied)
            events = await reading(count_to, self._source, self._wanted.emptied.refill_to)
            generation = self._marks.generation
            self.recorded(Refilled(generation=generation, events=events, recorded=list(commands), unrecorded={}))
        while self._asked is None:
            _end_if_cancelled()
            if self._recording is not None:
                self._recording.check()
            elif 0 < self._marks.refill_to <= self._place.position:
                self._recording = Recording(self._relay, self._source, self._record, self._marks, self)
            self._wake.clear()
            entries = await self._relay.following(self._place)
            if entries:
                await self._publish(entries)
            elif not await self._idle():
                return

    async def _publish(self, entries: Sequence[Entry]) -> None:
        began = time.monotonic()
        self._place = await self._relay.publish(self._place, entries)
        self._published += len(entries)
        self._back_off_s, self._duplicate_at, self._alarm = BACK_OFF_S[0], None, ""
        log.info(
            "published",
            events=len(entries),
            last_sequence=self._place.last_seq,
            position=self._place.position,
            ms=round((time.monotonic() - began) * 1000, 1),
        )
        if self._wanted is not None and self._wanted.emptied:
            self._wanted.done += len(entries)
            self._wanted.progress(min(self._wanted.done, self._wanted.total), self._wanted.total)

    async def _idle(self) -> bool:
        """Wait for a hint; without one, return whether the stream is still where it was."""
        try:
            async with asyncio.timeout(self._poll_s):
                await self._wake.wait()
        except TimeoutError:
            info = await self._stream.info()
            self._back_off_s = BACK_OFF_S[0]
            return info.state.last_seq == self._place.last_seq and Marks.read(info.metadata) == self._marks
        return True

    async def _empty(self, wanted: Wanted) -> None:
        """Empty the stream for the refill that was asked for; from then on it is filled like any other."""
        self._refill_asked.clear()
        await self._stop_recording()
        try:
            marks = await empty(self._relay, self._stream, self._source, at=self._at)
        except StreamError as error:
            wanted.report.set_exception(error)
            raise
        log.warning("emptied", generation=marks.generation, refill_to=marks.refill_to)
        wanted.total = await reading(count_to, self._source, marks.refill_to)
        wanted.emptied = marks
        if wanted.total:
            # Until the server has forgotten the ids, it would take the same events for duplicates.
            await asyncio.sleep(2 * window_s(marks))
        else:
            self.recorded(Refilled(generation=marks.generation, events=0, recorded=[], unrecorded={}))

    def recorded(self, report: Refilled) -> None:
        """Tell who waits for it that the stream is full again and that every tenant was asked to record it."""
        log.warning("refilled", generation=report.generation, events=report.events, unrecorded=report.unrecorded)
        if self._wanted is not None and not self._wanted.report.done():
            self._wanted.report.set_result(report)

    def closed(self, marks: Marks) -> None:
        """Take the stream's new marks: the refill is recorded everywhere."""
        self._marks, self._recording = marks, None

    async def _halted(self, error: HaltError) -> None:
        """Do nothing any more until a refill is asked for, here or (a lasting halt) anywhere."""
        log.error("halted", code=error.code, why=str(error), lasting=error.lasting)
        self._state, self._reason, self._halt = "halted", "", Halt(error.code, str(error))
        await self._stop_recording()
        if self._wanted is not None and self._wanted.emptied and not self._wanted.report.done():
            self._wanted.report.set_exception(error)
        kept = error.kept
        while self._asked is None:
            _end_if_cancelled()
            try:
                if error.lasting and not kept:
                    await self._relay.halt(error)
                    kept = True
                elif error.lasting and not Marks.read((await self._stream.info()).metadata).halted:
                    return
            except (ApiError, StreamError, *UNREACHABLE) as failure:
                log.info("halt_not_kept", why=f"{type(failure).__name__}: {failure}")
            await self._pause(self._poll_s)

    async def _refused(self, error: ApiError) -> None:
        """Look again at where the stream stands, at once where a rival was faster or an answer was lost."""
        if error.code == BATCH_DUPLICATE:
            self._duplicate_at = self._place.last_seq
        if error.code in (BATCH_DUPLICATE, WRONG_LAST_SEQUENCE):
            log.info("fenced", code=error.code, why=str(error))
        else:
            await self._waiting(str(error))

    async def _stood_by_duplicates(self) -> None:
        """Wait until the server has forgotten ids that it knows and the stream does not have; never skip them."""
        self._alarm = (
            f"after stream sequence {self._place.last_seq} the server takes events for duplicates that the stream "
            "does not have; trying again when its duplicate window is over"
        )
        log.error("duplicates_not_on_the_stream", last_sequence=self._place.last_seq)
        self._duplicate_at = None
        await self._pause(window_s(self._marks))

    async def _waiting(self, reason: str) -> None:
        log.warning("waiting", why=reason, seconds=self._back_off_s)
        self._state, self._reason = "waiting", reason
        await asyncio.sleep(self._back_off_s)
        self._back_off_s = min(2 * self._back_off_s, BACK_OFF_S[1])

    async def _pause(self, seconds: float) -> None:
        """Wait, but not for a refill that is asked for."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._refill_asked.wait()

    async def _stop_recording(self) -> None:
        if self._recording is not None:
            await self._recording.stop()
            self._recording = None

    @property
    def _asked(self) -> Wanted | None:
        wanted = self._wanted
        return wanted if wanted is not None and not wanted.emptied and not wanted.report.done() else None


def _end_if_cancelled() -> None:
    """Raise CancelledError where it was lost: before Python 3.12 wait_for drops it when an answer comes with it."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
