"""Work on a goal begins, goes on or begins again: activating, resuming and reopening share one set of checks."""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from milepost.decide.checks import reason_given, within
from milepost.decide.goal.agreement import agreed, check_revision, check_state, missing_from
from milepost.decide.goal.clock import stepped_on, today
from milepost.decide.goal.conditions import LEARNING, check_stranded, warn_outcome
from milepost.decide.goal.key_areas import check_active, check_room, joined, mentorship_of, opened
from milepost.decide.goal.placing import check_owner_in
from milepost.decide.goal.roles import ADMIN, PARTY, asked
from milepost.decide.goal.state import Goal
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts.commands import goal as commands
from milepost_contracts.events import goal as events
from milepost_contracts.types import Warned

# `{{...}}`, or an X that stands alone as in `by X %`: not in a word, nor joined to one as in X-ray.
PLACEHOLDER = re.compile(r"\{\{.*?\}\}|(?<![\w-])X(?![\w-])", re.DOTALL)


@decides(commands.ActivateGoal)
def activate_goal(case: Case) -> list[Change]:
    """Begin work; the event records all that was read to allow it."""
    goal = asked(case, PARTY)
    check_state(case, goal, "Only a proposed goal is activated: propose it, or resume or reopen it.", "proposed")
    allowed = _checked(case, goal)
    mentorship = mentorship_of(case, goal)
    activated = events.Activated(activated_on=stepped_on(case), **allowed)
    return [case.change(activated), *(opened(mentorship, goal) if mentorship is not None else [])]


@decides(commands.ResumeGoal)
def resume_goal(case: Case) -> list[Change]:
    """Let work go on."""
    goal = asked(case, PARTY)
    check_state(case, goal, "Only a paused goal is resumed.", "paused")
    allowed = _checked(case, goal)
    on = stepped_on(case)
    _check_order(case, goal.pauses[-1][0] if goal.pauses else None, on)
    mentorship = mentorship_of(case, goal)
    resumed = events.Resumed(resumed_on=on, **allowed)
    return [case.change(resumed), *(opened(mentorship, goal) if mentorship is not None else [])]


@decides(commands.ReopenGoal)
def reopen_goal(case: Case) -> list[Change]:
    """Make a closed goal active again; it joins its mentorship anew."""
    command, goal = case.command, asked(case, PARTY, ADMIN)
    check_state(case, goal, "Only a closed goal is reopened.", "closed")
    reason_given(case, command.reason)
    allowed = _checked(case, goal)
    on = stepped_on(case)
    _check_order(case, goal.closure.closed_on if goal.closure else None, on)
    mentorship = mentorship_of(case, goal)
    if mentorship is not None:  # its owner may have left since
        check_owner_in(case, mentorship, goal.owner, "id")
    reopened = events.Reopened(reopened_on=on, reason=command.reason, **allowed)
    return [case.change(reopened), *(joined(mentorship, replace(goal, state="active")) if mentorship else [])]


def _check_order(case: Case, stopped_on: Any, on: Any) -> None:
    """Refuse a step back into work that is dated before work stopped."""
    if stopped_on is not None and case.command.occurred_at is not None:
        message = "This is before the goal was paused or closed: give a later time, or none."
        case.reasons.unless(on >= stopped_on, "before_it_stopped", message, "occurred_at", stopped_on=stopped_on)


def _checked(case: Case, goal: Goal) -> dict[str, Any]:
    """Refuse what keeps *goal* from being worked on; returns revision, waivers, frame and warnings for the event."""
    command, reasons = case.command, case.reasons
    waived = _waived(case)
    check_revision(case, goal)
    absent = missing_from(case, goal, agreed(goal))
    message = "Not everybody whose yes is needed has agreed to the present terms: ask them to agree."
    reasons.unless(not absent, "quorum_missing", message, "revision", missing=absent, revision=goal.revision)
    if "evaluation" not in waived:
        _check_evaluation(case, goal)
    if "placeholder" not in waived:
        _check_placeholders(case, goal)
    if goal.kind == "smart":
        message = "A SMART goal has a {}: add one, waive this with a reason, or make it another kind of goal."
        if "measures" not in waived:
            reasons.unless(goal.measures, "measures_missing", message.format("measure"), "measures")
        if "deadline" not in waived:
            reasons.unless(goal.deadline, "deadline_missing", message.format("deadline"), "deadline")
    if goal.deadline is not None:
        check_stranded(case, goal, goal.deadline, "deadline")
    mentorship = mentorship_of(case, goal)
    if check_active(case, mentorship) and mentorship is not None:
        check_room(case, mentorship, goal, goal.owner)
    _warn(case, goal)
    return {
        "revision": goal.revision,
        "waivers": command.waivers,
        "frame": case.frame.seen(),
        "warnings": [Warned(code=warning.code, field=warning.field) for warning in reasons.warnings],
    }


def _waived(case: Case) -> set[str]:
    """Return the checks that are set aside, each for a reason."""
    waivers = case.command.waivers
    within(case, len(waivers), "waivers", "waivers")
    for place, waiver in enumerate(waivers):
        reason_given(case, waiver.reason, f"waivers.{place}.reason")
    return {waiver.check for waiver in waivers}


def _check_evaluation(case: Case, goal: Goal) -> None:
    """Refuse an evaluation that failed or is older than the terms; that there is none is but a warning."""
    evaluation = goal.evaluation
    if evaluation is None:
        if goal.kind == "smart":
            message = "The goal was never held against the checklist: evaluate it when there is time."
            case.reasons.warn("not_evaluated", message, "evaluation")
        return
    message = "The last evaluation failed: refine the goal and evaluate it again, or waive this with a reason."
    case.reasons.unless(evaluation.passed, "evaluation_failed", message, "evaluation")
    message = "The terms have changed since the last evaluation: evaluate again, or waive this with a reason."
    case.reasons.unless(
        evaluation.revision == goal.revision, "evaluation_stale", message, "evaluation", revision=evaluation.revision
    )


def _check_placeholders(case: Case, goal: Goal) -> None:
    """Refuse a blank that a template left in the words, naming where it is."""
    texts = {"title": goal.title, "description": goal.description or ""}
    texts |= {f"measures.{id_}.name": measure.name for id_, measure in sorted(goal.measures.items())}
    left = [field for field, text in texts.items() if PLACEHOLDER.search(text)]
    message = "A blank of the template is left ({{...}} or X): fill it in, or waive this with a reason."
    case.reasons.unless(not left, "placeholder_left", message, left[0] if left else None, fields=left)


def _warn(case: Case, goal: Goal) -> None:
    """Warn of a deadline that is past, of an outcome instead of a skill, and of networking before any learning."""
    if goal.deadline is not None and goal.deadline < today(goal, case.now):
        case.reasons.warn("deadline_past", "The deadline is past already: shift it, and say why.", "deadline")
    warn_outcome(case, goal.focus, laddered=bool(goal.children))
    mentorship = mentorship_of(case, goal)
    if goal.focus != "network" or mentorship is None:
        return
    others = [("goal", id_) for id_, owner in mentorship.goals.items() if owner == goal.owner and id_ != goal.id]
    case.frame.need(others)
    seen = [case.frame.get(ref) for ref in others]
    if not any(other is not None and other.focus in LEARNING for other in seen):
        message = "Networking carries further once something is being learnt: add a goal for a skill or knowledge."
        case.reasons.warn("network_before_learning", message, "focus")


@evolves(events.Activated)
def activated(goal: Goal, event: events.Activated, _recorded: Recorded) -> Goal:
    """Begin work."""
    return replace(goal, state="active", ever_agreed=True, agreement_open=False, activated_on=event.activated_on)


@evolves(events.Resumed)
def resumed(goal: Goal, event: events.Resumed, _recorded: Recorded) -> Goal:
    """Let work and its clock go on."""
    return replace(goal, state="active", agreement_open=False, pauses=_ended(goal, event.resumed_on))


@evolves(events.Reopened)
def reopened(goal: Goal, event: events.Reopened, _recorded: Recorded) -> Goal:
    """Begin work again; while the goal was closed its clock stood still."""
    pauses = _ended(goal, event.reopened_on)
    if pauses == goal.pauses and goal.closure is not None:
        pauses = (*pauses, (goal.closure.closed_on, event.reopened_on))
    return replace(
        goal,
        state="active",
        archived=False,
        ever_agreed=True,
        agreement_open=False,
        pauses=pauses,
        closure=None,
        activated_on=goal.activated_on or event.reopened_on,
    )


def _ended(goal: Goal, on: Any) -> tuple[Any, ...]:
    """Return the goal's pauses, the one that has no end yet ended on *on*."""
    if goal.pauses and goal.pauses[-1][1] is None:
        return (*goal.pauses[:-1], (goal.pauses[-1][0], on))
    return goal.pauses
