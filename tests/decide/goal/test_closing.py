"""Given a goal, when it is closed or its closing is put right, then ..."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from milepost_contracts.commands.goal import AmendClosure, CloseGoal, CorrectProgress, RecordProgress
from milepost_contracts.events.goal import ChildAligned, Closed, ClosureAmended, ProgressRecorded, Refined
from milepost_contracts.events.mentorship import GoalLeft, KeyAreaReleased
from milepost_contracts.types import MeasureResult, TermsChange
from tests.support.goals import TALKS, active, agreed, closed, created, drafted, paused
from tests.support.scenario import ADMIN, GOAL, MENTEE, MENTOR, STRANGER, Scenario, acme, day, uid


def close(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    """Let *by* close the goal as partially achieved today, other members as given."""
    return scenario.when(by, CloseGoal, **({"result": "partially_achieved", "closed_on": day(0)} | fields))


def talks(scenario: Scenario, *numbers: str) -> Scenario:
    """Record so many talks given, each reading by itself."""
    for number in numbers:
        scenario.given(ProgressRecorded(measure=TALKS.measure, reading=number, on=day(0)))
    return scenario


def result(current: str, progress: str, *, met: bool) -> MeasureResult:
    """Return how the talks ended."""
    return MeasureResult(measure=TALKS.measure, current=current, progress=progress, met=met)


def test_closing() -> None:
    """An active goal ends with result, score, words and final measures; it leaves its mentorship and its key area."""
    scenario = talks(active(), "1", "1")
    close(scenario, score="0.6", retrospective="Less fear, more talks").warned()
    final = [result("2", "0.666666667", met=False)]
    scenario.then(
        Closed(
            result="partially_achieved",
            closed_on=day(0),
            score="0.6",
            retrospective="Less fear, more talks",
            measures=final,
            progress="0.666666667",
        ),
        KeyAreaReleased(goal=GOAL, owner=MENTEE),
        GoalLeft(goal=GOAL),
    )
    goal = scenario.goal
    assert (goal.state, goal.closure.result, goal.closure.closed_on) == ("closed", "partially_achieved", day(0))
    assert (goal.closure.score, goal.closure.measures) == ("0.6", tuple(final))
    assert list(scenario.state("mentorship").goals) == []


def test_achieved() -> None:
    """With every measure met a goal is achieved without further words."""
    scenario = close(talks(active(), "3"), result="achieved", score="1")
    assert scenario.caused(Closed).measures == [result("3", "1", met=True)]


def test_achieved_all_the_same() -> None:
    """With an unmet measure it is achieved only for a reason; the answer names the measures."""
    scenario = close(talks(active(), "1"), result="achieved", justification="  ").refused("measures_unmet")
    assert scenario.problem("measures_unmet").details == {"measures": [TALKS.measure]}
    close(scenario, result="achieved", justification="One very large talk").tags(
        "closed", "key_area_released", "goal_left"
    )


def test_before_work_began() -> None:
    """Drafts and proposals can only be abandoned; they leave their mentorship."""
    for before in (drafted, agreed):
        close(before(), result="missed").refused("only_abandoned")
        close(before(), result="abandoned").tags("closed", "goal_left")
    close(created(), result="abandoned").tags("closed")


def test_closing_what_rests() -> None:
    """A paused goal holds no key area and just leaves."""
    close(paused(), result="missed", score="0").tags("closed", "goal_left")


@pytest.mark.parametrize("score", ["-0.1", "1.000000001", "7"])
def test_scores(score: str) -> None:
    """A score is from 0 to 1."""
    close(active(), score=score).refused("score_out_of_range")


def test_closing_refused() -> None:
    """Every reason at once: future day, score of an abandoned goal and out of range; closed goals; strangers."""
    close(active(), result="abandoned", score="2", closed_on=day(2)).refused(
        "score_of_abandoned", "score_out_of_range", "in_future"
    )
    close(closed()).refused("goal_closed")
    close(active(), by=STRANGER).refused("not_allowed")
    close(acme()).refused("goal_unknown")
    close(active(), by=ADMIN).tags("closed", "key_area_released", "goal_left")


def test_closing_late() -> None:
    """Closing for a day long past is accepted with a warning."""
    scenario = close(active(), closed_on=day(-8)).warned("backdated")
    assert scenario.goal.closure.closed_on == day(-8)


def test_progress_from_children() -> None:
    """A goal that takes its progress from its children closes with theirs."""
    child = uid("child")
    scenario = active(id=child)
    talks_of_child = ProgressRecorded(measure=TALKS.measure, reading="1", on=day(0))
    scenario.given(talks_of_child, id=child)
    from_children = Refined(
        before=TermsChange(), after=TermsChange(progress_from="children"), trigger="other", revision=3
    )
    active(scenario).given(from_children, ChildAligned(child=child, weight="1"))
    assert close(scenario).caused(Closed).progress == "0.333333333"


# Amending


def amend(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    """Let *by* amend the closing, members as given."""
    return scenario.when(by, AmendClosure, **({"reason": "We looked again"} | fields))


def test_amending() -> None:
    """A closing is put right for a reason; what is not named stays, old and new are told."""
    scenario = amend(closed(), MENTOR, score="0.7", retrospective="Better than we thought")
    scenario.then(
        ClosureAmended(
            old_result="partially_achieved",
            new_result="partially_achieved",
            old_score="0.5",
            new_score="0.7",
            retrospective="Better than we thought",
            reason="We looked again",
        )
    )
    assert (scenario.goal.closure.result, scenario.goal.closure.score) == ("partially_achieved", "0.7")


def test_amended_to_abandoned() -> None:
    """An abandoned goal has no score: the old one goes, a new one is refused."""
    assert amend(closed(), result="abandoned").goal.closure.score is None
    amend(closed(), result="abandoned", score="0.1").refused("score_of_abandoned")


def test_amended_to_achieved() -> None:
    """To be achieved after all wants met measures or a justification, as closing does; corrections count."""
    scenario = amend(closed(), result="achieved").refused("measures_unmet")
    amend(closed(), result="achieved", justification="It counted twice").tags("closure_amended")
    scenario.done(MENTEE, RecordProgress, measure=TALKS.measure, reading="1", on=day(0))
    scenario.done(MENTEE, CorrectProgress, corrects=scenario.last(ProgressRecorded), reading="3", reason="Typing error")
    amend(scenario, result="achieved").tags("closure_amended")


def test_amending_nothing() -> None:
    """What is so already changes nothing."""
    amend(closed(), result="partially_achieved", score="0.5").nothing()
    amend(closed()).nothing()


def test_amending_refused() -> None:
    """Only a closing is amended, with a reason and a possible score, by its people."""
    amend(active(), score="0.7").refused("wrong_state")
    amend(closed(), score="1.7", reason=" ").refused("reason_missing", "score_out_of_range")
    amend(closed(), STRANGER, score="0.7").refused("not_allowed")
    amend(acme(), score="0.7").refused("goal_unknown")


def test_amended_without_closing() -> None:
    """An amendment of a goal that is not closed makes nothing of it."""
    event = ClosureAmended(old_result="missed", new_result="achieved", reason="x")
    assert active().given(event).goal == replace(active().goal)
