"""Everybody gets the numbers; which goals they come from is for admins and for the goals' own parties."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from milepost_contracts.events import goal as events
from milepost_contracts.testing import StoryGoal
from milepost_contracts.types import Party
from tests.plugins.okr.telling import Company


def two() -> tuple[Company, StoryGoal, StoryGoal]:
    """Return a company with a goal of its owner and one of somebody else."""
    company = Company()
    mine = company.goal("mine")
    mine.reading("7")
    other = company.story.goal(company.stranger, name="other", focus="business", deadline=dt.date(2026, 3, 31))
    company.measure(other)
    other.add(events.Activated(revision=1, activated_on=company.story.now.date()))
    other.reading("5")
    company.told()
    return company, mine, other


def goals(answer: dict[str, Any]) -> list[str]:
    """Return the goals in the tree of an answer."""
    nodes = [*answer["objectives"], *(result for one in answer["objectives"] for result in one["key_results"])]
    return sorted(one["goal"] for node in nodes for one in node["contributing"])


def test_ids_of_goals_are_for_admins_and_parties() -> None:
    """The numbers are everybody's; an admin sees all ids, a party its own goals', another person none."""
    company, mine, other = two()
    ask = company.host.ask
    nobody, auditor = company.story.person("nobody"), company.story.person("auditor")
    seen = {
        "admin": goals(ask("objectives", by=nobody, roles=["admin"])),
        "owner": goals(ask("objectives", by=company.owner)),
        "mentor": goals(ask("objectives", by=company.mentor)),
        "nobody": goals(ask("objectives", by=nobody)),
        "auditor": goals(ask("objectives", by=auditor, roles=["auditor"])),
    }
    both = sorted([mine.id, other.id])
    assert seen == {"admin": both, "owner": [mine.id], "mentor": [mine.id], "nobody": [], "auditor": []}
    told = ask("key_result", by=nobody, key="sales-1")
    assert (told["score"], told["goals"], told["contributing"]) == ("0.75", 2, [])
    rows = ask("export", by=company.owner)["rows"]
    assert [row["key"] for row in rows if row["type"] == "goal"] == [mine.id]


def test_a_party_that_goes_sees_the_goal_no_longer() -> None:
    """Who may know is who is a party now."""
    company, mine, _ = two()
    assert goals(company.host.ask("objectives", by=company.mentor)) == [mine.id]
    mine.parties = [Party(ref=company.owner, role="mentee")]
    mine.add(events.PartyRemoved(party=company.mentor))
    company.told()
    assert goals(company.host.ask("objectives", by=company.mentor)) == []


def test_the_tree_can_be_narrowed_down() -> None:
    """By cycle, by objective, and without goals."""
    objectives = [
        {"key": "year", "cycle": "q2"},
        {"key": "grow-1", "cycle": "q1", "parent": "year", "key_results": [{"key": "sales-1"}]},
        {"key": "grow-2", "cycle": "q2", "parent": "year", "key_results": [{"key": "sales-2"}]},
    ]
    company = Company(objectives=objectives)
    company.goal().reading("7")

    def shape(nodes: list[dict[str, Any]]) -> dict[str, Any]:
        return {node["key"]: shape(node["objectives"]) for node in nodes}

    def tree(**arguments: Any) -> dict[str, Any]:
        return shape(company.answer("objectives", **arguments)["objectives"])

    assert tree() == {"year": {"grow-1": {}, "grow-2": {}}}
    assert tree(cycle="q1") == {"grow-1": {}}
    assert tree(cycle="q2") == {"year": {"grow-2": {}}}
    assert tree(objective="grow-1") == {"grow-1": {}}
    (found,) = company.answer("objectives", objective="grow-1", goals=False)["objectives"]
    assert "contributing" not in found
    assert found["parent"] == "year"


def test_a_key_result_gives_all_its_goals_page_by_page() -> None:
    """Pages of a limit follow each other by the last goal, until there is no more."""
    company = Company()
    for number in range(5):
        company.goal(f"goal {number}")
    pages: list[list[str]] = []
    after: str | None = ""
    while after is not None:
        page = company.answer("key_result", key="sales-1", limit=2, after=after)
        pages.append([one["goal"] for one in page["contributing"]])
        after = page["after"]
    assert [len(page) for page in pages] == [2, 2, 1]
    whole = [goal for page in pages for goal in page]
    assert whole == sorted(whole)


def test_within_the_tree_a_key_result_lists_so_many_goals() -> None:
    """An answer has to fit a message: the tree lists a hundred and says how many more there are."""
    company = Company()
    for number in range(103):
        company.goal(f"goal {number}", measured=False)
    (quarter, _) = company.answer("objectives")["objectives"]
    (result,) = quarter["key_results"]
    assert (len(result["contributing"]), result["more"], result["goals"]) == (100, 3, 103)


@pytest.mark.parametrize(
    ("day", "states"),
    [
        ((2025, 12, 31), ["planned", "planned"]),
        ((2026, 3, 31), ["running", "planned"]),
        ((2026, 4, 1), ["grading", "running"]),
        ((2026, 4, 15), ["closed", "running"]),
    ],
)
def test_cycles_say_where_they_are(day: tuple[int, int, int], states: list[str]) -> None:
    """A cycle is planned, running, being graded or closed, by its dates."""
    company = Company()
    company.on(dt.date(*day))
    cycles = company.answer("cycles")["cycles"]
    assert [cycle["state"] for cycle in cycles] == states
    assert cycles[0] == {
        "key": "q1", "title": "", "starts_on": "2026-01-01", "ends_on": "2026-03-31", "closes_on": "2026-04-14",
        "state": states[0], "objectives": ["grow-1"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("objectives", {"cycle": "q9"}, "unknown_cycle"),
        ("objectives", {"objective": "none"}, "unknown_key"),
        ("objectives", {"objective": "sales-1"}, "unknown_key"),
        ("objectives", {"cicle": "q1"}, "invalid_question"),
        ("key_result", {}, "invalid_question"),
        ("key_result", {"key": "none"}, "unknown_key"),
        ("export", {"format": "xlsx"}, "invalid_question"),
        ("export", {"cycle": "q9"}, "unknown_cycle"),
        ("cycles", {"key": "q1"}, "invalid_question"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_code(name: str, arguments: dict[str, Any], code: str) -> None:
    """What is not there, and members that are misspelt, are told."""
    with pytest.raises(AssertionError) as refused:
        Company().answer(name, **arguments)
    assert refused.value.failure.code == code  # type: ignore[attr-defined]  # the kit's HookFailed


def test_other_questions_are_nobodys() -> None:
    """A question that the plugin does not know is answered by nothing."""
    assert Company().answer("weather") is None
