"""A consumer that lacks anything says so, and is made anew; it never goes on over a hole."""

from __future__ import annotations

import pytest
from nats.aio.client import Client
from nats.errors import NoRespondersError

from milepost.broker import EmbeddedBroker
from milepost.ordered import Broken, NoStream, Ordered, Reader, stream_state
from milepost.publish.jetstream import JetStream
from milepost.publish.streams import Marks
from milepost_contracts.subjects import query
from tests.support.nats import Connect, make_streams
from tests.support.waiting import until
from tests.view.test_applying import talkative
from tests.view.test_reading import reads
from tests.view.test_service import publish

DOCUMENTS = talkative(5).documents


async def arrived(nc: Client, count: int) -> Ordered:
    """Return a consumer with *count* messages that are not taken yet."""
    ordered = Ordered(nc, start=1)
    await ordered.open()
    await until(lambda: len(ordered._arrived) == count)
    return ordered


async def test_limits(broker: EmbeddedBroker, connect: Connect) -> None:
    """Documents come in order, no more at once than asked for, from the sequence asked for."""
    await publish(await connect("publish"), DOCUMENTS)
    ordered = await arrived(await connect("view"), 6)
    first, second = await ordered.next(4), await ordered.next(4)
    assert ([*first.documents, *second.documents], first.last_sequence, second.last_sequence) == (DOCUMENTS, 4, 6)
    await ordered.close()
    late = Ordered(await connect("view"), start=6)
    await late.open()
    assert (await late.next(10)).documents == DOCUMENTS[5:]
    await late.close()
    await late.close()


async def test_headers(broker: EmbeddedBroker, connect: Connect) -> None:
    """What reads events leaves their headers unread, and is still told by one that nobody is there."""
    await publish(await connect("publish"), DOCUMENTS)
    nc = await connect("view")
    assert isinstance(nc, Reader)
    ordered = await arrived(nc, 6)
    assert [message.headers for message in ordered._arrived] == [None] * 6
    with pytest.raises(NoRespondersError):
        await nc.request(query("acme", "view", "keys"), b"{}")
    await ordered.close()


async def test_a_lost_message(broker: EmbeddedBroker, connect: Connect) -> None:
    """A message that got lost on the way is noticed with the next one."""
    await publish(await connect("publish"), DOCUMENTS)
    ordered = await arrived(await connect("view"), 6)
    del ordered._arrived[2]
    with pytest.raises(Broken):
        await ordered.next(10)
    await ordered.close()


async def test_the_last_message_lost(broker: EmbeddedBroker, connect: Connect) -> None:
    """A lost message that nothing follows is noticed by the server's next sign of life."""
    await publish(await connect("publish"), DOCUMENTS)
    ordered = await arrived(await connect("view"), 6)
    del ordered._arrived[5]
    assert len((await ordered.next(10)).documents) == 5
    with pytest.raises(Broken):
        await ordered.next(10)
    await ordered.close()


async def test_silence(broker: EmbeddedBroker, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that says nothing for too long is not waited for."""
    monkeypatch.setattr("milepost.ordered.SILENCE_S", 0.3)
    ordered = Ordered(await connect("view"), start=1)
    await ordered.open()
    with pytest.raises(Broken):
        await ordered.next(10)
    await ordered.close()


async def test_generation(broker: EmbeddedBroker, connect: Connect) -> None:
    """The generation is read where publish keeps it."""
    nc = await connect("publish")
    state = await stream_state(nc)
    info = await JetStream(nc, "GOALS").info()
    assert (state.generation, state.last_sequence) == (Marks.read(info.metadata).generation, 0)


async def test_before_there_is_a_stream(sqlite_view: str, broker: EmbeddedBroker, connect: Connect) -> None:
    """Reading waits for the stream to be made, and says that it waits."""
    history = talkative(2)
    nc, publisher = await connect("view"), await connect("publish")
    await broker.stop()
    for file in sorted((broker.directory / "jetstream").rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    await broker.start()
    await until(lambda: nc.is_connected and publisher.is_connected)
    with pytest.raises(NoStream):
        await stream_state(nc)
    async with reads(sqlite_view, nc, history) as reader:
        await until(lambda: reader.reading.halted == "NoStream")
        await make_streams(broker)
        await publish(publisher, history.documents)
        await reader.has(history)
