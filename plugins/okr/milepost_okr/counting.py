"""What a goal brings to an objective or key result: its part of the score, and the confidence in it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import NamedTuple

import msgspec

from milepost_okr.history import NEVER, Closed, Moment
from milepost_okr.measures import EXACT, ONE, ZERO, share_text, text
from milepost_okr.plan import Plan
from milepost_okr.stays import Stay, end_of, leaves
from milepost_okr.told import Told


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
    """How a goal stood for a cycle: up to where readings, and up to where its closing counts."""

    stay: Stay
    before: Moment
    graded: Moment
    today: dt.date | None


def seen(told: Told, stay: Stay, plan: Plan, cycle: str) -> Seen | None:
    """Return up to where *told* counts in *cycle*; None: the goal went before the cycle or the work on it began."""
    if not leaves(told, plan, cycle, stay.left):
        return None
    period = plan.cycles[cycle]
    end = end_of(plan, cycle)
    graded = min(stay.left, end_of(plan, cycle, days=plan.scoring.grading_days))
    last_day = stay.left[0] if stay.left < end else period.ends_on
    return Seen(stay, min(stay.left, end), graded, min(told.last or last_day, last_day))


def part(told: Told, at: Seen, plan: Plan, *, weight: Decimal, people: tuple[str, ...]) -> Part | None:
    """Return what the goal brings; None: it was abandoned, and such goals are left out."""
    scoring = plan.scoring
    closing = told.closing(at.graded)
    value, by = _value(told, at, plan, closing)
    if value is None and closing is not None and closing.result == "abandoned" and scoring.abandoned == "left_out":
        return None
    if value is None and scoring.without_progress == "zero":
        value = ZERO
    standing = "closed" if closing is not None else "left" if at.stay.left != NEVER else "open"
    return Part(
        weight=text(weight),
        value=None if value is None else share_text(value),
        by=by,
        standing=standing,
        confidence=told.confidence(at.stay.anew or (dt.date.min, 0), at.before),
        people=people,
    )


def _value(told: Told, at: Seen, plan: Plan, closing: Closed | None) -> tuple[Decimal | None, str]:
    """Return the goal's part of the score and what it comes from."""
    if closing is not None:
        if closing.score is not None:
            return Decimal(closing.score), "score"
        if closing.result == "achieved":
            return ONE, "result"
        if closing.result == "abandoned" and plan.scoring.abandoned != "progress":
            return (ZERO if plan.scoring.abandoned == "zero" else None), "result"
    come = told.progress(at.before, None if closing is not None else at.today)
    if come is None:
        missed = closing is not None and closing.result == "missed"
        return (ZERO, "result") if missed else (None, "none")
    before = None
    if at.stay.anew is not None and plan.scoring.carried_over == "rest":
        before = told.progress(at.stay.anew, at.stay.anew_on)
    return _rest(Decimal(come), Decimal(before or 0)), "progress"


def _rest(come: Decimal, before: Decimal) -> Decimal:
    """Return how much of the way that was left *before* has been gone."""
    if before >= ONE:
        return ONE if come >= ONE else ZERO
    way = EXACT.divide(EXACT.subtract(come, before), EXACT.subtract(ONE, before))
    return max(way, ZERO)
