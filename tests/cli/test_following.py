"""A tenant is followed live: in order, nothing missing, nothing twice, whatever becomes of broker and consumer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import nats
import pytest
from nats.aio.client import Client

from milepost.broker import EmbeddedBroker
from milepost.cli.following import Following
from milepost_contracts.envelope import Envelope, encode
from milepost_contracts.subjects import event
from tests.support.nats import Connect
from tests.support.scenario import GOAL, MENTEE, uid
from tests.support.waiting import until

TENANT = "acme"


class Journal:
    """What replay would answer: the documents that were committed; `away` as long as nobody answers."""

    def __init__(self) -> None:
        self.documents: list[bytes] = []
        self.away = False
        self.asked = 0

    async def __call__(self, tenant: str, after: int, limit: int) -> list[bytes]:
        assert tenant == TENANT
        self.asked += 1
        if self.away:
            raise ConnectionError("nobody answers")
        return self.documents[after : after + min(limit, 3)]

    def commit(self, number: int) -> bytes:
        """Add the event with *number*, the next one, and return it."""
        assert number == len(self.documents) + 1
        self.documents.append(document(number))
        return self.documents[-1]


def document(number: int, tenant: str = TENANT) -> bytes:
    return encode(
        Envelope(
            specversion="1.0",
            id=uid(f"event {number}"),
            source=f"/milepost/{tenant}",
            type="goal.archived.v1",
            subject=f"goal/{GOAL}",
            time="2026-03-02T09:30:00.000000Z",
            datacontenttype="application/json",
            dataschema="urn:milepost:schema:goal.archived.v1",
            tenant=tenant,
            version=number,
            sequence=f"{number:016d}",
            actor=MENTEE,
            data=msgspec.Raw(b"{}"),
        )
    )


Publish = Callable[[bytes], Awaitable[None]]


@pytest.fixture
async def publish(connect: Connect) -> Publish:
    """Give the way an event gets onto the stream."""
    client = await connect("publish")

    async def published(body: bytes, tenant: str = TENANT) -> None:
        answer = await client.request(event(tenant, "goal", GOAL, "archived"), body, timeout=5)
        assert b"error" not in answer.data, answer.data

    return published


class Watched:
    """What a follower was told."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.said: list[str] = []

    async def reached(self, number: int) -> None:
        await until(lambda: bool(self.numbers) and self.numbers[-1] >= number)


@asynccontextmanager
async def watching(nc: Client, journal: Journal, after: int) -> AsyncIterator[Watched]:
    """Follow while this lasts."""
    watched = Watched()

    async def follow() -> None:
        async for page in Following(nc, TENANT, journal, said=watched.said.append).pages(after):
            watched.numbers += [one.number for one in page]

    task = asyncio.create_task(follow())
    try:
        # The consumer is there when the journal was asked for what came before it.
        await until(lambda: journal.asked > 0 or task.done())
        yield watched
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_what_was_before_and_what_comes(connect: Connect, publish: Publish) -> None:
    """What happened before is told from the journal, page by page, then events as they come; each once."""
    journal = Journal()
    for number in range(1, 9):
        journal.commit(number)
    async with watching(await connect("cli"), journal, after=2) as watched:
        await watched.reached(8)
        for number in range(9, 12):
            await publish(journal.commit(number))
        await watched.reached(11)
    assert watched.numbers == list(range(3, 12))
    assert watched.said == []


async def test_a_gap_is_filled_from_the_journal(connect: Connect, publish: Publish) -> None:
    """What the stream does not bring is asked of the journal before what it brings is told."""
    journal = Journal()
    async with watching(await connect("cli"), journal, after=0) as watched:
        await publish(journal.commit(1))
        await watched.reached(1)
        journal.commit(2)
        journal.commit(3)
        await publish(journal.commit(4))
        await watched.reached(4)
    assert watched.numbers == [1, 2, 3, 4]


async def test_a_refill_is_not_told_again(connect: Connect, publish: Publish) -> None:
    """Events that come again are known by their sequence."""
    journal = Journal()
    async with watching(await connect("cli"), journal, after=0) as watched:
        for number in (1, 2, 3):
            await publish(journal.commit(number))
        await watched.reached(3)
        for number in (1, 2, 3):
            await publish(document(number))
        await publish(journal.commit(4))
        await watched.reached(4)
    assert watched.numbers == [1, 2, 3, 4]


async def test_other_tenants_are_not_told(connect: Connect) -> None:
    """The consumer is for one tenant."""
    journal, client = Journal(), await connect("publish")
    async with watching(await connect("cli"), journal, after=0) as watched:
        await client.request(event("other", "goal", GOAL, "archived"), document(1, "other"), timeout=5)
        await client.request(event(TENANT, "goal", GOAL, "archived"), journal.commit(1), timeout=5)
        await watched.reached(1)
    assert watched.numbers == [1]


async def test_a_killed_broker(broker: EmbeddedBroker, connect: Connect, publish: Publish) -> None:
    """The broker dies with its consumers and comes back: it goes on where it was, and says both."""
    journal = Journal()
    client = await nats.connect(**broker.options("cli"), reconnect_time_wait=0.05, error_cb=_quiet)
    async with watching(client, journal, after=0) as watched:
        await publish(journal.commit(1))
        await watched.reached(1)
        await broker.kill()
        journal.commit(2)
        await until(lambda: len(watched.said) > 0)
        await broker.start()
        await watched.reached(2)
        await until(lambda: watched.said[-1] == "Going on.")
        await _again(publish, journal.commit(3))
        await watched.reached(3)
    assert watched.numbers == [1, 2, 3]
    await client.close()


async def test_a_journal_that_does_not_answer(connect: Connect, publish: Publish) -> None:
    """Nothing is told over a gap: it waits until the journal can fill it."""
    journal = Journal()
    async with watching(await connect("cli"), journal, after=0) as watched:
        await publish(journal.commit(1))
        await watched.reached(1)
        journal.away = True
        journal.commit(2)
        await publish(journal.commit(3))
        await until(lambda: len(watched.said) > 0)
        assert watched.numbers == [1]
        journal.away = False
        await watched.reached(3)
    assert watched.numbers == [1, 2, 3]


async def _again(publish: Publish, body: bytes) -> None:
    """Publish, over and over until the other connection is back too."""

    async def tried() -> bool:
        try:
            await publish(body)
        except (nats.errors.Error, OSError):
            return False
        return True

    await until(tried)


async def _quiet(_: Exception) -> None:
    """Say nothing: the broker is killed on purpose."""
