"""Journal and stream are read side by side, and every difference between them is named."""

from __future__ import annotations

import contextlib
import secrets
from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator

import msgspec
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.client import JetStreamContext

from milepost.publish.jetstream import UNREACHABLE, JetStream
from milepost.publish.relay import Place
from milepost.publish.reports import Finding, Kind, Progress, Reconciled
from milepost.publish.source import Entry, Source, count_to, reading, subject_of
from milepost_contracts.envelope import EnvelopeError, decode

# Of the journal in one query and of the stream in one fetch; some megabytes in memory.
PAGE = 1000
# The server forgets a reader that was ended without a word.
INACTIVE_S = 30.0
FETCH_S_MAX = 5.0


async def reconcile(stream: JetStream, source: Source, place: Place, progress: Progress) -> Reconciled:
    """Compare the stream up to `place.last_seq` with the journal up to `place.position`, in one pass over both.

    *progress* is called with events of the journal, done and in total. Raises ApiError, UNREACHABLE, JournalError.
    """
    total = await reading(count_to, source, place.position)
    comparison = _Comparison(source, _Reader(source, place.position), progress, total)
    messages = 0
    async with contextlib.aclosing(_messages(stream, place.last_seq)) as coming:
        async for message in coming:
            messages += 1
            await comparison.message(message)
    await comparison.rest()
    progress(total, total)
    return Reconciled(events=total, messages=messages, findings=comparison.findings.all())


class _Reader:
    """The journal's events in order, up to a position, one looked at ahead."""

    def __init__(self, source: Source, upto: int) -> None:
        self._source = source
        self.upto = upto
        self._page: list[Entry] = []
        self._index = 0
        self._position = 0
        self.done = 0

    async def next(self) -> Entry | None:
        """Return the event at hand, None at the end."""
        if self._index == len(self._page) and self._position < self.upto:
            page = await reading(self._source.after, self._position, PAGE)
            self._page, self._index = [entry for entry in page if entry.position <= self.upto], 0
            self._position = self._page[-1].position if len(self._page) == PAGE else self.upto
        return self._page[self._index] if self._index < len(self._page) else None

    def advance(self) -> None:
        """Go to the next event."""
        self._index += 1
        self.done += 1


class _Comparison:
    """Where the two readings stand against each other."""

    def __init__(self, source: Source, reader: _Reader, progress: Progress, total: int) -> None:
        self._source = source
        self._reader = reader
        self._progress = progress
        self._total = total
        self.findings = _Findings()

    async def message(self, message: Msg) -> None:
        """Compare one message of the stream with the event that should come now."""
        seq = message.metadata.sequence.stream
        try:
            envelope = decode(message.data)
        except EnvelopeError:
            self.findings.add("unknown", "", 0, seq)
            return
        expected = await self._reader.next()
        if expected is not None and (expected.tenant, expected.sequence) == (envelope.tenant, envelope.number):
            self._compare(expected, message, seq)
            self._advance()
            return
        entry = await reading(self._source.at, envelope.tenant, envelope.number)
        if entry is None:
            self.findings.add("unknown", envelope.tenant, envelope.number, seq)
            return
        self._compare(entry, message, seq)
        if expected is not None and expected.position < entry.position <= self._reader.upto:
            await self._skip_to(entry)
            self._advance()
        elif self.findings.no_longer_missing(entry.tenant, entry.sequence) or entry.position > self._reader.upto:
            self.findings.add("out_of_order", entry.tenant, entry.sequence, seq)
        else:
            self.findings.add("duplicate", entry.tenant, entry.sequence, seq)

    async def rest(self) -> None:
        """Name what the stream does not have at its end."""
        while (entry := await self._reader.next()) is not None:
            self.findings.missing(entry.tenant, entry.sequence)
            self._advance()

    async def _skip_to(self, entry: Entry) -> None:
        while (passed := await self._reader.next()) is not None and passed.position < entry.position:
            self.findings.missing(passed.tenant, passed.sequence)
            self._advance()

    def _advance(self) -> None:
        self._reader.advance()
        if self._reader.done % PAGE == 0:
            self._progress(self._reader.done, self._total)

    def _compare(self, entry: Entry, message: Msg, seq: int) -> None:
        if message.data != entry.document:
            self.findings.add("different_bytes", entry.tenant, entry.sequence, seq)
        if (message.headers or {}).get("Nats-Msg-Id") != entry.event_id:
            self.findings.add("different_id", entry.tenant, entry.sequence, seq)
        if message.subject != subject_of(entry):
            self.findings.add("different_subject", entry.tenant, entry.sequence, seq)


class _Findings:
    """What was found, neighbours told as one: a lost million is one line a tenant."""

    def __init__(self) -> None:
        self._missing: dict[str, list[list[int]]] = {}  # tenant -> [first, last], rising
        self._found: list[Finding] = []
        self._open: dict[tuple[Kind, str], int] = {}  # the newest finding of its kind and tenant, by index

    def missing(self, tenant: str, sequence: int) -> None:
        """Note an event that the stream lacks, so far."""
        ranges = self._missing.setdefault(tenant, [])
        if ranges and ranges[-1][1] == sequence - 1:
            ranges[-1][1] = sequence
        else:
            ranges.append([sequence, sequence])

    def no_longer_missing(self, tenant: str, sequence: int) -> bool:
        """Forget that an event is missing; return whether it was."""
        ranges = self._missing.get(tenant, [])
        place = bisect_right(ranges, sequence, key=lambda bounds: bounds[0]) - 1
        if place < 0 or ranges[place][1] < sequence:
            return False
        first, last = ranges[place]
        ranges[place : place + 1] = [
            [begin, end] for begin, end in ((first, sequence - 1), (sequence + 1, last)) if begin <= end
        ]
        return True

    def add(self, kind: Kind, tenant: str, sequence: int, seq: int) -> None:
        """Note what is wrong with the message at stream sequence *seq*."""
        index = self._open.get((kind, tenant))
        if index is not None:
            before = self._found[index]
            if seq == before.stream_last + 1 and (not tenant or sequence == int(before.last) + 1):
                self._found[index] = msgspec.structs.replace(
                    before, last=_digits(sequence), stream_last=seq, count=before.count + 1
                )
                return
        self._open[kind, tenant] = len(self._found)
        self._found.append(
            Finding(
                kind=kind,
                tenant=tenant,
                first=_digits(sequence),
                last=_digits(sequence),
                stream_first=seq,
                stream_last=seq,
            )
        )

    def all(self) -> list[Finding]:
        """Return everything, by tenant and sequence."""
        gaps = [
            Finding(kind="missing", tenant=tenant, first=_digits(first), last=_digits(last), count=last - first + 1)
            for tenant, ranges in self._missing.items()
            for first, last in ranges
        ]
        return sorted(gaps + self._found, key=lambda found: (found.tenant, found.first, found.stream_first))


def _digits(sequence: int) -> str:
    return f"{sequence:016}" if sequence else ""


async def _messages(stream: JetStream, upto: int) -> AsyncGenerator[Msg, None]:
    """Yield the stream's messages up to stream sequence *upto*, in order and none left out, through ordered readers."""
    context, begin = stream.nc.jetstream(), 1
    while begin <= upto:
        name = f"reconcile-{secrets.token_hex(8)}"
        config = ConsumerConfig(
            name=name,
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=begin,
            inactive_threshold=INACTIVE_S,
            mem_storage=True,
            num_replicas=1,
        )
        if not (await context.add_consumer(stream.stream, config)).num_pending:
            return
        reader = await context.pull_subscribe_bind(name, stream.stream)
        try:
            async for message in _in_sequence(reader):
                seq = message.metadata.sequence.stream
                if seq > upto:
                    return
                yield message
                begin = seq + 1
                if not message.metadata.num_pending:
                    return
        finally:
            await reader.unsubscribe()
            with contextlib.suppress(*UNREACHABLE):
                await context.delete_consumer(stream.stream, name)


async def _in_sequence(reader: JetStreamContext.PullSubscription) -> AsyncIterator[Msg]:
    """Yield what *reader* is sent until something was lost on the way; raises TimeoutError where nothing comes."""
    received = 0
    while True:
        for message in await reader.fetch(PAGE, timeout=FETCH_S_MAX):
            received += 1
            if message.metadata.sequence.consumer != received:
                return
            yield message
