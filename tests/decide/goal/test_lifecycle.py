"""Given a goal, when it is paused or archived, then ..."""

from __future__ import annotations

import datetime as dt

from milepost_contracts.commands.goal import ActivateGoal, ArchiveGoal, PauseGoal, ProposeGoal
from milepost_contracts.events.goal import Archived, Paused
from milepost_contracts.events.mentorship import KeyAreaReleased
from tests.support.goals import active, agreed, closed, created, paused
from tests.support.scenario import ADMIN, GOAL, MENTEE, MENTOR, STRANGER, acme, day


def test_pausing() -> None:
    """A pause has a reason, and perhaps an end in sight; the key area is free for another goal."""
    scenario = active().when(MENTOR, PauseGoal, reason="Parental leave", until=day(60)).warned()
    scenario.then(
        Paused(paused_on=day(0), reason="Parental leave", until=day(60)), KeyAreaReleased(goal=GOAL, owner=MENTEE)
    )
    assert (scenario.goal.state, scenario.goal.pauses) == ("paused", ((day(0), None),))
    mentorship = scenario.state("mentorship")
    assert (list(mentorship.key_areas), list(mentorship.goals)) == ([], [GOAL])


def test_pausing_refused() -> None:
    """Only a party pauses, only what is active, only with a reason and an end after the beginning; told at once."""
    paused().when(MENTEE, PauseGoal, reason=" ", until=day(-1)).refused(
        "wrong_state", "reason_missing", "until_before_start"
    )
    agreed().when(MENTEE, PauseGoal, reason="x").refused("wrong_state")
    active().when(ADMIN, PauseGoal, reason="x").refused("not_allowed")
    acme().when(MENTEE, PauseGoal, reason="x").refused("goal_unknown")


def test_pausing_late() -> None:
    """A pause that began before, as the asker claims, began on that day."""
    began = dt.datetime(2026, 2, 20, 12, tzinfo=dt.UTC)
    scenario = active().when(MENTEE, PauseGoal, reason="Ill", occurred_at=began).warned("backdated")
    assert scenario.caused(Paused).paused_on == began.date()


def test_pausing_outside_any_mentorship() -> None:
    """A goal outside any mentorship has no key area to give back."""
    scenario = created(kind="outcome").done(MENTEE, ProposeGoal, revision=1).done(MENTEE, ActivateGoal, revision=1)
    scenario.when(MENTEE, PauseGoal, reason="x").tags("paused")


def test_archiving() -> None:
    """A closed goal leaves the lists, once."""
    scenario = closed().when(ADMIN, ArchiveGoal, reason="Old").then(Archived(reason="Old"))
    assert scenario.goal.archived
    scenario.when(MENTEE, ArchiveGoal).nothing()


def test_archiving_refused() -> None:
    """Open goals stay on the lists, and strangers archive nothing."""
    active().when(MENTEE, ArchiveGoal).refused("wrong_state")
    closed().when(STRANGER, ArchiveGoal).refused("not_allowed")
