"""Given a goal, when its words, its deadline or its schedule change, then ..."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from milepost_contracts.commands.goal import RefineGoal, SetDeadline, SetSchedule, ShiftDeadline
from milepost_contracts.events.goal import (
    ActionAdded,
    ActionCompleted,
    ChildAligned,
    DeadlineSet,
    DeadlineShifted,
    Evaluated,
    MilestoneAdded,
    MilestoneHit,
    Refined,
    ScheduleSet,
)
from milepost_contracts.types import Cadence, Criterion, RubricRef, Schedule, TermsChange
from tests.support.goals import DEADLINE, PLACED_IN_PROGRAMME, active, agreed, closed, created, drafted, organised
from tests.support.scenario import ADMIN, MENTEE, MENTOR, STRANGER, Scenario, acme, day, uid

REASON = "Learnt more about it"


def refine(
    scenario: Scenario, by: str = MENTEE, *, editorial: bool = False, reason: str | None = None, **to: Any
) -> Scenario:
    """Let *by* refine the goal: members *to*."""
    return scenario.when(
        by, RefineGoal, changes=TermsChange(**to), trigger="new_information", editorial=editorial, reason=reason
    )


# Refining


def test_before_and_after() -> None:
    """A refinement tells what was and what is, of the members that change alone, and raises the revision."""
    scenario = refine(created(description="Somehow"), title="Three talks", description=None, kind="smart")
    scenario.warned().then(
        Refined(
            before=TermsChange(title="Give better presentations", description="Somehow"),
            after=TermsChange(title="Three talks", description=None),
            trigger="new_information",
            revision=2,
        )
    )
    assert (scenario.goal.title, scenario.goal.description, scenario.goal.revision) == ("Three talks", None, 2)


def test_nothing_changes() -> None:
    """What is so already, or nothing at all, is accepted without an event."""
    refine(created(), title="Give better presentations", focus=None).nothing()
    refine(created()).nothing()


def test_what_describes_is_no_term() -> None:
    """Focus, priority, horizon and the source of progress change without a new revision; the proposal stands."""
    scenario = refine(agreed(), reason=REASON, focus="skill", priority=1, horizon="long", progress_from="children")
    event = scenario.caused(Refined)
    assert (event.revision, event.voided) == (3, [])
    goal = scenario.goal
    assert (goal.focus, goal.priority, goal.horizon, goal.progress_from) == ("skill", 1, "long", "children")
    assert (goal.state, goal.revision) == ("proposed", 3)


def test_refining_a_proposal() -> None:
    """Other terms under a proposal make it a draft again; the yes of who refined moves on, the other's is void."""
    scenario = refine(agreed(), by=MENTOR, reason=REASON, title="Three talks")
    assert scenario.caused(Refined).voided == [MENTEE]
    assert (scenario.goal.state, dict(scenario.goal.agreements.items())) == ("drafted", {MENTOR: 4})


def test_refining_an_active_goal() -> None:
    """An active goal stays active under its new terms, marked as not agreed."""
    scenario = refine(active(), reason=REASON, title="Three talks")
    assert scenario.caused(Refined).voided == [MENTOR]
    assert (scenario.goal.state, scenario.goal.agreement_open) == ("active", True)


def test_an_admin_refines() -> None:
    """Terms that an admin changes are agreed by nobody."""
    scenario = refine(active(), by=ADMIN, reason=REASON, title="Three talks")
    assert scenario.caused(Refined).voided == sorted([MENTEE, MENTOR])
    assert scenario.goal.agreement_open


def test_an_editorial_change() -> None:
    """A refinement marked editorial voids nobody's yes and leaves the evaluation as good as it was."""
    passed = Evaluated(
        rubric=RubricRef(id="smart", version=1),
        criteria=[Criterion(criterion="specific", met=True)],
        passed=True,
        revision=3,
    )
    scenario = refine(active().given(passed), editorial=True, reason="Spelling", title="Give better talks")
    assert (scenario.caused(Refined).voided, scenario.caused(Refined).revision) == ([], 4)
    goal = scenario.goal
    assert dict(goal.agreements.items()) == {MENTEE: 4, MENTOR: 4}
    assert (goal.agreement_open, goal.evaluation.revision) == (False, 4)


def test_editorial_is_about_words() -> None:
    """Another kind of goal is not editorial."""
    refine(active(), editorial=True, reason="Hm", kind="outcome").refused("editorial_too_far")


def test_refining_refused() -> None:
    """A title stays, once agreed a reason is wanted, and a closed goal stays as it is: all told at once."""
    refine(closed(), title=" ").refused("goal_closed", "reason_missing", "title_missing")
    refine(agreed(), title="Three talks", reason=" ").refused("reason_missing")
    refine(created(), by=STRANGER, title="x").refused("not_allowed")
    refine(acme(), title="x").refused("goal_unknown")


def test_career_is_an_outcome() -> None:
    """Focus on a career step is worth a warning, unless other goals ladder up to this one."""
    refine(created(), focus="career").warned("outcome_framed")
    laddered = created().given(ChildAligned(child=uid("learning"), weight="1"))
    refine(laddered, focus="career").warned()


# Deadlines


def test_the_first_deadline() -> None:
    """A first deadline is set; the same one again changes nothing, another one is a shift."""
    scenario = created().when(MENTEE, SetDeadline, new=day(60)).warned().then(DeadlineSet(new=day(60), revision=2))
    assert (scenario.goal.deadline, scenario.goal.revision) == (day(60), 2)
    scenario.when(MENTEE, SetDeadline, new=day(60)).nothing()
    scenario.when(MENTEE, SetDeadline, new=day(61)).refused("deadline_already_set")


def test_a_shift() -> None:
    """A shift tells old, new and how many days; the others' yes is void."""
    scenario = active().when(MENTOR, ShiftDeadline, new=day(120), reason="Her exam", reason_code="dependency").warned()
    scenario.then(
        DeadlineShifted(
            old=DEADLINE,
            new=day(120),
            days=30,
            reason="Her exam",
            reason_code="dependency",
            revision=4,
            voided=[MENTEE],
        )
    )
    assert (scenario.goal.deadline, scenario.goal.agreement_open) == (day(120), True)
    scenario.when(MENTEE, ShiftDeadline, new=day(110), reason="Sooner", reason_code="estimate")
    assert scenario.caused(DeadlineShifted).days == -10


def test_the_same_date() -> None:
    """A shift to where it is changes nothing."""
    active().when(MENTEE, ShiftDeadline, new=DEADLINE, reason="No", reason_code="other").nothing()


def test_shifting_refused() -> None:
    """No deadline yet, no reason, a closed goal, a stranger: refused."""
    created().when(MENTEE, ShiftDeadline, new=day(9), reason=" ", reason_code="other").refused(
        "deadline_not_set", "reason_missing"
    )
    closed().when(MENTEE, ShiftDeadline, new=day(9), reason="Late", reason_code="other").refused("goal_closed")
    active().when(STRANGER, ShiftDeadline, new=day(9), reason="Late", reason_code="other").refused("not_allowed")


def test_setting_once_agreed() -> None:
    """A deadline that comes after agreement comes with a reason."""
    scenario = agreed(deadline=None)
    scenario.when(MENTEE, SetDeadline, new=day(60)).refused("reason_missing")
    scenario.when(MENTEE, SetDeadline, new=day(60), reason="Now I know").tags("deadline_set")
    closed(deadline=None).when(MENTEE, SetDeadline, new=day(60), reason="Now").refused("goal_closed")


@pytest.fixture
def planned() -> Scenario:
    """Return a goal with milestones and actions, open and done, in 30 and 60 days."""
    return active().given(
        MilestoneAdded(milestone=uid("first talk"), title="First talk", due_on=day(30)),
        MilestoneAdded(milestone=uid("second talk"), title="Second talk", due_on=day(60)),
        MilestoneAdded(milestone=uid("hit"), title="Slides", due_on=day(60)),
        MilestoneHit(milestone=uid("hit"), hit_on=day(0), title="Slides", due_on=day(60), ordinal=1),
        ActionAdded(action=uid("book a room"), title="Book a room", due_on=day(60)),
        ActionAdded(action=uid("breathe"), title="Breathe"),
        ActionAdded(action=uid("done"), title="Done", due_on=day(60)),
        ActionCompleted(action=uid("done"), completed_on=day(0)),
    )


def test_nothing_is_stranded(planned: Scenario) -> None:
    """A shift that would leave open milestones or actions behind is refused, with a list of them."""
    planned.when(MENTEE, ShiftDeadline, new=day(59), reason="Sooner", reason_code="scope")
    planned.refused("milestone_stranded", "action_stranded")
    assert planned.problem("milestone_stranded").details == {
        "milestones": [{"milestone": uid("second talk"), "due_on": day(60)}]
    }
    assert planned.problem("action_stranded").details == {
        "actions": [{"action": uid("book a room"), "due_on": day(60)}]
    }
    planned.when(MENTEE, ShiftDeadline, new=day(60), reason="Sooner", reason_code="scope").tags("deadline_shifted")


def test_a_first_deadline_strands_nothing() -> None:
    """Neither does a first deadline leave anything behind."""
    scenario = created().given(MilestoneAdded(milestone=uid("m"), title="Later", due_on=day(60)))
    scenario.when(MENTEE, SetDeadline, new=day(30)).refused("milestone_stranded")


def test_within_the_cycle() -> None:
    """A deadline lies in the goal's cycle, its first and last day included, unless overridden."""
    scenario = created(organised()).given(PLACED_IN_PROGRAMME)
    scenario.when(MENTEE, SetDeadline, new=day(181)).refused("deadline_outside_cycle")
    assert scenario.problem("deadline_outside_cycle").details == {"starts_on": day(-30), "ends_on": day(180)}
    scenario.when(MENTEE, SetDeadline, new=day(180)).tags("deadline_set")
    shift: dict[str, Any] = {"new": day(200), "reason": "Later", "reason_code": "resources"}
    scenario.when(MENTEE, ShiftDeadline, **shift).refused("deadline_outside_cycle")
    scenario.when(MENTEE, ShiftDeadline, **shift, override=True).tags("deadline_shifted")
    assert scenario.caused(DeadlineShifted).override


def test_deadline_and_start() -> None:
    """A deadline before the start is refused; one that is past already is worth a warning."""
    created(start_on=day(10)).when(MENTEE, SetDeadline, new=day(9)).refused("start_after_deadline")
    created().when(MENTEE, SetDeadline, new=day(-1)).warned("backdated")


# The schedule


def test_a_schedule() -> None:
    """Zone, start and cadence are set; what the command leaves out stays, and terms stay agreed."""
    rhythm = Cadence(rhythm="bi_weekly", anchor=day(0))
    scenario = active().when(MENTOR, SetSchedule, time_zone="Asia/Tokyo", cadence=rhythm)
    scenario.then(ScheduleSet(before=Schedule(), after=Schedule(time_zone="Asia/Tokyo", cadence=rhythm)))
    scenario.when(MENTEE, SetSchedule, start_on=day(1))
    goal = scenario.goal
    assert (goal.time_zone, goal.start_on, goal.cadence) == ("Asia/Tokyo", day(1), rhythm)
    assert (goal.revision, goal.agreement_open) == (3, False)
    scenario.when(MENTEE, SetSchedule, start_on=day(1), cadence=rhythm).nothing()


def test_schedule_refused() -> None:
    """Unknown zones, a start after the deadline, rhythms that do not say how many days: all told at once."""
    odd = Cadence(rhythm="days", anchor=day(0))
    scenario = drafted().when(MENTEE, SetSchedule, time_zone="Nowhere", start_on=day(91), cadence=odd)
    scenario.refused("zone_unknown", "start_after_deadline", "cadence_invalid")
    closed().when(MENTEE, SetSchedule, start_on=day(1)).refused("goal_closed")
    drafted().when(STRANGER, SetSchedule, start_on=day(1)).refused("not_allowed")


def test_an_unknown_zone_of_old() -> None:
    """An event that names a zone of another year's list is read all the same; the goal's day is UTC's then."""
    scenario = drafted().given(ScheduleSet(before=Schedule(), after=Schedule(time_zone="Old/Zone")))
    late = scenario.at(dt.datetime(2026, 3, 2, 23, 0, tzinfo=dt.UTC))
    late.when(MENTEE, ShiftDeadline, new=day(0), reason="Now", reason_code="other").warned()
