"""Relays and brokers are killed at every point, with rivals at work; afterwards the stream is the journal."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import Process
from pathlib import Path

import pytest
from nats.aio.client import Client

from milepost.broker import EmbeddedBroker
from milepost.journal import Journal
from milepost.publish import Publisher
from milepost.publish.jetstream import UNREACHABLE, JetStream
from milepost.publish.streams import Marks
from milepost.roles import seed_path
from milepost_contracts.subjects import STREAM
from tests.publish import relay_process
from tests.publish.events import Publish, caught_up, fill, in_journal, on_stream
from tests.support.nats import Connect
from tests.support.waiting import until

SEEDS = int(os.environ.get("MILEPOST_FAULT_SEEDS", "5"))
ROUNDS = 4
POINTS = ("publish.before_publish", "publish.in_batch", "publish.before_commit", "publish.after_publish")
REFILL_POINTS = ("publish.refill_marked", "publish.refill_purged", "publish.refill_opened")


async def _start(broker: EmbeddedBroker, url: str, deadly: str = "", verb: str = "run") -> Process:
    seed = seed_path(broker.directory, "publish")
    arguments = [broker.url, str(seed), url, deadly, verb]
    # Its reports of the broken connections that this test makes are of no use.
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        relay_process.__name__,
        *arguments,
        cwd=Path(__file__).parents[2],
        stderr=asyncio.subprocess.DEVNULL,
    )


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    assert await process.wait() == -signal.SIGKILL


async def _on_stream_or_dead(client: Client, journal: Journal, process: Process, generation: int = 0) -> None:
    """Wait until the process is dead or has nothing more to do, under a generation above *generation*."""
    events = journal.count_after(0)

    async def there() -> bool:
        if process.returncode is not None:
            return True
        try:
            info = await JetStream(client, STREAM).info()
        except UNREACHABLE:
            return False
        return info.state.messages >= events and Marks.read(info.metadata).generation > generation

    await until(there, seconds=60)


async def _goes_on_or_halts(publisher: Publisher, journal: Journal) -> None:
    head = journal.last_position()

    async def there() -> bool:
        status = await publisher.status()
        return status.halt is not None or (status.state == "running" and status.position >= head)

    await until(there, seconds=60)


@pytest.mark.parametrize("point", [*POINTS, *REFILL_POINTS])
async def test_each_point_is_a_place_to_die(
    broker: EmbeddedBroker, journal: Journal, publish: Publish, connect: Connect, url: str, point: str
) -> None:
    """Proves for every point by itself that the process does die there, and that the next relay mends it."""
    fill(journal, 1200)
    process = await _start(broker, url, point, "refill" if point in REFILL_POINTS else "run")
    assert await process.wait() == -signal.SIGKILL
    publisher = await publish()
    await _goes_on_or_halts(publisher, journal)
    halted = (await publisher.status()).halt
    assert (halted is not None) == (point in ("publish.refill_marked", "publish.refill_purged"))
    if halted is not None:
        await publisher.refill()
    assert await on_stream(await connect("cli")) == in_journal(journal)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_whatever_dies_the_stream_becomes_the_journal(
    broker: EmbeddedBroker, journal: Journal, publish: Publish, connect: Connect, url: str, seed: int
) -> None:
    """Proves that SIGKILLs of relays at named points, of a rival and of the broker lose and double nothing."""
    chance = random.Random(seed)  # noqa: S311  the same events for the same seed, nothing secret
    client = await connect("cli")
    rival = await _start(broker, url)
    for _ in range(ROUNDS):
        fill(journal, chance.choice([1, 2, 50, 1200, 2300]))
        process = await _start(broker, url, f"{chance.choice(POINTS)}:{chance.randint(1, 2)}")
        if chance.random() < 0.5:
            await asyncio.sleep(chance.random())  # somewhere in its start or its work, by the seed
            await broker.kill()
            fill(journal, chance.randint(1, 40))
            await broker.start()
        if chance.random() < 0.4:
            await _end(rival)
            rival = await _start(broker, url)
        await _on_stream_or_dead(client, journal, process)
        await _end(process)
    await _end(rival)
    await caught_up(await publish(), journal)
    assert await on_stream(client) == in_journal(journal)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_a_refill_may_die_anywhere_and_be_done_again(
    broker: EmbeddedBroker, journal: Journal, publish: Publish, connect: Connect, url: str, seed: int
) -> None:
    """Proves that a refill killed at a named point goes on with the next relay, or halts until the next refill."""
    chance = random.Random(seed)  # noqa: S311  the same events for the same seed, nothing secret
    fill(journal, chance.choice([5, 1500]))
    publisher = await publish()
    await caught_up(publisher, journal)
    generation = (await publisher.status()).generation
    process = await _start(broker, url, chance.choice([*REFILL_POINTS, *POINTS]), "refill")
    client = await connect("cli")
    await _on_stream_or_dead(client, journal, process, generation)
    await _end(process)
    fill(journal, 3)
    await _goes_on_or_halts(publisher, journal)
    if (await publisher.status()).halt is not None:
        await publisher.refill()
        await caught_up(publisher, journal)
    assert await on_stream(client) == in_journal(journal)
    assert (await publisher.reconcile()).findings == []
