"""The stream is read in order, once, whatever breaks: messages that are gone, another stream, kills, a second copy."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import structlog
from nats.aio.client import Client

from milepost.broker import EmbeddedBroker
from milepost.publish.jetstream import JetStream
from milepost.publish.streams import Marks, update_goals
from milepost.view.applying import Applying
from milepost.view.reading import Reading
from milepost.view.sets import Sets
from milepost_contracts.events import goal as events
from tests.support.documents import History, subject_of
from tests.support.nats import Connect, make_streams
from tests.support.scenario import MENTEE, uid
from tests.support.waiting import until
from tests.view.conftest import View, contents
from tests.view.test_applying import HISTORY, talkative
from tests.view.test_service import publish

Journal = Callable[[str, int, int], Awaitable[list[bytes]]]
# SIGKILL at so many random places of each kind; `make faults` takes more.
SEEDS = int(os.environ.get("MILEPOST_FAULT_SEEDS", "5"))


def journal_of(*histories: History) -> Journal:
    """Return what asks a journal that has every event of *histories*."""
    by_tenant = {history.tenant: history for history in histories}

    async def events_after(tenant: str, after: int, limit: int) -> list[bytes]:
        return by_tenant[tenant].documents[after : after + limit]

    return events_after


class Lines:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def __call__(self, _logger: object, _method: str, line: Any) -> str:
        self.told.append(dict(line))
        raise structlog.DropEvent


class Reader:
    """A reader of the stream in this process."""

    def __init__(self, url: str, nc: Client, journal: Journal, batch_max: int) -> None:
        self.lines = Lines()
        self.numbers: dict[str, int] = {}
        self.sets = Sets(url)
        self.sets.open()
        self.reading = Reading(
            Applying(self.sets),
            journal,
            log=structlog.wrap_logger(structlog.PrintLogger(), processors=[self.lines]),
            told=lambda applied: self.numbers.update(applied.numbers),
            reset=self.numbers.update,
            batch_max=batch_max,
        )
        self.task = asyncio.create_task(self.reading.run(nc))

    async def has(self, history: History) -> None:
        """Return when everything of *history* is read."""
        await until(lambda: self.numbers.get(history.tenant, 0) == len(history.documents))

    async def stop(self) -> None:
        """End it."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.reading.close()
        self.sets.close()


@asynccontextmanager
async def reads(url: str, nc: Client, *histories: History, batch_max: int = 1000) -> AsyncIterator[Reader]:
    """Give a reader whose journal has *histories*."""
    reader = Reader(url, nc, journal_of(*histories), batch_max)
    try:
        yield reader
    finally:
        await reader.stop()


def alone(view: View, history: History) -> dict[str, list[Any]]:
    """Return the rows that *history* makes without any stream."""
    return contents(view.write(history).sets)


async def refill(nc: Client, documents: list[bytes]) -> None:
    """Fill the stream again, as publish does: purged, of another generation, the same bytes."""
    stream = JetStream(nc, "GOALS")
    marks = Marks.read((await stream.info()).metadata)
    await stream.purge()
    await update_goals(stream, msgspec.structs.replace(marks, generation=marks.generation + 1), replicas=1)
    await publish(nc, documents)


async def test_duplicates_and_other_tenants(sqlite: View, broker: EmbeddedBroker, connect: Connect) -> None:
    """Messages that come twice are passed over; tenants are counted each by itself."""
    history, other = talkative(), talkative(3)
    globex = History("globex")
    globex.add(MENTEE, events.Created(title="Sell more", owner=MENTEE, revision=1))
    other.tenant = "other"
    publisher, nc = await connect("publish"), await connect("view")
    async with reads(f"{sqlite.url}.read", nc, history, globex) as reader:
        await publish(publisher, [*history.documents[:3], globex.documents[0], *history.documents])
        await reader.has(history)
        await reader.has(globex)
        assert reader.lines.told == []
        assert contents(reader.sets)["sequence"][0][:2] == ("acme", len(history.documents))


async def test_what_the_stream_lost_comes_from_the_journal(
    view: View, sqlite: View, broker: EmbeddedBroker, connect: Connect
) -> None:
    """Messages that are gone from the stream, at its beginning and in its middle, are asked for."""
    history = HISTORY
    publisher, nc = await connect("publish"), await connect("view")
    await publish(publisher, [*history.documents[2:5], *history.documents[8:]])
    async with reads(view.url, nc, history, batch_max=4) as reader:
        await reader.has(history)
        assert [line["event"] for line in reader.lines.told] == ["events_missing"] * 2
        assert contents(reader.sets) == alone(sqlite, history)


async def test_nothing_is_skipped(sqlite: View, broker: EmbeddedBroker, connect: Connect) -> None:
    """When the journal does not answer either, reading waits at the gap, says so, and goes on when it does."""
    history = talkative(4)
    answering = False

    async def events_after(_tenant: str, after: int, limit: int) -> list[bytes]:
        if not answering:
            raise ConnectionError("replay is away")
        return history.documents[after : after + limit]

    publisher, nc = await connect("publish"), await connect("view")
    await publish(publisher, [*history.documents[:2], *history.documents[3:]])
    reader = Reader(sqlite.url, nc, events_after, 1000)
    try:
        await until(lambda: reader.reading.halted == "Missing")
        assert reader.numbers.get("acme", 0) == 0
        answering = True
        await reader.has(history)
        assert reader.reading.halted is None
    finally:
        await reader.stop()


async def test_another_generation(view: View, sqlite: View, broker: EmbeddedBroker, connect: Connect) -> None:
    """A stream that was filled again is read from its beginning, and what is known is passed over."""
    history = talkative()
    publisher, nc = await connect("publish"), await connect("view")
    async with reads(view.url, nc, history) as reader:
        await publish(publisher, history.documents)
        await reader.has(history)
    history.add(MENTEE, events.CommentPosted(comment=uid("later"), text="Later"))
    await refill(publisher, history.documents)
    async with reads(view.url, nc, history) as reader:
        await reader.has(history)
        assert [line["event"] for line in reader.lines.told] == ["stream_begins_anew"]
        # And while it is being read.
        history.add(MENTEE, events.CommentPosted(comment=uid("latest"), text="Latest"))
        await refill(publisher, history.documents)
        await reader.has(history)
        assert contents(reader.sets) == alone(sqlite, history)


async def test_a_stream_that_was_lost(view: View, sqlite: View, broker: EmbeddedBroker, connect: Connect) -> None:
    """A stream that was deleted and made anew, numbered from one, is read on as if nothing had been."""
    history = talkative()
    publisher, nc = await connect("publish"), await connect("view")
    async with reads(view.url, nc, history) as reader:
        await publish(publisher, history.documents)
        await reader.has(history)
        await broker.stop()
        for file in sorted((broker.directory / "jetstream").rglob("*"), reverse=True):
            file.unlink() if file.is_file() else file.rmdir()
        await broker.start()
        await make_streams(broker)
        history.add(MENTEE, events.CommentPosted(comment=uid("later"), text="Later"))
        await publish(await connect("publish"), history.documents)
        await reader.has(history)
        assert contents(reader.sets) == alone(sqlite, history)


async def test_the_broker_dies(sqlite: View, broker: EmbeddedBroker, connect: Connect) -> None:
    """A broker that is killed and comes back is read on from where it was."""
    history = talkative()
    publisher, nc = await connect("publish"), await connect("view")
    async with reads(sqlite.url, nc, history) as reader:
        await publish(publisher, history.documents)
        await reader.has(history)
        await broker.kill()
        await broker.start()
        history.add(MENTEE, events.CommentPosted(comment=uid("later"), text="Later"))
        await publish(await connect("publish"), history.documents[-1:])
        await reader.has(history)


async def test_two_copies(view: View, sqlite: View, broker: EmbeddedBroker, connect: Connect) -> None:
    """Two readers of the same tables lose nothing and write nothing twice."""
    history = talkative(60)
    publisher, nc, other = await connect("publish"), await connect("view"), await connect("view")
    async with (
        reads(view.url, nc, history, batch_max=3) as one,
        reads(view.url, other, history, batch_max=3) as two,
    ):
        await publish(publisher, history.documents)
        await until(lambda: max(one.numbers.get("acme", 0), two.numbers.get("acme", 0)) == len(history.documents))
        assert contents(one.sets) == alone(sqlite, history)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_kills(view_url: str, broker: EmbeddedBroker, connect: Connect, seed: int, sqlite: View) -> None:
    """A reader that is killed in the middle of a transaction or after it, again and again, ends with the same rows."""
    history = talkative(40)
    publisher, nc = await connect("publish"), await connect("view")
    await publish(publisher, history.documents)
    chosen = random.Random(seed)  # noqa: S311  a test's choice
    options = msgspec.json.encode(broker.options("view")).decode()
    for _ in range(2):
        point = chosen.choice(["view.in_transaction", "view.after_commit"])
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.view.reader", view_url, options, point, str(chosen.randint(1, 3))
        )
        assert await asyncio.wait_for(process.wait(), 60) == -signal.SIGKILL
    async with reads(view_url, nc, history) as reader:
        await reader.has(history)
        assert contents(reader.sets) == alone(sqlite, history)


def test_subjects() -> None:
    """Documents travel on the subject of their aggregate and event."""
    assert subject_of(talkative(0).documents[0]) == f"goals.event.v1.acme.goal.{uid('goal')}.created"
