"""The streams: what is asked for is what the server says it has, and a server that cannot is refused."""

from __future__ import annotations

import pytest

from milepost.broker import EmbeddedBroker
from milepost.publish.jetstream import ApiError, JetStream
from milepost.publish.streams import (
    Marks,
    StreamError,
    check_server,
    checkpoints,
    dead_letters,
    ensure_beside,
    ensure_goals,
    goals,
    plugin_facts,
)
from milepost_contracts.subjects import STREAM, STREAM_CHECKPOINTS, STREAM_DEAD, STREAM_PLUGIN
from tests.support.nats import Connect


@pytest.mark.parametrize("name", [STREAM, STREAM_PLUGIN, STREAM_DEAD, STREAM_CHECKPOINTS])
async def test_streams_keep_everything_on_disk(connect: Connect, name: str) -> None:
    """Proves that each stream is as the wire promises: files, no limit by age, number or size."""
    config = (await JetStream(await connect("cli"), name).info()).config
    kept = {member: config[member] for member in ("storage", "max_age", "max_msgs", "max_bytes", "retention")}
    assert kept == {"storage": "file", "max_age": 0, "max_msgs": -1, "max_bytes": -1, "retention": "limits"}


async def test_goals_takes_batches_and_no_deletion(connect: Connect) -> None:
    """Proves what GOALS adds: atomic batches, and not even the relay may delete a message."""
    client = await connect("publish")
    config = (await JetStream(client, STREAM).info()).config
    assert (config["allow_atomic"], config["deny_delete"], config["allow_rollup_hdrs"]) == (True, True, False)


@pytest.mark.parametrize("name", [STREAM_PLUGIN, STREAM_CHECKPOINTS])
async def test_facts_and_checkpoints_cannot_be_purged(connect: Connect, name: str) -> None:
    """Proves that facts of plugins, which have no other copy, and checkpoints survive a purge by who may ask for it."""
    with pytest.raises(ApiError):
        await JetStream(await connect("publish"), name).purge()


async def test_ensuring_again_changes_nothing(connect: Connect) -> None:
    """Proves that every start may ensure the streams: generation and settings stay."""
    client = await connect("publish")
    stream = JetStream(client, STREAM)
    before = await stream.info()
    await ensure_beside(client, replicas=1)
    assert await ensure_goals(stream, 17, replicas=1) == before


async def test_a_stream_that_cannot_be_mended_is_named_with_what_differs(connect: Connect) -> None:
    """Proves that settings which the server refuses to change end in an error that names them."""
    client = await connect("publish")
    stream = JetStream(client, STREAM_DEAD)
    config = dead_letters(replicas=1)
    await stream.update(config | {"deny_delete": True})
    with pytest.raises(StreamError, match="deny_delete is True, not False") as refused:
        await ensure_beside(client, replicas=1)
    assert refused.value.code == "stream_differs"


async def test_more_replicas_than_servers_are_refused(broker: EmbeddedBroker, connect: Connect) -> None:
    """Proves that the replicas setting reaches the server, which has only one machine here."""
    with pytest.raises(ApiError, match="replicas > 1 not supported"):
        await ensure_goals(JetStream(await connect("publish"), STREAM), 0, replicas=3)


@pytest.mark.parametrize(("major", "minor", "fits"), [(2, 9, False), (2, 11, False), (2, 12, True), (3, 0, True)])
def test_servers_without_atomic_batches_are_refused(major: int, minor: int, *, fits: bool) -> None:
    """Proves that a server which would store a batch one by one is refused with what to do."""
    if fits:
        check_server(major, minor)
        return
    with pytest.raises(StreamError, match=r"2\.12 or newer") as refused:
        check_server(major, minor)
    assert refused.value.code == "server_too_old"


def test_streams_differ_only_where_they_mean_to() -> None:
    """Proves the declarations against each other: one form of settings for all."""
    beside = [declare(replicas=3) for declare in (plugin_facts, dead_letters, checkpoints)]
    declared = [goals(Marks(generation=1), replicas=3), *beside]
    assert {config["num_replicas"] for config in declared} == {3}
    assert [config["name"] for config in declared] == [STREAM, STREAM_PLUGIN, STREAM_DEAD, STREAM_CHECKPOINTS]
    same = {"storage", "retention", "max_age", "max_msgs", "max_bytes", "discard", "no_ack", "sealed", "mirror"}
    assert len({tuple(config[member] for member in sorted(same)) for config in declared}) == 1
