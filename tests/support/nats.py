"""A private nats-server for one test, on the settings that operators use.

In a conftest.py: `from tests.support.nats import broker, connect  # noqa: F401  fixtures`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client

from milepost.broker import EmbeddedBroker
from milepost.ordered import Reader
from milepost.publish.jetstream import JetStream
from milepost.publish.streams import ensure_beside, ensure_goals

Connect = Callable[[str], Awaitable[Client]]


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
    """Give a running server with the streams made; `kill`, `stop` and `start` keep its address and its streams.

    `broker.url` is its address, `broker.options(role)` how a role of milepost.permissions connects.
    """
    async with EmbeddedBroker(tmp_path / "broker") as server:
        await make_streams(server)
        yield server


@pytest.fixture
async def connect(broker: EmbeddedBroker) -> AsyncIterator[Connect]:
    """Give the way to connect as a role: awaited with its name. The connections are closed after the test."""
    clients: list[Client] = []

    async def connected(role: str) -> Client:
        # A killed broker is back within milliseconds here; nats-py would wait two seconds before it looks.
        client = Reader() if role in ("view", "react") else Client()
        clients.append(client)
        soon: Any = 0.05  # nats-py means seconds, and says int
        await client.connect(**broker.options(role), reconnect_time_wait=soon, error_cb=_quiet)
        return client

    yield connected
    for client in clients:
        await client.close()


async def make_streams(server: EmbeddedBroker) -> None:
    """Make GOALS, GOALS_PLUGIN and GOALS_DEAD where they are missing, as publish does when it starts."""
    client = await nats.connect(**server.options("publish"))
    try:
        await ensure_beside(client, replicas=1)
        await ensure_goals(JetStream(client, "GOALS"), head=0, replicas=1)
    finally:
        await client.close()


async def _quiet(_: Exception) -> None:
    """Say nothing: connections break on purpose in these tests; what matters is what the caller is told."""
