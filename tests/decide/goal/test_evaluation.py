"""Given a goal, when it is evaluated, then ..."""

from __future__ import annotations

from typing import Any

import pytest

from milepost.decide.goal.rubrics import BUILT_IN
from milepost.decide.goal.state import Evaluation
from milepost_contracts.commands.goal import EvaluateGoal
from milepost_contracts.events.goal import Evaluated, Placed
from milepost_contracts.events.programme import RubricSet
from milepost_contracts.types import Criterion, Placing, Rubric, RubricRef
from tests.support.goals import active, agreed, closed, created, drafted, mentored, organised
from tests.support.scenario import ADMIN, IMPORTER, MANAGER, MENTEE, MENTOR, PROGRAMME, STRANGER, Scenario, acme

SMART = RubricRef(id="smart", version=1)
OWN = Rubric(id="three questions", version=2, criteria=["why", "what", "when"])


def answers(*names: str, unmet: tuple[str, ...] = ()) -> list[Criterion]:
    """Return the criteria called *names*, the standard ones where none is named."""
    names = names or tuple(BUILT_IN["smart"].criteria)
    return [Criterion(criterion=name, met=name not in unmet) for name in names]


def evaluate(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    """Let *by* evaluate with the standard rubric, every criterion met, other members as given."""
    return scenario.when(by, EvaluateGoal, **({"criteria": answers()} | fields))


def in_programme(*rubrics: Rubric) -> Scenario:
    """Return a starter goal placed in a programme with *rubrics*."""
    scenario = organised().given(*(RubricSet(rubric=rubric) for rubric in rubrics), by=ADMIN)
    placed = Placed(before=Placing(), after=Placing(programme=PROGRAMME), revision=2)
    return created(scenario).given(placed)


def test_a_goal_is_evaluated_by_the_standard_rubric() -> None:
    """The event keeps the rubric with its version, the answers in its order, and the revision they are about."""
    scenario = evaluate(drafted(), criteria=answers()[::-1])
    scenario.then(Evaluated(rubric=SMART, criteria=answers(), passed=True, revision=3))
    assert scenario.goal.evaluation == Evaluation(revision=3, passed=True, rubric=SMART)


def test_one_criterion_that_is_not_met_fails() -> None:
    """The evaluation is recorded all the same."""
    event = evaluate(drafted(), criteria=answers(unmet=("measurable",))).caused(Evaluated)
    assert not event.passed


def test_every_reading_of_the_letters_is_a_rubric() -> None:
    """Three of A, two of R and three of T, each with its own id."""
    assert len(BUILT_IN) == 18
    assert BUILT_IN["smart"].criteria == ["specific", "measurable", "achievable", "relevant", "time_bound"]
    assert len({tuple(rubric.criteria) for rubric in BUILT_IN.values()}) == 18
    for rubric in BUILT_IN.values():
        named = RubricRef(id=rubric.id, version=rubric.version)
        scenario = evaluate(drafted(), rubric=named, criteria=answers(*rubric.criteria))
        assert scenario.caused(Evaluated).rubric == named


def test_a_programme_brings_its_own_rubric() -> None:
    """Without a name it is the programme's that counts; the standard ones can still be named."""
    scenario = evaluate(in_programme(OWN), criteria=answers("why", "what", "when"))
    assert scenario.caused(Evaluated).rubric == RubricRef(id=OWN.id, version=2)
    evaluate(in_programme(OWN), criteria=answers("why", "what", "when"), rubric=RubricRef(id=OWN.id, version=2)).tags(
        "evaluated"
    )
    assert evaluate(in_programme(OWN), rubric=SMART).caused(Evaluated).rubric == SMART
    assert evaluate(in_programme()).caused(Evaluated).rubric == SMART


def test_a_programmes_rubric_goes_before_a_standard_one_of_the_same_name() -> None:
    """In the version that it has; the standard one's version stays the standard one's."""
    mine = Rubric(id="smart", version=2, criteria=["smart enough"])
    evaluate(in_programme(mine), criteria=answers("smart enough"), rubric=RubricRef(id="smart", version=2)).tags(
        "evaluated"
    )
    evaluate(in_programme(mine), rubric=SMART).tags("evaluated")


@pytest.mark.parametrize(
    "rubric",
    [RubricRef(id="smart", version=2), RubricRef(id="clever", version=1), RubricRef(id=OWN.id, version=1)],
)
def test_an_unknown_rubric_is_refused(rubric: RubricRef) -> None:
    """Unknown by name or by version, in a programme and outside."""
    evaluate(in_programme(OWN), rubric=rubric).refused("rubric_unknown")
    evaluate(drafted(), rubric=rubric).refused("rubric_unknown")


def test_every_criterion_is_answered_once() -> None:
    """What is missing, foreign or there twice is told at once."""
    given = answers("specific", "specific", "measurable", "clever")
    scenario = evaluate(drafted(), criteria=given)
    scenario.refused("criterion_missing", "criterion_unknown", "criterion_twice")
    assert scenario.problem("criterion_missing").details["missing"] == ["achievable", "relevant", "time_bound"]
    assert scenario.problem("criterion_unknown").details["unknown"] == ["clever"]
    evaluate(drafted(), criteria=[]).refused("criterion_missing")


def test_what_was_agreed_is_evaluated_again_for_a_reason() -> None:
    """The first evaluation needs no trigger, nor do those of a draft; later ones name it."""
    evaluate(evaluate(drafted())).tags("evaluated")
    scenario = evaluate(active())
    scenario.tags("evaluated")
    evaluate(scenario).refused("trigger_missing")
    assert evaluate(scenario, trigger="periodic").caused(Evaluated).trigger == "periodic"


@pytest.mark.parametrize("by", [MENTEE, MENTOR, ADMIN])
def test_parties_and_admins_evaluate(by: str) -> None:
    """Each of them may."""
    evaluate(agreed(), by).tags("evaluated")


@pytest.mark.parametrize("by", [STRANGER, IMPORTER, MANAGER])
def test_others_do_not_evaluate(by: str) -> None:
    """Neither strangers nor importers."""
    evaluate(drafted(), by).refused("not_allowed")


def test_the_admins_of_its_programme_evaluate_a_goal() -> None:
    """Without any role in the tenant."""
    evaluate(in_programme(), ADMIN).tags("evaluated")


def test_a_closed_goal_is_not_evaluated() -> None:
    """Nor one that is not there."""
    evaluate(closed()).refused("goal_closed")
    evaluate(acme()).refused("goal_unknown")
    evaluate(mentored()).refused("goal_unknown")
