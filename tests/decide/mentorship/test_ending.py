"""Given a mentorship, when it is completed or cancelled, then ..."""

from __future__ import annotations

from typing import Any

import pytest

from milepost_contracts.commands.mentorship import Cancel, Complete
from milepost_contracts.events.mentorship import (
    Cancelled,
    Completed,
    GoalJoined,
    KeyAreaOpened,
    KeyAreaReleased,
    SessionHeld,
)
from tests.decide.mentorship.cases import IN_PROGRAMME, LEAD, active, requested, tenant
from tests.support.scenario import ADMIN, GOAL, MENTEE, MENTOR, STRANGER, day, uid

ENDINGS: list[tuple[Any, dict[str, Any]]] = [(Complete, {"completed_on": day(0)}), (Cancel, {"reason": "Moved"})]


@pytest.mark.parametrize(("command", "fields"), ENDINGS)
def test_who_ends_it(command: Any, fields: dict[str, Any]) -> None:
    """Parties and admins end a mentorship, once; others do not."""
    for actor in (MENTEE, MENTOR, LEAD, ADMIN):
        scenario = active(**IN_PROGRAMME).done(actor, command, **fields).warned()
        assert not scenario.state("mentorship").open
        for again, more in ENDINGS:
            scenario.when(actor, again, **more).refused("mentorship_ended")
    active(**IN_PROGRAMME).when(STRANGER, command, **fields).refused("not_allowed")
    active().when(LEAD, command, **fields).refused("not_allowed")
    tenant().when(MENTEE, command, **fields).refused("mentorship_unknown")


def test_completing() -> None:
    """It ends on the day that is told, with what its parties say of it."""
    scenario = active().when(MENTEE, Complete, completed_on=day(-1), retrospective="Good")
    scenario.then(Completed(completed_on=day(-1), retrospective="Good")).warned()
    assert scenario.state("mentorship").state == "completed"
    assert scenario.state("mentorship").ended_on == day(-1)


def test_completing_at_another_time() -> None:
    """The future is refused; long past, or before the last session, is warned of."""
    active().when(MENTEE, Complete, completed_on=day(2)).refused("in_future")
    active().when(MENTEE, Complete, completed_on=day(-9)).warned("backdated")
    met = SessionHeld(session=uid("session"), held_on=day(-1), attendees=[MENTEE])
    active(met).when(MENTEE, Complete, completed_on=day(-2)).warned("backdated")


def test_a_request_is_cancelled_not_completed() -> None:
    """What has not begun cannot be completed; who asked takes the request back by cancelling."""
    scenario = requested().when(MENTEE, Complete, completed_on=day(0)).refused("mentorship_not_active")
    scenario.when(MENTEE, Cancel, reason="No time").then(Cancelled(cancelled_on=day(0), reason="No time"))
    assert scenario.state("mentorship").state == "cancelled"


def test_cancelling_wants_a_reason() -> None:
    """White space is no reason; an end that was earlier is recorded as claimed."""
    scenario = active().when(MENTEE, Cancel, reason=" \n").refused("reason_missing")
    yesterday = scenario.now.replace(day=1)
    scenario.when(MENTEE, Cancel, reason="Moved", occurred_at=yesterday)
    scenario.then(Cancelled(cancelled_on=yesterday.date(), reason="Moved"))


@pytest.mark.parametrize(("command", "fields"), ENDINGS)
def test_active_goals_hold_it_up(command: Any, fields: dict[str, Any]) -> None:
    """It does not end over active goals, which are listed; goals that are not active stay, with a warning."""
    scenario = active(GoalJoined(goal=GOAL, owner=MENTEE), KeyAreaOpened(goal=GOAL, owner=MENTEE))
    scenario.when(MENTEE, command, **fields).refused("goals_open")
    assert scenario.problem("goals_open").details == {"goals": [GOAL]}
    scenario.given(KeyAreaReleased(goal=GOAL, owner=MENTEE)).when(MENTEE, command, **fields).warned("goals_left")
