"""Refilling: emptied behind a fence, filled with the same events, recorded with every tenant, whoever dies."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from nats.aio.msg import Msg

from milepost.journal import Journal
from milepost.publish import BusyError, CommandRecord, Publisher
from milepost.publish.jetstream import WRONG_LAST_SEQUENCE, ApiError, JetStream
from milepost.publish.refill import NotRecordedError, empty, record_commands
from milepost.publish.relay import Place, Relay, nowhere
from milepost.publish.streams import DUPLICATE_WINDOW_S, Marks, StreamError
from milepost_contracts import answers
from milepost_contracts.commands.tenant import RecordRefill
from milepost_contracts.subjects import STREAM, tenant_id
from tests.publish.events import (
    Publish,
    Recorded,
    both_databases,
    caught_up,
    fill,
    halted,
    in_journal,
    on_stream,
    published,
)
from tests.support.nats import Connect
from tests.support.waiting import until


@both_databases
async def test_a_refilled_stream_has_the_same_events_under_a_higher_generation(
    journal: Journal, publish: Publish, connect: Connect
) -> None:
    """Proves refill: order, ids and bytes as before, later sequences, and each tenant told which of its events came."""
    fill(journal, 1300)
    record = Recorded()
    publisher = await publish(record)
    await caught_up(publisher, journal)
    before = await publisher.status()
    told: list[tuple[int, int]] = []

    report = await publisher.refill(lambda done, total: told.append((done, total)))

    after = await publisher.status()
    assert (report.events, report.generation, report.unrecorded) == (1300, before.generation + 1, {})
    assert sorted(report.recorded) == ["acme", "globex"]
    assert told[-1] == (1300, 1300)
    assert told == sorted(told)
    assert await on_stream(await connect("cli")) == in_journal(journal)
    assert after.last_sequence > before.last_sequence + 1300
    assert after.generation == report.generation
    assert {tenant: (c.first, c.last, c.generation, c.actor, c.id) for tenant, c in record.commands} == {
        tenant: (f"{1:016}", f"{last:016}", report.generation, "service:publish", tenant_id(tenant))
        for tenant, last in (("acme", 867), ("globex", 433))
    }
    await until(lambda: _closed(publisher))
    info = await JetStream(await connect("cli"), STREAM).info()
    assert info.config["duplicate_window"] == DUPLICATE_WINDOW_S * 1e9
    assert (await publisher.reconcile()).findings == []


async def test_an_empty_journal_empties_the_stream(journal: Journal, publish: Publish, connect: Connect) -> None:
    """Proves that refilling nothing ends at once and leaves the stream ready for the first event."""
    record = Recorded()
    publisher = await publish(record)
    report = await publisher.refill()
    assert (report.events, report.recorded, record.commands) == (0, [], [])
    fill(journal, 2)
    await caught_up(publisher, journal)
    assert await on_stream(await connect("cli")) == in_journal(journal)


async def test_a_stream_that_is_not_ours_is_not_emptied(journal: Journal, publish: Publish, connect: Connect) -> None:
    """Proves that refilling ends with the reason, and empties nothing, where the stream's marks cannot be read."""
    stream = JetStream(await connect("publish"), STREAM)
    await stream.publish("goals.event.v1.acme.goal.x.theirs", b"{}", {})
    config = dict((await stream.info()).config)
    await stream.update(config | {"metadata": {"milepost_generation": "many"}})
    fill(journal, 3)
    publisher = await publish()
    assert await halted(publisher) == "misconfigured"
    with pytest.raises(StreamError):
        await publisher.refill()
    assert await halted(publisher) == "misconfigured"
    assert (await stream.info()).state.messages == 1


async def test_a_second_refill_meanwhile_is_refused(journal: Journal, publish: Publish) -> None:
    """Proves that two people who refill at once do not empty the stream twice."""
    fill(journal, 100)
    publisher = await publish()
    first = asyncio.create_task(publisher.refill())
    await asyncio.sleep(0)
    with pytest.raises(BusyError):
        await publisher.refill()
    assert (await first).events == 100


async def test_who_does_not_answer_is_asked_again_with_the_same_command(journal: Journal, publish: Publish) -> None:
    """Proves that recording survives an accept that is away: the refill ends, the command comes again as it was."""
    fill(journal, 4)
    record = Recorded(NotRecordedError("accept is starting"), "", "tenant_unknown: no such tenant")
    publisher = await publish(record)
    report = await publisher.refill()
    assert report.unrecorded == dict.fromkeys(("acme", "globex"), "no answer yet; asked again until there is one")
    status = await publisher.status()
    assert status.refill is not None
    assert status.refill.recording == 2
    await until(lambda: _closed(publisher))
    assert [tenant for tenant, _ in record.commands] == ["acme", "acme", "globex"]
    assert record.commands[1] == record.commands[0]


async def test_recording_goes_over_the_bus_as_the_relay(journal: Journal, connect: Connect) -> None:
    """Proves the real sender: a request on the relay's own subject, and what each kind of answer means."""
    fill(journal, 3)
    told: list[Msg] = []
    replies = [
        msgspec.json.encode(answers.Accepted(id=tenant_id("acme"), version=2)),
        msgspec.json.encode(answers.Refused(errors=[answers.Problem(code="no", message="Not here.")])),
        msgspec.json.encode(answers.Failed(errors=[answers.Problem(code="busy", message="Later.")])),
        b"who?",
    ]
    accept = await connect("accept")

    async def answer(message: Msg) -> None:
        told.append(message)
        await message.respond(replies[len(told) - 1])

    await accept.subscribe("goals.command.v1.>", cb=answer)
    await accept.flush()
    record = CommandRecord(await connect("publish"))
    command = record_commands(journal, Marks(generation=5, refill_to=journal.last_position()))["acme"]

    assert await record("acme", command) == ""
    assert await record("acme", command) == "no: Not here."
    for _ in range(2):
        with pytest.raises(NotRecordedError):
            await record("acme", command)
    assert {message.subject for message in told} == {"goals.command.v1.acme.publish.tenant.record_refill"}
    assert msgspec.json.decode(told[0].data, type=RecordRefill) == command


async def test_a_rival_cannot_put_anything_into_a_stream_that_is_being_emptied(
    journal: Journal, connect: Connect
) -> None:
    """Proves the fence: what a relay built on the stream before it was emptied fails; resuming it begins anew."""
    fill(journal, 10)
    stream = JetStream(await connect("publish"), STREAM)
    relay, rival = Relay(stream, journal, replicas=1), Relay(stream, journal, replicas=1)
    place, _ = await relay.resume()
    place = await relay.publish(place, journal.after(0, 6))
    assert (await rival.resume())[0] == place

    marks = await empty(relay, stream, journal, at=nowhere)

    with pytest.raises(ApiError) as refused:
        await rival.publish(place, journal.after(place.position, 4))
    assert refused.value.code == WRONG_LAST_SEQUENCE
    assert (await stream.info()).state.messages == 0
    place, seen = await rival.resume()
    assert (place, seen) == (Place(marks.base_seq, 0, ""), marks)


async def test_an_interrupted_refill_halts_until_it_is_done_again(
    journal: Journal, publish: Publish, connect: Connect
) -> None:
    """Proves that dying between emptying and opening leaves a halt that says so, and refilling again mends it."""
    fill(journal, 12)
    first = await publish()
    await caught_up(first, journal)

    class Died(Exception):  # noqa: N818  what a kill would do here
        pass

    def at(point: str) -> None:
        if point == "publish.refill_purged":
            raise Died

    stream = JetStream(await connect("publish"), STREAM)
    with pytest.raises(Died):
        await empty(Relay(stream, journal, replicas=1), stream, journal, at=at)
    second = await publish()
    assert await halted(first) == await halted(second) == "refill_unfinished"
    assert (await second.refill()).events == 12
    await caught_up(first, journal)
    assert await on_stream(await connect("cli")) == in_journal(journal)


async def test_a_refill_that_was_cut_short_is_recorded_by_the_next_relay(
    journal: Journal, publish: Publish, connect: Connect
) -> None:
    """Proves that filling and recording need nobody's memory: a relay that starts later ends them both."""
    fill(journal, 12)
    stream = JetStream(await connect("publish"), STREAM)
    await empty(Relay(stream, journal, replicas=1), stream, journal, at=nowhere)
    record = Recorded()
    publisher = await publish(record)
    await published(publisher, more=1)
    await until(lambda: _closed(publisher))
    assert sorted(tenant for tenant, _ in record.commands) == ["acme", "globex"]
    assert await on_stream(await connect("cli")) == in_journal(journal)


def test_what_is_recorded_is_the_same_whenever_it_is_asked(journal: Journal) -> None:
    """Proves that the command of a refill names the events up to the refill alone, however many came since."""
    fill(journal, 30)
    marks = Marks(generation=3, refill_to=journal.after(0, 30)[21].position)
    before = record_commands(journal, marks)
    fill(journal, 30)
    assert record_commands(journal, marks) == before
    assert {tenant: command.last for tenant, command in before.items()} == {"acme": f"{15:016}", "globex": f"{7:016}"}
    first_only = Marks(generation=3, refill_to=journal.after(0, 1)[0].position)
    assert list(record_commands(journal, first_only)) == ["acme"]


async def _closed(publisher: Publisher) -> bool:
    status = await publisher.status()
    return status.refill is None and status.state == "running"
