"""A goal ends with a result, a score and what its measures came to; the closing may be put right later."""

from __future__ import annotations

from msgspec.structs import replace

from milepost.decide.checks import blank, happened, reason_given
from milepost.decide.goal.agreement import check_state
from milepost.decide.goal.children import finder
from milepost.decide.goal.clock import today
from milepost.decide.goal.conditions import check_score
from milepost.decide.goal.key_areas import left, mentorship_of
from milepost.decide.goal.progress import results
from milepost.decide.goal.roles import ADMIN, PARTY, asked, asked_open
from milepost.decide.goal.state import Closure, Goal
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts.commands import goal as commands
from milepost_contracts.events import goal as events
from milepost_contracts.types import MeasureResult


@decides(commands.CloseGoal)
def close_goal(case: Case) -> list[Change]:
    """End the goal; it leaves its mentorship and gives its place there back."""
    command, goal, reasons = case.command, asked_open(case, PARTY, ADMIN), case.reasons
    if goal.state in ("drafted", "proposed"):
        message = "Work on this goal has not begun: it can only be closed as abandoned."
        reasons.unless(command.result == "abandoned", "only_abandoned", message, "result")
    check_score(case, command.result, command.score)
    happened(case, command.closed_on, "closed_on", today=today(goal, case.now))
    measures, progress = _final(case, goal)
    _check_achieved(case, command.result, measures)
    closed = events.Closed(
        result=command.result,
        closed_on=command.closed_on,
        score=command.score,
        justification=command.justification,
        retrospective=command.retrospective,
        measures=measures,
        progress=progress,
    )
    return [case.change(closed), *left(mentorship_of(case, goal), goal)]


def _final(case: Case, goal: Goal) -> tuple[list[MeasureResult], str | None]:
    """Return what the measures came to, and the goal's progress; children are read where they make it."""
    return results(goal, child=finder(case, goal))


def _check_achieved(case: Case, result: str, measures: list[MeasureResult]) -> None:
    """Refuse `achieved` while a measure is unmet, unless it is justified."""
    unmet = [measure.measure for measure in measures if not measure.met]
    if result == "achieved" and blank(case.command.justification):
        message = "Measures of this goal are not met: say why it is achieved all the same, or give another result."
        case.reasons.unless(not unmet, "measures_unmet", message, "justification", measures=unmet)


@evolves(events.Closed)
def closed(goal: Goal, event: events.Closed, _recorded: Recorded) -> Goal:
    """End it."""
    closure = Closure(result=event.result, closed_on=event.closed_on, score=event.score, measures=tuple(event.measures))
    return replace(goal, state="closed", agreement_open=False, closure=closure)


@decides(commands.AmendClosure)
def amend_closure(case: Case) -> list[Change]:
    """Put result, score or words of a closing right; what is not named stays."""
    command, goal = case.command, asked(case, PARTY, ADMIN)
    if not check_state(case, goal, "Only a closed goal has a closing to amend.", "closed") or goal.closure is None:
        return []
    old = goal.closure
    result = command.result or old.result
    score = command.score if command.score is not None else old.score
    if result == "abandoned" and command.score is None:
        score = None
    words = not (blank(command.justification) and blank(command.retrospective))
    if (result, score) == (old.result, old.score) and not words:
        return []
    reason_given(case, command.reason)
    check_score(case, result, score)
    if result != old.result:
        _check_achieved(case, result, _final(case, goal)[0])
    amended = events.ClosureAmended(
        old_result=old.result,
        new_result=result,
        old_score=old.score,
        new_score=score,
        retrospective=command.retrospective,
        justification=command.justification,
        reason=command.reason,
    )
    return [case.change(amended)]


@evolves(events.ClosureAmended)
def closure_amended(goal: Goal, event: events.ClosureAmended, _recorded: Recorded) -> Goal:
    """Take the new result and score over."""
    if goal.closure is None:
        return goal
    return replace(goal, closure=replace(goal.closure, result=event.new_result, score=event.new_score))
