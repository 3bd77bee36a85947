"""Given an importer, when a goal is brought as it was elsewhere, then ..."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from milepost_contracts.commands.goal import AgreeGoal, AmendClosure, CreateGoal, ImportGoal, PlaceGoal
from milepost_contracts.events.goal import ClosureAmended, Imported
from milepost_contracts.types import Agreement, Origin, Terms
from tests.support.goals import BOTH, TALKS, mentored
from tests.support.scenario import (
    ADMIN,
    GOAL,
    IMPORTER,
    MENTEE,
    MENTOR,
    MENTORSHIP,
    STRANGER,
    Scenario,
    acme,
    day,
)

TERMS = Terms(title="Give talks", owner=MENTEE, parties=BOTH, deadline=day(60), measures=[TALKS], start_on=day(-100))
WAS: dict[str, Any] = {
    "origin": Origin(system="old-hr", ref="G-12", tenant="formerly"),
    "as_of": day(-30),
    "state": "active",
    "terms": TERMS,
    "agreements": [Agreement(party=MENTEE, on=day(-99)), Agreement(party=MENTOR)],
}


def bring(scenario: Scenario, by: str = IMPORTER, **fields: Any) -> Scenario:
    """Let *by* import an active goal of MENTEE's, other members as given."""
    return scenario.when(by, ImportGoal, **(WAS | fields))


def test_an_active_goal() -> None:
    """An active goal comes in active and agreed, of revision 1, without any check or warning, and joins nothing."""
    scenario = bring(mentored()).warned().then(Imported(**WAS, revision=1))
    goal = scenario.goal
    assert (goal.id, goal.state, goal.revision, goal.title) == (GOAL, "active", 1, "Give talks")
    assert (goal.mentorship, goal.programme, goal.agreement_open, goal.ever_agreed) == (None, None, False, True)
    assert (goal.activated_on, goal.created_on) == (day(-100), day(-30))
    assert goal.origin == WAS["origin"]
    assert list(goal.measures) == [TALKS.measure]
    assert dict(goal.agreements.items()) == {MENTEE: 1, MENTOR: 1}
    assert list(scenario.state("mentorship").key_areas) == []


def test_agreement_that_is_still_missing() -> None:
    """A goal that ran elsewhere without everybody's yes runs here, marked as not agreed, until they have agreed."""
    scenario = bring(acme(), agreements=[Agreement(party=MENTEE)])
    assert scenario.goal.agreement_open
    scenario.when(MENTOR, AgreeGoal, revision=1)
    assert not scenario.goal.agreement_open


@pytest.mark.parametrize("state", ["drafted", "proposed", "paused"])
def test_other_states(state: str) -> None:
    """Every state is imported as it is; a paused goal's pause has begun when it was last seen."""
    goal = bring(acme(), state=state).goal
    assert (goal.state, goal.activated_on is not None) == (state, state == "paused")
    assert goal.pauses == (((day(-30), None),) if state == "paused" else ())
    assert not goal.agreement_open


def test_a_closed_goal() -> None:
    """A closed goal comes with how and when it ended."""
    goal = bring(acme(), state="closed", result="achieved", score="0.9", closed_on=day(-40)).warned().goal
    assert (goal.state, goal.closure.result, goal.closure.score) == ("closed", "achieved", "0.9")
    assert goal.closure.closed_on == day(-40)


def test_a_closed_goal_of_unknown_result() -> None:
    """Where nobody knows how a goal ended, it comes in all the same, and the closing may be amended."""
    scenario = bring(acme(), state="closed")
    assert (scenario.goal.closure.result, scenario.goal.closure.closed_on) == ("unknown", day(-30))
    scenario.when(MENTEE, AmendClosure, result="missed", reason="Found the old notes").then(
        ClosureAmended(old_result="unknown", new_result="missed", reason="Found the old notes")
    )


def test_nobody_else_imports() -> None:
    """Neither owner nor admin imports: the role is the importer's, in this tenant."""
    for by in (MENTEE, ADMIN, STRANGER):
        bring(acme(), by=by).refused("not_allowed")


def test_the_same_again() -> None:
    """The same import again changes nothing; another goal of the same id is refused."""
    bring(bring(acme())).nothing()
    bring(bring(acme()), origin=Origin(system="old-hr", ref="G-13")).refused("goal_id_taken")
    taken = acme().done(MENTEE, CreateGoal, title="Give talks", owner=MENTEE)
    bring(taken).refused("goal_id_taken")


def test_all_reasons_at_once() -> None:
    """Every reason against an import is told in one answer, with its field."""
    scenario = bring(
        acme().limited(tags=1),
        as_of=day(2),
        closed_on=day(3),
        result="abandoned",
        score="1.5",
        agreements=[Agreement(party=STRANGER, on=day(4))],
        terms=replace(
            TERMS,
            title=" ",
            start_on=day(61),
            time_zone="Nowhere",
            parties=[*BOTH, BOTH[0]],
            measures=[TALKS, replace(TALKS, target="0")],
            tags=["a", "b"],
        ),
    )
    scenario.refused(
        "title_missing",
        "zone_unknown",
        "start_after_deadline",
        "limit_reached",
        "party_twice",
        "measure_twice",
        "baseline_is_target",
        "agreement_not_a_party",
        "in_future",
        "in_future",
        "in_future",
        "goal_not_closed",
        "score_out_of_range",
        "score_of_abandoned",
    )
    assert scenario.problem("baseline_is_target").field == "terms.measures.1.target"
    assert scenario.problem("agreement_not_a_party").details == {"parties": [STRANGER]}


def test_a_shared_goal_of_elsewhere() -> None:
    """A mentorship that only another tenant has cannot own a goal here."""
    terms = replace(TERMS, owner=f"mentorship:{MENTORSHIP}", accountable=MENTEE)
    bring(acme(), terms=terms).refused("mentorship_unknown")
    bring(mentored(), terms=terms).tags("imported")


def test_placing_an_imported_goal() -> None:
    """An imported active goal takes its key area when it is placed, not before."""
    scenario = bring(mentored())
    scenario.when(MENTEE, PlaceGoal, mentorship=MENTORSHIP, parties=BOTH, reason="Back to where it was")
    scenario.tags("placed", "goal_joined", "key_area_opened")
