"""The way from journal to stream: batches in order, each fenced by the stream's last sequence, resumed from both sides.

The algorithm is the one of the design notes: what the stream has is asked of its leader, what that means is asked
of the journal, and where both do not agree nothing is published any more.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from milepost.publish.jetstream import MISCONFIGURED, ApiError, JetStream, Message, acknowledged
from milepost.publish.reports import HaltError
from milepost.publish.source import Entry, Source, reading, subject_of
from milepost.publish.streams import Marks, ensure_goals, update_goals
from milepost_contracts.envelope import CONTENT_TYPE, EnvelopeError, decode
from milepost_contracts.subjects import EVENTS

# What the server takes in one atomic batch.
BATCH_EVENTS = 1000
# The server keeps a batch in memory until it is committed, and one answer's time must do for sending it.
BATCH_BYTES = 8 * 1024 * 1024

# For as long the server keeps a batch open.
BATCH_S_MAX = 10.0

FaultPoint = Callable[[str], None]


def nowhere(_: str) -> None:
    """Pass a fault point."""


class Place(NamedTuple):
    """Where journal and stream agree: the stream's last sequence, and the event that it stands for.

    `event_id` is empty, and `position` 0, before the journal's first event.
    """

    last_seq: int
    position: int
    event_id: str


class Relay:
    """Publishes the events of a journal to GOALS; holds no state that `resume` does not find again.

    Every call raises HaltError, StreamError, ApiError, jetstream.UNREACHABLE and JournalError.
    """

    def __init__(self, stream: JetStream, source: Source, *, replicas: int, at: FaultPoint = nowhere) -> None:
        """Keep the ends; nothing is sent. *at* is called with the name of each fault point."""
        self.stream = stream
        self.source = source
        self.replicas = replicas
        self._at = at
        self._generation = 0
        self._ahead: tuple[int, asyncio.Task[Sequence[Entry]]] | None = None

    async def resume(self) -> tuple[Place, Marks]:
        """Return where to go on and what the stream says of itself, and make it anew where it is lost."""
        await self.forget()
        while True:
            head = await reading(self.source.last_position)
            info = await ensure_goals(self.stream, head, replicas=self.replicas)
            marks = Marks.read(info.metadata)
            self._generation = marks.generation
            if marks.halted:
                code, _, message = marks.halted.partition(": ")
                raise HaltError(code, message, lasting=True, kept=True)
            last = await self.stream.last(EVENTS)
            if last is not None and last.seq > info.state.last_seq:
                continue  # a rival published in between
            return await self._agreed(info.state.last_seq, last, marks), marks

    async def _agreed(self, last_seq: int, last: Message | None, marks: Marks) -> Place:
        """Return the place: every stream sequence after the last message once was the next event of the journal."""
        seq, position = (marks.base_seq, marks.base_pos) if last is None else (last.seq, await self._position_of(last))
        gone = last_seq - seq
        stands: int | None = position
        if gone:
            stands = await reading(self.source.nth_after, position, gone) if gone > 0 else None
        if stands is None:
            raise HaltError(
                "stream_ahead",
                f"the stream has had {gone} events after its message {seq} and the journal has fewer: "
                "the journal was restored from an older backup",
                lasting=True,
            )
        standing = await reading(self.source.after, stands - 1, 1) if stands else []
        return Place(last_seq, stands, standing[0].event_id if standing else "")

    async def _position_of(self, last: Message) -> int:
        try:
            envelope = decode(last.data)
        except EnvelopeError as error:
            raise _diverged(last, str(error)) from error
        entry = await reading(self.source.at, envelope.tenant, envelope.number)
        if entry is None:
            raise _diverged(last, f"the journal has no event {envelope.sequence} of {envelope.tenant}")
        if entry.document != last.data or last.headers.get("Nats-Msg-Id") != entry.event_id:
            raise _diverged(last, f"event {envelope.sequence} of {envelope.tenant} has other bytes or another id")
        if last.subject != subject_of(entry):
            raise _diverged(last, f"event {envelope.sequence} of {envelope.tenant} has another subject")
        return entry.position

    async def following(self, place: Place) -> Sequence[Entry]:
        """Return the next events after *place*, as many as fit a batch.

        The event at *place* is read with them: where it is another one, a backup took the journal's place meanwhile.
        """
        ahead, self._ahead = self._ahead, None
        entries = await ahead[1] if ahead is not None and ahead[0] == place.position else ()
        if len(entries) <= BATCH_EVENTS:  # there may be more by now
            entries = await self._read(place.position)
        if not place.position:
            return cut(entries)
        if not entries or (entries[0].position, entries[0].event_id) != place[1:]:
            raise HaltError(
                "stream_diverged",
                f"the journal no longer has event {place.event_id}, which is on the stream: it was exchanged",
                lasting=True,
            )
        return cut(entries[1:])

    async def forget(self) -> None:
        """End what is read ahead; afterwards the source is free to be closed."""
        if self._ahead is not None:
            await asyncio.gather(self._ahead[1], return_exceptions=True)  # whoever needs it reads it again
            self._ahead = None

    async def _read(self, position: int) -> Sequence[Entry]:
        """Return the event at *position*, where there is one, and a batch's events after it."""
        if not position:
            return await reading(self.source.after, 0, BATCH_EVENTS)
        return await reading(self.source.after, position - 1, BATCH_EVENTS + 1)

    async def publish(self, place: Place, entries: Sequence[Entry]) -> Place:
        """Publish *entries*, which follow *place*, as one batch: all of them or none. Return the place after them."""
        self._at("publish.before_publish")
        async with asyncio.timeout(BATCH_S_MAX):
            answer = await self._batch(place, entries)
        self._at("publish.after_publish")
        ack, expected = acknowledged(answer), place.last_seq + len(entries)
        if (ack.count, ack.seq) != (len(entries), expected):
            raise HaltError(
                "misconfigured",
                f"a batch of {len(entries)} after {place.last_seq} was acknowledged as {ack.count} up to {ack.seq}",
                lasting=False,
            )
        return Place(ack.seq, entries[-1].position, entries[-1].event_id)

    async def _batch(self, place: Place, entries: Sequence[Entry]) -> bytes:
        batch, count, answer = secrets.token_hex(12), len(entries), b""
        for number, entry in enumerate(entries, start=1):
            headers = {
                "Nats-Batch-Id": batch,
                "Nats-Batch-Sequence": str(number),
                "Nats-Msg-Id": entry.event_id,
                "Content-Type": CONTENT_TYPE,
            }
            if number == 1:
                headers["Nats-Expected-Last-Sequence"] = str(place.last_seq)
            if number == count:
                if count == BATCH_EVENTS:  # far behind: the next batch is read while the server writes this one
                    position = entries[-1].position
                    self._ahead = position, asyncio.create_task(self._read(position))
                headers["Nats-Batch-Commit"] = "1"
                self._at("publish.before_commit")
                answer = await self._send(entry, headers)
            elif number == 1:
                if await self._send(entry, headers):
                    raise HaltError("misconfigured", "the server stored a batch's first event by itself", lasting=False)
            else:
                await self.stream.nc.publish(subject_of(entry), entry.document, headers=headers)
                if number == count // 2:
                    self._at("publish.in_batch")
        return answer

    async def _send(self, entry: Entry, headers: dict[str, str]) -> bytes:
        try:
            return await self.stream.publish(subject_of(entry), entry.document, headers)
        except ApiError as error:
            if error.code in MISCONFIGURED:
                raise HaltError("misconfigured", str(error), lasting=False) from error
            raise

    async def mark(self, marks: Marks) -> None:
        """Replace what the stream says of itself; the duplicate window follows from it."""
        await update_goals(self.stream, marks, replicas=self.replicas)

    async def halt(self, error: HaltError) -> None:
        """Keep a lasting halt in the stream, where no journal that grows meanwhile can make it look healthy again.

        A stream that somebody has begun to fill again meanwhile is another one, and left alone.
        """
        marks = Marks.read((await self.stream.info()).metadata)
        if not marks.halted and marks.generation == self._generation:
            await self.mark(msgspec.structs.replace(marks, halted=f"{error.code}: {error}"))


def cut(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Return as many of *entries* as one batch may hold in bytes; one at least."""
    size = 0
    for place, entry in enumerate(entries):
        size += len(entry.document)
        if size > BATCH_BYTES and place:
            return entries[:place]
    return entries


def _diverged(last: Message, why: str) -> HaltError:
    return HaltError("stream_diverged", f"message {last.seq} of the stream is not the journal's: {why}", lasting=True)
