"""A short-term task is added, done, found not to be done after all, or dropped; it is work, never itself progress."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from milepost.decide.checks import blank, within
from milepost.decide.goal.due import check_due, warn_due
from milepost.decide.goal.occurring import occurred
from milepost.decide.goal.roles import PARTY, asked, asked_open
from milepost.decide.goal.state import Action, put
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts.commands.goal import AddAction, CompleteAction, DropAction, ReopenAction
from milepost_contracts.events.goal import ActionAdded, ActionCompleted, ActionDropped, ActionReopened

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal


@decides(AddAction)
def add_action(case: Case) -> list[Change]:
    """Add a task; whoever it is given to need not be of the goal, but is told of it only then."""
    command: AddAction = case.command
    goal = asked_open(case, PARTY)
    message = "An action with this id is there already: choose another id."
    case.reasons.unless(command.action not in goal.actions, "action_id_taken", message, "action")
    case.reasons.unless(not blank(command.title), "title_missing", "Give the action a title.", "title")
    within(case, sum(not action.dropped for action in goal.actions.values()) + 1, "actions", "action")
    check_due(case, goal, command.due_on, "due_on")
    assignee = command.assignee
    if assignee is not None and assignee not in goal.people and assignee not in goal.contributors:
        message = "This person is neither party nor contributor of the goal: add the person, so that it is seen."
        case.reasons.warn("not_of_goal", message, "assignee")
    event = ActionAdded(action=command.action, title=command.title, due_on=command.due_on, assignee=assignee)
    return [case.change(event)]


@decides(CompleteAction)
def complete_action(case: Case) -> list[Change]:
    """Say that a task is done; it is done once."""
    command: CompleteAction = case.command
    goal = asked(case, PARTY)
    occurred(case, goal, command.completed_on, "completed_on")
    action = _wanted(case, goal)
    if action is None:
        return []
    message = "This action is done already: reopen it first if that was a mistake."
    case.reasons.unless(
        action.completed_on is None, "action_completed_already", message, "action", completed_on=action.completed_on
    )
    event = ActionCompleted(action=command.action, completed_on=command.completed_on, note=command.note)
    return [case.change(event)]


@decides(ReopenAction)
def reopen_action(case: Case) -> list[Change]:
    """Say that a task is not done after all; one that is open stays so."""
    command: ReopenAction = case.command
    goal = asked(case, PARTY)
    action = _wanted(case, goal)
    if action is None or action.open:
        return []
    warn_due(case, goal, action.due_on, "action")
    return [case.change(ActionReopened(action=command.action, reason=command.reason))]


@decides(DropAction)
def drop_action(case: Case) -> list[Change]:
    """Want a task no longer; of a closed goal too, or what was left over would bar it from being reopened."""
    command: DropAction = case.command
    goal = asked(case, PARTY)
    action = goal.actions.get(command.action)
    if action is not None and action.dropped:
        return []
    if _wanted(case, goal) is not None and action is not None:
        message = "This action is done and stays. Reopen it first if that was a mistake."
        case.reasons.unless(action.completed_on is None, "action_completed_already", message, "action")
    return [case.change(ActionDropped(action=command.action, reason=command.reason))]


def _wanted(case: Case, goal: Goal) -> Action | None:
    """Return the action; refuses `action_unknown` and `action_dropped`."""
    action = goal.actions.get(case.command.action)
    if action is None:
        case.reasons.refuse("action_unknown", "This goal has no such action.", "action")
        return None
    message = "This action was dropped: add another one."
    return action if case.reasons.unless(not action.dropped, "action_dropped", message, "action") else None


@evolves(ActionAdded)
def action_added(state: Goal, event: ActionAdded, _recorded: Recorded) -> Goal:
    """Add it."""
    action = Action(title=event.title, due_on=event.due_on, assignee=event.assignee)
    return put(state, "actions", event.action, action)


@evolves(ActionCompleted)
def action_completed(state: Goal, event: ActionCompleted, _recorded: Recorded) -> Goal:
    """Keep when it was done."""
    return _changed(state, event.action, completed_on=event.completed_on)


@evolves(ActionReopened)
def action_reopened(state: Goal, event: ActionReopened, _recorded: Recorded) -> Goal:
    """Open it again."""
    return _changed(state, event.action, completed_on=None)


@evolves(ActionDropped)
def action_dropped(state: Goal, event: ActionDropped, _recorded: Recorded) -> Goal:
    """Let it stand in nobody's way."""
    return _changed(state, event.action, dropped=True)


def _changed(goal: Goal, id_: str, **members: dt.date | bool | None) -> Goal:
    action = goal.actions.get(id_)
    if action is None:
        return goal
    return put(goal, "actions", id_, msgspec.structs.replace(action, **members))
