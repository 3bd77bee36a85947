"""An event that was put aside and comes after what took it back is rewarded as if it had come in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from milepost_contracts.events import goal as events
from milepost_contracts.plugin import Delivered, Grant, Reward
from milepost_contracts.running import Runner
from milepost_contracts.testing import Story, StoryGoal
from milepost_contracts.testing.host import Stored
from milepost_contracts.testing.story import uid
from tests.contracts.kit.plugins import MENTEE, MENTOR, made, runner

told: list[str] = []


def rewarding(**more: Any) -> Any:
    """Return a plugin that rewards everything but a creation, and tells of it."""

    def decide_reward(event: Delivered) -> Reward | None:
        return Reward(to=MENTEE, title="Well done") if event.name != "goal.created" else None

    def on_granted(grant: Grant) -> None:
        told.append(grant.cause)

    return made(decide_reward=decide_reward, on_granted=on_granted, **more)


def kept(runs: Runner, stored: Stored, event: Delivered) -> list[Grant]:
    """Hand *event* over, keep what it comes to, return what was granted."""
    done = runs.deliver(event.document)
    assert done.failure is None, done.failure
    stored.state |= {(event.tenant, key): value for key, value in done.turn.writes.items() if value is not None}
    for grant in (*done.turn.granted, *done.turn.revoked):
        stored.grants[grant.id] = (event.tenant, grant)
    return list(done.turn.granted)


def completed(goal: StoryGoal) -> Delivered:
    return goal.add(events.ActionCompleted(action=uid("action"), completed_on=goal.story.now.date()))


CASES: dict[str, Callable[[StoryGoal], Delivered]] = {
    "hit": lambda goal: goal.hit(),
    "check-in": lambda goal: goal.check_in(),
    "reading": lambda goal: goal.reading("1"),
    "action": completed,
    "closing": lambda goal: goal.close(),
}


@pytest.mark.parametrize("case", CASES)
def test_what_was_taken_back_before_it_came_is_not_rewarded(case: str) -> None:
    """A grant for an event whose retraction was handled already is never given, nor told of."""
    told.clear()
    stored, story = Stored(), Story()
    goal = story.goal(MENTEE, MENTOR)
    late = CASES[case](goal)
    taken_back = goal.retract(late)
    runs = runner(rewarding(on_retracted=_all_but_the_retraction), stored=stored)
    kept(runs, stored, Delivered(story.documents[0]))
    kept(runs, stored, taken_back)
    told.clear()
    assert kept(runs, stored, late) == []
    assert told == []
    runs.close()


def test_what_happens_anew_is_rewarded() -> None:
    """An action that is completed again after it was reopened counts, and so does one that comes late and stands."""
    stored, story = Stored(), Story()
    goal = story.goal(MENTEE, MENTOR)
    first = completed(goal)
    reopened = goal.retract(first)
    again = completed(goal)
    late = goal.hit()
    other = goal.hit("another")
    runs = runner(rewarding(), stored=stored)
    for event in (Delivered(story.documents[0]), reopened, again, other):
        kept(runs, stored, event)
    assert [grant.cause for grant in kept(runs, stored, late)] == [late.id]
    assert {grant.cause for _, grant in stored.grants.values() if grant.stands} >= {again.id, late.id, other.id}
    assert kept(runs, stored, first) == []
    runs.close()


def test_the_plugin_says_what_falls() -> None:
    """A plugin that keeps its rewards through a retraction gives them to what comes late as well."""
    stored, story = Stored(), Story()
    goal = story.goal(MENTEE, MENTOR)
    late = goal.hit()
    taken_back = goal.retract(late)
    runs = runner(rewarding(on_retracted=_nothing_falls), stored=stored)
    for event in (Delivered(story.documents[0]), taken_back):
        kept(runs, stored, event)
    assert [grant.cause for grant in kept(runs, stored, late)] == [late.id]
    runs.close()


def _all_but_the_retraction(event: Delivered, grants: list[Grant]) -> list[Grant]:
    assert all(grant.cause != event.id for grant in grants)
    return grants


def _nothing_falls() -> list[Grant]:
    return []
