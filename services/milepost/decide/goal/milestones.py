"""A dated checkpoint is added, moved, hit, found not to be hit after all, or dropped."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from milepost.decide.checks import blank, reason_given, within
from milepost.decide.goal.due import check_due, warn_due
from milepost.decide.goal.links import check_link
from milepost.decide.goal.occurring import occurred
from milepost.decide.goal.roles import PARTY, asked, asked_open
from milepost.decide.goal.state import Milestone, put
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts.commands.goal import (
    AddMilestone,
    DropMilestone,
    HitMilestone,
    RescheduleMilestone,
    RetractMilestoneHit,
)
from milepost_contracts.events.goal import (
    MilestoneAdded,
    MilestoneDropped,
    MilestoneHit,
    MilestoneHitRetracted,
    MilestoneRescheduled,
)

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal


@decides(AddMilestone)
def add_milestone(case: Case) -> list[Change]:
    """Add a checkpoint."""
    command: AddMilestone = case.command
    goal = asked_open(case, PARTY)
    message = "A milestone with this id is there already: choose another id."
    case.reasons.unless(command.milestone not in goal.milestones, "milestone_id_taken", message, "milestone")
    case.reasons.unless(not blank(command.title), "title_missing", "Give the milestone a title.", "title")
    standing = sum(not milestone.dropped for milestone in goal.milestones.values())
    within(case, standing + 1, "milestones", "milestone")
    check_due(case, goal, command.due_on, "due_on")
    told = {name: getattr(command, name) for name in ("milestone", "title", "due_on", "reason")}
    return [case.change(MilestoneAdded(**told))]


@decides(RescheduleMilestone)
def reschedule_milestone(case: Case) -> list[Change]:
    """Give an open checkpoint another date; once the goal was agreed, with a reason."""
    command: RescheduleMilestone = case.command
    goal = asked_open(case, PARTY)
    milestone = _wanted(case, goal)
    if milestone is None:
        return []
    message = "This milestone was hit: its date is past. Retract the hit first if it was a mistake."
    case.reasons.unless(milestone.hit_on is None, "milestone_hit_already", message, "milestone")
    if command.new == milestone.due_on:
        return []
    if goal.ever_agreed:
        reason_given(case, command.reason)
    check_due(case, goal, command.new, "new")
    event = MilestoneRescheduled(
        milestone=command.milestone, old=milestone.due_on, new=command.new, reason=command.reason
    )
    return [case.change(event)]


@decides(HitMilestone)
def hit_milestone(case: Case) -> list[Change]:
    """Say that a checkpoint was reached; it is reached once."""
    command: HitMilestone = case.command
    goal = asked(case, PARTY)
    occurred(case, goal, command.hit_on, "hit_on")
    within(case, len(command.evidence), "items", "evidence")
    for place, link in enumerate(command.evidence):
        check_link(case, link, f"evidence.{place}")
    milestone = _wanted(case, goal)
    if milestone is None:
        return []
    message = "This milestone was hit already: retract that hit first if it was a mistake."
    case.reasons.unless(
        milestone.hit_on is None, "milestone_hit_already", message, "milestone", hit_on=milestone.hit_on
    )
    event = MilestoneHit(
        milestone=command.milestone,
        hit_on=command.hit_on,
        title=milestone.title,
        due_on=milestone.due_on,
        ordinal=1 + sum(other.hit_on is not None for other in goal.milestones.values()),
        evidence=command.evidence,
    )
    return [case.change(event)]


@decides(RetractMilestoneHit)
def retract_milestone_hit(case: Case) -> list[Change]:
    """Say that a hit was a mistake; the milestone is open again, also when the deadline has moved before it since."""
    command: RetractMilestoneHit = case.command
    goal = asked(case, PARTY)
    reason_given(case, command.reason)
    milestone = _wanted(case, goal)
    if milestone is None:
        return []
    if milestone.hit_event is None:
        case.reasons.refuse("milestone_not_hit", "This milestone was not hit.", "milestone")
        return []
    warn_due(case, goal, milestone.due_on, "milestone")
    event = MilestoneHitRetracted(milestone=command.milestone, hit_event=milestone.hit_event, reason=command.reason)
    return [case.change(event)]


@decides(DropMilestone)
def drop_milestone(case: Case) -> list[Change]:
    """Want a checkpoint no longer; of a closed goal too, or what was left over would bar it from being reopened."""
    command: DropMilestone = case.command
    goal = asked(case, PARTY)
    milestone = goal.milestones.get(command.milestone)
    if milestone is not None and milestone.dropped:
        return []
    if _wanted(case, goal) is not None and milestone is not None:
        message = "This milestone was hit and stays. Retract the hit first if it was a mistake."
        case.reasons.unless(milestone.hit_on is None, "milestone_hit_already", message, "milestone")
    return [case.change(MilestoneDropped(milestone=command.milestone, reason=command.reason))]


def _wanted(case: Case, goal: Goal) -> Milestone | None:
    """Return the milestone; refuses `milestone_unknown` and `milestone_dropped`."""
    milestone = goal.milestones.get(case.command.milestone)
    if milestone is None:
        case.reasons.refuse("milestone_unknown", "This goal has no such milestone.", "milestone")
        return None
    message = "This milestone was dropped: add another one."
    return milestone if case.reasons.unless(not milestone.dropped, "milestone_dropped", message, "milestone") else None


@evolves(MilestoneAdded)
def milestone_added(state: Goal, event: MilestoneAdded, _recorded: Recorded) -> Goal:
    """Add it."""
    return put(state, "milestones", event.milestone, Milestone(title=event.title, due_on=event.due_on))


@evolves(MilestoneRescheduled)
def milestone_rescheduled(state: Goal, event: MilestoneRescheduled, _recorded: Recorded) -> Goal:
    """Move it."""
    return _changed(state, event.milestone, due_on=event.new)


@evolves(MilestoneHit)
def milestone_hit(state: Goal, event: MilestoneHit, recorded: Recorded) -> Goal:
    """Keep when it was hit, and by which event."""
    return _changed(state, event.milestone, hit_on=event.hit_on, hit_event=recorded.id)


@evolves(MilestoneHitRetracted)
def milestone_hit_retracted(state: Goal, event: MilestoneHitRetracted, _recorded: Recorded) -> Goal:
    """Open it again."""
    return _changed(state, event.milestone, hit_on=None, hit_event=None)


@evolves(MilestoneDropped)
def milestone_dropped(state: Goal, event: MilestoneDropped, _recorded: Recorded) -> Goal:
    """Let it stand in nobody's way."""
    return _changed(state, event.milestone, dropped=True)


def _changed(goal: Goal, id_: str, **members: dt.date | str | bool | None) -> Goal:
    milestone = goal.milestones.get(id_)
    if milestone is None:
        return goal
    return put(goal, "milestones", id_, msgspec.structs.replace(milestone, **members))
