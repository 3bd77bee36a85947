"""A goal that is closed counts by its score or result; an abandoned one as is set; amendments put it right."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from milepost_contracts.events import goal as events
from tests.plugins.okr.telling import Company


@pytest.mark.parametrize(
    ("result", "score", "measured", "value", "by"),
    [
        ("achieved", None, True, "1", "result"),
        ("achieved", None, False, "1", "result"),
        ("achieved", "0.8", True, "0.8", "score"),
        ("partially_achieved", None, True, "0.5", "progress"),
        ("partially_achieved", None, False, None, "none"),
        ("partially_achieved", "0.333333333", False, "0.333333333", "score"),
        ("missed", None, True, "0.5", "progress"),
        ("missed", None, False, "0", "result"),
        ("missed", "0", True, "0", "score"),
        ("abandoned", None, True, "0.5", "progress"),
        ("abandoned", None, False, None, "none"),
    ],
)
def test_a_closed_goal_counts_by_score_result_or_progress(
    result: str, score: str | None, measured: object, value: str | None, by: str
) -> None:
    """A score is taken as given; without one achieved is 1, missed without a measure 0, else what it had come to."""
    company = Company()
    goal = company.goal(measured=bool(measured))
    if measured:
        goal.reading("7")
    goal.close(result, score=score)
    (one,) = company.node("sales-1")["contributing"]
    assert (one["value"], one["by"], one["standing"]) == (value, by, "closed")


@pytest.mark.parametrize(("abandoned", "score"), [("progress", "0.75"), ("zero", "0.5"), ("left_out", "1")])
def test_an_abandoned_goal_counts_as_is_set(abandoned: str, score: str) -> None:
    """It counts with what it had come to, as nothing, or not at all."""
    company = Company(scoring={"abandoned": abandoned})
    company.goal("done").close("achieved")
    goal = company.goal("abandoned")
    goal.reading("7")
    goal.close("abandoned")
    assert company.score("sales-1") == score


@pytest.mark.parametrize(("day", "score"), [(14, "0.9"), (15, "0.5")])
def test_a_cycle_takes_closings_while_it_is_graded(day: int, score: str) -> None:
    """People grade when the quarter is over: fourteen days long a closing still counts for it."""
    company = Company()
    goal = company.goal()
    goal.reading("7")
    company.on(dt.date(2026, 4, day))
    goal.close("partially_achieved", score="0.9")
    assert company.score("sales-1") == score


def test_no_days_for_grading_take_closings_of_the_last_day_alone() -> None:
    """With `grading_days = 0` the cycle is graded when it ends."""
    company = Company(scoring={"grading_days": 0})
    goals = [company.goal(name) for name in ("in time", "too late")]
    for goal, day in zip(goals, (dt.date(2026, 3, 31), dt.date(2026, 4, 1)), strict=True):
        company.on(day)
        goal.close("achieved")
    assert company.values("sales-1") == {goals[0].id: "1", goals[1].id: "0"}


def test_an_amended_closing_counts_as_amended_also_later() -> None:
    """A closing that is put right is a corrected fact: it changes the cycle that it was in, whenever that happens."""
    company = Company()
    goal = company.goal()
    goal.close("achieved", score="1")
    company.on(dt.date(2026, 5, 20))
    amended: dict[str, Any] = {"old_result": "achieved", "new_result": "missed", "reason": "It was another's"}
    goal.add(events.ClosureAmended(old_score="1", new_score="0.2", **amended))
    assert company.score("sales-1") == "0.2"
    goal.add(events.ClosureAmended(old_score="0.2", new_score=None, **amended))
    assert company.score("sales-1") == "0"


def test_a_reopened_goal_counts_with_its_progress_again() -> None:
    """Reopened within the quarter, its score is gone and what it has come to counts."""
    company = Company()
    goal = company.goal()
    goal.reading("7")
    closed = goal.close("achieved", score="1")
    assert company.score("sales-1") == "1"
    goal.retract(closed)
    assert company.score("sales-1") == "0.5"


@pytest.mark.parametrize(("counts_from", "goals"), [("activated", 0), ("created", 1)])
def test_drafts_do_not_count_unless_that_is_set(counts_from: str, goals: int) -> None:
    """What nobody has agreed to is no commitment: a draft counts from its activation on, or from the start."""
    company = Company(scoring={"counts_from": counts_from})
    goal = company.goal(begun=False)
    goal.reading("7")
    assert company.node("sales-1")["goals"] == goals
    goal.add(events.Activated(revision=1, activated_on=company.story.now.date()))
    assert company.score("sales-1") == "0.5"


def test_a_draft_that_is_abandoned_never_counted() -> None:
    """A starter goal that came to nothing is no failure of a key result."""
    company = Company(scoring={"abandoned": "zero"})
    goal = company.goal(begun=False)
    goal.close("abandoned")
    assert company.values("sales-1") == {}
