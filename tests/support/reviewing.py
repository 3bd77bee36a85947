"""Accept as a stage on a real broker, in one process or in two, and plugins that review commands over that broker."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from milepost import wiring
from milepost.broker import EmbeddedBroker
from milepost.journal import Journal, Stored
from milepost.settings import resolve
from milepost_contracts import answers, reviews, subjects
from milepost_contracts.answers import Accepted, Answer
from milepost_contracts.commands import Command, tenant
from milepost_contracts.reviews import Passed, Review
from milepost_contracts.subjects import tenant_id
from tests.support.accepting import TENANT, ident

Say = Callable[[Review], Awaitable[object]]
"""What a plugin says to a review: an answer, raw bytes, or None where it says nothing at all."""


async def passes(_: Review) -> object:
    """Have nothing against any command."""
    return Passed()


class Reviewer:
    """A plugin: it hears what it is asked on the broker, keeps it in `asked`, and answers what *say* returns."""

    def __init__(self, name: str, say: Say = passes) -> None:
        """Take its name."""
        self.name = name
        self.say = say
        self.asked: list[Review] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, react: Client) -> Reviewer:
        """Begin to hear; returns when the broker knows."""
        await react.subscribe(f"goals.review.v1.*.{self.name}", queue=self.name, cb=self._take)
        await react.flush()
        return self

    async def _take(self, message: Msg) -> None:
        # In a task each: a plugin that thinks about one command can be asked about the next.
        task = asyncio.create_task(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: Msg) -> None:
        assert message.subject == subjects.review(TENANT, self.name)
        review = reviews.decode(message.data)
        self.asked.append(review)
        said = await self.say(review)
        if said is not None:
            await message.respond(said if isinstance(said, bytes) else msgspec.json.encode(said))


class Stage:
    """A running accept, and a gateway's connection to it; the tenant is open."""

    def __init__(self, client: Client, journal: Journal) -> None:
        """Take the parts."""
        self.client = client
        self.journal = journal

    async def ask(self, command: Command) -> Answer:
        """Send *command* as the gateway `cli`."""
        subject = subjects.command(TENANT, "cli", command.AGGREGATE, command.NAME)
        return answers.decode((await self.client.request(subject, msgspec.json.encode(command), timeout=20)).data)

    async def accepted(self, command: Command) -> Accepted:
        """Send *command*, which must be accepted."""
        answer = await self.ask(command)
        assert isinstance(answer, Accepted), answer
        return answer

    def stored(self, name: str) -> list[Stored]:
        """Return the events of goal *name*."""
        return self.journal.load(TENANT, ("goal", ident(name)))


@asynccontextmanager
async def stage(
    processes: int, broker: EmbeddedBroker, client: Client, folder: Path, **flags: Any
) -> AsyncIterator[Stage]:
    """Run accept in one process (this one) or in two, with the settings *flags*."""
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    settings = resolve({"data_dir": str(folder), **flags}, {}).settings
    run = {1: wiring.accept, 2: wiring.accept_in_two}[processes]
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    async with AsyncExitStack() as stack:
        stack.callback(gc.set_threshold, *thresholds)
        stack.callback(sys.setswitchinterval, interval)
        await stack.enter_async_context(run(settings, broker.options, lambda _: None))
        journal = Journal(settings.journal_url, writes=False)
        stack.callback(journal.close)
        running = Stage(client, journal)
        await running.accepted(tenant.Open(command_id=ident("open"), id=tenant_id(TENANT), actor="service:cli"))
        yield running
