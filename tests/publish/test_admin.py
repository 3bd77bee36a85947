"""The verbs for other processes: status, reconcile and refill over the bus, by who may and by nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import nats.errors
import pytest

from milepost.journal import Journal
from milepost.publish import AdminError, PublishAdmin, serve
from milepost.publish.admin import FINDINGS_PAGE, SUBJECT
from milepost.publish.jetstream import JetStream
from milepost_contracts.subjects import STREAM
from tests.publish.events import fill, in_journal, on_stream
from tests.support.nats import Connect
from tests.support.waiting import until


@pytest.fixture
async def admin(url: str, journal: Journal, connect: Connect) -> AsyncIterator[PublishAdmin]:
    """Give the verbs from the command line's connection, with the whole stage serving."""
    fill(journal, 30)
    reader = Journal(url, writes=False)
    stage = asyncio.create_task(serve(await connect("publish"), reader))
    verbs = PublishAdmin(await connect("cli"), look_s=0.01)

    async def serves() -> bool:
        try:
            return (await verbs.status()).position >= journal.last_position()
        except AdminError:
            return False

    await until(serves)
    yield verbs
    stage.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stage
    reader.close()


async def test_status_is_told_to_other_processes(admin: PublishAdmin) -> None:
    """Proves that lag, last sequence, generation and state come over the bus."""
    status = await admin.status()
    assert (status.state, status.lag, status.last_sequence, status.halt) == ("running", 0, 30, None)
    assert status.generation > 0


async def test_reconcile_brings_every_finding_over_the_bus(
    admin: PublishAdmin, journal: Journal, connect: Connect
) -> None:
    """Proves that a report longer than one answer arrives whole, with progress."""
    stream = JetStream(await connect("publish"), STREAM)
    for number in range(FINDINGS_PAGE + 20):
        # Alternating kinds, so that neighbours are not told as one.
        document = b"{}" if number % 2 else in_journal(journal)[0].document
        await stream.publish("goals.event.v1.acme.goal.x.forged", document, {})
    told: list[tuple[int, int]] = []
    report = await admin.reconcile(lambda done, total: told.append((done, total)))
    assert len(report.findings) > FINDINGS_PAGE
    assert {finding.kind for finding in report.findings} >= {"unknown", "duplicate"}
    assert told[-1] == (30, 30)


async def test_a_halt_is_seen_and_ended_over_the_bus(admin: PublishAdmin, journal: Journal, connect: Connect) -> None:
    """Proves the operator's way: status names the halt, refill fills the stream again, status runs."""
    await JetStream(await connect("publish"), STREAM).publish("goals.event.v1.acme.goal.x.forged", b"{}", {})

    async def halts() -> bool:
        return (await admin.status()).state == "halted"

    await until(halts)
    halt = (await admin.status()).halt
    assert halt is not None
    assert halt.code == "stream_diverged"
    report = await admin.refill()
    assert report.events == 30
    assert (await admin.status()).state == "running"
    assert await on_stream(await connect("cli")) == in_journal(journal)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"verb":"status"}', b'{"verb":"refill","force":true}', b'{"specversion":"1.0","id":"x"}']
)
async def test_nothing_but_the_verb_itself_starts_a_refill(admin: PublishAdmin, connect: Connect, body: bytes) -> None:
    """Proves that a document of another kind on the subject, an event say, is refused and empties nothing."""
    before = await admin.status()
    reply = await (await connect("cli")).request(f"{SUBJECT}.refill", body, timeout=5)
    assert msgspec.json.decode(reply.data)["code"] == "invalid_request"
    assert await admin.status() == before


async def test_a_job_that_is_not_known_is_told(admin: PublishAdmin, connect: Connect) -> None:
    """Proves that asking for a job of a process that was restarted, or for none, ends in an error, not in waiting."""
    client = await connect("cli")
    started = msgspec.json.decode((await client.request(f"{SUBJECT}.reconcile", b'{"verb":"reconcile"}')).data)
    for body, code in ((b'{"job":"other"}', "unknown_job"), (b"[]", "invalid_request")):
        reply = await client.request(f"{SUBJECT}.job.{started['process']}", body, timeout=5)
        assert msgspec.json.decode(reply.data)["code"] == code
    with pytest.raises(nats.errors.NoRespondersError):
        await client.request(f"{SUBJECT}.job.gone", b'{"job":"other"}', timeout=5)


async def test_without_a_publishing_process_the_verbs_say_so(connect: Connect) -> None:
    """Proves that the command line learns that nobody publishes, at once."""
    with pytest.raises(AdminError) as refused:
        await PublishAdmin(await connect("cli")).status()
    assert refused.value.code == "publish_unreachable"


async def test_other_roles_cannot_use_the_verbs(admin: PublishAdmin, connect: Connect) -> None:
    """Proves that the broker keeps the verbs to the command line: the web gateway's request goes nowhere."""
    with pytest.raises(nats.errors.TimeoutError):
        await (await connect("web")).request(f"{SUBJECT}.refill", b'{"verb":"refill"}', timeout=0.3)
    assert (await admin.status()).last_sequence == 30
