"""A goal gets better terms: clearer words, a deadline that is set or shifted, a schedule."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from milepost.decide.checks import blank, cadence_whole, reason_given
from milepost.decide.goal.clock import zone_known
from milepost.decide.goal.conditions import check_start, check_stranded, cycle_of, outside, warn_outcome, warn_past
from milepost.decide.goal.roles import ADMIN, PARTY, asked_open
from milepost.decide.goal.state import Goal
from milepost.decide.goal.terms import raised, unchanged, with_revision
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts.commands import goal as commands
from milepost_contracts.events import goal as events
from milepost_contracts.types import Schedule, TermsChange

_OF_TERMS = frozenset({"title", "description", "kind"})  # the other members describe the goal without being agreed


@decides(commands.RefineGoal)
def refine_goal(case: Case) -> list[Change]:
    """Change what is said to be changed and differs; what was said before stays in the event."""
    command, goal, reasons = case.command, asked_open(case, PARTY, ADMIN), case.reasons
    told: dict[str, Any] = msgspec.structs.asdict(command.changes)
    after = {name: value for name, value in told.items() if value is not msgspec.UNSET and value != getattr(goal, name)}
    if not after:
        return []
    if goal.ever_agreed:
        reason_given(case, command.reason)
    reasons.unless(
        "title" not in after or not blank(after["title"]), "title_missing", "A goal keeps a title.", "changes.title"
    )
    reasons.unless(
        not command.editorial or "kind" not in after,
        "editorial_too_far",
        "Another kind of goal is more than better words: refine it without `editorial`.",
        "changes.kind",
    )
    if "focus" in after:
        warn_outcome(case, after["focus"], laddered=bool(goal.children))
    before = {name: getattr(goal, name) for name in after}
    if after.keys().isdisjoint(_OF_TERMS):
        terms = unchanged(goal)
    else:
        terms = raised(goal, command.actor, editorial=command.editorial)
    refined = events.Refined(
        before=TermsChange(**before),
        after=TermsChange(**after),
        trigger=command.trigger,
        editorial=command.editorial,
        reason=command.reason,
        **terms,
    )
    return [case.change(refined)]


@evolves(events.Refined)
def refined(goal: Goal, event: events.Refined, _recorded: Recorded) -> Goal:
    """Take the new members over."""
    after = msgspec.structs.asdict(event.after)
    after = {name: value for name, value in after.items() if value is not msgspec.UNSET}
    return with_revision(replace(goal, **after), event)


@decides(commands.SetDeadline)
def set_deadline(case: Case) -> list[Change]:
    """Give the goal its first deadline."""
    command, goal = case.command, asked_open(case, PARTY, ADMIN)
    if goal.deadline == command.new:
        return []
    if goal.deadline is not None:
        message = "The goal has a deadline: shift it, and say why."
        case.reasons.refuse("deadline_already_set", message, "new", deadline=goal.deadline)
    if goal.ever_agreed:
        reason_given(case, command.reason)
    _check_deadline(case, goal, override=False)
    return [case.change(events.DeadlineSet(new=command.new, reason=command.reason, **raised(goal, command.actor)))]


@evolves(events.DeadlineSet)
def deadline_set(goal: Goal, event: events.DeadlineSet, _recorded: Recorded) -> Goal:
    """Set it."""
    return with_revision(replace(goal, deadline=event.new), event)


@decides(commands.ShiftDeadline)
def shift_deadline(case: Case) -> list[Change]:
    """Move the deadline, later or earlier, for a reason."""
    command, goal = case.command, asked_open(case, PARTY, ADMIN)
    if goal.deadline == command.new:
        return []
    reason_given(case, command.reason)
    _check_deadline(case, goal, override=command.override)
    if goal.deadline is None:
        case.reasons.refuse("deadline_not_set", "The goal has no deadline yet: set one first.", "new")
        return []
    shifted = events.DeadlineShifted(
        old=goal.deadline,
        new=command.new,
        days=(command.new - goal.deadline).days,
        reason=command.reason,
        reason_code=command.reason_code,
        override=command.override,
        **raised(goal, command.actor),
    )
    return [case.change(shifted)]


@evolves(events.DeadlineShifted)
def deadline_shifted(goal: Goal, event: events.DeadlineShifted, _recorded: Recorded) -> Goal:
    """Move it."""
    return with_revision(replace(goal, deadline=event.new), event)


def _check_deadline(case: Case, goal: Goal, *, override: bool) -> None:
    """Refuse a deadline before the start, before what is open, or outside the cycle; warn of one that is past."""
    new = case.command.new
    check_start(case, goal.start_on, new, "new")
    check_stranded(case, goal, new, "new")
    warn_past(case, new, "new", goal.time_zone)
    cycle = None if override else cycle_of(case, goal.programme, goal.cycle)
    if cycle is not None and outside(cycle, new):
        case.reasons.refuse(
            "deadline_outside_cycle",
            "The goal's cycle does not contain this date: choose one that it contains, or shift with override.",
            "new",
            starts_on=cycle.starts_on,
            ends_on=cycle.ends_on,
        )


@decides(commands.SetSchedule)
def set_schedule(case: Case) -> list[Change]:
    """Set what the command names of zone, start and cadence."""
    command, goal = case.command, asked_open(case, PARTY, ADMIN)
    before = Schedule(time_zone=goal.time_zone, start_on=goal.start_on, cadence=goal.cadence)
    after = Schedule(
        time_zone=command.time_zone or before.time_zone,
        start_on=command.start_on or before.start_on,
        cadence=command.cadence or before.cadence,
    )
    if after == before:
        return []
    zone_known(case, after.time_zone)
    check_start(case, after.start_on, goal.deadline, "start_on")
    cadence_whole(case, command.cadence)
    return [case.change(events.ScheduleSet(before=before, after=after))]


@evolves(events.ScheduleSet)
def schedule_set(goal: Goal, event: events.ScheduleSet, _recorded: Recorded) -> Goal:
    """Set zone, start and cadence."""
    after = event.after
    return replace(goal, time_zone=after.time_zone, start_on=after.start_on, cadence=after.cadence)
