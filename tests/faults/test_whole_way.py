"""The whole way under SIGKILL at named points, duplicates and dead brokers: what was acknowledged is there, once."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError

from milepost.asking import Asker
from milepost.broker import EmbeddedBroker
from milepost_contracts.answers import Accepted, Failed
from milepost_contracts.commands import Command, goal, tenant
from milepost_contracts.queries import GoalsOf
from milepost_contracts.subjects import tenant_id
from tests.support.ledger import Ledger, check_stream, check_view, everything, stream_documents
from tests.support.road import Road

pytestmark = pytest.mark.faults

POINTS = (
    "journal.before_commit",
    "journal.after_commit",
    "publish.before_publish",
    "publish.before_commit",
    "publish.after_publish",
    "view.in_transaction",
    "view.after_commit",
)
TENANT = "acme"
WRITERS = 6
DEATHS = 3


class Writer:
    """A person who works on a goal; every command is made from the seed."""

    def __init__(self, seed: int, number: int) -> None:
        """Take the seed and which of the writers this is."""
        self.random = random.Random(f"{seed}/{number}")  # noqa: S311  reproducible, not secret
        self.actor = f"user:{self.id()}"
        self.goal = self.id()

    def id(self) -> str:
        """Return a fresh id."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def commands(self) -> Iterator[Command]:
        """Yield what this person does, in order; every command is one that is accepted."""
        who: dict[str, Any] = {"id": self.goal, "actor": self.actor}
        measure, today = self.id(), dt.datetime.now(dt.UTC).date()
        yield goal.CreateGoal(command_id=self.id(), title="Speak freely", owner=self.actor, **who)
        yield goal.DefineMeasure(
            command_id=self.id(), measure=measure, name="Talks", kind="count", direction="increase", unit="talks",
            baseline="0", target="50", **who,
        )  # fmt: skip
        yield goal.ProposeGoal(command_id=self.id(), revision=2, **who)
        for _ in range(20):
            kind = self.random.randrange(4)
            if kind == 0:
                yield goal.RecordProgress(command_id=self.id(), measure=measure, reading="1", on=today, **who)
            elif kind == 1:
                yield goal.PostComment(command_id=self.id(), comment=self.id(), text="On we go", **who)
            elif kind == 2:
                yield goal.HoldCheckIn(
                    command_id=self.id(), check_in=self.id(), held_on=today, attendees=[self.actor], wins=["One"], **who
                )
            else:
                yield goal.AddMilestone(command_id=self.id(), milestone=self.id(), title="Next", due_on=today, **who)


async def _accepted(asker: Asker, command: Command) -> Accepted:
    """Send *command* until its outcome is known, through deaths of service and broker."""
    while True:
        try:
            answer = await asker.command(TENANT, command)
        except NatsError:  # the broker is dead at this moment
            await asyncio.sleep(0.05)
            continue
        if isinstance(answer, Accepted):
            return answer
        assert isinstance(answer, Failed), answer


async def _write(writer: Writer, asker: Asker, ledger: Ledger) -> None:
    for command in writer.commands():
        ledger.note(command, await _accepted(asker, command))
        if writer.random.random() < 0.15:
            ledger.note(command, await _accepted(asker, command))


async def _die_and_rise(road: Road, chance: random.Random, done: asyncio.Event, broker: EmbeddedBroker) -> list[str]:
    """Start the service again and again, each time to die at another point; the last one lives."""
    suffered: list[str] = []
    for _ in range(DEATHS):
        fault = f"{chance.choice(POINTS)}:{chance.randint(1, 12)}"
        if await road.start(fault):
            finished = asyncio.create_task(done.wait())
            died = asyncio.create_task(road.ended())
            await asyncio.wait({finished, died}, return_when=asyncio.FIRST_COMPLETED)
            finished.cancel()
            if not died.done():
                await road.kill()
                await died
        suffered.append(fault)
        if chance.random() < 0.3:
            await broker.kill()
            await broker.start()
            suffered.append("broker")
    await road.start()
    return suffered


async def _seen(client: Client, owner: str, sequence: int) -> None:
    """Wait until the view has seen *sequence*."""
    asker = Asker(client, "cli", patience_s=60)
    answer = await asker.query(TENANT, GoalsOf(actor=owner, min_sequence=f"{sequence:016d}"))
    assert not isinstance(answer, Failed), answer


async def test_what_was_acknowledged_is_everywhere_once(
    tmp_path: Path, seed: int, request: pytest.FixtureRequest
) -> None:
    """Journal, stream and view agree event by event after deaths at random named points; odd seeds on PostgreSQL."""
    journal = request.getfixturevalue("postgres_url") if seed % 2 else f"sqlite:///{tmp_path}/data/journal.sqlite"
    flags = ["--journal-url", journal, *(["--keys-url", journal] if seed % 2 else [])]
    chance = random.Random(seed)  # noqa: S311  reproducible, not secret
    ledger, writers = Ledger(), [Writer(seed, number) for number in range(WRITERS)]
    async with EmbeddedBroker(tmp_path / "broker") as broker:
        road = Road(tmp_path / "data", broker=broker, flags=flags)
        client = await road.connect()
        asker, done = road.asker(client), asyncio.Event()
        dying = asyncio.create_task(_die_and_rise(road, chance, done, broker))
        opened = tenant.Open(command_id=str(uuid.uuid4()), id=tenant_id(TENANT), actor="service:cli")
        ledger.note(opened, await _accepted(asker, opened))
        await asyncio.gather(*(_write(writer, asker, ledger) for writer in writers))
        done.set()
        suffered = await dying
        for _ in range(2):  # that somebody reads is recorded, the first time
            await _seen(client, writers[0].actor, everything(journal)[-1].sequence)
        publisher = await road.connect("publish")
        found = await stream_documents(publisher)
        await publisher.close()
        await client.close()
        assert await road.stop() == 0
    stored = everything(journal)
    assert len(ledger.accepted) == 1 + WRITERS * 23, suffered
    ledger.check_journal(stored)
    check_stream(stored, found)
    assert check_view(f"sqlite:///{tmp_path}/data/view.sqlite", stored, tmp_path)
