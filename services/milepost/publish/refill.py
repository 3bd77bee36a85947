"""The stream is emptied and filled again from the journal: same order, ids and bytes, under a new generation."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from bisect import bisect_right
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

import msgspec
from nats.aio.client import Client

from milepost.journal import JournalCorrupt, JournalError
from milepost.logs import logger
from milepost.publish.jetstream import UNREACHABLE, ApiError, JetStream
from milepost.publish.relay import FaultPoint, Relay
from milepost.publish.reports import HaltError, Progress, Refilled, Refilling
from milepost.publish.source import Source, count_to, reading
from milepost.publish.streams import Marks, StreamError, ensure_goals
from milepost_contracts import answers, subjects
from milepost_contracts.commands.tenant import RecordRefill

CALLER = "publish"
# One append of accept, which may be catching up itself; what is not answered is sent again with the same id.
ANSWER_S_MAX = 10.0
# After no answer or "failed, retry": accept is starting or busy.
AGAIN_S = 2.0

log = logger("publish")

# Makes a refill's command id out of tenant and generation: sent twice, it is one command.
_COMMANDS = uuid.UUID("3f8f7c3e-0f3a-5b0b-9d57-4b1f5a1f2c11")

# Called with a tenant and the command; returns why it is refused, "" where it is recorded; raises where nobody knows.
Record = Callable[[str, RecordRefill], Awaitable[str]]


class NotRecordedError(Exception):
    """Whether the refill is recorded is not known; the same command may be sent again."""


async def empty(relay: Relay, stream: JetStream, source: Source, *, at: FaultPoint) -> Marks:
    """Empty the stream so that no rival relay can put anything into it, and return its new marks.

    The marks halt every relay that resumes. Moving the last sequence on makes every batch fail that was built on
    an older one. Only then is the base set and the halt taken away. Ended in between, the stream stays
    halted as `refill_unfinished`, and refilling starts again from here.
    """
    head = await reading(source.last_position)
    marks = Marks.read((await ensure_goals(stream, head, replicas=relay.replicas)).metadata)
    halted = HaltError("refill_unfinished", "publish refill was interrupted: run it again", lasting=True)
    await relay.mark(msgspec.structs.replace(marks, refill_to=head, halted=f"{halted.code}: {halted}"))
    at("publish.refill_marked")
    while True:
        await stream.purge()
        fence = (await stream.info()).state.last_seq + 1
        await stream.purge(before=fence + 1)
        state = (await stream.info()).state
        if not state.messages and state.last_seq >= fence:
            break
    at("publish.refill_purged")
    opened = Marks(generation=marks.generation + 1, base_seq=state.last_seq, base_pos=0, refill_to=head)
    await relay.mark(opened)
    at("publish.refill_opened")
    return opened


def record_commands(source: Source, marks: Marks) -> dict[str, RecordRefill]:
    """Return, by tenant, the command that tells its readers which of its events came again; blocks.

    The same for the same refill, whenever it is asked, so that a command sent twice is one command.
    """
    commands = {}
    for tenant, head in source.heads().items():
        last = bisect_right(range(1, head.sequence + 1), marks.refill_to, key=partial(_position, source, tenant))
        if last:
            commands[tenant] = RecordRefill(
                command_id=str(uuid.uuid5(_COMMANDS, f"{tenant} {marks.generation}")),
                id=subjects.tenant_id(tenant),
                actor=f"service:{CALLER}",
                generation=marks.generation,
                first=f"{1:016}",
                last=f"{last:016}",
            )
    return commands


def _position(source: Source, tenant: str, sequence: int) -> int:
    entry = source.at(tenant, sequence)
    if entry is None:
        raise JournalCorrupt(f"the journal has no event {sequence} of {tenant}, which has newer ones")
    return entry.position


class CommandRecord:
    """Records refills by the command `tenant.record_refill` on the bus, as `service:publish`."""

    def __init__(self, nc: Client) -> None:
        """Keep the connection."""
        self._nc = nc

    async def __call__(self, tenant: str, command: RecordRefill) -> str:
        """Send *command*; return why it was refused, or "". Raises UNREACHABLE and NotRecordedError."""
        subject = subjects.command(tenant, CALLER, command.AGGREGATE, command.NAME)
        reply = await self._nc.request(subject, msgspec.json.encode(command), timeout=ANSWER_S_MAX)
        try:
            answer = answers.decode(reply.data)
        except msgspec.MsgspecError as error:
            raise NotRecordedError(f"what answered on {subject} is not accept: {error}") from error
        if isinstance(answer, answers.Accepted):
            return ""
        reasons = "; ".join(f"{problem.code}: {problem.message}" for problem in answer.errors)
        if isinstance(answer, answers.Failed) and answer.retry:
            raise NotRecordedError(reasons)
        return reasons


class Wanted:
    """A refill that somebody asked for and waits for; `emptied`: the marks with which it began."""

    def __init__(self, progress: Progress) -> None:
        """Begin to wait; needs the running loop."""
        self.progress = progress
        self.emptied: Marks | None = None
        self.done = 0
        self.total = 0
        self.report: asyncio.Future[Refilled] = asyncio.get_running_loop().create_future()


class Listener(Protocol):
    """Who is told how recording goes."""

    def recorded(self, report: Refilled) -> None:
        """Take the first report: the tenants were asked once, as long as somebody answered."""
        ...

    def closed(self, marks: Marks) -> None:
        """Take the stream's new marks: every tenant has recorded the refill or refused to."""
        ...


class Recording:
    """Records a refill with every tenant, beside the relay that goes on; who does not answer is asked again."""

    def __init__(self, relay: Relay, source: Source, record: Record, marks: Marks, listener: Listener) -> None:
        """Begin; needs the running loop."""
        self.marks = marks
        self.pending: dict[str, RecordRefill] = {}
        self._relay = relay
        self._source = source
        self._record = record
        self._listener = listener
        self._task = asyncio.create_task(self._run())

    def check(self) -> None:
        """Raise what ended the recording, where that was a defect."""
        if self._task.done() and not self._task.cancelled() and (error := self._task.exception()) is not None:
            raise error

    async def stop(self) -> None:
        """Give up; the stream's marks tell the next one to do it."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            try:
                events = await reading(count_to, self._source, self.marks.refill_to)
                self.pending = await reading(record_commands, self._source, self.marks)
                break
            except JournalError as error:
                log.warning("recording_waits", why=str(error))
                await asyncio.sleep(AGAIN_S)
        recorded, refused = await self._ask_all()
        why = refused | dict.fromkeys(self.pending, "no answer yet; asked again until there is one")
        report = Refilled(generation=self.marks.generation, events=events, recorded=recorded, unrecorded=why)
        self._listener.recorded(report)
        while self.pending:
            await asyncio.sleep(AGAIN_S)
            await self._ask_all()
        await self._close()

    async def _ask_all(self) -> tuple[list[str], dict[str, str]]:
        recorded, refused = [], {}
        for tenant, command in list(self.pending.items()):
            try:
                reason = await self._record(tenant, command)
            except (NotRecordedError, *UNREACHABLE) as error:
                # The others would wait for the same answer in vain.
                log.warning("not_recorded", tenant=tenant, why=f"{type(error).__name__}: {error}")
                break
            del self.pending[tenant]
            if reason:
                log.error("refill_refused", tenant=tenant, why=reason)
                refused[tenant] = reason
            else:
                recorded.append(tenant)
        return recorded, refused

    async def _close(self) -> None:
        while True:
            try:
                marks = Marks.read((await self._relay.stream.info()).metadata)
                if marks.generation != self.marks.generation or marks.halted:
                    return  # emptied again, or halted: who resumes there records it
                marks = msgspec.structs.replace(marks, refill_to=0)
                await self._relay.mark(marks)
                break
            except (ApiError, StreamError, *UNREACHABLE) as error:
                log.warning("refill_not_closed", why=f"{type(error).__name__}: {error}")
                await asyncio.sleep(AGAIN_S)
        self._listener.closed(marks)


def refilling(source: Source, marks: Marks, position: int, recording: Recording | None) -> Refilling | None:
    """Return how far the refill is that *marks* tell of, None where there is none; blocks."""
    if not marks.refill_to:
        return None
    total = count_to(source, marks.refill_to)
    left = max(0, source.count_after(position) - source.count_after(marks.refill_to))
    return Refilling(total - left, total, len(recording.pending) if recording is not None else 0)
