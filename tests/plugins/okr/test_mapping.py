"""Goals find what they count for: by every criterion, by whom they serve, and as they were when it counted."""

from __future__ import annotations

import datetime as dt
from typing import Any

import milepost_okr
import msgspec
import pytest

from milepost_contracts.events import goal as events
from milepost_contracts.loading import load
from milepost_contracts.plugin import Permissions
from milepost_contracts.testing import StoryGoal
from milepost_contracts.testing.story import uid
from milepost_contracts.types import TermsChange
from tests.plugins.okr.telling import PROGRAMME, Q1, Q1_END, Company

ANCHOR = "initiative:REACH"


def ruled(**criteria: Any) -> Company:
    """Return a company where one rule counts for the first quarter's key result."""
    return Company(rules=[{"to": "sales-1", **criteria}])


def aligned(company: Company, goal: StoryGoal, parent: StoryGoal, weight: str = "0.5", **how: Any) -> None:
    """Let *goal* serve *parent*."""
    goal.add(events.Aligned(parent=parent.id, weight=weight), **how)
    assert goal.story is company.story


@pytest.mark.parametrize(
    ("criteria", "terms", "counts"),
    [
        ({"focus": ["business", "skill"]}, {"focus": "skill"}, True),
        ({"focus": ["skill"]}, {"focus": None}, False),
        ({"kinds": ["outcome"]}, {"kind": "outcome"}, True),
        ({"kinds": ["outcome"]}, {}, False),
        ({"external_refs": ["crm/7"]}, {"external_ref": "crm/7"}, True),
        ({"external_refs": ["crm/*"]}, {"external_ref": "crm/7"}, True),
        ({"external_refs": ["crm/*"]}, {"external_ref": "erp/7"}, False),
        ({"external_refs": ["*"]}, {}, False),
        ({"external_refs": ["crm/*"], "kinds": ["outcome"]}, {"external_ref": "crm/7"}, False),
        ({"goals": [uid("acme/goal")]}, {}, True),
        ({"goals": [uid("acme/other")]}, {}, False),
    ],
)
def test_a_rule_takes_goals_that_have_all_it_asks_for(
    criteria: dict[str, Any], terms: dict[str, Any], counts: object
) -> None:
    """Kind, focus, reference and id are held against the goal's own; every list that is given has to have it."""
    company = ruled(**criteria)
    company.goal(**terms).reading("7")
    assert company.score("sales-1") == ("0.5" if counts else None)


def test_a_rule_takes_goals_by_owner_programme_and_mentorship() -> None:
    """Whose a goal is and where it belongs are held against what its events carry."""
    for criteria in ({"owners": [Company().owner]}, {"programmes": [PROGRAMME]}, {"mentorships": [uid("pair")]}):
        company = ruled(**criteria)
        goal = company.goal()
        before = company.score("sales-1")
        goal.mentorship, goal.programme = uid("pair"), PROGRAMME
        goal.reading("7")
        assert (before, company.score("sales-1")) == ("0" if "owners" in criteria else None, "0.5")


def test_an_objective_of_a_programme_takes_no_other_goals() -> None:
    """A rule without a programme of its own is narrowed down by that of its objective."""
    objective = {"key": "grow-1", "cycle": "q1", "programme": PROGRAMME, "key_results": [{"key": "sales-1"}]}
    company = Company(objectives=[objective], rules=[{"to": "sales-1", "focus": ["business"]}])
    inside, outside = company.goal("inside"), company.goal("outside")
    inside.programme = PROGRAMME
    inside.reading("7")
    outside.reading("5")
    assert company.values("sales-1") == {inside.id: "0.5"}


@pytest.mark.parametrize("named", [ANCHOR, uid("acme/anchor")])
def test_goals_count_by_whom_they_serve_with_the_weight_of_that(named: str) -> None:
    """An alignment counts by the parent's reference or id, with its own weight, until it ends."""
    company = Company(rules=[], alignments=[{"to": "sales-1", "parents": [named]}])
    anchor = company.goal("anchor", external_ref=ANCHOR)
    one, two = company.goal("one"), company.goal("two")
    aligned(company, one, anchor, "0.5")
    aligned(company, two, anchor, "1")
    one.reading("5")
    assert company.score("sales-1") == "0.3333"
    aligned(company, two, anchor, "0.25")
    assert company.score("sales-1") == "0.6666"
    two.add(events.Unaligned(parent=anchor.id))
    assert company.values("sales-1") == {one.id: "1"}


def test_criteria_narrow_an_alignment_down() -> None:
    """Of the goals that serve an initiative, those of the criteria count."""
    alignment = {"to": "sales-1", "parents": [ANCHOR], "focus": ["skill"]}
    company = Company(rules=[], alignments=[alignment])
    anchor = company.goal("anchor", external_ref=ANCHOR)
    skill, business = company.goal("one", focus="skill"), company.goal("two")
    for goal in (skill, business):
        aligned(company, goal, anchor)
    assert set(company.values("sales-1")) == {skill.id}


def test_rules_and_alignments_are_merged_and_the_rule_counts_first() -> None:
    """The two parts of the plugin both map; where they name the same key result the rule's weight counts."""
    company = Company(
        rules=[{"to": "sales-1", "focus": ["business"], "weight": 0.9}, {"to": "sales-1", "kinds": ["smart"]}],
        alignments=[{"to": "sales-1", "parents": [ANCHOR]}, {"to": "grow-1", "parents": [ANCHOR, "x"]}],
    )
    anchor = company.goal("anchor", external_ref=ANCHOR, focus="other")
    goal = company.goal()
    aligned(company, goal, anchor, "0.3")
    assert {one["goal"]: one["weight"] for one in company.node("sales-1")["contributing"]} == {
        anchor.id: "1",
        goal.id: "0.9",
    }
    assert [one["weight"] for one in company.node("grow-1")["contributing"]] == ["0.3"]
    assert len(load(milepost_okr).implementations("map_objectives")) == 2


def test_the_heaviest_of_several_alignments_counts() -> None:
    """A goal that serves two of the parents that are named counts once."""
    company = Company(rules=[], alignments=[{"to": "sales-1", "parents": [ANCHOR]}])
    first, second = (company.goal(name, external_ref=ANCHOR) for name in ("first", "second"))
    goal = company.goal()
    aligned(company, goal, first, "0.8")
    aligned(company, goal, second, "0.2")
    assert [one["weight"] for one in company.node("sales-1")["contributing"]] == ["0.8"]


def test_what_a_goal_was_in_a_cycle_counts_for_it() -> None:
    """A goal that is about something else after the quarter stays in it, and goes from the running one."""
    company = Company()
    ended, running = company.goal("ended"), company.goal("running", deadline=dt.date(2026, 6, 30))
    company.on(dt.date(2026, 4, 10))
    for goal in (ended, running):
        goal.add(
            events.Refined(before=TermsChange(focus="business"), after=TermsChange(focus="skill"), trigger="other")
        )
    assert set(company.values("sales-1")) == {ended.id}
    assert company.values("sales-2") == {}


def test_a_goal_may_count_for_an_objective_itself() -> None:
    """Goals that count for an objective directly are one part of it, with a weight of their own."""
    objective = {"key": "grow-1", "cycle": "q1", "goals_weight": 0.5, "key_results": [{"key": "sales-1"}]}
    company = Company(
        cycles=[Q1],
        objectives=[objective],
        rules=[{"to": "grow-1", "focus": ["skill"]}, {"to": "sales-1", "focus": ["business"]}],
    )
    company.goal("direct", focus="skill").reading("5")
    company.goal("by key result").reading("9")
    assert (company.score("sales-1"), company.score("grow-1")) == ("0", "0.3333")
    assert company.node("grow-1")["goals"] == 1


def test_a_goal_that_counts_for_very_much_is_held_at_a_limit() -> None:
    """One goal cannot come to more writes than a turn may have; that some are left out is logged."""
    results = [[{"key": f"k{n}-{m}"} for m in range(20)] for n in range(4)]
    objectives = [{"key": f"o{n}", "cycle": "q1", "key_results": each} for n, each in enumerate(results)]
    rules = [{"to": one["key"], "focus": ["business"]} for each in results for one in each]
    company = Company(objectives=objectives, rules=rules)
    company.goal(deadline=Q1_END).reading("7")
    company.told()
    assert sum(key.startswith("k/") for key in company.host.state) == milepost_okr.turn.COUNTS_MAX
    assert {line.message for line in company.host.log} == {"a goal counts for too much"}


def test_no_words_are_asked_for_or_kept() -> None:
    """The plugin may open no words, and what it keeps of a goal full of words holds none of them."""
    company = Company()
    goal = company.goal(title="Secret words of somebody", description="More of these secret words")
    company.talk(goal, 7)
    company.told()
    assert company.host.manifest.permissions == Permissions(reviews=("goal.close_goal",))
    kept = msgspec.json.encode(company.host.state)
    assert b"ecret" not in kept
    assert b"enc:v1" not in kept
