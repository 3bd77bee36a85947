"""The sample programme is what people would have sent."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from milepost.sample import SCENARIOS, named, person, story
from milepost.sample.loading import SampleError, load
from milepost_contracts.answers import Accepted, Answer
from milepost_contracts.commands import Command, goal
from tests.support.accepting import Acceptance
from tests.support.sampled import ENDINGS, check_among_them, check_scenarios

# Around the ends of months and years, and on and after the day that only some years have.
DAYS = [
    dt.date(2026, 11, 21),
    dt.date(2026, 12, 31),
    dt.date(2027, 1, 1),
    dt.date(2027, 1, 31),
    dt.date(2028, 2, 29),
    dt.date(2028, 3, 1),
]
# What happened before today is told late, and one goal is framed as a career step.
EXPECTED_WARNINGS = {"backdated", "deadline_past", "outcome_framed"}


@pytest.mark.parametrize("today", DAYS)
async def test_every_step_is_accepted_on_any_day_and_only_once(tmp_path: Path, today: dt.date) -> None:
    """The sample loads whole on whatever day, each scenario ends as told, and loading it again writes nothing."""
    early = dt.datetime.combine(today, dt.time(0, 1), dt.UTC)
    accept = Acceptance(tmp_path, clock=lambda: early)
    answers: list[Answer] = []

    async def ask(tenant: str, command: Command) -> Answer:
        answers.append(accept.ask(command, tenant))
        return answers[-1]

    sequence = await load(ask, story(today))
    assert all(isinstance(answer, Accepted) and answer.events for answer in answers)
    assert {warning.code for one in answers if isinstance(one, Accepted) for warning in one.warnings} == (
        EXPECTED_WARNINGS
    )
    documents = [one.document for one in accept.journal.events_after("sample", 0, 10_000)]
    assert len(documents) == sequence
    check_scenarios(documents)
    check_among_them(documents)
    assert await load(ask, story(today)) == sequence
    assert accept.journal.heads()["sample"].sequence == sequence
    accept.close()


def test_the_scenarios_begin_as_starter_goals() -> None:
    """Each scenario is brought by its owner in the vague words of the table."""
    created = {
        step.command.id: (step.command.title, step.command.accountable or step.command.owner)
        for step in story(DAYS[0])
        if isinstance(step.command, goal.CreateGoal)
    }
    assert set(ENDINGS) == set(SCENARIOS)
    for name, ending in ENDINGS.items():
        assert created[named("goal", name)] == (ending.starter, person(ending.people[0]))


async def test_a_step_that_is_not_accepted_ends_the_loading(acceptance: Acceptance) -> None:
    """A refusal is told with its step and its reasons, and nothing after it is sent."""
    sent: list[Command] = []

    async def ask(_tenant: str, command: Command) -> Answer:
        sent.append(command)
        return acceptance.ask(command)

    steps = story(DAYS[0])
    with pytest.raises(SampleError, match=r"step 0, programme\.create by user:.*: not_allowed: "):
        await load(ask, [step for step in steps if step.command.NAME == "create"])
    assert len(sent) == 1
