"""Given a starter goal of DOMAIN.md's table, when two people work on it, then it is closed as they would expect."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from milepost.decide.goal.progress import results
from milepost_contracts.commands import goal as to
from milepost_contracts.events import TermsEvent
from milepost_contracts.events import goal as done
from milepost_contracts.types import Criterion, Party, TermsChange
from tests.support.goals import BOTH, CYCLE, mentored, organised
from tests.support.scenario import (
    ADMIN,
    GOAL,
    MANAGER,
    MENTEE,
    MENTOR,
    MENTORSHIP,
    PEER,
    PROGRAMME,
    TODAY,
    Scenario,
    person,
    uid,
)

SMART = ("specific", "measurable", "achievable", "relevant", "time_bound")
YEAR_END = dt.date(2026, 12, 31)


def on(month: int, day: int, year: int = 2026) -> dt.date:
    """Return a date of the year in which the scenarios are told; they begin on 2 March."""
    return dt.date(year, month, day)


def brought(title: str, owner: str = MENTEE, **fields: Any) -> Scenario:
    """Let *owner* bring a starter goal and place it into the mentorship of MENTEE and MENTOR."""
    scenario = mentored(organised()).done(owner, to.CreateGoal, title=title, owner=owner, **fields)
    return scenario.done(owner, to.PlaceGoal, mentorship=MENTORSHIP, parties=BOTH)


def refined(scenario: Scenario, by: str, title: str, trigger: str = "new_information", **fields: Any) -> Scenario:
    """Let *by* put the goal into better words."""
    return scenario.done(by, to.RefineGoal, changes=TermsChange(title=title), trigger=trigger, **fields)


def measured(scenario: Scenario, by: str, measure: str, kind: str, target: str, **fields: Any) -> Scenario:
    """Let *by* define a measure that increases, named by what it counts."""
    told = {"direction": "increase", "unit": measure.replace("'", "")} | fields
    return scenario.done(by, to.DefineMeasure, measure=uid(measure), name=measure, kind=kind, target=target, **told)


def evaluated(scenario: Scenario, by: str, trigger: str | None = None) -> Scenario:
    """Let *by* find the present terms SMART; what was agreed once is evaluated again for a reason, *trigger*."""
    criteria = [Criterion(criterion=name, met=True) for name in SMART]
    return scenario.done(by, to.EvaluateGoal, criteria=criteria, trigger=trigger)


def begun(scenario: Scenario, by: str, other: str) -> Scenario:
    """Let *by* propose the present terms, *other* agree, and work begin without any warning."""
    revision = scenario.goal.revision
    scenario.done(by, to.ProposeGoal, revision=revision).done(other, to.AgreeGoal, revision=revision)
    return scenario.done(by, to.ActivateGoal, revision=revision).warned()


def read(scenario: Scenario, by: str, measure: str, day: dt.date, reading: Any = None, **fields: Any) -> Scenario:
    """Let *by* record a reading on the *day* it is of."""
    return scenario.at(day).done(by, to.RecordProgress, measure=uid(measure), on=day, reading=reading, **fields)


def talked(scenario: Scenario, by: str, other: str, day: dt.date, **fields: Any) -> Scenario:
    """Let *by* record a check-in with *other*, who acknowledges it."""
    check_in = uid(f"check-in of {day}")
    scenario.at(day).done(by, to.HoldCheckIn, check_in=check_in, held_on=day, attendees=[by, other], **fields)
    return scenario.done(other, to.AcknowledgeCheckIn, check_in=check_in)


def shifted(scenario: Scenario, by: str, other: str, new: dt.date, reason: str, code: str) -> Scenario:
    """Let *by* shift the deadline and *other* agree to the new terms."""
    scenario.done(by, to.ShiftDeadline, new=new, reason=reason, reason_code=code)
    assert scenario.goal.agreement_open
    scenario.done(other, to.AgreeGoal, revision=scenario.goal.revision)
    assert not scenario.goal.agreement_open
    return scenario


def met(scenario: Scenario, *measures: str) -> None:
    """Check that exactly *measures* are met now."""
    told, _ = results(scenario.goal)
    assert {result.measure for result in told if result.met} == {uid(measure) for measure in measures}


def presentations() -> Scenario:
    """Tell of "get better at presentations": declined once, ill once, three scores of which one was a typing error."""
    scenario = brought("get better at presentations", focus="skill")
    scenario.done(MENTEE, to.ProposeGoal, revision=2)
    scenario.done(MENTOR, to.DeclineGoal, reason="How would we both know that you did?")
    assert scenario.goal.state == "drafted"
    refined(scenario.at(on(3, 9)), MENTEE, "Give three internal presentations that colleagues rate 8 of 10")
    scenario.done(MENTEE, to.AddContributor, ref=PEER, role="peer")
    measured(scenario, MENTEE, "presentations", "count", "3")
    measured(scenario, MENTEE, "advanced workshop", "count", "1")
    measured(scenario, MENTOR, "peer score", "average", "8", samples_min=3, sources=[PEER, MENTOR])
    scenario.done(MENTEE, to.SetDeadline, new=on(9, 30))
    first = uid("first presentation")
    scenario.done(MENTEE, to.AddMilestone, milestone=first, title="First presentation", due_on=on(4, 30))
    begun(evaluated(scenario, MENTOR), MENTEE, MENTOR)

    scenario.at(on(4, 14)).done(MENTEE, to.HitMilestone, milestone=first, hit_on=on(4, 14))
    scenario.when(MENTEE, to.HitMilestone, milestone=first, hit_on=on(4, 14)).refused("milestone_hit_already")
    scenario.done(MENTOR, to.RetractMilestoneHit, milestone=first, reason="That was the rehearsal")
    scenario.at(on(4, 28)).done(MENTEE, to.HitMilestone, milestone=first, hit_on=on(4, 28))
    assert scenario.caused(done.MilestoneHit).ordinal == 1
    read(scenario, MENTEE, "presentations", on(4, 28), "1")
    read(scenario, PEER, "peer score", on(4, 28), "70", source=PEER)
    wrong = scenario.last(done.ProgressRecorded)
    scenario.done(PEER, to.CorrectProgress, corrects=wrong, reading="7", reason="A typing error")
    talked(scenario, MENTEE, MENTOR, on(5, 4), confidence=6, wins=["Nobody left"], obstacles=["My slides are full"])
    read(scenario, MENTEE, "advanced workshop", on(6, 1), "1")

    shifted(scenario.at(on(7, 1)), MENTEE, MENTOR, on(10, 31), "Six weeks of illness", "illness")
    read(scenario, MENTEE, "presentations", on(8, 20), "1")
    read(scenario, PEER, "peer score", on(8, 20), "8.5")
    scenario.when(MENTEE, to.CloseGoal, result="achieved", closed_on=on(8, 20)).refused("measures_unmet")
    read(scenario, MENTEE, "presentations", on(10, 12), "1")
    read(scenario, PEER, "peer score", on(10, 12), "9")
    met(scenario, "presentations", "advanced workshop", "peer score")
    words = "I still shake, but nobody sees it"
    return scenario.done(MENTEE, to.CloseGoal, result="achieved", closed_on=on(10, 12), score="1", retrospective=words)


def leader() -> Scenario:
    """Tell of "become a better leader": two stand-ups in a row, the second run after a miss; the manager says yes."""
    scenario = brought("become a better leader", focus="skill", horizon="short", priority=1)
    refined(scenario, MENTEE, "Lead two stand-ups in a row and write down what came of them")
    scenario.done(MENTEE, to.AddContributor, ref=MANAGER, role="manager")
    measured(scenario, MENTEE, "stand-ups led", "consecutive", "2", period="week")
    measured(scenario, MENTEE, "outcomes documented", "binary", "1")
    measured(scenario, MENTEE, "manager's feedback", "binary", "1", sources=[MANAGER])
    scenario.done(MENTEE, to.SetDeadline, new=on(4, 1))
    begun(evaluated(scenario, MENTEE), MENTOR, MENTEE)

    read(scenario, MENTEE, "stand-ups led", on(3, 4), reading=True)
    read(scenario, MENTEE, "stand-ups led", on(3, 11), reading=False, note="Ill")
    talked(scenario, MENTOR, MENTEE, on(3, 12), adjustments=["Ask a colleague to stand in"], confidence=7)
    read(scenario, MENTEE, "stand-ups led", on(3, 18), reading=True)
    read(scenario, MENTEE, "stand-ups led", on(3, 25), reading=True)
    scenario.when(MANAGER, to.RecordProgress, measure=uid("outcomes documented"), on=on(3, 25), reading=True).refused(
        "not_allowed"
    )
    read(scenario, MENTEE, "outcomes documented", on(3, 26), reading=True, evidence=["https://example.org/notes"])
    read(scenario, MANAGER, "manager's feedback", on(3, 31), reading=True)
    met(scenario, "stand-ups led", "outcomes documented", "manager's feedback")
    return scenario.done(MENTOR, to.CloseGoal, result="achieved", closed_on=on(3, 31), score="0.9")


def management() -> Scenario:
    """Tell of "improve management skills": a mentee was counted twice; notes were kept for nine months."""
    scenario = brought("improve management skills", focus="skill", horizon="long")
    refined(scenario, MENTEE, "Guide at least two mentees of my own through this year")
    measured(scenario, MENTEE, "mentees guided", "count", "2")
    measured(scenario, MENTOR, "notes kept", "recurring", "1", period="month", periods_required=9)
    scenario.done(MENTEE, to.SetDeadline, new=YEAR_END)
    begun(evaluated(scenario, MENTEE), MENTEE, MENTOR)

    read(scenario, MENTEE, "mentees guided", on(3, 20), "1")
    read(scenario, MENTEE, "mentees guided", on(3, 21), "1")
    twice = scenario.last(done.ProgressRecorded)
    scenario.done(MENTEE, to.CorrectProgress, corrects=twice, strike=True, reason="The same mentee again")
    for month in range(3, 12):
        read(scenario, MENTEE, "notes kept", on(month, 25), "1")
    talked(scenario, MENTOR, MENTEE, on(11, 30), wins=["Nine months of notes"], help_wanted="A second mentee")
    met(scenario.at(on(12, 1)), "notes kept")
    refused = scenario.when(MENTEE, to.CloseGoal, result="achieved", closed_on=on(12, 1)).refused("measures_unmet")
    assert refused.problem("measures_unmet").details == {"measures": [uid("mentees guided")]}
    return scenario.done(MENTEE, to.CloseGoal, result="partially_achieved", closed_on=on(12, 1), score="0.7")


def essays() -> Scenario:
    """Tell of "improve essay writing": the target was revised with the first grade; ten percent were reached."""
    scenario = brought("improve essay writing", focus="knowledge")
    refined(scenario, MENTEE, "Write essays that earn a better course grade")
    measured(scenario, MENTEE, "workshops", "count", "2")
    measured(scenario, MENTEE, "drafts handed in", "recurring", "2", period="month", periods_required=4)
    measured(scenario, MENTOR, "course grade", "delta", "20", delta_mode="percent", unit="points")
    scenario.done(MENTEE, to.SetDeadline, new=on(7, 31))
    begun(evaluated(scenario, MENTOR), MENTEE, MENTOR)

    scenario.when(MENTEE, to.RecordProgress, measure=uid("course grade"), on=on(3, 2), reading="70")
    scenario.refused("baseline_missing")
    scenario.done(
        MENTEE, to.ReviseTarget, measure=uid("course grade"), target="10", baseline="70", reason="The first grade"
    )
    scenario.done(MENTOR, to.AgreeGoal, revision=scenario.goal.revision)
    for month in range(3, 7):
        read(scenario, MENTEE, "drafts handed in", on(month, 10), "1")
        read(scenario, MENTEE, "drafts handed in", on(month, 24), "1")
    read(scenario, MENTEE, "workshops", on(5, 5), "2")
    talked(scenario, MENTEE, MENTOR, on(6, 30), confidence=8, next_step="The final essay")
    read(scenario, MENTEE, "course grade", on(7, 28), "77")
    met(scenario, "workshops", "drafts handed in", "course grade")
    return scenario.done(MENTEE, to.CloseGoal, result="achieved", closed_on=on(7, 28), score="1")


def lead_a_team() -> Scenario:
    """Tell of "lead a cross-functional team by year-end": actions, a pause, and a year that was too short."""
    scenario = brought("lead a cross-functional team by year-end", focus="career")
    assert scenario.goal.focus == "career"
    refined(scenario, MENTEE, "Facilitate one meeting a month of a cross-functional team")
    scenario.done(MENTEE, to.RefineGoal, changes=TermsChange(focus="skill"), trigger="new_information").warned()
    measured(scenario, MENTEE, "meetings facilitated", "recurring", "1", period="month", periods_required=9)
    scenario.done(MENTEE, to.SetDeadline, new=YEAR_END)
    shadow, module = uid("shadow a lead"), uid("project-management module")
    scenario.done(MENTEE, to.AddAction, action=shadow, title="Shadow a lead", due_on=on(3, 31), assignee=MENTEE)
    scenario.done(MENTOR, to.AddAction, action=module, title="Project-management module", due_on=on(6, 30))
    begun(evaluated(scenario, MENTOR), MENTEE, MENTOR)

    scenario.at(on(3, 27)).done(MENTEE, to.CompleteAction, action=shadow, completed_on=on(3, 26))
    read(scenario, MENTEE, "meetings facilitated", on(4, 15), "1")
    scenario.when(MENTEE, to.ShiftDeadline, new=on(6, 1), reason="Sooner", reason_code="estimate")
    assert scenario.refused("action_stranded").problem("action_stranded").details == {
        "actions": [{"action": module, "due_on": on(6, 30)}]
    }
    scenario.at(on(5, 4)).done(MENTEE, to.PauseGoal, reason="Parental leave", until=on(8, 31))
    assert list(scenario.state("mentorship").key_areas) == []
    scenario.at(on(9, 1)).done(MENTEE, to.ResumeGoal)
    scenario.done(MENTEE, to.DropAction, action=module, reason="The next one begins in January")
    for month in range(9, 13):
        read(scenario, MENTEE, "meetings facilitated", on(month, 15), "1")
    talked(scenario, MENTOR, MENTEE, on(12, 16), progress="0.55", wins=["The team asks for you"])
    met(scenario.at(YEAR_END))
    return scenario.done(MENTEE, to.CloseGoal, result="missed", closed_on=on(12, 31), score="0.5")


def grades() -> Scenario:
    """Tell of "two letter grades up within a year": the grade counts more than hours that were not studied."""
    scenario = brought("two letter grades up within a year", focus="knowledge", time_zone="Europe/Berlin")
    measured(
        scenario,
        MENTEE,
        "grade",
        "delta",
        "2",
        delta_mode="points",
        baseline="1",
        scale=["F", "D", "C", "B", "A"],
    )
    measured(scenario, MENTEE, "extra hour", "recurring", "1", period="day", periods_required=100, weight="0.5")
    scenario.done(MENTEE, to.SetDeadline, new=on(3, 2, 2027))
    for title in ("Ask the teacher for help", "Join a study group"):
        scenario.done(MENTEE, to.AddAction, action=uid(title), title=title, due_on=on(4, 1))
    begun(evaluated(scenario, MENTOR), MENTEE, MENTOR)

    for title in ("Ask the teacher for help", "Join a study group"):
        scenario.at(on(3, 20)).done(MENTEE, to.CompleteAction, action=uid(title), completed_on=on(3, 20))
    for day in (21, 22, 29):  # on the 29th the clocks go forward in Berlin
        read(scenario, MENTEE, "extra hour", on(3, day), "1")
    read(scenario, MENTEE, "grade", on(7, 1), step="C")
    scenario.when(MENTEE, to.RecordProgress, measure=uid("grade"), on=on(7, 1), reading="2").refused("unit_mismatch")
    talked(scenario, MENTEE, MENTOR, on(7, 6), confidence=9, wins=["A C!"])
    read(scenario, MENTEE, "grade", on(2, 1, 2027), step="B")
    met(scenario, "grade")
    told = {"result": "achieved", "closed_on": on(2, 1, 2027), "score": "0.8"}
    scenario.when(MENTEE, to.CloseGoal, **told).refused("measures_unmet")
    return scenario.done(MENTEE, to.CloseGoal, **told, justification="The grade is what it was about")


def confidence() -> Scenario:
    """Tell of a mentor's own goal: an outcome without a measure, which a mentee agrees to and both talk about."""
    scenario = brought("A mentee more confident within six months", MENTOR, kind="outcome", focus="confidence")
    scenario.done(MENTOR, to.SetDeadline, new=on(9, 2))
    begun(scenario, MENTOR, MENTEE)
    for month, level in ((4, 4), (6, 6), (8, 8)):
        talked(scenario, MENTOR, MENTEE, on(month, 6), confidence=level)
    reflection = uid("reflection")
    scenario.done(MENTOR, to.RecordReflection, reflection=reflection, text="Asking works better than telling")
    scenario.done(MENTEE, to.GiveFeedback, feedback=uid("feedback"), text="I speak up now", about=MENTOR)
    return scenario.done(MENTOR, to.CloseGoal, result="achieved", closed_on=on(8, 6), score="0.9")


def churn() -> Scenario:
    """Tell of a programme's goal: the X left in its title blocks activation until the number is there."""
    second = person("second admin")
    scenario = organised().done(
        ADMIN,
        to.CreateGoal,
        title="Churn down by X % year on year",
        owner=f"programme:{PROGRAMME}",
        accountable=ADMIN,
        focus="business",
        visibility="programme",
        tags=["initiative:RETAIN"],
        start_on=TODAY,
    )
    parties = [Party(ref=ADMIN, role="member"), Party(ref=second, role="member")]
    scenario.done(ADMIN, to.PlaceGoal, programme=PROGRAMME, cycle=CYCLE, parties=parties)
    told = {"direction": "decrease", "delta_mode": "percent", "baseline": "14", "unit": "%"}
    measured(scenario, ADMIN, "churn", "delta", "10", **told)
    scenario.when(ADMIN, to.SetDeadline, new=YEAR_END).refused("deadline_outside_cycle")
    scenario.done(ADMIN, to.SetDeadline, new=on(8, 28))
    evaluated(scenario, second).done(ADMIN, to.ProposeGoal, revision=4).done(second, to.AgreeGoal, revision=4)
    scenario.when(ADMIN, to.ActivateGoal, revision=4).refused("placeholder_left")
    refined(scenario, ADMIN, "Churn down by 10 % year on year", reason="The board decided")
    begun(evaluated(scenario, ADMIN, "new_information"), ADMIN, second)

    read(scenario, second, "churn", on(5, 31), "13.3")
    shifted(scenario, ADMIN, second, on(8, 29), "The figures come a day later", "dependency")
    read(scenario, second, "churn", on(8, 28), "12.6")
    met(scenario, "churn")
    return scenario.done(ADMIN, to.CloseGoal, result="achieved", closed_on=on(8, 28), score="1")


STORIES: dict[str, Callable[[], Scenario]] = {
    story.__name__: story
    for story in (presentations, leader, management, essays, lead_a_team, grades, confidence, churn)
}


@pytest.mark.parametrize("name", STORIES)
def test_from_starter_goal_to_closing(name: str) -> None:
    """Each scenario runs as told, by at least two people, from a goal that is created to one that is closed."""
    scenario = STORIES[name]()
    mine = [recorded for ref, recorded in scenario.history if ref == ("goal", GOAL)]
    assert (mine[0].event.NAME, mine[-1].event.NAME) == ("created", "closed")
    assert len({recorded.actor for recorded in mine}) >= 2
    goal = scenario.goal
    assert (goal.state, goal.agreement_open) == ("closed", False)
    assert goal.closure.score is not None
    mentorship = scenario.state("mentorship")
    assert mentorship is None or (len(mentorship.goals), len(mentorship.key_areas)) == (0, 0)


def test_what_happens_among_them() -> None:
    """Together they contain the five named events, a no, a voided yes, a corrected reading and a retracted hit."""
    events = [recorded.event for story in STORIES.values() for _, recorded in story().history]
    named = {"created", "refined", "milestone_hit", "check_in_held", "deadline_shifted"}
    named |= {"declined", "progress_corrected", "milestone_hit_retracted"}
    assert named <= {event.NAME for event in events}
    assert any(isinstance(event, TermsEvent) and event.voided for event in events)
    assert any(isinstance(event, done.ProgressCorrected) and event.strike for event in events)


@pytest.mark.parametrize("name", STORIES)
def test_revisions_are_dense(name: str) -> None:
    """In each scenario every event that changes terms raises the revision by one, and the others leave it."""
    revision = 0
    for _, recorded in STORIES[name]().history:
        if isinstance(recorded.event, TermsEvent):
            assert recorded.event.revision - revision in (0, 1)
            revision = recorded.event.revision
