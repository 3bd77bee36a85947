"""Facts are told when a number changes, and only then; corrections tell lower ones."""

from __future__ import annotations

import datetime as dt

import milepost_okr

from milepost_contracts.events import goal as events
from milepost_contracts.testing import Host
from milepost_contracts.types import Reading, TermsChange
from tests.plugins.okr.telling import JANUARY, Company


def test_a_key_result_and_its_objective_are_told_with_all_that_belongs_to_it() -> None:
    """A fact names the key result, its objective and cycle, score, band, confidence, kind and how many goals count."""
    company = Company()
    goal = company.goal()
    company.talk(goal, 8)
    goal.reading("7")
    assert company.facts("key_result_progressed")[-1] == {
        "key": "sales-1", "objective": "grow-1", "cycle": "q1", "score": "0.5", "band": "yellow", "confidence": "8",
        "kind": "aspirational", "target": "0.7", "goals": 1,
    }  # fmt: skip
    assert company.facts("objective_scored")[-1] == {
        "key": "grow-1", "objective": "grow-1", "cycle": "q1", "score": "0.5", "band": "yellow", "confidence": "8",
        "kind": "aspirational", "target": "0.7", "parent": None,
    }  # fmt: skip


def test_nothing_is_told_while_no_number_changes() -> None:
    """The same reading again, words, and goals that count for nothing are no news."""
    company = Company()
    goal = company.goal()
    goal.reading("7")
    known = len(company.told().host.facts)
    goal.reading("7")
    goal.add(events.Refined(before=TermsChange(), after=TermsChange(title="Better words"), trigger="other"))
    company.goal("other", focus="skill").reading("5")
    company.talk(goal, None)
    assert len(company.told().host.facts) == known


def test_each_change_is_told_once_and_a_correction_tells_a_lower_number() -> None:
    """Up with a reading, down with its correction, and nothing for what is struck and stood for nothing."""
    company = Company()
    goal = company.goal()
    goal.reading("8")
    reading = goal.reading("6")
    before = Reading(reading="6", on=reading.data.on)
    fixed = {"corrects": reading.id, "measure": reading.data.measure, "reason": "Miscounted", "before": before}
    goal.add(events.ProgressCorrected(after=Reading(reading="7", on=reading.data.on), **fixed))
    goal.retract(reading)
    scores = [fact["score"] for fact in company.facts("key_result_progressed")]
    assert scores == ["0", "0.25", "0.75", "0.5", "0.25"]


def test_a_goal_that_goes_takes_its_number_along() -> None:
    """When the last goal that counts goes, the score is nobody's, and that is told too."""
    company = Company()
    goal = company.goal()
    goal.reading("7")
    goal.add(events.Refined(before=TermsChange(), after=TermsChange(focus="skill"), trigger="other"))
    assert [fact["score"] for fact in company.facts("key_result_progressed")] == ["0", "0.5", None]
    assert [fact["score"] for fact in company.facts("objective_scored")] == ["0", "0.5", None]


def test_what_a_dry_run_only_listed_is_told_when_it_is_over() -> None:
    """Facts of a dry run reach nobody, so the first event after it has all numbers told; once."""
    company = Company()
    goal = company.goal()
    goal.reading("7")
    company.host.deliver(*company.story.documents, mode="dry_run")
    assert company.host.facts == []
    listed = len(company.host.stored.facts)
    company.host.deliver(goal.reading("7"), mode="dry_run")
    assert len(company.host.stored.facts) == listed
    company.talk(goal, None)
    assert [fact["score"] for fact in company.facts("key_result_progressed")] == ["0.5"]
    assert [fact["score"] for fact in company.facts("objective_scored")] == ["0.5"]
    goal.reading("7")
    assert len(company.facts("key_result_progressed")) == 1


def test_replay_comes_to_the_same_state_and_facts_as_live() -> None:
    """Run over all history in replay the plugin keeps and tells what it would have live, with the same ids."""
    company = Company()
    goal = company.goal()
    company.talk(goal, 8)
    reading = goal.reading("7")
    company.on(dt.date(2026, 5, 2))
    goal.retract(reading)
    company.told()
    replayed = Host(milepost_okr, config=company.settings, story=company.story, mode="replay", now=JANUARY)
    replayed.deliver(*company.story.documents)
    assert replayed.state == company.host.state
    assert replayed.facts == company.host.facts
    assert list(replayed.stored.facts) == list(company.host.stored.facts)
