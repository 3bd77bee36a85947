"""Scores roll up by weight and are graded as is usual: aspirational and committed, nothing rounded up."""

from __future__ import annotations

from typing import Any

import pytest
from milepost_okr.config import Bands, Edges
from milepost_okr.grading import Band, Score, Shown, shown

from milepost_contracts.testing.story import uid
from tests.plugins.okr.telling import Q1, YEAR, Company

READINGS = {"0": "9", "0.25": "8", "0.5": "7", "0.75": "6", "1": "5"}


def tree(**scoring: Any) -> Company:
    """Return a company with a tree of three levels, each key result fed by the goal of its name."""
    keys = ("top", "left", "right", "below")
    return Company(
        cycles=[Q1, YEAR],
        objectives=[
            {"key": "company", "cycle": "2026", "kind": "committed", "key_results": [{"key": "top", "weight": 0.2}]},
            {
                "key": "team", "cycle": "q1", "parent": "company", "weight": 0.8,
                "key_results": [{"key": "left", "weight": 0.75}, {"key": "right", "weight": 0.25}],
            },
            {"key": "person", "cycle": "q1", "parent": "team", "weight": 0.5, "key_results": [{"key": "below"}]},
        ],
        rules=[{"to": key, "goals": [uid(f"acme/{key}")]} for key in keys],
        scoring=scoring,
    )  # fmt: skip


def test_scores_roll_up_through_the_tree_by_weight() -> None:
    """Key results weigh in their objective, objectives in the one above, up to the top."""
    company = tree()
    for key, score in (("top", "0"), ("left", "1"), ("right", "0.5"), ("below", "0.25")):
        company.goal(key).reading(READINGS[score])
    # team: (0.75 x 1 + 0.25 x 0.5 + 0.5 x 0.25) / 1.5 = 0.666..., company: (0.2 x 0 + 0.8 x 0.666...) / 1
    assert [company.score(key) for key in ("person", "team", "company")] == ["0.25", "0.6666", "0.5333"]
    assert company.node("company")["band"] == "red"


@pytest.mark.parametrize(("without_score", "team", "top"), [("left_out", "1", "1"), ("zero", "0.5", "0.4")])
def test_what_no_goal_counts_for_is_left_out_or_none(without_score: str, team: str, top: str) -> None:
    """A key result without a score takes no part, or counts as 0 where that is set; so does an objective."""
    company = tree(without_score=without_score)
    company.goal("left").reading("5")
    assert (company.score("team"), company.score("company")) == (team, top)
    assert company.node("right")["score"] is None


@pytest.mark.parametrize(("without_progress", "score", "counted"), [("left_out", "0.5", 1), ("zero", "0.25", 2)])
def test_a_goal_without_progress_is_left_out_or_none(without_progress: str, score: str, counted: int) -> None:
    """An outcome goal without a measure takes no part until it is closed, or counts as 0 where that is set."""
    company = Company(scoring={"without_progress": without_progress})
    company.goal("measured").reading("7")
    outcome = company.goal("outcome", measured=False)
    node = company.node("sales-1")
    assert (node["score"], node["goals"], node["counted"]) == (score, 2, counted)
    outcome.close("achieved")
    assert company.score("sales-1") == "0.75"


@pytest.mark.parametrize(
    ("value", "score", "aspirational", "committed"),
    [
        ("0", "0", "red", "red"),
        ("0.39", "0.39", "red", "red"),
        ("0.399999999", "0.3999", "red", "red"),
        ("0.4", "0.4", "yellow", "red"),
        ("0.399999999999", "0.4", "yellow", "red"),
        ("0.65", "0.65", "yellow", "red"),
        ("0.699999999999", "0.7", "green", "yellow"),
        ("0.7", "0.7", "green", "yellow"),
        ("0.8", "0.8", "green", "yellow"),
        ("0.999999999999", "0.9999", "green", "yellow"),
        ("1", "1", "green", "green"),
    ],
)
def test_bands_are_the_usual_ones(value: str, score: str, aspirational: Band, committed: Band) -> None:
    """0.0-0.3 red, 0.4-0.6 yellow, 0.7-1.0 green; committed is green at 1.0 alone; a twelfth place is no step up."""
    bands = Bands()
    assert shown(Score(value), bands.aspirational) == Shown(score, aspirational, None)
    assert shown(Score(value), bands.committed) == Shown(score, committed, None)


def test_nobody_knows_is_no_band() -> None:
    """Without a score there is no band; confidence may be known all the same."""
    assert shown(Score(None, "6.666666666667"), Edges(yellow=0.4, green=0.7)) == Shown(None, None, "6.67")


def test_an_objective_or_key_result_may_have_edges_of_its_own() -> None:
    """Target and yellow said for an objective hold for its key results of the same kind, and each may say its own."""
    objective = {
        "key": "grow-1", "cycle": "q1", "target": 0.9, "yellow": 0.5,
        "key_results": [
            {"key": "as-usual"}, {"key": "own", "target": 0.5, "yellow": 0.2}, {"key": "promised", "kind": "committed"},
        ],
    }  # fmt: skip
    rules = [{"to": key, "focus": ["business"]} for key in ("as-usual", "own", "promised")]
    company = Company(cycles=[Q1], objectives=[objective], rules=rules)
    company.goal().reading("7")
    found = {key: company.node(key) for key in ("as-usual", "own", "promised", "grow-1")}
    assert {key: (one["band"], one["target"], one["met"], one["kind"]) for key, one in found.items()} == {
        "as-usual": ("yellow", "0.9", False, "aspirational"),
        "own": ("green", "0.5", True, "aspirational"),
        "promised": ("red", "1", False, "committed"),
        "grow-1": ("yellow", "0.9", False, "aspirational"),
    }


def test_thirds_add_up() -> None:
    """Three goals at a third, two thirds and all the way are two thirds, and three that are reached are 1."""
    company = Company()
    goals = [company.goal(f"goal {n}", measured=False) for n in range(3)]
    for goal in goals:
        company.measure(goal, kind="count", direction="increase", baseline=None, target="3")
    for number, goal in enumerate(goals):
        goal.reading(str(number + 1))
    assert company.score("sales-1") == "0.6666"
    goals[0].reading("2")
    goals[1].reading("1")
    assert company.score("sales-1") == "1"
