"""A goal is evaluated, agreed on and worked on until it ends: its state and whose yes it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from milepost.view.fold.goal import end, pause, told
from milepost.view.fold.kernel import At, GoalRows, folds
from milepost.view.fold.occurring import days_between, instant
from milepost.view.rows import EvaluationRow, PauseRow
from milepost_contracts.events import goal as events

if TYPE_CHECKING:
    import datetime as dt


@folds(events.Evaluated)
def evaluated(goal: GoalRows, event: events.Evaluated, at: At) -> None:
    """Keep the last evaluation."""
    goal.detail.evaluation = EvaluationRow(
        rubric=event.rubric,
        revision=event.revision,
        passed=event.passed,
        by=at.envelope.actor,
        recorded=at.envelope.time,
        criteria=[
            (line.criterion, line.met, at.words(line.note, f"/criteria/{place}/note"))
            for place, line in enumerate(event.criteria)
        ],
    )


@folds(events.Proposed)
def proposed(goal: GoalRows, event: events.Proposed, at: At) -> None:
    """Propose, which is the proposer's yes."""
    card = goal.card
    card.state = "proposed"
    card.proposed = card.proposed or at.occurred
    _agree(goal, event.party, event.revision, at, complete=event.complete)


@folds(events.Agreed)
def agreed(goal: GoalRows, event: events.Agreed, at: At) -> None:
    """Add a yes."""
    _agree(goal, event.party, event.revision, at, complete=event.complete)


@folds(events.Declined)
def declined(goal: GoalRows, event: events.Declined, _at: At) -> None:
    """Make the proposal a draft again."""
    _disagree(goal, event.party)
    goal.card.state = "drafted"


@folds(events.AgreementWithdrawn)
def agreement_withdrawn(goal: GoalRows, event: events.AgreementWithdrawn, _at: At) -> None:
    """Take a yes away; a running goal goes on, marked open."""
    _disagree(goal, event.party)
    goal.card.agreement_open = goal.card.agreement_open or event.open


@folds(events.Activated)
def activated(goal: GoalRows, event: events.Activated, at: At) -> None:
    """Begin work."""
    goal.card.state, goal.card.agreement_open = "active", False
    goal.card.activated_on = event.activated_on
    _waived(goal, event.waivers, at)


@folds(events.Paused)
def paused(goal: GoalRows, event: events.Paused, at: At) -> None:
    """Rest."""
    goal.card.state = "paused"
    pause(goal, PauseRow(paused_on=event.paused_on, until=event.until, reason=at.words(event.reason, "/reason")))


@folds(events.Resumed)
def resumed(goal: GoalRows, event: events.Resumed, at: At) -> None:
    """Go on."""
    goal.card.state, goal.card.agreement_open = "active", False
    _unpause(goal, event.resumed_on)
    _waived(goal, event.waivers, at)


@folds(events.Closed)
def closed(goal: GoalRows, event: events.Closed, at: At) -> None:
    """End."""
    goal.card.agreement_open = False
    end(goal, event.result, event.closed_on, event.score)
    assert goal.detail.closure is not None  # noqa: S101  _end made it
    goal.detail.closure.justification = at.words(event.justification, "/justification")
    goal.detail.closure.retrospective = at.words(event.retrospective, "/retrospective")
    goal.detail.closure.measures = event.measures
    if event.progress is not None:
        goal.card.progress, goal.card.moving = event.progress, False


@folds(events.ClosureAmended)
def closure_amended(goal: GoalRows, event: events.ClosureAmended, at: At) -> None:
    """Replace what the amendment names."""
    closure = goal.detail.closure
    if closure is None:
        return
    closure.amended = True
    closure.result, closure.score = event.new_result, event.new_score
    goal.card.result, goal.card.score = event.new_result, event.new_score
    closure.justification = at.words(event.justification, "/justification") or closure.justification
    closure.retrospective = at.words(event.retrospective, "/retrospective") or closure.retrospective


@folds(events.Reopened)
def reopened(goal: GoalRows, event: events.Reopened, at: At) -> None:
    """Make it active again; while it was closed its clock stood still."""
    card = goal.card
    if not _unpause(goal, event.reopened_on) and card.closed_on is not None:
        card.pauses.append((card.closed_on, event.reopened_on))
    card.state, card.archived, card.agreement_open = "active", False, False
    card.activated_on = card.activated_on or event.reopened_on
    card.result = card.score = card.closed_on = None
    goal.detail.closure = None
    told(goal, card.progress)  # as of the closing; what has ended since is worked out again
    _waived(goal, event.waivers, at)


@folds(events.Archived)
def archived(goal: GoalRows, _event: events.Archived, _at: At) -> None:
    """Take it off the lists."""
    goal.card.archived = True


@folds(events.CarriedOver)
def carried_over(goal: GoalRows, event: events.CarriedOver, _at: At) -> None:
    """Go on in another cycle."""
    goal.card.cycle = event.new


def _agree(goal: GoalRows, party: str, revision: int, at: At, *, complete: bool) -> None:
    card = goal.card
    card.agreements[party] = revision
    goal.detail.agreed_on[party] = at.occurred
    card.agreed = complete
    if complete:
        card.agreement_open = False
        if not card.first_agreed:
            _agreed_first(goal)


def _agreed_first(goal: GoalRows) -> None:
    """Note when the goal was first agreed, and how long that took.

    That is when the last of them said yes: a yes that is told late completes the quorum, and need not be the last.
    """
    card = goal.card
    card.first_agreed = max((said for said in goal.detail.agreed_on.values() if said), key=instant)
    card.agreement_days = days_between(card.created, card.first_agreed)


def _disagree(goal: GoalRows, party: str) -> None:
    goal.card.agreements.pop(party, None)
    goal.detail.agreed_on.pop(party, None)
    goal.card.agreed = False


def _waived(goal: GoalRows, waivers: list[Any], at: At) -> None:
    goal.detail.waivers = [
        (waiver.check, at.words(waiver.reason, f"/waivers/{place}/reason")) for place, waiver in enumerate(waivers)
    ]


def _unpause(goal: GoalRows, on: dt.date) -> bool:
    """End the rest that has no end yet; returns whether there was one."""
    if not goal.card.pauses or goal.card.pauses[-1][1] is not None:
        return False
    goal.card.pauses[-1] = (goal.card.pauses[-1][0], on)
    goal.detail.pauses[-1].resumed_on = on
    return True
