"""The example consumers against a real broker: they miss nothing, double nothing, and say so when they cannot."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from milepost.broker import EmbeddedBroker
from milepost_contracts.envelope import Envelope, decode, encode
from milepost_contracts.sealing import SealingKey, kids, open_data
from milepost_contracts.upcasts import upcast
from tests.contracts.conftest import EXAMPLES
from tests.support.outside import Outside, Stream, journal_answers, let_in, lose, stream_of

STORY = (EXAMPLES / "stream.ndjson").read_bytes().splitlines()


def later(number: int, count: int) -> list[bytes]:
    """Return *count* further events after *number* of the same tenant, without words."""
    last = decode((EXAMPLES / "golden/mentorship.goal_left.v1.json").read_bytes())
    return [
        encode(msgspec.structs.replace(last, id=f"0199c1ff-0000-7000-8000-{place:012x}", sequence=f"{place:016d}"))
        for place in range(number + 1, number + 1 + count)
    ]


MORE = later(len(STORY), 5)


def shown(documents: list[bytes], keys: dict[str, SealingKey]) -> list[dict[str, Any]]:
    """Return what a consumer prints of *documents*: opened, in their newest form."""
    return [_shown(decode(document), keys) for document in documents]


def _shown(event: Envelope, keys: dict[str, SealingKey]) -> dict[str, Any]:
    tag, members = upcast(event.type, open_data(event, keys, missing="[sealed]"))
    return {"tenant": event.tenant, "sequence": event.number, "id": event.id, "type": tag, "data": members}


def numbers(events: list[dict[str, Any]]) -> list[int]:
    """Return the sequences of printed events."""
    return [event["sequence"] for event in events]


def taken(bookmark: Path) -> int:
    """Return the tenant's sequence in a bookmark of either kind."""
    if bookmark.read_bytes().startswith(b"SQLite"):
        with sqlite3.connect(bookmark) as db:
            row = db.execute("SELECT sequence FROM bookmark WHERE tenant = 'acme'").fetchone()
        db.close()
        return row[0] if row else 0
    return json.loads(bookmark.read_bytes())["tenants"]["acme"]["sequence"]  # type: ignore[no-any-return]  # JSON


@pytest.fixture(params=["python", "javascript"])
async def consumer(request: pytest.FixtureRequest, broker: EmbeddedBroker, tmp_path: Path) -> Outside:
    """Give one of the consumers, let in by the operator."""
    outside = Outside(request.param, broker, tmp_path)
    let_in(broker)
    return outside


@pytest.fixture
async def stream(broker: EmbeddedBroker) -> AsyncIterator[Stream]:
    """Give the stream, empty."""
    async with stream_of(broker) as written:
        yield written


async def test_reads_everything_once(consumer: Outside, stream: Stream, keys: dict[str, SealingKey]) -> None:
    """It prints every event in order, words opened, old forms read as new ones; a second run prints what is new."""
    await stream.publish(STORY)
    first = await consumer.once()
    assert (first.status, first.events) == (0, shown(STORY, keys))
    assert f"missed nothing up to acme {len(STORY)}" in first.said
    again = await consumer.once()
    assert (again.status, again.events) == (0, [])
    await stream.publish(MORE)
    assert numbers((await consumer.once()).events) == [decode(document).number for document in MORE]
    assert taken(consumer.bookmark) == len(STORY) + len(MORE)


async def test_an_empty_stream(consumer: Outside) -> None:
    """Where nothing happened yet, it says so and is content."""
    ended = await consumer.once()
    assert (ended.status, ended.events) == (0, [])
    assert "missed nothing up to the beginning" in ended.said


async def test_words_stay_sealed_without_keys(
    consumer: Outside, stream: Stream, broker: EmbeddedBroker, keys: dict[str, SealingKey]
) -> None:
    """It asks for the keys that it lacks, once each; what it does not get, or what was erased, stays sealed."""
    await stream.publish(STORY)
    sealed = await consumer.once(keys=None)
    assert sealed.events == shown(STORY, {})
    consumer.bookmark.unlink()
    erased = min(kids(decode(STORY[0]).data))
    given: dict[str, str | None] = {kid: key.text for kid, key in keys.items()} | {erased: None}
    strange = max(next(found for document in reversed(STORY) if (found := kids(decode(document).data))))
    del given[strange]
    async with journal_answers(broker, STORY, given) as asked:
        opened = await consumer.once("--ask-keys", keys=None)
    assert opened.events == shown(STORY, {kid: key for kid, key in keys.items() if kid not in {erased, strange}})
    # No more often than there are keys, so none was asked for twice; the one that nobody has neither.
    assert asked == ["keys"] * len(asked)
    assert len(asked) <= len(keys)


async def test_survives_a_refill(consumer: Outside, stream: Stream, keys: dict[str, SealingKey]) -> None:
    """The stream is purged and filled again with the same bytes under another generation: only what is new is taken."""
    await stream.publish(STORY[:100])
    assert len((await consumer.once()).events) == 100
    await stream.refill(STORY)
    after = await consumer.once()
    assert (after.status, after.events) == (0, shown(STORY[100:], keys))
    assert (await consumer.once()).events == []


async def test_survives_a_refill_while_it_runs(consumer: Outside, stream: Stream) -> None:
    """A refill under its eyes disturbs nothing: what comes again is passed over."""
    async with consumer.running() as running:
        await stream.publish(STORY[:100])
        assert await running.next(100) == list(range(1, 101))
        await stream.refill(STORY)
        assert await running.next(len(STORY) - 100) == list(range(101, len(STORY) + 1))


async def test_survives_the_loss_of_the_stream(consumer: Outside, stream: Stream, broker: EmbeddedBroker) -> None:
    """The stream is lost and filled from sequence 1 again: first shorter than its place was, then longer."""
    # Its place is 20 messages further on than the tenant's sequence: an earlier refill moved it.
    await stream.publish(STORY[:20])
    await stream.refill(STORY)
    assert len((await consumer.once()).events) == len(STORY)
    await lose(broker)
    async with stream_of(broker) as anew:
        nothing = await consumer.once()
        assert (nothing.status, nothing.events) == (0, [])
        await anew.publish(STORY[:60])
        assert (await consumer.once()).events == []
        await anew.publish(STORY[60:] + MORE[:1])
        assert numbers((await consumer.once()).events) == [len(STORY) + 1]
    await lose(broker)
    async with stream_of(broker) as anew:
        await anew.publish(STORY + later(len(STORY), 60))
        # MORE[0] is the first of the later ones, so 59 of them are new.
        assert numbers((await consumer.once()).events) == list(range(len(STORY) + 2, len(STORY) + 61))


async def test_a_gap_is_filled_from_the_journal(
    consumer: Outside, stream: Stream, broker: EmbeddedBroker, keys: dict[str, SealingKey]
) -> None:
    """What the stream no longer has is asked of the journal and taken in its place."""
    await stream.publish(STORY[:10] + STORY[30:90] + STORY[91:])
    async with journal_answers(broker, STORY) as asked:
        ended = await consumer.once()
    assert (ended.status, ended.events) == (0, shown(STORY, keys))
    assert asked == ["events_after"] * 2


async def test_a_gap_that_nobody_fills_is_loud(consumer: Outside, stream: Stream, broker: EmbeddedBroker) -> None:
    """Where the journal does not answer, or does not have them, it stops with status 3 and never goes past the gap."""
    await stream.publish(STORY[:10] + STORY[30:])
    for _ in range(2):
        ended = await consumer.once()
        assert ended.status == 3
        assert "MISSED: events_after was not answered" in ended.said
        assert max(numbers(ended.events), default=10) == 10
    async with journal_answers(broker, STORY[:20]):
        ended = await consumer.once()
    assert ended.status == 3
    assert "MISSED: acme: the journal did not give the events after" in ended.said
    assert max(numbers(ended.events), default=10) <= 30


async def test_an_event_that_came_twice(consumer: Outside, stream: Stream, keys: dict[str, SealingKey]) -> None:
    """The same event stored twice is taken once."""
    await stream.publish(STORY[:50])
    await stream.publish(STORY[20:50], sent=" again")
    await stream.publish(STORY[50:])
    ended = await consumer.once()
    assert (ended.status, ended.events) == (0, shown(STORY, keys))


async def test_another_event_in_a_known_place_is_loud(
    consumer: Outside, stream: Stream, broker: EmbeddedBroker
) -> None:
    """A stream whose last known event is another one was not filled from the same journal: it stops with status 3."""
    await stream.publish(STORY)
    await consumer.once()
    await lose(broker)
    other = later(len(STORY) - 1, 3)
    async with stream_of(broker) as anew:
        await anew.publish(STORY[:-1] + other)
    ended = await consumer.once()
    assert ended.status == 3
    assert f"MISSED: acme {len(STORY)} was" in ended.said
    assert ended.events == []


async def test_altered_words_are_loud(consumer: Outside, stream: Stream) -> None:
    """A sealed member that was altered or moved stops it with status 3."""
    first = json.loads(STORY[0])
    first["data"]["title"] = first["data"]["title"][:-4] + "AAAA"
    await stream.publish([json.dumps(first).encode()])
    ended = await consumer.once()
    assert ended.status == 3
    assert "MISSED: /title of event" in ended.said
    assert ended.events == []


async def test_killed_in_the_middle(consumer: Outside, stream: Stream) -> None:
    """Killed at any moment it goes on where it was: every event is printed, and the database has each exactly once."""
    await stream.publish(STORY)
    printed: list[int] = []
    for place, count in enumerate((1, 40)):
        async with consumer.running() as running:
            printed += await running.next(count)
            printed += await running.kill()
        await stream.publish(later(len(STORY) + 3 * place, 3))
    ended = await consumer.once()
    printed += numbers(ended.events)
    assert ended.status == 0
    assert set(printed) == set(range(1, len(STORY) + 7))
    assert taken(consumer.bookmark) == len(STORY) + 6
    if consumer.bookmark.read_bytes().startswith(b"SQLite"):
        db = sqlite3.connect(consumer.bookmark)
        rows = db.execute("SELECT sequence FROM event ORDER BY sequence").fetchall()
        db.close()
        assert rows == [(place,) for place in range(1, len(STORY) + 7)]


async def test_reads_on_while_the_broker_dies(consumer: Outside, stream: Stream, broker: EmbeddedBroker) -> None:
    """The broker is killed and comes back: it goes on by itself, in order, without a gap or a double."""
    async with consumer.running() as running:
        await stream.publish(STORY[:30])
        assert await running.next(30) == list(range(1, 31))
        await broker.kill()
        await broker.start()
        async with stream_of(broker) as again:
            await again.publish(STORY[30:])
        assert await running.next(len(STORY) - 30) == list(range(31, len(STORY) + 1))


def mixed() -> list[bytes]:
    """Return the story with a line of another tenant's after each of its lines."""
    foreign = [
        encode(msgspec.structs.replace(decode(document), tenant="other", id=f"0199c2ff-0000-7000-8000-{place:012x}"))
        for place, document in enumerate(STORY)
    ]
    return [document for pair in zip(STORY, foreign, strict=True) for document in pair]


async def test_only_its_own_tenant(consumer: Outside, stream: Stream) -> None:
    """Events of another tenant between its own neither reach it nor look like gaps."""
    await stream.publish(mixed())
    ended = await consumer.once()
    assert ended.status == 0
    assert numbers(ended.events) == list(range(1, len(STORY) + 1))
    assert {event["tenant"] for event in ended.events} == {"acme"}


@pytest.mark.parametrize("kind", ["python", "javascript"])
async def test_every_tenant(kind: str, broker: EmbeddedBroker, stream: Stream, tmp_path: Path) -> None:
    """Let in for every tenant, it keeps each one's sequence, and asks the journal for the one that lacks something."""
    let_in(broker, "*")
    lines = mixed()
    await stream.publish(lines[:20] + lines[21:22] + lines[23:])  # of ours 11 and 12 are missing, of the others' none
    async with journal_answers(broker, STORY) as asked:
        ended = await Outside(kind, broker, tmp_path, tenant="*").once(keys=None)
    assert ended.status == 0
    assert asked == ["events_after"]
    for tenant in ("acme", "other"):
        of_tenant = [event for event in ended.events if event["tenant"] == tenant]
        assert numbers(of_tenant) == list(range(1, len(STORY) + 1))
        assert f"{tenant} {len(STORY)}" in ended.said


async def test_both_print_the_same(broker: EmbeddedBroker, stream: Stream, tmp_path: Path) -> None:
    """Python and JavaScript open the same words and read the same forms: what they print is equal."""
    let_in(broker)
    await stream.publish(STORY)
    ended = []
    for kind in ("python", "javascript"):
        (tmp_path / kind).mkdir()
        ended.append(await Outside(kind, broker, tmp_path / kind).once())
    assert ended[0].events == ended[1].events != []
