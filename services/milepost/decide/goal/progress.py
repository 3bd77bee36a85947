"""Readings become a measure's current value and progress, and the measures' progress that of the goal.

Pure arithmetic on measures and readings, exact in decimals; what leaves is wire text with at most nine places.
What each kind says (DOMAIN.md, Measures), where it leaves a choice:
- A measure without any reading has made no progress: 0, not unknown. A goal without any measure: null.
- Progress is rounded to nine places but never up to 1: 1 says reached.
- count: stands at its baseline (0 where none is given) plus the sum of its increments.
- average: until there are `samples_min` samples, progress is at most the share of them that there is.
- delta: without a `delta_mode` the target is the value to reach (from 9 to 5); with one it is the change to reach,
  in points or in percent of the baseline. Words of a `scale` count from 0.
- consecutive: the last reading of a period decides it. A run that has reached the target has reached it, whatever
  follows; `current` is the run as it stands today.
- recurring: `current` is the sum of the latest period with a reading.
- keep_above, keep_below: a period's value is its last reading's standing (sum, mean or value within that period);
  without a `period` all readings are one. Periods without a reading are neither in nor out of band.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from milepost.decide.goal.tally import (
    EMPTY,
    EXACT,
    KEEP,
    ZERO,
    Span,
    Tally,
    compared,
    longest,
    period_number,
    reaches,
    standing,
)
from milepost_contracts.types import Measure, MeasureResult

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal

ONE = Decimal(1)
VALUE_MAX = Decimal("999999999999999999.999999999")  # the largest that the wire's decimal text can say
_PLACE = Decimal("0.000000001")


class _Outcome(NamedTuple):
    """A measure's standing before rounding."""

    current: Decimal | bool | None
    progress: Decimal
    met: bool


def result(measure: Measure, tally: Tally, *, today: dt.date | None = None) -> MeasureResult:
    """Return the current value of *measure*, its progress and whether it is met.

    *today* (in the goal's zone) ends a run whose last full period has no reading; None: as of the last reading.
    """
    return _told(measure, _outcome(measure, tally, today))


class After(NamedTuple):
    """What a reading makes of its measure and goal; `fits`: the wire's decimal text can say the current value."""

    current: str | bool | None
    progress: str | None
    fits: bool


def after(goal: Goal, measure: Measure, tally: Tally, *, today: dt.date, child: Callable[[str], Goal | None]) -> After:
    """Return the standing of *measure*, and of *goal* with it, once its readings are *tally*."""
    outcome = _outcome(measure, tally, today)
    if goal.progress_from == "children":
        share = _from_children(goal, today, child)
    else:
        share = _mean(
            [(one, outcome if one is measure else _outcome(one, told, today)) for one, told in _measures(goal)]
        )
    current = outcome.current
    if not isinstance(current, Decimal):
        return After(current, _share_or_none(share), fits=True)
    return After(text(current), _share_or_none(share), EXACT.abs(current) <= VALUE_MAX)


def weighted(parts: Iterable[tuple[Decimal, Decimal]]) -> Decimal | None:
    """Return the mean of (weight, progress) pairs, None where none has weight."""
    weights = total = ZERO
    for weight, progress in parts:
        if weight > 0:
            weights = EXACT.add(weights, weight)
            total = EXACT.fma(weight, progress, total)
    return EXACT.divide(total, weights) if weights else None


def overall(
    measures: Iterable[tuple[Measure, Tally]], *, today: dt.date | None = None
) -> tuple[list[MeasureResult], str | None]:
    """Return the result of every measure and their weighted mean, 0 to 1, None where there is no measure."""
    outcomes = _outcomes(measures, today)
    return [_told(measure, outcome) for measure, outcome in outcomes], _share_or_none(_mean(outcomes))


def results(
    goal: Goal, *, today: dt.date | None = None, child: Callable[[str], Goal | None] | None = None
) -> tuple[list[MeasureResult], str | None]:
    """Return the result of every measure of *goal* (by id) and the goal's progress, 0 to 1, None where it has none.

    *child* finds a goal by id, for those that take their progress from their children; without it that is None.
    """
    told, progress = overall(_measures(goal), today=today)
    if goal.progress_from == "children":
        progress = None if child is None else _share_or_none(_from_children(goal, today, child))
    return told, progress


def _measures(goal: Goal) -> list[tuple[Measure, Tally]]:
    measures = sorted(goal.measures.values(), key=lambda measure: measure.measure)
    return [(measure, goal.tallies.get(measure.measure) or EMPTY) for measure in measures]


def _outcomes(measures: Iterable[tuple[Measure, Tally]], today: dt.date | None) -> list[tuple[Measure, _Outcome]]:
    return [(measure, _outcome(measure, tally, today)) for measure, tally in measures]


def _mean(outcomes: list[tuple[Measure, _Outcome]]) -> Decimal | None:
    return weighted((Decimal(measure.weight), outcome.progress) for measure, outcome in outcomes)


def _from_children(goal: Goal, today: dt.date | None, child: Callable[[str], Goal | None]) -> Decimal | None:
    """Return the weighted mean of the progress of the children, each goal below worked out once.

    The graph of goals has no loop; in a broken history that has one, a goal adds nothing to itself.
    """
    known: dict[str, Decimal | None] = {}
    entered: set[str] = set()
    waiting = [goal]
    while waiting:
        one = waiting[-1]
        if one.id in known:
            waiting.pop()
        elif one.progress_from != "children":
            known[one.id] = _mean(_outcomes(_measures(one), today))
        elif one.id not in entered:
            entered.add(one.id)
            below = (child(ref) for ref in sorted(one.children))
            waiting += [found for found in below if found is not None and found.id not in entered]
        else:
            parts = ((weight, known.get(ref)) for ref, weight in sorted(one.children.items()))
            known[one.id] = weighted((Decimal(weight), part) for weight, part in parts if part is not None)
    return known[goal.id]


def _outcome(measure: Measure, tally: Tally, today: dt.date | None) -> _Outcome:
    if not tally.count:
        return _Outcome(None, ZERO, met=False)
    if measure.kind == "binary":
        yes = tally.spans[tally.latest].entries[-1][2] is True
        return _Outcome(yes, ONE if yes else ZERO, yes)
    if measure.kind == "consecutive":
        return _consecutive(measure, tally, today)
    if measure.direction in KEEP:
        return _kept(measure, tally)
    if measure.kind == "recurring":
        return _recurring(measure, tally)
    return _level(measure, tally)


def _level(measure: Measure, tally: Tally) -> _Outcome:
    """Count, average and delta on the way from the baseline to the target."""
    start, target = _ends(measure)
    current = standing(measure, _all(tally), tally.count)
    value = compared(measure, current)
    if value is None:
        return _Outcome(current, ZERO, met=False)
    met = value >= target if measure.direction == "increase" else value <= target
    ahead = target > start if measure.direction == "increase" else target < start
    if ahead and not met:
        way = EXACT.divide(EXACT.subtract(value, start), EXACT.subtract(target, start))
        progress = min(max(way, ZERO), ONE)
    else:
        # Nothing lies between where it began (as far as is known) and the target.
        progress = ONE if met else ZERO
    if measure.kind == "average":
        samples_min = measure.samples_min or 1
        met = met and tally.count >= samples_min
        progress = min(progress, EXACT.divide(Decimal(tally.count), Decimal(samples_min)))
    return _Outcome(current, progress, met)


def _ends(measure: Measure) -> tuple[Decimal, Decimal]:
    """Return from where to where a measure goes: values, or changes where it has a delta_mode."""
    target = Decimal(measure.target)
    if measure.kind == "delta" and measure.delta_mode:
        # Down by 10 is said as 10 and as -10 alike.
        return ZERO, target if measure.direction == "increase" else EXACT.minus(abs(target))
    return Decimal(measure.baseline or 0), target


def _consecutive(measure: Measure, tally: Tally, today: dt.date | None) -> _Outcome:
    target, run = Decimal(measure.target), tally.run
    if today is not None and tally.latest < period_number(measure.period, today) - 1:
        run = 0  # a whole period has passed without a reading
    if met := longest(tally.held) >= target:
        return _Outcome(Decimal(run), ONE, met)
    return _Outcome(Decimal(run), EXACT.divide(Decimal(run), target), met)


def _recurring(measure: Measure, tally: Tally) -> _Outcome:
    reached, required = tally.held.bit_count(), measure.periods_required or 1
    progress = min(EXACT.divide(Decimal(reached), Decimal(required)), ONE)
    return _Outcome(tally.spans[tally.latest].total, progress, reached >= required)


def _kept(measure: Measure, tally: Tally) -> _Outcome:
    if measure.period is None:
        current = standing(measure, _all(tally), tally.count)
        kept, periods = int(reaches(measure, compared(measure, current))), 1
    else:
        span = tally.spans[tally.latest]
        current = standing(measure, span, len(span.entries))
        kept, periods = tally.held.bit_count(), len(tally.spans)
    required = max(periods, measure.periods_required or 1)
    enough = measure.kind != "average" or tally.count >= (measure.samples_min or 1)
    return _Outcome(current, EXACT.divide(Decimal(kept), Decimal(required)), kept == required and enough)


def _all(tally: Tally) -> Span:
    """Return the sum of all readings and, as far as anybody asks, the last of them."""
    return Span(tally.total, tally.spans[tally.latest].entries[-1:])


# Wire text


def text(value: Decimal) -> str:
    """Return *value* as the wire's decimal text: nine places at most, no exponent, no trailing zeros.

    What the wire cannot say (more than 18 digits before the point) becomes the largest that it can; commands that
    would lead there are refused.
    """
    bounded = min(max(value, EXACT.minus(VALUE_MAX)), VALUE_MAX)
    rounded = bounded.quantize(_PLACE, context=EXACT)
    return format(rounded.normalize(EXACT), "f") if rounded else "0"


def share_text(share: Decimal) -> str:
    """Return a progress (0 to 1) as wire text; only what is 1 is told as 1."""
    return text(share if share >= 1 else min(share, EXACT.subtract(ONE, _PLACE)))


def _share_or_none(share: Decimal | None) -> str | None:
    return None if share is None else share_text(share)


def _told(measure: Measure, outcome: _Outcome) -> MeasureResult:
    current = outcome.current
    return MeasureResult(
        measure=measure.measure,
        current=current if current is None or isinstance(current, bool) else text(current),
        progress=share_text(outcome.progress),
        met=outcome.met,
    )
