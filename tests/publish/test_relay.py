"""The relay: journal order, each event once, over restarts, rivals and lost streams; and what makes it halt."""

from __future__ import annotations

import shutil

import pytest

from milepost.broker import EmbeddedBroker
from milepost.journal import Journal
from milepost.publish import streams
from milepost.publish.jetstream import BATCH_DUPLICATE, ApiError, JetStream
from milepost.publish.relay import BATCH_BYTES, BATCH_EVENTS, Relay, cut
from milepost.publish.streams import Marks
from milepost_contracts.subjects import EVENTS, HINT, STREAM
from tests.publish.events import (
    Publish,
    both_databases,
    caught_up,
    fill,
    halted,
    in_journal,
    large,
    on_stream,
    publish_all,
    published,
    remove_last,
    restore_older,
)
from tests.support.nats import Connect
from tests.support.waiting import until


@both_databases
async def test_events_reach_the_stream_in_order_with_their_ids_and_bytes(
    journal: Journal, publish: Publish, connect: Connect
) -> None:
    """Proves the one form: subject, id, bytes and order of the stream are the journal's, over more than one batch."""
    fill(journal, BATCH_EVENTS + 250)
    publisher = await publish()
    await caught_up(publisher, journal)
    fill(journal, 3)
    await caught_up(publisher, journal)

    assert await on_stream(await connect("cli")) == in_journal(journal)
    status = await publisher.status()
    assert (status.state, status.lag, status.halt, status.alarm) == ("running", 0, None, "")
    assert status.last_sequence == BATCH_EVENTS + 253


async def test_a_hint_wakes_the_relay(journal: Journal, publish: Publish, connect: Connect) -> None:
    """Proves that a hint suffices: the relay would not look again by itself within this test."""
    publisher = await publish(poll_s=3600)
    await caught_up(publisher, journal)
    accept = await connect("accept")
    reader = await (await connect("cli")).jetstream().subscribe(EVENTS, stream=STREAM, ordered_consumer=True)
    for _ in range(3):
        fill(journal, 1)
        await accept.publish(HINT, b"")
        message = await reader.next_msg(timeout=20)
        assert message.data == in_journal(journal)[-1].document


async def test_polling_finds_what_no_hint_told(journal: Journal, publish: Publish) -> None:
    """Proves the safety net: an event arrives although its hint was lost."""
    publisher = await publish()
    await caught_up(publisher, journal)
    fill(journal, 1)
    await caught_up(publisher, journal)
    assert (await publisher.status()).published == 1


@both_databases
async def test_two_relays_publish_every_event_once(journal: Journal, publish: Publish, connect: Connect) -> None:
    """Proves the fence: rivals on one journal take turns and nothing is doubled, lost or out of order."""
    rivals = [await publish(poll_s=0.001), await publish(poll_s=0.001)]
    for _ in range(40):
        fill(journal, 7)
        for rival in rivals:
            await rival.status()
    for rival in rivals:
        await caught_up(rival, journal)
    assert await on_stream(await connect("cli")) == in_journal(journal)
    assert [(await rival.status()).halt for rival in rivals] == [None, None]


async def test_a_killed_broker_loses_and_doubles_nothing(
    broker: EmbeddedBroker, journal: Journal, publish: Publish, connect: Connect
) -> None:
    """Proves that the relay goes on by itself after SIGKILLs of the broker in the middle of its work."""
    publisher = await publish()
    for _ in range(3):
        fill(journal, 1500)
        await published(publisher, more=1)
        await broker.kill()
        fill(journal, 10)
        await broker.start()
    await caught_up(publisher, journal)
    assert await on_stream(await connect("cli")) == in_journal(journal)


async def test_a_lost_answer_is_found_out_by_resuming(journal: Journal, connect: Connect) -> None:
    """Proves that a batch whose answer was lost is refused when it comes again, and resuming stands behind it."""
    fill(journal, 10)
    stream = JetStream(await connect("publish"), STREAM)
    relay = Relay(stream, journal, replicas=1)
    before, _ = await relay.resume()
    entries = await relay.following(before)
    after = await relay.publish(before, entries)
    with pytest.raises(ApiError) as refused:
        await relay.publish(before, entries)
    assert refused.value.code == BATCH_DUPLICATE
    assert (await relay.resume())[0] == after
    assert await on_stream(await connect("cli")) == in_journal(journal)


async def test_ids_that_the_server_knows_and_the_stream_lacks_are_waited_for(
    journal: Journal, publish: Publish, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proves that events refused as duplicates are never skipped: an alarm, and a window later they are there."""
    monkeypatch.setattr(streams, "DUPLICATE_WINDOW_S", 1.0)
    fill(journal, 6)
    client = await connect("publish")
    await publish_all(client, journal)
    stream = JetStream(client, STREAM)
    await stream.purge()
    generation = Marks.read((await stream.info()).metadata).generation
    await Relay(stream, journal, replicas=1).mark(Marks(generation=generation, base_seq=6, base_pos=0))
    publisher = await publish()

    async def alarms() -> bool:
        return (await publisher.status()).alarm != ""

    await until(alarms)
    await caught_up(publisher, journal)
    assert (await publisher.status()).alarm == ""
    assert await on_stream(await connect("cli")) == in_journal(journal)


async def test_a_deleted_tail_is_not_published_again(journal: Journal, publish: Publish, connect: Connect) -> None:
    """Proves that what somebody deleted from the stream's end stays deleted, and what follows arrives once."""
    fill(journal, 20)
    admin = await connect("publish")
    first = await publish()
    await caught_up(first, journal)
    await remove_last(admin, 5)
    kept = await on_stream(admin)

    second = await publish()
    fill(journal, 4)
    for publisher in (first, second):
        await caught_up(publisher, journal)

    events = in_journal(journal)
    assert await on_stream(admin) == kept + events[20:]
    assert kept == events[:15]


async def test_a_purged_stream_goes_on_with_what_follows(journal: Journal, publish: Publish, connect: Connect) -> None:
    """Proves that after a purge behind the relay's back the next events arrive, none of the old ones by accident."""
    fill(journal, 20)
    admin = await connect("publish")
    await caught_up(await publish(), journal)
    await JetStream(admin, STREAM).purge()
    fill(journal, 3)
    await caught_up(await publish(), journal)
    assert await on_stream(admin) == in_journal(journal)[20:]


@both_databases
async def test_a_lost_stream_is_made_and_filled_again(
    broker: EmbeddedBroker, journal: Journal, publish: Publish, connect: Connect
) -> None:
    """Proves that the stream may vanish whole: same ids, order and bytes under a higher generation."""
    fill(journal, 30)
    publisher = await publish()
    await caught_up(publisher, journal)
    before = (await publisher.status()).generation
    await broker.kill()
    shutil.rmtree(broker.directory / "jetstream")
    await broker.start()
    fill(journal, 5)
    await published(publisher, more=35)
    await caught_up(publisher, journal)
    assert await on_stream(await connect("cli")) == in_journal(journal)
    assert (await publisher.status()).generation > before


async def test_a_purge_of_everything_with_a_deleted_tail_counts_on_from_the_base(
    journal: Journal, publish: Publish, connect: Connect
) -> None:
    """Proves that with no message left the place comes from the stream's base, also after a refill moved that."""
    fill(journal, 12)
    publisher = await publish()
    await caught_up(publisher, journal)
    await publisher.refill()
    await JetStream(await connect("publish"), STREAM).purge()
    fill(journal, 4)
    await caught_up(await publish(), journal)
    assert await on_stream(await connect("cli")) == in_journal(journal)[12:]


@both_databases
async def test_a_journal_from_an_older_backup_halts_the_relay(
    journal: Journal, publish: Publish, connect: Connect, url: str
) -> None:
    """Proves that a journal that lost events halts the relay, and stays so when new events take their numbers."""
    fill(journal, 20)
    running = await publish()
    await caught_up(running, journal)
    before = await on_stream(await connect("cli"))
    restore_older(url, journal.after(0, 12)[-1].position)
    assert await halted(running) == await halted(await publish()) == "stream_diverged"
    fill(journal, 30)
    assert await halted(await publish()) == "stream_diverged"
    assert await on_stream(await connect("cli")) == before


async def test_a_journal_exchanged_while_the_relay_runs_halts_it(
    journal: Journal, publish: Publish, connect: Connect, url: str
) -> None:
    """Proves that a backup which outgrows the relay's position unseen is noticed: its last event is another."""
    fill(journal, 20)
    running = await publish(poll_s=3600)
    await caught_up(running, journal)
    restore_older(url, journal.after(0, 12)[-1].position)
    fill(journal, 30)
    await (await connect("accept")).publish(HINT, b"")
    assert await halted(running) == "stream_diverged"


@both_databases
async def test_an_older_backup_behind_a_deleted_tail_halts_for_good(
    journal: Journal, publish: Publish, connect: Connect, url: str
) -> None:
    """Proves that `stream_ahead` is kept in the stream: events that are appended later do not make it look whole."""
    fill(journal, 20)
    await publish_all(await connect("publish"), journal)
    await remove_last(await connect("publish"), 10)
    restore_older(url, journal.after(0, 12)[-1].position)
    assert await halted(await publish()) == "stream_ahead"
    fill(journal, 30)
    assert await halted(await publish()) == "stream_ahead"


@pytest.mark.parametrize("how", ["far_ahead", "other_bytes", "other_id", "other_subject", "no_event"])
async def test_a_forged_message_halts_the_relay(journal: Journal, publish: Publish, connect: Connect, how: str) -> None:
    """Proves that a last message which is not exactly the journal's event halts the relay, whatever it claims."""
    fill(journal, 8)
    publisher = await publish()
    await caught_up(publisher, journal)
    last = in_journal(journal)[-1]
    document, event_id, subject = last.document, last.id, last.subject
    if how == "far_ahead":
        document = document.replace(b'"sequence":"0000000000000003"', b'"sequence":"0009000000000003"')
        assert document != last.document
    elif how == "other_bytes":
        document = document.replace(b"enc:v1:", b"enc:v1:X")
    elif how == "other_id":
        event_id = "0199c0de-0000-7000-8000-000000000001"
    elif how == "other_subject":
        subject = subject.replace("comment_posted", "created")
    else:
        document = b"{}"
    forger = JetStream(await connect("publish"), STREAM)
    # A message id of its own where the event's would be taken for a duplicate.
    fresh = {"Nats-Msg-Id": event_id} if how == "other_id" else {}
    await forger.publish(subject, document, fresh)
    fill(journal, 2)
    assert await halted(publisher) == "stream_diverged"
    assert await halted(await publish()) == "stream_diverged"


async def test_a_halted_relay_goes_on_after_a_refill(journal: Journal, publish: Publish, connect: Connect) -> None:
    """Proves the only way on: refill takes the halt away, for a rival too, and the stream is the journal's again."""
    fill(journal, 8)
    first, second = await publish(), await publish()
    await caught_up(first, journal)
    await JetStream(await connect("publish"), STREAM).publish("goals.event.v1.acme.goal.x.forged", b"{}", {})
    fill(journal, 4)
    assert await halted(first) == await halted(second) == "stream_diverged"

    await first.refill()

    fill(journal, 4)
    for publisher in (first, second):
        await caught_up(publisher, journal)
    assert await on_stream(await connect("cli")) == in_journal(journal)


async def test_settings_that_were_changed_are_changed_back(
    journal: Journal, publish: Publish, connect: Connect
) -> None:
    """Proves that a stream that is not as declared is mended where that is possible."""
    admin = JetStream(await connect("publish"), STREAM)
    config = dict((await admin.info()).config)
    await admin.update(config | {"duplicate_window": 60_000_000_000, "num_replicas": 1})
    fill(journal, 3)
    await caught_up(await publish(), journal)
    assert (await admin.info()).config["duplicate_window"] == 20_000_000_000


async def test_metadata_that_is_not_ours_halts_the_relay(journal: Journal, publish: Publish, connect: Connect) -> None:
    """Proves that a stream whose marks cannot be read is left alone and the reason shown."""
    admin = JetStream(await connect("publish"), STREAM)
    config = dict((await admin.info()).config)
    await admin.update(config | {"metadata": {"milepost_generation": "many"}})
    fill(journal, 3)
    publisher = await publish()
    assert await halted(publisher) == "misconfigured"
    assert await on_stream(await connect("cli")) == []


async def test_large_events_are_cut_into_batches_by_bytes(journal: Journal, publish: Publish, connect: Connect) -> None:
    """Proves that events which together exceed a batch's bytes still arrive, in order."""
    big = BATCH_BYTES // 20
    for _ in range(5):
        journal.append([large(big) for _ in range(9)])
    assert len(cut(journal.after(0, 1000))) < 20
    await caught_up(await publish(), journal)
    assert await on_stream(await connect("cli")) == in_journal(journal)


def test_marks_are_read_as_they_are_written() -> None:
    """Proves that what a relay notes in the stream is what the next one reads, beside what others note there."""
    marks = Marks(generation=7, base_seq=3, base_pos=2, refill_to=9, halted="stream_ahead: the journal is older")
    assert Marks.read(marks.metadata() | {"_nats.ver": "2.15.1", "team": "goals"}) == marks
