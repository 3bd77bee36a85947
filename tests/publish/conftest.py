"""A private broker, a journal that tests append to, and publishers that read it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from milepost.journal import Journal
from milepost.publish import Publisher
from milepost_contracts.commands.tenant import RecordRefill
from tests.publish.events import Publish, Recorded
from tests.support.nats import Connect, broker, connect
from tests.support.postgres import postgres_url

__all__ = ["broker", "connect", "postgres_url"]


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give a journal's URL: SQLite, or what `both_databases` asks for."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return f"sqlite:///{tmp_path / 'journal.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    """Open the journal that the test appends to."""
    with Journal(url) as opened:
        yield opened


@pytest.fixture
async def publish(url: str, journal: Journal, connect: Connect) -> AsyncIterator[Publish]:
    """Give the way to start a publisher on the test's journal and broker; all are stopped after the test."""
    tasks: list[asyncio.Task[None]] = []
    readers: list[Journal] = []

    async def started(
        record: Callable[[str, RecordRefill], Awaitable[str]] | None = None, *, poll_s: float = 0.05
    ) -> Publisher:
        readers.append(Journal(url, writes=False))
        publisher = Publisher(
            await connect("publish"), readers[-1], record or Recorded(), poll_s=poll_s, answer_s_max=0.5
        )
        tasks.append(asyncio.create_task(publisher.run()))
        return publisher

    yield started
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(result, asyncio.CancelledError), result
    for reader in readers:
        reader.close()
