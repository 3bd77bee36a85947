"""What a goal brings to an objective or key result: its part of the score, and the confidence in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from milepost_okr.frame import Frame
from milepost_okr.history import NEVER, Closed, Moment, Summed
from milepost_okr.measures import EXACT, ONE, ZERO, share_text, text
from milepost_okr.plan import Plan
from milepost_okr.stays import Stay, end_of, leaves
from milepost_okr.views import View, Window, progress

if TYPE_CHECKING:
    from milepost_okr.config import Scoring


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one goal brings: kept under the key of what it counts for and its own.

    value: 0 to 1, None: nobody knows yet. by: what it comes from (`progress`, `score`, `result`, `none`). standing:
    `open`, `closed`, `left` (it went to another cycle). people: who may see its id.
    """

    weight: str
    value: str | None
    by: str
    standing: str
    confidence: int | None = None
    people: tuple[str, ...] = ()


class Seen(NamedTuple):
    """How a goal stood for a cycle: what counts of its readings, and up to where its closing does."""

    stay: Stay
    window: Window
    graded: Moment
    last_day: dt.date


def seen(frame: Frame, stay: Stay, plan: Plan, cycle: str) -> Seen | None:
    """Return up to where a goal counts in *cycle*; None: it went before the cycle or the work on it began."""
    if not leaves(frame, plan, cycle, stay.left):
        return None
    end = end_of(plan, cycle)
    graded = min(stay.left, end_of(plan, cycle, days=plan.scoring.grading_days))
    frozen = plan.scoring.closed_cycles == "frozen"
    window = Window(min(stay.left, end), stay.anew, plan.closes_on(cycle) if frozen else None)
    return Seen(stay, window, graded, stay.left[0] if stay.left < end else plan.cycles[cycle].ends_on)


class Brought(NamedTuple):
    """All that is asked to say what a goal brings."""

    frame: Frame
    at: Seen
    view: View
    sums: Iterable[Summed]


def part(goal: Brought, scoring: Scoring, *, weight: Decimal, people: tuple[str, ...]) -> Part | None:
    """Return what the goal brings; None: it was abandoned, and such goals are left out."""
    closing = goal.frame.closing(goal.at.graded)
    value, by = _value(goal, scoring, closing)
    if value is None and closing is not None and closing.result == "abandoned" and scoring.abandoned == "left_out":
        return None
    if value is None and scoring.without_progress == "zero":
        value = ZERO
    return Part(
        weight=text(weight),
        value=None if value is None else share_text(value),
        by=by,
        standing="closed" if closing is not None else "left" if goal.at.stay.left != NEVER else "open",
        confidence=goal.view.confidence,
        people=people,
    )


def _value(goal: Brought, scoring: Scoring, closing: Closed | None) -> tuple[Decimal | None, str]:
    """Return the goal's part of the score and what it comes from."""
    if closing is not None:
        if closing.score is not None:
            return Decimal(closing.score), "score"
        if closing.result == "achieved":
            return ONE, "result"
        if closing.result == "abandoned" and scoring.abandoned != "progress":
            return (ZERO if scoring.abandoned == "zero" else None), "result"
    at, view = goal.at, goal.view
    today = None if closing is not None else min(view.last or at.last_day, at.last_day)
    come = progress(view.end, goal.frame, at.window.before, today, goal.sums)
    if come is None:
        missed = closing is not None and closing.result == "missed"
        return (ZERO, "result") if missed else (None, "none")
    before = None
    if at.stay.anew is not None and scoring.carried_over == "rest":
        before = progress(view.anew, goal.frame, at.stay.anew, at.stay.anew_on, goal.sums)
    return _rest(Decimal(come), Decimal(before or 0)), "progress"


def _rest(come: Decimal, before: Decimal) -> Decimal:
    """Return how much of the way that was left *before* has been gone."""
    if before >= ONE:
        return ONE if come >= ONE else ZERO
    way = EXACT.divide(EXACT.subtract(come, before), EXACT.subtract(ONE, before))
    return max(way, ZERO)
