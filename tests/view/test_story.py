"""The published stream, with every event that there is, is told as deciding knows it, every word opened."""

from __future__ import annotations

import datetime as dt
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from milepost.decide import Recorded, evolve
from milepost.decide.goal.health import health_of
from milepost.decide.goal.progress import results
from milepost.view.applying import Position
from milepost.view.asking import Queries
from milepost.view.keys import KeyCache
from milepost_contracts.envelope import decode
from milepost_contracts.queries import (
    Goal,
    GoalAnswer,
    GoalsAnswer,
    GoalsOf,
    Inbox,
    InboxAnswer,
    Mentorships,
    MentorshipsAnswer,
    Programme,
    ProgrammeAnswer,
)
from milepost_contracts.sealing import SealingKey, open_event
from tests.view.conftest import View

EXAMPLES = Path(__file__).parents[2] / "contracts" / "examples"
STORY = (EXAMPLES / "stream.ndjson").read_bytes().splitlines()
KEYS = {
    one["kid"]: SealingKey(one["kid"], urlsafe_b64decode(one["key"] + "="))
    for one in msgspec.json.decode((EXAMPLES / "keys.json").read_bytes())["keys"]
}
TENANT = decode(STORY[0]).tenant


async def every_key(
    _tenant: str, _reader: str, kids: Iterable[str], *, reason: str | None = None
) -> dict[str, SealingKey | None]:
    """Give the published keys to everybody."""
    return {kid: KEYS[kid] for kid in kids if kid in KEYS}


def states() -> dict[tuple[str, str], Any]:
    """Return what deciding makes of the story, words opened."""
    made: dict[tuple[str, str], Any] = {}
    for document in STORY:
        envelope = decode(document)
        ref = (envelope.aggregate, envelope.aggregate_id)
        occurred = dt.datetime.fromisoformat(envelope.occurredat) if envelope.occurredat else None
        time = dt.datetime.fromisoformat(envelope.time)
        event = open_event(envelope, KEYS)
        made[ref] = evolve(made.get(ref), Recorded(event, envelope.id, envelope.actor, time, occurred, ref[1]))
    return made


STATES = states()
NOW = dt.datetime.fromisoformat(decode(STORY[-1]).time) + dt.timedelta(days=3)
GOALS = {id_: state for (kind, id_), state in STATES.items() if kind == "goal"}


@pytest.fixture
def told(view: View) -> Queries:
    """Give questions on the story."""
    view.applying.apply(STORY, Position(1, len(STORY)))
    return Queries(view.sets, KeyCache(every_key), clock=lambda: NOW)


def reader_of(goal: Any) -> str:
    """Return somebody who may read the goal."""
    return str(goal.owner if goal.owner.startswith("user:") else goal.accountable)


async def test_goals(told: Queries) -> None:
    """Title, progress, measures, health, labels and what was said are what deciding knows, and all words are open."""
    for id_, state in GOALS.items():
        answer = await told.answer(TENANT, Goal(actor=reader_of(state), id=id_))
        assert isinstance(answer, GoalAnswer), answer
        goal = answer.goal
        assert answer.unread == []
        measures, progress = results(state, today=NOW.date(), child=GOALS.get)
        assert (goal.title, goal.description, goal.state) == (state.title, state.description, state.state)
        assert set(goal.tags) == set(state.tags)
        if state.state != "closed":
            assert goal.progress == progress
            assert goal.health == health_of(state, progress, NOW.date())
        shown = {one.measure: (one.current, one.progress, one.met) for one in goal.measures if not one.retired}
        assert shown == {one.measure: (one.current, one.progress, one.met) for one in measures}
        assert {one.measure: one.name for one in goal.measures} == {
            one.measure: one.name for one in [*state.measures.values(), *state.retired.values()]
        }
        assert {one.milestone: one.title for one in goal.milestones} == {
            milestone: one.title for milestone, one in state.milestones.items()
        }
        assert {one.action: one.title for one in goal.actions} == {one: row.title for one, row in state.actions.items()}
        assert {one.event: (one.reading, one.step, one.on, one.struck) for one in goal.readings} == {
            one.event: (one.value, one.step, one.on, one.struck) for one in state.readings.values()
        }
        assert {one.check_in: (one.held_on, one.confidence, one.voided) for one in goal.check_ins} == {
            check_in: (one.held_on, one.confidence, one.voided) for check_in, one in state.check_ins.items()
        }
        assert {one.obstacle: one.resolved for one in goal.obstacles} == dict(state.obstacles)
        assert {one.feedback: one.retracted for one in goal.feedback} == {
            feedback: one.retracted for feedback, one in state.feedback.items()
        }
        assert {one.comment for one in goal.comments} == set(state.comments)
        assert {one.resource for one in goal.resources} == set(state.resources)
        mine = {one for one, author in state.reflections.items() if author == reader_of(state)}
        assert {one.reflection for one in goal.reflections} == mine


async def test_the_goal_that_everything_happened_to(told: Queries) -> None:
    """What was amended, corrected, acknowledged, evaluated, waived and closed is shown with its words."""
    id_, state = max(GOALS.items(), key=lambda both: len(both[1].check_ins))
    answer = await told.answer(TENANT, Goal(actor=reader_of(state), id=id_))
    assert isinstance(answer, GoalAnswer)
    goal = answer.goal
    assert any(one.amended and one.reason for one in goal.check_ins)
    assert any(one.acknowledged for one in goal.check_ins)
    assert any(one.voided for one in goal.check_ins)
    assert any(one.corrected and one.reason for one in goal.readings)
    assert all(one.text is None for one in goal.feedback if one.retracted)
    assert all(one.resolution for one in goal.obstacles if one.resolved)
    assert goal.evaluation is not None
    assert goal.evaluation.criteria
    assert goal.deadline_shifts
    assert all(shift.reason for shift in goal.deadline_shifts)
    assert goal.pauses
    assert goal.health_today.derived


async def test_everybody_else(told: Queries) -> None:
    """Portfolios, inboxes, mentorships and programmes of everybody in the story are answered, words open."""
    people = {person for goal in GOALS.values() for person in goal.people}
    for person in people:
        portfolio = await told.answer(TENANT, GoalsOf(actor=person, archived=True))
        assert isinstance(portfolio, GoalsAnswer), portfolio
        assert {card.id for card in portfolio.goals} >= {id_ for id_, goal in GOALS.items() if person in goal.people}
        for query, kind in (
            (Inbox(actor=person, days=366), InboxAnswer),
            (Mentorships(actor=person), MentorshipsAnswer),
        ):
            answer = await told.answer(TENANT, query)
            assert isinstance(answer, kind), answer
            assert answer.unread == []
    for (kind_of, id_), state in STATES.items():
        if kind_of == "programme":
            answer = await told.answer(TENANT, Programme(actor=min(state.admins), id=id_))
            assert isinstance(answer, ProgrammeAnswer), answer
            assert (answer.unread, answer.title) == ([], state.created.title)
