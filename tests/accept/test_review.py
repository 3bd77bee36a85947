"""Plugins are asked about a command before it counts: once, in time, and nobody else waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from milepost.broker import EmbeddedBroker
from milepost_contracts.answers import Accepted, Failed, Problem, Refused
from milepost_contracts.commands import Command, goal
from milepost_contracts.reviews import Passed, Review
from milepost_contracts.types import TermsChange
from tests.accept.test_committer import codes, comment
from tests.support.accepting import TENANT, create, ident, user
from tests.support.nats import Connect
from tests.support.reviewing import Reviewer, Stage, stage
from tests.support.waiting import until

COMMENTS = "gate=goal.post_comment"
LONG_S = 3.0  # a limit that nobody here reaches

Start = Callable[..., AbstractAsyncContextManager[Stage]]


@pytest.fixture(params=[1, 2], ids=["one_process", "two_processes"])
async def start(request: pytest.FixtureRequest, broker: EmbeddedBroker, connect: Connect, tmp_path: Path) -> Start:
    """Give the way to run accept with the settings named, in one process and in two."""
    return partial(stage, request.param, broker, await connect("cli"), tmp_path / "accept", review_s=LONG_S)


@pytest.fixture
async def gate(connect: Connect) -> Reviewer:
    """Give a plugin that passes whatever it is asked about."""
    return await Reviewer("gate").listen(await connect("react"))


class Held:
    """Holds a plugin's answers back until `go` is set."""

    def __init__(self, reviewer: Reviewer) -> None:
        self.go = asyncio.Event()
        reviewer.say = self.say

    async def say(self, _: Review) -> object:
        await self.go.wait()
        return Passed()


def problem(code: str, **fields: Any) -> Problem:
    return Problem(code=code, message="Ask the board first.", **fields)


async def test_what_passes_is_accepted(start: Start, gate: Reviewer) -> None:
    """A plugin is asked with the whole command and the version it is decided on; passed, it is stored."""
    async with start(reviews="gate=goal.create_goal,goal.post_comment") as accept:
        assert await accept.accepted(create("a")) == await accept.accepted(create("a"))
        assert (await accept.accepted(comment("a", 1))).version == 2
        assert [(review.name, review.version) for review in gate.asked] == [
            ("goal.create_goal", 0),
            ("goal.post_comment", 1),
        ]
        assert [review.asked() for review in gate.asked] == [create("a"), comment("a", 1)]
        assert len(accept.stored("a")) == 2


async def test_a_refusal_is_told_with_its_reason(start: Start, gate: Reviewer) -> None:
    """The asker gets the plugin's code, sentence, field and details, with the plugin's name; nothing is stored."""

    async def say(_: Review) -> object:
        return Refused(errors=[problem("board_wants_to_know", field="text", details={"board": 7, "plugin": "other"})])

    gate.say = say
    async with start(reviews=COMMENTS) as accept:
        await accept.accepted(create("a"))
        details = {"board": 7, "plugin": "gate"}
        told = problem("board_wants_to_know", field="text", details=details)
        assert await accept.ask(comment("a", 1)) == Refused(errors=[told])
        assert len(accept.stored("a")) == 1
        assert isinstance(await accept.ask(comment("a", 1)), Refused)
        assert len(gate.asked) == 2  # refused commands are decided afresh


async def test_several_reviewers_are_asked_at_once(start: Start, gate: Reviewer, connect: Connect) -> None:
    """Two that only answer when both are asked do so; both their refusals come together, in the settings' order."""
    board = await Reviewer("board").listen(await connect("react"))
    both = asyncio.Event()

    async def say(_: Review) -> object:
        if gate.asked and board.asked:
            both.set()
        await both.wait()
        return Refused(errors=[problem("first"), problem("second")])

    gate.say = board.say = say
    async with start(reviews=f"board=goal.post_comment,goal.close_goal; {COMMENTS}") as accept:
        await accept.accepted(create("a"))
        answer = await accept.ask(comment("a", 1))
        assert isinstance(answer, Refused)
        given = [(one.details["plugin"], one.code) for one in answer.errors]
        assert given == [("board", "first"), ("board", "second"), ("gate", "first"), ("gate", "second")]


async def test_late_is_refused(start: Start, gate: Reviewer) -> None:
    """Who does not answer within the limit refuses the command by that: the asker is told who, and what to do."""
    held = Held(gate)
    async with start(reviews=COMMENTS, review_s=0.1) as accept:
        await accept.accepted(create("a"))
        answer = await accept.ask(comment("a", 1))
        assert isinstance(answer, Refused)
        (late,) = answer.errors
        assert (late.code, late.details) == ("review_late", {"plugin": "gate", "why": "no_answer"})
        assert "'gate'" in late.message
        assert "did not answer within 0.1 s. Send the command again" in late.message
        held.go.set()
        assert len(accept.stored("a")) == 1


async def test_late_passes_where_the_settings_say_so(start: Start, gate: Reviewer) -> None:
    """Then the command is accepted with a warning, which is part of its first answer for good."""
    Held(gate)
    async with start(reviews=COMMENTS, review_s=0.1, review_late="pass") as accept:
        await accept.accepted(create("a"))
        first = await accept.accepted(comment("a", 1))
        assert [warning.code for warning in first.warnings] == ["review_late"]
        assert "'gate'" in first.warnings[0].message
        assert len(accept.stored("a")) == 2
        assert await accept.accepted(comment("a", 1)) == first
        assert len(gate.asked) == 1


async def test_a_plugin_that_does_not_run_is_late_at_once(start: Start) -> None:
    """Nobody waits for who is not there, and the asker is told so."""
    async with start(reviews=COMMENTS) as accept:
        await accept.accepted(create("a"))
        answer = await accept.ask(comment("a", 1))
        assert isinstance(answer, Refused)
        assert answer.errors[0].details == {"plugin": "gate", "why": "not_running"}
        assert codes(answer) == ["review_late"]


async def test_sent_again_it_is_answered_without_asking(start: Start, gate: Reviewer) -> None:
    """A command that wrote its events is answered from the journal, also after a restart and with no plugin there."""
    async with start(reviews=COMMENTS) as accept:
        await accept.accepted(create("a"))
        first = await accept.accepted(comment("a", 1))
        await accept.accepted(comment("a", 2))
        assert await accept.accepted(comment("a", 1)) == first
    async with start(reviews=COMMENTS) as accept:
        assert await accept.accepted(comment("a", 1)) == first
        reused = msgspec.structs.replace(comment("a", 1), text="another")
        assert codes(await accept.ask(reused)) == ["command_id_reused"]
    assert len(gate.asked) == 2


async def test_what_causes_nothing_is_not_asked_about(start: Start, gate: Reviewer) -> None:
    """What would be refused or would change nothing is answered without troubling a plugin."""
    async with start(reviews="gate=goal.*") as accept:
        assert isinstance(await accept.ask(comment("nowhere", 1)), Refused)
        await accept.accepted(create("a"))
        assert codes(await accept.ask(comment("a", 1, "stranger"))) == ["not_allowed"]
        assert codes(await accept.ask(msgspec.structs.replace(comment("a", 1), expected_version=7))) == [
            "version_conflict"
        ]
        who: dict[str, Any] = {"id": ident("a"), "actor": user("mentee")}
        same = goal.RefineGoal(command_id=ident("r"), changes=TermsChange(title="a"), trigger="other", **who)
        assert not (await accept.accepted(same)).events
        assert [review.name for review in gate.asked] == ["goal.create_goal"]


async def test_neighbours_go_on(start: Start, gate: Reviewer) -> None:
    """While a plugin thinks, other commands are accepted, on the same goal too; the one it thought about comes last."""
    held = Held(gate)
    async with start(reviews=COMMENTS) as accept:
        await accept.accepted(create("a"))
        thought_about = asyncio.create_task(accept.ask(comment("a", 1)))
        await until(lambda: bool(gate.asked))
        tags = [
            goal.TagGoal(command_id=ident(f"t{n}"), id=ident("a"), actor=user("mentee"), add=[f"tag {n}"])
            for n in range(20)
        ]
        for answer in await asyncio.gather(*(accept.ask(command) for command in (*tags, create("b")))):
            assert isinstance(answer, Accepted), answer
        assert not thought_about.done()
        held.go.set()
        last = await thought_about
        assert isinstance(last, Accepted)
        assert last.version == 22
        assert gate.asked[0].version == 1


async def test_the_version_named_is_committed(start: Start, gate: Reviewer) -> None:
    """With many commands in flight on one goal, each review names a version that the journal has by then."""
    seen: list[tuple[int, int]] = []

    async def say(review: Review) -> object:
        seen.append((review.version, await asyncio.to_thread(accept.journal.head, TENANT, ("goal", ident("a")))))
        return Passed()

    gate.say = say
    async with start(reviews=COMMENTS) as accept:
        await accept.accepted(create("a"))
        mixed: list[Command] = []
        for number in range(60):
            mixed.append(comment("a", number))
            mixed.append(goal.TagGoal(command_id=ident(f"t{number}"), id=ident("a"), actor=user("mentee"), add=["x"]))
            mixed.append(
                goal.RaiseObstacle(
                    command_id=ident(f"o{number}"), id=ident("a"), actor=user("mentee"),
                    obstacle=ident(f"o{number}"), title="The room is taken",
                )
            )  # fmt: skip
        given = await asyncio.gather(*(accept.ask(command) for command in mixed))
        assert all(isinstance(answer, Accepted) for answer in given)
        assert len(accept.stored("a")) == 122  # one tag, and the others each their own
    assert len(seen) == 60
    assert all(0 < version <= head for version, head in seen)


async def test_two_of_the_same_are_one_question(start: Start, gate: Reviewer) -> None:
    """A command that comes again while it is reviewed is not asked about again; both get the same answer."""
    held = Held(gate)
    async with start(reviews=COMMENTS) as accept:
        await accept.accepted(create("a"))
        one = asyncio.create_task(accept.ask(comment("a", 1)))
        await until(lambda: bool(gate.asked))
        other = asyncio.create_task(accept.ask(comment("a", 1)))
        # What is sent later over the same connection and answered says that the copy has been taken.
        await accept.accepted(create("b"))
        held.go.set()
        assert isinstance(await one, Accepted)
        assert await one == await other
        assert len(gate.asked) == 1
        assert len(accept.stored("a")) == 2


async def test_stopping_answers_what_waits(start: Start, gate: Reviewer) -> None:
    """An orderly stop does not wait for plugins: what they think about is answered `failed, retry`, and not stored."""
    Held(gate)
    async with start(reviews=COMMENTS) as accept:
        await accept.accepted(create("a"))
        waiting = [asyncio.create_task(accept.ask(comment("a", number))) for number in range(5)]
        await until(lambda: len(gate.asked) == 5)
    for answer in await asyncio.gather(*waiting):
        assert isinstance(answer, Failed)
        assert answer.retry
        assert codes(answer) == ["stopping"]
    async with start() as accept:
        assert len(accept.stored("a")) == 1
