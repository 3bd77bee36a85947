"""The view on the bus: what is published is read, and questions are answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
import nats
import psycopg
import pytest
import structlog
from nats.aio.client import Client

from milepost.broker import EmbeddedBroker
from milepost.view.answer import ANSWERS
from milepost.view.rebuild import Rebuild
from milepost.view.service import Sources, ViewService
from milepost.wiring import subscribing
from milepost_contracts import subjects
from milepost_contracts.events import goal as events
from milepost_contracts.queries import Goal, GoalAnswer, GoalsOf, Query
from tests.support.documents import History, subject_of
from tests.support.nats import Connect
from tests.support.scenario import GOAL, MENTEE, NOW, uid
from tests.support.waiting import until
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
        wait_s=10,
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


async def sent(nc: Client, name: str, body: bytes) -> Any:
    """Return what the service answers to *body*, sent by caller `cli`."""
    reply = await nc.request(subjects.query("acme", "cli", name), body, timeout=10)
    return msgspec.json.decode(reply.data)


async def asked(nc: Client, query: Query, tenant: str = "acme") -> Any:
    """Return what the service answers to caller `cli`."""
    reply = await nc.request(subjects.query(tenant, "cli", query.NAME), msgspec.json.encode(query), timeout=10)
    return msgspec.json.decode(reply.data)


async def test_what_is_published_is_seen(view_url: str, broker: EmbeddedBroker, connect: Connect) -> None:
    """A question is answered from what was published before it, when it says from which sequence on."""
    history = starter()
    publisher, client = await connect("publish"), await connect("cli")
    async with serving(view_url, broker, history):
        await publish(publisher, history.documents)
        answer = await asked(client, Goal(actor=MENTEE, id=GOAL, min_sequence=history.sequence))
        assert msgspec.convert(answer, GoalAnswer).goal.title == "Present well"
        history.add(MENTEE, events.Tagged(added=["later"]))
        await publish(publisher, history.documents[-1:])
        answer = await asked(client, Goal(actor=MENTEE, id=GOAL, min_sequence=history.sequence))
        assert msgspec.convert(answer, GoalAnswer).goal.tags == ["stage", "voice", "later"]


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("goal", b"{", "invalid", "invalid_json"),
        ("goal", b"\xff", "invalid", "invalid_json"),
        ("goal", b"[" * 100_000, "invalid", "invalid_field"),
        ("goal", b"{}", "invalid", "invalid_field"),
        ("goal", b'{"actor": "%s", "id": "x"}' % MENTEE.encode(), "invalid", "invalid_field"),
        (
            "goal",
            b'{"actor": "%s", "id": "%s", "more": 1}' % (MENTEE.encode(), GOAL.encode()),
            "invalid",
            "invalid_field",
        ),
        ("goals_of", b'{"actor": "%s", "limit": 0}' % MENTEE.encode(), "invalid", "invalid_field"),
        ("goals_of", b'{"actor": "%s", "states": ["lost"]}' % MENTEE.encode(), "invalid", "invalid_field"),
        ("goals_of", b'{"actor": "%s", "cursor": "x"}' % MENTEE.encode(), "invalid", "invalid_cursor"),
        ("goals_of", b" " * 200_000, "invalid", "message_too_large"),
        ("goal", b'{"actor": "%s", "id": "%s"}' % (MENTEE.encode(), GOAL.encode()), "refused", "goal_unknown"),
    ],
)
async def test_bad_questions(
    broker: EmbeddedBroker, connect: Connect, sqlite_view: str, name: str, body: bytes, status: str, code: str
) -> None:
    """Whatever comes is answered with a status and a stable code."""
    client = await connect("cli")
    async with serving(sqlite_view, broker, History()):
        answer = await sent(client, name, body)
        assert (answer["status"], answer["errors"][0]["code"]) == (status, code)


async def test_who_may_name_an_actor(broker: EmbeddedBroker, connect: Connect, sqlite_view: str) -> None:
    """A caller that is no gateway speaks for itself alone."""
    client = await connect("web")  # not among the gateways of this service
    async with serving(sqlite_view, broker, History()):
        subject = subjects.query("acme", "web", "goals_of")
        for actor, status in ((MENTEE, "refused"), ("service:web", "answered")):
            reply = await client.request(subject, msgspec.json.encode(GoalsOf(actor=actor)), timeout=10)
            assert msgspec.json.decode(reply.data)["status"] == status


async def test_a_long_answer_comes_in_more_pages(broker: EmbeddedBroker, connect: Connect, sqlite_view: str) -> None:
    """A page that no message can hold is made shorter; what is left comes with the next one."""
    history = starter()
    for number in range(40):
        history.add(MENTEE, events.CommentPosted(comment=uid(f"c{number}"), text="x" * 40_000))
    publisher, client = await connect("publish"), await connect("cli")
    async with serving(sqlite_view, broker, history):
        await publish(publisher, history.documents)
        seen: list[str] = []
        cursor = None
        while cursor is not None or not seen:
            query = Goal(actor=MENTEE, id=GOAL, min_sequence=history.sequence, cursor=cursor)
            answer = await asked(client, query)
            seen += [comment["comment"] for comment in answer["goal"]["comments"]]
            cursor = answer["next"]
        assert seen == [uid(f"c{number}") for number in reversed(range(40))]


async def test_an_answer_that_no_message_holds(
    broker: EmbeddedBroker, connect: Connect, sqlite_view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit even alone is refused, and says how large it is."""
    monkeypatch.setattr("milepost.view.service.ANSWER_BYTES_MAX", 500)
    history = starter()
    publisher, client = await connect("publish"), await connect("cli")
    async with serving(sqlite_view, broker, history):
        await publish(publisher, history.documents)
        answer = await asked(client, Goal(actor=MENTEE, id=GOAL, min_sequence=history.sequence))
        assert answer["errors"][0]["code"] == "answer_too_large"


async def test_logs_hold_no_words(
    broker: EmbeddedBroker, connect: Connect, sqlite_view: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each question is one line with tenant and actor, and none of what was said."""
    history = starter()
    publisher, client = await connect("publish"), await connect("cli")
    async with serving(sqlite_view, broker, history):
        await publish(publisher, history.documents)
        await asked(client, Goal(actor=MENTEE, id=GOAL, min_sequence=history.sequence))
    told = capsys.readouterr().out
    (line,) = [line for line in told.splitlines() if "event='query'" in line]
    assert "query='goal'" in line
    assert "tenant='acme'" in line
    assert MENTEE in line
    assert "Present" not in told


async def test_a_fault_is_told(
    broker: EmbeddedBroker,
    connect: Connect,
    sqlite_view: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A fault of ours is answered and logged, and the next question is answered as if nothing had been."""

    def broken(_case: object, _query: object) -> dict[str, Any]:
        raise LookupError("a fault")

    client = await connect("cli")
    async with serving(sqlite_view, broker, History()):
        with monkeypatch.context() as patched:
            patched.setitem(cast("dict[Any, Any]", ANSWERS), GoalsOf, broken)
            answer = await asked(client, GoalsOf(actor=MENTEE))
            assert (answer["status"], answer["retry"], answer["errors"][0]["code"]) == ("failed", False, "view_fault")
        assert (await asked(client, GoalsOf(actor=MENTEE)))["status"] == "answered"
    assert "event='query_failed'" in capsys.readouterr().out


async def test_a_service_notices_a_switch(view_url: str, broker: EmbeddedBroker, connect: Connect) -> None:
    """A view that was rebuilt by another process is answered from, and written to, from then on."""
    history = starter()
    publisher, client = await connect("publish"), await connect("cli")

    async def source(taken: int, limit: int) -> list[bytes]:
        return history.documents[taken : taken + limit]

    async with serving(view_url, broker, history):
        await publish(publisher, history.documents)
        await asked(client, Goal(actor=MENTEE, id=GOAL, min_sequence=history.sequence))
        result = await Rebuild(view_url, source, nothing_missing).run()
        assert (result.switched, result.differences) == (True, [])
        history.add(MENTEE, events.Tagged(added=["later"]))
        await publish(publisher, history.documents[-1:])
        answer = await asked(client, Goal(actor=MENTEE, id=GOAL, min_sequence=history.sequence))
        assert answer["goal"]["tags"] == ["stage", "voice", "later"]


async def test_the_database_comes_back(broker: EmbeddedBroker, connect: Connect, postgres_url: str) -> None:
    """When every connection to the database is cut, questions fail for a moment at the most, and reading goes on."""
    history = starter()
    publisher, client = await connect("publish"), await connect("cli")
    async with serving(postgres_url, broker, history):
        await publish(publisher, history.documents)
        await asked(client, Goal(actor=MENTEE, id=GOAL, min_sequence=history.sequence))
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        history.add(MENTEE, events.Tagged(added=["later"]))
        await publish(publisher, history.documents[-1:])

        async def seen() -> bool:
            answer = await asked(client, Goal(actor=MENTEE, id=GOAL, min_sequence=history.sequence))
            assert answer["status"] == "answered" or answer["retry"]
            return bool(answer["status"] == "answered")

        await until(seen)
