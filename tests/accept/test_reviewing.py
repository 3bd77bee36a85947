"""A review that does not go well, or whose command is decided again: nobody is asked twice, and everybody answered."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from milepost import logs
from milepost.accept import AcceptService, Reviews, Ticket
from milepost.accept import reviewing as subject
from milepost.accept.decoding import Decoded
from milepost.broker import EmbeddedBroker
from milepost.wiring import subscribing
from milepost_contracts.answers import Accepted, Answer, Failed, Problem, Refused
from milepost_contracts.reviews import Passed, Review
from tests.accept.test_committer import codes, comment
from tests.accept.test_service import Bus
from tests.support.accepting import TENANT, Acceptance, create, ident, reviewing
from tests.support.nats import Connect
from tests.support.reviewing import Reviewer
from tests.support.waiting import until

Serve = Callable[..., AbstractAsyncContextManager[Bus]]


@pytest.fixture
def serve(broker: EmbeddedBroker, connect: Connect) -> Serve:
    """Give the way to put an Acceptance that is not started on the bus, with what asks plugins about comments."""

    @asynccontextmanager
    async def serving(accept: Acceptance, reviews: Reviews | None = None, **options: Any) -> AsyncIterator[Bus]:
        log = io.StringIO()
        logs.configure(log, json=True)
        accept.decoder._gateways = frozenset({"cli", "tests"})
        service = AcceptService(
            subscribing(broker.options("accept")), accept.committer, accept.decoder, log=logs.logger("accept"),
            reviews=reviews or reviewing("gate=goal.post_comment"), **options,
        )  # fmt: skip
        await service.start()
        await asyncio.to_thread(accept.open_tenant)
        await asyncio.to_thread(accept.accepted, create("a"))
        yield Bus(accept, service, await connect("cli"), log)
        await service.stop()
        accept.close()
        logs.configure()

    return serving


@pytest.fixture
async def gate(connect: Connect) -> Reviewer:
    """Give a plugin that passes whatever it is asked about."""
    return await Reviewer("gate").listen(await connect("react"))


def lines(bus: Bus, event: str) -> list[dict[str, Any]]:
    """Return the log lines *event*."""
    found = [json.loads(line) for line in bus.log.getvalue().splitlines()]
    return [line for line in found if line["event"] == event]


@pytest.fixture
def two(tmp_path: Path, postgres_url: str) -> Iterator[tuple[Acceptance, Acceptance]]:
    """Give two accepts on one PostgreSQL: one to be put on the bus, one that others ask."""
    where: dict[str, Any] = {"journal_url": postgres_url, "keys_url": postgres_url, "alone": False}
    other = Acceptance(tmp_path, **where)
    other.decoder._gateways = frozenset({"cli", "tests"})
    yield Acceptance(tmp_path, started=False, **where), other
    other.close()


@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_a_conflict_asks_nobody_again(
    serve: Serve, gate: Reviewer, two: tuple[Acceptance, Acceptance], monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    """While a plugin thinks and before each commit others write: decided again, in the end inside the lock."""
    accept, other = two
    flush, commits = accept.keys.flush, 0

    def others_write() -> None:
        nonlocal commits
        commits += bool(gate.asked)
        if 1 < commits <= lost:
            other.accepted(comment("a", f"before commit {commits}"))
        flush()

    async def say(_: Review) -> object:
        await asyncio.to_thread(other.accepted, comment("a", "meanwhile"))
        return Passed()

    gate.say = say
    async with serve(accept) as bus:
        monkeypatch.setattr(accept.keys, "flush", others_write)  # the last that is done before the lock is taken
        answer = await bus.ask(comment("a", 1))
        assert isinstance(answer, Accepted)
        assert answer.version == 2 + lost
        assert [review.version for review in gate.asked] == [1]
        await bus.service.stop()
        assert lines(bus, "command")[-1]["attempts"] == min(1 + lost, 3)
        assert len(accept.journal.load(TENANT, ("goal", ident("a")))) == 2 + lost


async def test_another_process_has_written_it(serve: Serve, gate: Reviewer, two: tuple[Acceptance, Acceptance]) -> None:
    """A command that another process has accepted is answered from the journal here too: no plugin is asked."""
    accept, other = two
    async with serve(accept) as bus:
        first = await asyncio.to_thread(other.accepted, comment("a", 1))
        assert await bus.ask(comment("a", 1)) == first
        assert not gate.asked


FAILED = Failed(errors=[Problem(code="no_rates", message="The rates are not there.")])


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"no", "not_understood"),
        (b'{"status":"maybe"}', "not_understood"),
        (Refused(errors=[]), "not_understood"),
        (Accepted(id="a", version=1), "not_understood"),
        (FAILED, "failed"),
    ],
)
async def test_no_verdict_is_late(serve: Serve, gate: Reviewer, tmp_path: Path, said: object, why: str) -> None:
    """What is no verdict counts as late; the asker and the log are told which plugin and why."""

    async def say(_: Review) -> object:
        return said

    gate.say = say
    async with serve(Acceptance(tmp_path, started=False)) as bus:
        answer = await bus.ask(comment("a", 1))
        assert codes(answer) == ["review_late"]
        assert isinstance(answer, Refused)
        assert answer.errors[0].details == {"plugin": "gate", "why": why}
        (line,) = lines(bus, "review_late")
        assert (line["plugin"], line["why"], line["passes"]) == ("gate", why, False)
        assert (line["tenant"], line["command"]) == (TENANT, "goal.post_comment")
        assert line["codes"] == (["no_rates"] if why == "failed" else [])


async def test_a_refusal_counts_beside_a_late_one(serve: Serve, gate: Reviewer, tmp_path: Path) -> None:
    """Late may pass, a refusal beside it does not; where late refuses, both are told."""

    async def say(_: Review) -> object:
        return Refused(errors=[Problem(code="no_budget", message="There is none.")])

    gate.say = say
    text = "absent=goal.post_comment; gate=goal.post_comment"
    for late_passes, told in ((True, ["no_budget"]), (False, ["no_budget", "review_late"])):
        folder = tmp_path / str(late_passes)
        folder.mkdir()
        reviews = reviewing(text, late_passes=late_passes)
        async with serve(Acceptance(folder, started=False), reviews) as bus:
            assert codes(await bus.ask(comment("a", 1))) == told


async def test_the_caller_is_answered_in_time(serve: Serve, gate: Reviewer, tmp_path: Path) -> None:
    """However long a review may take, at the caller's deadline the command is answered `failed, retry`."""
    go = asyncio.Event()

    async def say(_: Review) -> object:
        await go.wait()
        return Passed()

    gate.say = say
    async with serve(Acceptance(tmp_path, started=False), patience_s=0.2) as bus:
        answer = await bus.ask(comment("a", 1))
        assert codes(answer) == ["deadline_passed"]
        assert isinstance(answer, Failed)
        assert answer.retry
        go.set()
        assert not lines(bus, "review_late")  # it did not have its time


async def test_what_waits_is_bounded(
    serve: Serve, gate: Reviewer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More commands than may wait for plugins are answered `failed, retry` at once."""
    go = asyncio.Event()

    async def say(_: Review) -> object:
        await go.wait()
        return Passed()

    gate.say = say
    monkeypatch.setattr(subject, "WAITING_MAX", 2)
    async with serve(Acceptance(tmp_path, started=False)) as bus:
        waiting = [asyncio.create_task(bus.ask(comment("a", number))) for number in range(2)]
        await until(lambda: len(gate.asked) == 2)
        assert codes(await bus.ask(comment("a", 2))) == ["overloaded"]
        go.set()
        assert all(isinstance(answer, Accepted) for answer in await asyncio.gather(*waiting))


async def test_a_defect_is_answered(
    serve: Serve, gate: Reviewer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong while plugins are asked, the asker is answered, and the next one is served."""
    reviews = reviewing("gate=goal.post_comment")

    async def broken(*_: object) -> object:
        raise ZeroDivisionError

    async with serve(Acceptance(tmp_path, started=False), reviews) as bus:
        with monkeypatch.context() as patched:
            patched.setattr(reviews, "_verdict", broken)
            answer = await bus.ask(comment("a", 1))
        assert codes(answer) == ["internal_error"]
        assert lines(bus, "defect")
        assert isinstance(await bus.ask(comment("a", 1)), Accepted)


async def test_a_connection_that_is_gone_makes_reviews_late(connect: Connect, acceptance: Acceptance) -> None:
    """Where nobody can be asked any more, the command is answered, not forgotten."""
    client = await connect("accept")
    await client.close()
    reviews = reviewing("gate=goal.post_comment")
    reviews.start(client, acceptance.committer.submit)
    decoded = acceptance.decoder.decode(
        "goals.command.v1.acme.tests.goal.post_comment", msgspec.json.encode(comment("a", 1)), None
    )
    assert isinstance(decoded, Decoded)
    answered: list[Answer] = []
    now = time.monotonic()
    reviews.ask(Ticket(decoded, lambda _, answer: answered.append(answer), now, now + 30), 1)
    await until(lambda: bool(answered))
    assert isinstance(answered[0], Refused)
    assert answered[0].errors[0].details == {"plugin": "gate", "why": "not_asked"}
    await reviews.stop()


async def test_too_late_to_ask(serve: Serve, gate: Reviewer, tmp_path: Path) -> None:
    """A ticket whose caller has given up is not asked about; one that is handed over during a stop is answered."""
    async with serve(Acceptance(tmp_path, started=False)) as bus:
        decoded = bus.accept.decoder.decode(
            "goals.command.v1.acme.tests.goal.post_comment", msgspec.json.encode(comment("a", 1)), None
        )
        assert isinstance(decoded, Decoded)
        answered: list[Answer] = []
        ticket = Ticket(decoded, lambda _, answer: answered.append(answer), 0.0, time.monotonic())
        bus.service._reviews.ask(ticket, 1)
        await until(lambda: bool(answered))
        await bus.service.stop()
        bus.service._reviews.ask(ticket, 1)
        await until(lambda: len(answered) > 1)
        assert [codes(answer) for answer in answered] == [["deadline_passed"], ["stopping"]]
        assert not gate.asked
