"""Confidence stands beside the score: of the latest check-in that told one, by weight, and forgotten with a person."""

from __future__ import annotations

import datetime as dt

import msgspec
from milepost_okr import forgetting

from milepost_contracts.events import goal as events
from milepost_contracts.testing.story import uid
from tests.plugins.okr.telling import Q1_END, Q2_END, YEAR, Company


def test_the_latest_check_in_counts_by_the_day_it_was_held() -> None:
    """A late entry of an earlier talk changes nothing; of two on one day the later entry counts."""
    company = Company()
    goal = company.goal()
    company.on(dt.date(2026, 2, 10))
    company.talk(goal, 6, "one", on=dt.date(2026, 2, 9))
    company.talk(goal, 9, "two", on=dt.date(2026, 1, 20))
    assert company.node("sales-1")["confidence"] == "6"
    company.talk(goal, 7, "three", on=dt.date(2026, 2, 9))
    assert company.node("sales-1")["confidence"] == "7"
    company.talk(goal, None, "four")
    assert company.node("sales-1")["confidence"] == "7"


def test_amended_and_voided_check_ins_are_put_right() -> None:
    """Another confidence, another day and a check-in that did not happen change what counts."""
    company = Company()
    goal = company.goal()
    company.on(dt.date(2026, 2, 10))
    company.talk(goal, 6, "one")
    company.talk(goal, 3, "two", on=dt.date(2026, 2, 8))
    goal.add(events.CheckInAmended(check_in=uid("one"), confidence=8))
    assert company.node("sales-1")["confidence"] == "8"
    goal.add(events.CheckInAmended(check_in=uid("one"), held_on=dt.date(2026, 2, 1)))
    assert company.node("sales-1")["confidence"] == "3"
    goal.add(events.CheckInAmended(check_in=uid("two"), next_step="More"))
    goal.add(events.CheckInVoided(check_in=uid("two"), reason="It was called off"))
    assert company.node("sales-1")["confidence"] == "8"


def test_confidence_is_averaged_by_weight_and_rolls_up() -> None:
    """Goals weigh in their key result, key results in their objective; who told none is left out."""
    company = Company(
        objectives=[
            {"key": "all", "cycle": "q1", "key_results": [{"key": "a", "weight": 0.5}, {"key": "b"}, {"key": "c"}]}
        ],
        rules=[
            {"to": "a", "focus": ["business"], "weight": 0.5},
            {"to": "a", "focus": ["skill"]},
            {"to": "b", "focus": ["career"]},
        ],
    )
    goals = {focus: company.goal(focus, focus=focus) for focus in ("business", "skill", "career", "other")}
    company.talk(goals["business"], 10, "one")
    company.talk(goals["skill"], 3, "two")
    assert (company.node("a")["confidence"], company.node("all")["confidence"]) == ("5.33", "5.33")
    company.talk(goals["career"], 9, "three")
    company.goal("silent", focus="business")
    # (0.5 x 5.333... + 1 x 9) / 1.5
    assert (company.node("a")["confidence"], company.node("all")["confidence"]) == ("5.33", "7.78")


def test_confidence_begins_anew_with_a_cycle() -> None:
    """What was told before a goal moved stays with the cycle that it left."""
    company = Company()
    goal = company.goal()
    company.talk(goal, 8, "one")
    company.on(dt.date(2026, 4, 3))
    company.shift(goal, Q1_END, Q2_END)
    assert (company.node("sales-1")["confidence"], company.node("sales-2")["confidence"]) == ("8", None)
    company.talk(goal, 4, "two")
    assert (company.node("sales-1")["confidence"], company.node("sales-2")["confidence"]) == ("8", "4")


def test_confidence_never_changes_the_score() -> None:
    """A score is what was measured."""
    company = Company()
    goal = company.goal()
    goal.reading("7")
    company.talk(goal, 0)
    assert (company.score("sales-1"), company.node("sales-1")["confidence"]) == ("0.5", "0")


def test_an_erased_person_is_forgotten_and_the_confidence_too() -> None:
    """Nothing that the person told is left, nor who it was; what others told stays, and so do the scores."""
    company = Company()
    goal = company.goal()
    goal.reading("7")
    company.talk(goal, 5, "one", by=company.mentor)
    company.talk(goal, 9, "two", by=company.owner)
    goal.add(events.CheckInAmended(check_in=uid("one"), confidence=4), by=company.owner)
    assert company.node("sales-1")["confidence"] == "9"
    company.story.erase(company.owner)
    assert (company.node("sales-1")["confidence"], company.score("sales-1")) == ("5", "0.5")
    company.talk(goal, 2, "three", by=company.mentor)
    assert company.node("sales-1")["confidence"] == "2"
    goal.add(events.CheckInAmended(check_in=uid("three"), confidence=1), by=company.owner)
    goal.reading("6")
    company.told()
    assert company.owner.encode() not in msgspec.json.encode(company.host.state)
    assert company.mentor.encode() in msgspec.json.encode(company.host.state)
    assert company.node("sales-1")["goals"] == 1
    before = msgspec.json.encode(company.host.state)
    company.host.redeliver(forgotten=True)
    assert msgspec.json.encode(company.host.state) == before


def test_a_rule_finds_an_erased_owners_goals_no_longer() -> None:
    """What counts by its owner's id alone counts for nobody when nobody may know whose it was."""
    company = Company()
    company = Company(rules=[{"to": "sales-1", "owners": [company.owner]}, {"to": "grow-1", "kinds": ["smart"]}])
    company.goal().reading("7")
    assert company.score("sales-1") == "0.5"
    company.story.erase(company.owner)
    assert (company.score("sales-1"), company.score("grow-1")) == (None, "0.5")


def test_a_person_of_very_many_goals_is_forgotten_over_several_turns() -> None:
    """More goals than one turn may write are worked off by timers, or by the events that come anyway."""
    for by_timer in (True, False):
        company = Company(cycles=[YEAR], objectives=[{"key": "all", "cycle": "2026"}], rules=[RULE])
        goals = [company.goal(f"goal {number}") for number in range(forgetting.GOALS_MAX * 2 + 5)]
        for number, goal in enumerate(goals):
            company.talk(goal, 5, f"talk {number}")
        company.told()
        company.story.erase(company.owner)
        company.told()
        left = [key for key in company.host.state if key.startswith(f"p/{company.owner}/")]
        assert len(left) == forgetting.GOALS_MAX + 5
        if by_timer:
            company.host.advance(company.host.now + dt.timedelta(minutes=1))
        else:
            for _ in range(2):
                goals[0].reading("7")
            company.told()
        assert not [key for key in company.host.state if key.startswith(f"p/{company.owner}/")]
        assert company.node("all")["confidence"] is None


RULE = {"to": "all", "focus": ["business"]}
