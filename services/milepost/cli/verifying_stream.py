"""The bus is held against the journal: every message of GOALS, and the checkpoints that were published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from milepost.cli.errors import failed
from milepost.cli.session import connection
from milepost.cli.where import Where
from milepost.replay.verify.checking import Evidence, keys_of
from milepost.replay.verify.findings import Check, Finding, Progress, failed_or_passed
from milepost.replay.verify.held import Held, judged

if TYPE_CHECKING:
    from nats.aio.client import Client

    from milepost.journal import Journal
    from milepost.publish.jetstream import JetStream
    from milepost.publish.relay import Place

_TODO = "Once the journal is verified, `milepost publish refill` fills the stream again from it."
SAID = {
    "missing": "It is not on the stream.",
    "duplicate": "It is on the stream once more.",
    "out_of_order": "It is on the stream later than it should be.",
    "unknown": "It is on the stream and no event of the journal.",
    "different_id": "On the stream it has another id.",
    "different_bytes": "On the stream it has other bytes.",
    "different_subject": "On the stream it has another subject.",
}


async def published_checkpoints(where: Where, evidence: Evidence, findings: list[Finding]) -> list[Held]:
    """Return the checkpoints on the bus; what is none goes to *findings*. Raises VerbError."""
    from nats.errors import Error as NatsError

    from milepost_contracts.subjects import STREAM_CHECKPOINTS

    try:
        async with connection(where) as nc:
            return [
                held
                for source, tenant, content in await _published(nc, STREAM_CHECKPOINTS)
                if (held := judged(content, source, tenant, keys_of(evidence, tenant), findings)) is not None
            ]
    except (NatsError, OSError) as error:
        raise _unread(error) from error


async def _published(nc: Client, stream: str) -> list[tuple[str, str, bytes]]:
    """Return (where, tenant, note) of each message on the stream of checkpoints."""
    from nats.js.errors import NotFoundError

    context = nc.jetstream()
    try:
        state = (await context.stream_info(stream)).state
    except NotFoundError:
        return []
    found = []
    for sequence in range(state.first_seq, state.last_seq + 1):
        try:
            message = await context.get_msg(stream, sequence)
        except NotFoundError:
            continue
        tenant = (message.subject or "").rpartition(".")[2]
        found.append((f"{stream} message {sequence}", tenant, message.data or b""))
    return found


async def check_stream(where: Where, progress: Progress) -> tuple[list[Check], list[Finding]]:
    """Return what became of comparing every message of GOALS with the journal; raises VerbError."""
    from nats.errors import Error as NatsError

    from milepost.journal import Journal, JournalCorrupt, JournalError
    from milepost.publish.jetstream import ApiError, JetStream
    from milepost.publish.reconcile import reconcile
    from milepost_contracts.subjects import STREAM

    try:
        async with connection(where, lasting=True) as nc:
            with Journal(where.settings.journal_url, writes=False) as journal:
                stream = JetStream(nc, STREAM)
                place = await _place(stream, journal)
                report = await reconcile(stream, journal, place, progress)
                behind = journal.count_after(place.position)
    except JournalCorrupt as error:
        said = f"the journal cannot be read as events: {error}"
        return [Check(name="stream", status="not_checkable", of="messages", said=said)], []
    except JournalError as error:
        raise failed(error.code, f"The journal cannot be read: {error}.") from error
    except (NatsError, ApiError, OSError) as error:
        raise _unread(error) from error
    findings = [
        Finding(
            code=f"stream_{one.kind}",
            message=SAID[one.kind],
            tenant=one.tenant,
            first=int(one.first or 0),
            last=int(one.last or 0),
            count=one.count,
            place=f"{STREAM} message {one.stream_first}" if one.stream_first else STREAM,
            todo=_TODO,
        )
        for one in report.findings
    ]
    lag = f"; {behind} events of the journal are not on it yet, which is no fault" if behind else ""
    said = f"each is the journal's event, in its order, with its bytes, id and subject{lag}"
    return [failed_or_passed("stream", report.messages, "messages", said, findings)], findings


async def _place(stream: JetStream, journal: Journal) -> Place:
    """Return up to where both are compared: the stream's last message, and the event of the journal that it is."""
    from milepost.publish.relay import Place
    from milepost.publish.source import reading
    from milepost_contracts.envelope import EnvelopeError, decode
    from milepost_contracts.subjects import EVENTS

    state = (await stream.info()).state
    last = await stream.last(EVENTS)
    newest = await reading(journal.last_position)
    if last is None:
        return Place(state.last_seq, newest if not state.last_seq else 0, "")
    try:
        envelope = decode(last.data)
    except EnvelopeError:
        return Place(last.seq, newest, "")
    entry = await reading(journal.at, envelope.tenant, envelope.number)
    return Place(last.seq, entry.position if entry is not None else newest, "")


def _unread(error: Exception) -> Exception:
    return failed("stream_unreadable", f"The bus cannot be read: {error or type(error).__name__}.")
