"""A mentorship learns from its goals which of them are open here, and which take a place under their owner's cap."""

from __future__ import annotations

from milepost.decide.kernel import Recorded, evolves
from milepost.decide.mentorship.state import Mentorship, drop, put
from milepost_contracts.events import mentorship as events


@evolves(events.KeyAreaOpened)
def key_area_opened(state: Mentorship, event: events.KeyAreaOpened, _recorded: Recorded) -> Mentorship:
    """Give the active goal its place."""
    return put(state, "key_areas", event.goal, event.owner)


@evolves(events.KeyAreaReleased)
def key_area_released(state: Mentorship, event: events.KeyAreaReleased, _recorded: Recorded) -> Mentorship:
    """Free the place."""
    return drop(state, "key_areas", event.goal)


@evolves(events.GoalJoined)
def goal_joined(state: Mentorship, event: events.GoalJoined, _recorded: Recorded) -> Mentorship:
    """Note the open goal; one that is here already has another owner now."""
    return put(state, "goals", event.goal, event.owner)


@evolves(events.GoalLeft)
def goal_left(state: Mentorship, event: events.GoalLeft, _recorded: Recorded) -> Mentorship:
    """Forget the goal, and the place that it may have held."""
    return drop(drop(state, "goals", event.goal), "key_areas", event.goal)
