"""A goal takes its place in its mentorship and gives it back, in the same decision that changes the goal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from milepost.decide.kernel import Case, Change
from milepost_contracts.events.mentorship import GoalJoined, GoalLeft, KeyAreaOpened, KeyAreaReleased

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal
    from milepost.decide.mentorship.state import Mentorship


def mentorship_of(case: Case, goal: Goal) -> Mentorship | None:
    """Return the mentorship that *goal* is placed in, None where it is in none."""
    if goal.mentorship is None:
        return None
    mentorship: Mentorship | None = case.frame.get(("mentorship", goal.mentorship))
    return mentorship


def check_room(case: Case, mentorship: Mentorship, goal: Goal, owner: str) -> None:
    """Refuse `cap_reached` where *owner* has as many active goals in *mentorship* as the cap allows, *goal* aside."""
    # Here and not above: whoever leaves a mentorship moves goals through this module.
    from milepost.decide.mentorship.state import cap_for

    programme = None
    if mentorship.cap is None and mentorship.programme is not None:
        programme = case.frame.get(("programme", mentorship.programme))
    cap = cap_for(mentorship, programme)
    active = sorted(id_ for id_, whose in mentorship.key_areas.items() if whose == owner and id_ != goal.id)
    case.reasons.unless(
        len(active) < cap,
        "cap_reached",
        "The owner has as many active goals in this mentorship as its cap allows: pause or close one first.",
        cap=cap,
        active=active,
    )


def check_active(case: Case, mentorship: Mentorship | None, field: str | None = None) -> bool:
    """Refuse `mentorship_not_active` for one that has not begun or has ended; returns whether it is active."""
    return mentorship is None or case.reasons.unless(
        mentorship.state == "active",
        "mentorship_not_active",
        "This mentorship has not begun or has ended: place an open goal elsewhere, begin a closed one anew.",
        field,
        state=mentorship.state,
    )


def opened(mentorship: Mentorship, goal: Goal, owner: str | None = None) -> list[Change]:
    """Return the taking of a place under the owner's cap."""
    return [Change("mentorship", mentorship.id, KeyAreaOpened(goal=goal.id, owner=owner or goal.owner))]


def released(mentorship: Mentorship | None, goal: Goal) -> list[Change]:
    """Return the giving back of the place, nothing where *goal* holds none."""
    if mentorship is None or goal.id not in mentorship.key_areas:
        return []
    owner = mentorship.key_areas[goal.id]
    return [Change("mentorship", mentorship.id, KeyAreaReleased(goal=goal.id, owner=owner))]


def joined(mentorship: Mentorship, goal: Goal, owner: str | None = None) -> list[Change]:
    """Return that the open *goal* belongs to *mentorship*, and holds a place there if it is active."""
    owner = owner or goal.owner
    join = [Change("mentorship", mentorship.id, GoalJoined(goal=goal.id, owner=owner))]
    return join + (opened(mentorship, goal, owner) if goal.state == "active" else [])


def left(mentorship: Mentorship | None, goal: Goal) -> list[Change]:
    """Return that *goal* belongs to *mentorship* no longer, its place given back first; nothing if it does not."""
    if mentorship is None or goal.id not in mentorship.goals:
        return []
    return [*released(mentorship, goal), Change("mentorship", mentorship.id, GoalLeft(goal=goal.id))]
