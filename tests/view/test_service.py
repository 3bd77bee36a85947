"""The view on the bus: what is published is read, and questions are answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import nats
import structlog
from nats.aio.client import Client

from milepost.broker import EmbeddedBroker
from milepost.view.service import Sources, ViewService
from milepost.wiring import subscribing
from milepost_contracts import subjects
from milepost_contracts.queries import Goal, GoalAnswer, Query
from tests.support.documents import History, subject_of
from tests.support.nats import Connect
from tests.support.scenario import GOAL, MENTEE, NOW
from tests.view.test_goal import starter

LOG = structlog.wrap_logger(structlog.PrintLogger(), processors=[structlog.processors.KeyValueRenderer()])


async def nothing_missing(_tenant: str, _after: int, _limit: int) -> list[bytes]:
    """Stand for the journal's side where the stream has everything."""
    return []


@asynccontextmanager
async def serving(url: str, broker: EmbeddedBroker, history: History, **options: Any) -> AsyncIterator[ViewService]:
    """Give a service that reads and answers."""
    sources = Sources(history.vault, options.pop("events_after", nothing_missing))
    nc = await nats.connect(**broker.options("view"), reconnect_time_wait=0.05, error_cb=quiet)
    service = ViewService(
        url,
        subscribing(broker.options("view")),
        nc,
        sources=sources,
        gateways=frozenset({"cli"}),
        log=LOG,
        clock=lambda: NOW,
        **options,
    )
    await service.start()
    try:
        await service.caught_up()
        yield service
    finally:
        await service.stop()
        await nc.close()


async def quiet(_: Exception) -> None:
    """Say nothing: connections break on purpose here."""


async def publish(nc: Client, documents: Iterable[bytes]) -> None:
    """Put *documents* into the stream."""
    stream = nc.jetstream()
    for document in documents:
        await stream.publish(subject_of(document), document)


async def asked(nc: Client, query: Query, tenant: str = "acme") -> Any:
    """Return what the service answers to caller `cli`."""
    reply = await nc.request(subjects.query(tenant, "cli", query.NAME), msgspec.json.encode(query), timeout=10)
    return msgspec.json.decode(reply.data)


async def test_what_is_published_is_seen(view_url: str, broker: EmbeddedBroker, connect: Connect) -> None:
    """A question with min_sequence is answered with what was published before, and one second later still."""
    history = starter()
    publisher, client = await connect("publish"), await connect("cli")
    async with serving(view_url, broker, history):
        await publish(publisher, history.documents)
        answer = await asked(client, Goal(actor=MENTEE, id=GOAL, min_sequence=history.sequence))
        assert msgspec.convert(answer, GoalAnswer).goal.title == "Present well"
