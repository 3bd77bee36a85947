"""Given a goal, when a milestone is added, moved, hit, retracted or dropped, then ..."""

from __future__ import annotations

from typing import Any

import pytest

from milepost.decide.goal.state import Milestone
from milepost_contracts.commands.goal import (
    AddMilestone,
    DropMilestone,
    HitMilestone,
    RescheduleMilestone,
    RetractMilestoneHit,
    ShiftDeadline,
)
from milepost_contracts.events.goal import (
    ContributorAdded,
    MilestoneAdded,
    MilestoneDropped,
    MilestoneHit,
    MilestoneHitRetracted,
    MilestoneRescheduled,
)
from tests.support.goals import DEADLINE, active, closed, created, drafted
from tests.support.scenario import ADMIN, MANAGER, MENTEE, MENTOR, STRANGER, TODAY, Scenario, acme, day, uid

FIRST, SECOND = uid("first"), uid("second")


def add(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    return scenario.when(by, AddMilestone, **({"milestone": FIRST, "title": "First talk", "due_on": day(30)} | fields))


def with_two(scenario: Scenario | None = None) -> Scenario:
    """Return an active goal with two milestones."""
    return (scenario or active()).given(
        MilestoneAdded(milestone=FIRST, title="First talk", due_on=day(30)),
        MilestoneAdded(milestone=SECOND, title="Second talk", due_on=DEADLINE),
    )


def hit(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    return scenario.when(by, HitMilestone, **({"milestone": FIRST, "hit_on": TODAY} | fields))


def hit_once(scenario: Scenario | None = None) -> Scenario:
    """Return an active goal whose first of two milestones was hit."""
    event = MilestoneHit(milestone=FIRST, hit_on=TODAY, title="First talk", due_on=day(30), ordinal=1)
    return with_two(scenario).given(event)


def reschedule(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    fields = {"milestone": FIRST, "new": day(40), "reason": "The room is taken"} | fields
    return scenario.when(by, RescheduleMilestone, **fields)


def retract(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    fields = {"milestone": FIRST, "reason": "It was only a rehearsal"} | fields
    return scenario.when(by, RetractMilestoneHit, **fields)


def drop(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    return scenario.when(by, DropMilestone, **({"milestone": FIRST} | fields))


def test_a_milestone_is_added() -> None:
    """On any day until the deadline, that day included."""
    scenario = add(active(), reason="A first step", due_on=DEADLINE)
    scenario.then(MilestoneAdded(milestone=FIRST, title="First talk", due_on=DEADLINE, reason="A first step"))
    assert scenario.goal.milestones[FIRST] == Milestone(title="First talk", due_on=DEADLINE)


def test_milestones_are_planned_backward_from_the_deadline() -> None:
    """One due after the goal is refused, added or moved there; without a deadline there is nothing to plan from."""
    scenario = add(active(), due_on=day(91))
    scenario.refused("due_after_deadline")
    assert scenario.problem("due_after_deadline").details == {"deadline": DEADLINE}
    reschedule(with_two(), new=day(91)).refused("due_after_deadline")
    add(created(), due_on=day(900)).tags("milestone_added")


def test_a_milestone_that_was_due_long_ago_is_warned_of() -> None:
    """It may be how it was."""
    add(active(), due_on=day(-7)).warned()
    add(active(), due_on=day(-8)).warned("backdated")


def test_all_reasons_against_a_milestone_come_at_once() -> None:
    """Id, title, number and date."""
    add(with_two().limited(milestones=2), title=" ", due_on=day(91)).refused(
        "milestone_id_taken", "title_missing", "limit_reached", "due_after_deadline"
    )


def test_dropped_milestones_take_no_room() -> None:
    """The limit is one of those that are wanted."""
    scenario = with_two().limited(milestones=2)
    add(scenario, milestone=uid("third")).refused("limit_reached")
    add(drop(scenario), milestone=uid("third")).tags("milestone_added")


def test_a_milestone_is_rescheduled() -> None:
    """Once agreed with a reason; the same date is no change and needs none."""
    scenario = reschedule(with_two())
    scenario.then(MilestoneRescheduled(milestone=FIRST, old=day(30), new=day(40), reason="The room is taken"))
    reschedule(scenario, reason=None).nothing()
    reschedule(scenario, new=day(50), reason=" ").refused("reason_missing")
    reschedule(with_two(drafted()), reason=None).tags("milestone_rescheduled")


def test_a_milestone_is_hit() -> None:
    """The event says which one it is, when it was due and the how-manieth hit of the goal it is."""
    scenario = hit(with_two(), evidence=["https://example.org/talk"])
    scenario.then(
        MilestoneHit(
            milestone=FIRST,
            hit_on=TODAY,
            title="First talk",
            due_on=day(30),
            ordinal=1,
            evidence=["https://example.org/talk"],
        )
    )
    assert hit(scenario, milestone=SECOND, hit_on=day(-2)).caused(MilestoneHit).ordinal == 2


def test_a_milestone_is_hit_once() -> None:
    """Again is refused, until the hit was retracted; retracted hits are not counted."""
    scenario = hit(hit_once())
    scenario.refused("milestone_hit_already")
    retract(scenario).tags("milestone_hit_retracted")
    assert hit(scenario).caused(MilestoneHit).ordinal == 1


def test_hits_lie_in_the_past() -> None:
    """The future is refused, a week ago is warned of, and so is what no browser should open."""
    hit(with_two(), hit_on=day(1)).refused("in_future")
    hit(with_two(), hit_on=day(-8)).warned("backdated")
    hit(with_two().limited(items=0), evidence=["file:///etc/passwd"]).refused("unsafe_link", "limit_reached")


def test_a_hit_is_retracted_with_a_reason() -> None:
    """The event names the event of the hit, and the milestone is open again."""
    scenario = retract(hit_once())
    scenario.then(
        MilestoneHitRetracted(milestone=FIRST, hit_event=scenario.last(MilestoneHit), reason="It was only a rehearsal")
    )
    assert scenario.goal.milestones[FIRST].open
    retract(hit_once(), reason="").refused("reason_missing")
    retract(with_two()).refused("milestone_not_hit")


def test_a_retracted_hit_may_leave_a_milestone_after_the_deadline() -> None:
    """The deadline moved while it was hit: that is warned of, and no reason to keep what is wrong."""
    scenario = hit_once().done(MENTEE, DropMilestone, milestone=SECOND)
    scenario.done(MENTEE, ShiftDeadline, new=day(20), reason="Sooner", reason_code="scope")
    retract(scenario).warned("open_after_deadline")


def test_a_milestone_is_dropped() -> None:
    """Dropping again changes nothing; what is dropped is neither hit nor moved."""
    scenario = drop(with_two(), reason="Not needed")
    scenario.then(MilestoneDropped(milestone=FIRST, reason="Not needed"))
    drop(scenario).nothing()
    hit(scenario).refused("milestone_dropped")
    reschedule(scenario).refused("milestone_dropped")
    retract(scenario).refused("milestone_dropped")


def test_what_was_hit_stays_as_it_is() -> None:
    """Neither dropped nor moved, unless the hit is retracted first."""
    drop(hit_once()).refused("milestone_hit_already")
    reschedule(hit_once()).refused("milestone_hit_already")


def test_closed_goals_take_late_hits_and_corrections() -> None:
    """A hit of before the closing, a retraction and what is no longer wanted; no plans."""
    hit(with_two(closed())).tags("milestone_hit")
    hit(with_two(closed()).at(day(3)), hit_on=day(1)).refused("goal_closed")
    retract(hit_once(closed()).at(day(3))).tags("milestone_hit_retracted")
    add(closed()).refused("goal_closed")
    reschedule(with_two(closed())).refused("goal_closed")
    drop(with_two(closed())).tags("milestone_dropped")


ALL = [add, reschedule, hit, retract, drop]


@pytest.mark.parametrize("step", ALL)
@pytest.mark.parametrize("by", [STRANGER, ADMIN, MANAGER])
def test_only_parties_have_milestones(step: Any, by: str) -> None:
    """Contributors and admins look on."""
    scenario = hit_once().given(ContributorAdded(ref=MANAGER, role="manager"))
    step(scenario, by, milestone=uid("other") if step is add else FIRST).refused("not_allowed")


@pytest.mark.parametrize("step", ALL)
def test_milestone_and_goal_have_to_be_there(step: Any) -> None:
    """Unknown ones are told."""
    step(acme()).refused("goal_unknown")
    if step is not add:
        step(active()).refused("milestone_unknown")


def test_every_party_has_milestones() -> None:
    """The mentor takes each of the steps too."""
    add(active(), MENTOR).tags("milestone_added")
    reschedule(with_two(), MENTOR).tags("milestone_rescheduled")
    hit(with_two(), MENTOR).tags("milestone_hit")
    retract(hit_once(), MENTOR).tags("milestone_hit_retracted")
    drop(with_two(), MENTOR).tags("milestone_dropped")


def test_events_of_unknown_milestones_are_folded() -> None:
    """Evolving never refuses."""
    scenario = active()
    before = scenario.goal
    scenario.given(
        MilestoneRescheduled(milestone=FIRST, old=TODAY, new=day(1)),
        MilestoneHit(milestone=FIRST, hit_on=TODAY, title="x", due_on=TODAY, ordinal=1),
        MilestoneHitRetracted(milestone=FIRST, hit_event=uid("x"), reason="x"),
        MilestoneDropped(milestone=FIRST),
    )
    assert scenario.goal == before
