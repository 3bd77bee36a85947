"""The terms of a goal are held against a rubric, criterion by criterion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from milepost.decide.goal.roles import ADMIN, PARTY, asked_open
from milepost.decide.goal.rubrics import BUILT_IN, STANDARD
from milepost.decide.goal.state import Evaluation
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts.commands.goal import EvaluateGoal
from milepost_contracts.events.goal import Evaluated
from milepost_contracts.types import Criterion, Rubric, RubricRef

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal


@decides(EvaluateGoal)
def evaluate_goal(case: Case) -> list[Change]:
    """Evaluate the present terms; every evaluation is a fact of its own, also one that says what the last one said."""
    command: EvaluateGoal = case.command
    goal = asked_open(case, PARTY, ADMIN)
    if goal.ever_agreed and goal.evaluation is not None:
        message = "What was agreed is evaluated again for a reason: name the trigger."
        case.reasons.unless(command.trigger, "trigger_missing", message, "trigger")
    rubric = _rubric(case, goal)
    if rubric is None:
        return []
    criteria = _in_order(case, rubric, command.criteria)
    event = Evaluated(
        rubric=RubricRef(id=rubric.id, version=rubric.version),
        criteria=criteria,
        passed=all(criterion.met for criterion in criteria),
        revision=goal.revision,
        trigger=command.trigger,
    )
    return [case.change(event)]


def _rubric(case: Case, goal: Goal) -> Rubric | None:
    """Return the rubric that the command names, else the programme's, else the standard; refuses `rubric_unknown`."""
    named: RubricRef | None = case.command.rubric
    programme = case.frame.get(("programme", goal.programme)) if goal.programme else None
    if named is None:
        own: Rubric | None = programme.rubric if programme is not None else None
        return own or BUILT_IN[STANDARD]
    offered: list[Rubric | None] = [BUILT_IN.get(named.id)]
    if programme is not None:
        offered.insert(0, programme.rubrics.get(named.id))
    for rubric in offered:
        if rubric is not None and rubric.version == named.version:
            return rubric
    message = "Neither Milepost nor the goal's programme has this rubric in this version: name another, or none."
    case.reasons.refuse("rubric_unknown", message, "rubric", id=named.id, version=named.version)
    return None


def _in_order(case: Case, rubric: Rubric, given: list[Criterion]) -> list[Criterion]:
    """Return the criteria in the rubric's order; refuses those that are missing, unknown or there twice."""
    reasons = case.reasons
    found = {criterion.criterion: criterion for criterion in given}
    missing = [name for name in rubric.criteria if name not in found]
    message = "Answer every criterion of the rubric."
    reasons.unless(not missing, "criterion_missing", message, "criteria", missing=missing)
    foreign = [name for name in found if name not in rubric.criteria]
    message = "Answer the criteria of the rubric alone."
    reasons.unless(not foreign, "criterion_unknown", message, "criteria", unknown=foreign, criteria=rubric.criteria)
    reasons.unless(len(found) == len(given), "criterion_twice", "Answer every criterion once.", "criteria")
    return [found[name] for name in rubric.criteria if name in found]


@evolves(Evaluated)
def evaluated(state: Goal, event: Evaluated, _recorded: Recorded) -> Goal:
    """Keep the last evaluation."""
    evaluation = Evaluation(revision=event.revision, passed=event.passed, rubric=event.rubric)
    return msgspec.structs.replace(state, evaluation=evaluation)
