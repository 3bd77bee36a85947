"""What stands in the way of a goal is named, and is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from milepost.decide.checks import blank
from milepost.decide.goal.occurring import stepped
from milepost.decide.goal.roles import CONTRIBUTOR, PARTY, asked
from milepost.decide.goal.state import put
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts.commands.goal import RaiseObstacle, ResolveObstacle
from milepost_contracts.events.goal import ObstacleRaised, ObstacleResolved

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal


@decides(RaiseObstacle)
def raise_obstacle(case: Case) -> list[Change]:
    """Name what stands in the way."""
    command: RaiseObstacle = case.command
    goal = asked(case, PARTY, CONTRIBUTOR)
    stepped(case, goal)
    message = "An obstacle with this id is there already: choose another id."
    case.reasons.unless(command.obstacle not in goal.obstacles, "obstacle_id_taken", message, "obstacle")
    case.reasons.unless(not blank(command.title), "title_missing", "Give the obstacle a title.", "title")
    told = {name: getattr(command, name) for name in ("obstacle", "title", "description")}
    return [case.change(ObstacleRaised(**told))]


@decides(ResolveObstacle)
def resolve_obstacle(case: Case) -> list[Change]:
    """Say that it stands there no longer; an obstacle is resolved once."""
    command: ResolveObstacle = case.command
    goal = asked(case, PARTY, CONTRIBUTOR)
    stepped(case, goal)
    resolved = goal.obstacles.get(command.obstacle)
    message = "This goal has no such obstacle."
    if case.reasons.unless(resolved is not None, "obstacle_unknown", message, "obstacle"):
        message = "This obstacle was resolved already: raise another one if it is back."
        case.reasons.unless(not resolved, "obstacle_resolved_already", message, "obstacle")
    return [case.change(ObstacleResolved(obstacle=command.obstacle, resolution=command.resolution))]


@evolves(ObstacleRaised)
def obstacle_raised(state: Goal, event: ObstacleRaised, _recorded: Recorded) -> Goal:
    """Let it stand."""
    return put(state, "obstacles", event.obstacle, value=False)


@evolves(ObstacleResolved)
def obstacle_resolved(state: Goal, event: ObstacleResolved, _recorded: Recorded) -> Goal:
    """Let it be gone."""
    return put(state, "obstacles", event.obstacle, value=True) if event.obstacle in state.obstacles else state
