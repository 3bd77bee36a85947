"""Given a goal, when an obstacle is raised or resolved, then ..."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from milepost_contracts.commands.goal import RaiseObstacle, ResolveObstacle
from milepost_contracts.events.goal import ContributorAdded, ObstacleRaised, ObstacleResolved
from tests.support.goals import active, closed, drafted
from tests.support.scenario import ADMIN, MANAGER, MENTEE, MENTOR, NOW, PEER, STRANGER, Scenario, acme, day, uid

ROOM = uid("room")


def raise_(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    return scenario.when(by, RaiseObstacle, **({"obstacle": ROOM, "title": "No room"} | fields))


def resolve(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    return scenario.when(by, ResolveObstacle, **({"obstacle": ROOM} | fields))


def blocked(scenario: Scenario | None = None) -> Scenario:
    """Return an active goal with an obstacle, to which PEER contributes."""
    return (scenario or active()).given(
        ContributorAdded(ref=PEER, role="peer"), ObstacleRaised(obstacle=ROOM, title="No room")
    )


def test_an_obstacle_is_raised_and_resolved_once() -> None:
    """Raising says what it is, resolving what was done about it; a second time is refused."""
    scenario = raise_(drafted(), description="All are taken")
    scenario.then(ObstacleRaised(obstacle=ROOM, title="No room", description="All are taken"))
    raise_(scenario, title=" ").refused("obstacle_id_taken", "title_missing")
    resolve(scenario, resolution="We meet outside").then(ObstacleResolved(obstacle=ROOM, resolution="We meet outside"))
    resolve(scenario).refused("obstacle_resolved_already")
    assert scenario.goal.obstacles[ROOM] is True


@pytest.mark.parametrize("by", [MENTEE, MENTOR, PEER])
def test_parties_and_contributors_name_obstacles(by: str) -> None:
    """Whoever sees one says so."""
    raise_(blocked(), by, obstacle=uid("other")).tags("obstacle_raised")
    resolve(blocked(), by).tags("obstacle_resolved")


@pytest.mark.parametrize("by", [STRANGER, ADMIN, MANAGER])
def test_others_do_not(by: str) -> None:
    """Strangers and admins stay out of it."""
    raise_(blocked(), by).refused("not_allowed")
    resolve(blocked(), by).refused("not_allowed")


def test_obstacle_and_goal_have_to_be_there() -> None:
    """Unknown ones are told."""
    resolve(active()).refused("obstacle_unknown")
    for step in (raise_, resolve):
        step(acme()).refused("goal_unknown")


def test_a_closed_goal_has_the_obstacles_that_it_had() -> None:
    """One of before its closing is told later, with the time when it was; new ones stand in nobody's way."""
    then = NOW - dt.timedelta(days=1)
    raise_(closed().at(day(3))).refused("goal_closed")
    raise_(closed().at(day(3)), occurred_at=then).tags("obstacle_raised")
    resolve(blocked(closed()).at(day(3))).refused("goal_closed")
    resolve(blocked(closed()).at(day(3)), occurred_at=then).tags("obstacle_resolved")


def test_events_of_unknown_obstacles_are_folded() -> None:
    """Evolving never refuses."""
    scenario = active()
    before = scenario.goal
    assert scenario.given(ObstacleResolved(obstacle=ROOM)).goal == before
