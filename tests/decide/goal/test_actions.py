"""Given a goal, when an action is added, completed, reopened or dropped, then ..."""

from __future__ import annotations

from typing import Any

import pytest

from milepost.decide.goal.state import Action
from milepost_contracts.commands.goal import AddAction, CompleteAction, DropAction, ReopenAction, ShiftDeadline
from milepost_contracts.events.goal import ActionAdded, ActionCompleted, ActionDropped, ActionReopened, ContributorAdded
from tests.support.goals import DEADLINE, active, closed, created
from tests.support.scenario import ADMIN, MANAGER, MENTEE, MENTOR, STRANGER, TODAY, Scenario, acme, day, uid

BOOK = uid("book")


def add(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    return scenario.when(by, AddAction, **({"action": BOOK, "title": "Book a room"} | fields))


def complete(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    return scenario.when(by, CompleteAction, **({"action": BOOK, "completed_on": TODAY} | fields))


def reopen(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    return scenario.when(by, ReopenAction, **({"action": BOOK} | fields))


def drop(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    return scenario.when(by, DropAction, **({"action": BOOK} | fields))


def planned(scenario: Scenario | None = None) -> Scenario:
    """Return an active goal with an action."""
    return (scenario or active()).given(ActionAdded(action=BOOK, title="Book a room", due_on=day(30)))


def done(scenario: Scenario | None = None) -> Scenario:
    """Return an active goal whose action is done."""
    return planned(scenario).given(ActionCompleted(action=BOOK, completed_on=TODAY))


def test_an_action_is_added() -> None:
    """With or without a date and somebody to do it."""
    scenario = add(active(), due_on=DEADLINE, assignee=MENTOR)
    scenario.then(ActionAdded(action=BOOK, title="Book a room", due_on=DEADLINE, assignee=MENTOR)).warned()
    assert scenario.goal.actions[BOOK] == Action(title="Book a room", due_on=DEADLINE, assignee=MENTOR)
    add(active()).tags("action_added")


def test_all_reasons_against_an_action_come_at_once() -> None:
    """Id, title, number and a date after the goal's."""
    add(planned().limited(actions=1), title="", due_on=day(91)).refused(
        "action_id_taken", "title_missing", "limit_reached", "due_after_deadline"
    )


def test_what_an_action_is_warned_of() -> None:
    """A date long past, and somebody who is neither party nor contributor."""
    add(active(), due_on=day(-8), assignee=MANAGER).warned("backdated", "not_of_goal")
    add(active().given(ContributorAdded(ref=MANAGER, role="manager")), assignee=MANAGER).warned()
    add(created(), due_on=day(900)).warned()


def test_an_action_is_completed_once() -> None:
    """Again is refused, until it was reopened; it never changes progress."""
    scenario = complete(planned(), note="Room 4")
    scenario.then(ActionCompleted(action=BOOK, completed_on=TODAY, note="Room 4"))
    complete(scenario).refused("action_completed_already")
    reopen(scenario, reason="Room 4 is too small").then(ActionReopened(action=BOOK, reason="Room 4 is too small"))
    complete(scenario).tags("action_completed")


def test_completions_lie_in_the_past() -> None:
    """The future is refused, long ago is warned of."""
    complete(planned(), completed_on=day(1)).refused("in_future")
    complete(planned(), completed_on=day(-8)).warned("backdated")


def test_an_open_action_stays_open() -> None:
    """Reopening it changes nothing."""
    reopen(planned()).nothing()


def test_a_reopened_action_may_be_due_after_the_deadline() -> None:
    """The deadline moved while it was done: that is warned of."""
    scenario = done().done(MENTEE, ShiftDeadline, new=day(20), reason="Sooner", reason_code="scope")
    reopen(scenario).warned("open_after_deadline")


def test_an_action_is_dropped() -> None:
    """Dropping again changes nothing; what is dropped or done stays as it is."""
    scenario = drop(planned(), reason="Not needed")
    scenario.then(ActionDropped(action=BOOK, reason="Not needed"))
    drop(scenario).nothing()
    complete(scenario).refused("action_dropped")
    reopen(scenario).refused("action_dropped")
    drop(done()).refused("action_completed_already")


def test_dropped_actions_take_no_room() -> None:
    """The limit is one of those that are wanted."""
    scenario = planned().limited(actions=1)
    add(scenario, action=uid("other")).refused("limit_reached")
    add(drop(scenario), action=uid("other")).tags("action_added")


def test_closed_goals_take_late_completions_and_corrections() -> None:
    """What was done before the closing, that something was not, and what is no longer wanted; no plans."""
    complete(planned(closed())).tags("action_completed")
    complete(planned(closed()).at(day(3)), completed_on=day(1)).refused("goal_closed")
    reopen(done(closed()).at(day(3))).tags("action_reopened")
    add(closed()).refused("goal_closed")
    drop(planned(closed())).tags("action_dropped")


ALL = [add, complete, reopen, drop]


@pytest.mark.parametrize("step", ALL)
@pytest.mark.parametrize("by", [STRANGER, ADMIN, MANAGER])
def test_only_parties_have_actions(step: Any, by: str) -> None:
    """Contributors and admins look on."""
    scenario = done().given(ContributorAdded(ref=MANAGER, role="manager"))
    step(scenario, by, action=uid("other") if step is add else BOOK).refused("not_allowed")


@pytest.mark.parametrize("step", ALL)
def test_action_and_goal_have_to_be_there(step: Any) -> None:
    """Unknown ones are told."""
    step(acme()).refused("goal_unknown")
    if step is not add:
        step(active()).refused("action_unknown")


def test_every_party_has_actions() -> None:
    """The mentor takes each of the steps too."""
    add(active(), MENTOR).tags("action_added")
    complete(planned(), MENTOR).tags("action_completed")
    reopen(done(), MENTOR).tags("action_reopened")
    drop(planned(), MENTOR).tags("action_dropped")


def test_events_of_unknown_actions_are_folded() -> None:
    """Evolving never refuses."""
    scenario = active()
    before = scenario.goal
    scenario.given(
        ActionCompleted(action=BOOK, completed_on=TODAY), ActionReopened(action=BOOK), ActionDropped(action=BOOK)
    )
    assert scenario.goal == before
