"""A goal rests, and a closed one leaves the lists."""

from __future__ import annotations

from msgspec.structs import replace

from milepost.decide.checks import reason_given
from milepost.decide.goal.agreement import check_state
from milepost.decide.goal.clock import stepped_on
from milepost.decide.goal.key_areas import mentorship_of, released
from milepost.decide.goal.roles import ADMIN, PARTY, asked
from milepost.decide.goal.state import Goal
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts.commands import goal as commands
from milepost_contracts.events import goal as events


@decides(commands.PauseGoal)
def pause_goal(case: Case) -> list[Change]:
    """Let work rest; the goal gives its place in its mentorship back."""
    command, goal = case.command, asked(case, PARTY)
    check_state(case, goal, "Only an active goal is paused.", "active")
    reason_given(case, command.reason)
    on = stepped_on(case)
    message = "The pause would end before it begins: give a later day, or none."
    case.reasons.unless(command.until is None or command.until >= on, "until_before_start", message, "until")
    paused = events.Paused(paused_on=on, reason=command.reason, until=command.until)
    return [case.change(paused), *released(mentorship_of(case, goal), goal)]


@evolves(events.Paused)
def paused(goal: Goal, event: events.Paused, _recorded: Recorded) -> Goal:
    """Let work and its clock rest."""
    return replace(goal, state="paused", pauses=(*goal.pauses, (event.paused_on, None)))


@decides(commands.ArchiveGoal)
def archive_goal(case: Case) -> list[Change]:
    """Take a closed goal off the lists."""
    goal = asked(case, PARTY, ADMIN)
    if goal.archived:
        return []
    check_state(case, goal, "Only a closed goal is archived: close it first.", "closed")
    return [case.change(events.Archived(reason=case.command.reason))]


@evolves(events.Archived)
def archived(goal: Goal, _event: events.Archived, _recorded: Recorded) -> Goal:
    """Flag it."""
    return replace(goal, archived=True)
