"""Readings become a measure's progress: the same arithmetic as Milepost's own, for any moment of a goal's past.

Milepost's events tell the progress of now. What a goal had come to when it left a cycle, after a late entry or a
correction, nobody tells: so it is worked out here. A test holds this to the original, event by event.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

from milepost_okr.history import Defined

# Values have 27 digits at the most; sums of a million of them, times a hundred, times a baseline, are still exact.
EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)
ZERO, ONE = Decimal(0), Decimal(1)
KEEP = ("keep_above", "keep_below")
_PLACE = Decimal("0.000000001")


class Value(NamedTuple):
    """A reading as it stands; ties on `on` go to the later `order`."""

    on: dt.date
    order: int
    value: str | bool | None
    step: str | None = None


class _Point(NamedTuple):
    period: int
    value: Decimal | bool


def progress(measure: Defined, readings: Iterable[Value], today: dt.date | None) -> Decimal:
    """Return how far *measure* has come, 0 to 1; without any reading it has made no progress.

    today: a run of hits whose last full period before it has no reading is over; None: as of the last reading.
    """
    points = [
        _Point(period_number(measure.period, one.on), value)
        for one in sorted(readings, key=lambda one: (one.on, one.order))
        if (value := _value(measure, one)) is not None
    ]
    if not points:
        return ZERO
    if measure.kind == "binary":
        return ONE if points[-1].value is True else ZERO
    if measure.kind == "consecutive":
        return _consecutive(measure, points, today)
    if measure.direction in KEEP:
        return _kept(measure, points)
    if measure.kind == "recurring":
        held = sum(_holds(measure, span) for span in _spans(points).values())
        return min(EXACT.divide(Decimal(held), Decimal(measure.periods_required or 1)), ONE)
    return _level(measure, [Decimal(point.value) for point in points])


def weighted(parts: Iterable[tuple[Decimal, Decimal]]) -> Decimal | None:
    """Return the mean of (weight, progress) pairs, None where none has weight."""
    weights = total = ZERO
    for weight, part in parts:
        if weight > 0:
            weights = EXACT.add(weights, weight)
            total = EXACT.fma(weight, part, total)
    return EXACT.divide(total, weights) if weights else None


def text(number: Decimal) -> str:
    """Return *number* without exponent and trailing zeros."""
    return format(number.normalize(EXACT), "f") if number else "0"


def share_text(share: Decimal) -> str:
    """Return a progress with nine places; only what is 1 is told as 1."""
    if share >= 1:
        return "1"
    return text(min(share.quantize(_PLACE, context=EXACT), EXACT.subtract(ONE, _PLACE)))


def period_number(period: str | None, day: dt.date) -> int:
    """Return the number of the calendar *period* that *day* is in; weeks begin on Monday, None is the day."""
    match period:
        case "week":
            return (day.toordinal() - 1) // 7  # 0001-01-01 was a Monday
        case "month":
            return day.year * 12 + day.month
        case "quarter":
            return day.year * 4 + (day.month - 1) // 3
        case "year":
            return day.year
    return day.toordinal()


def _value(measure: Defined, reading: Value) -> Decimal | bool | None:
    """Return the value of *reading*, None where its shape is not the measure's (a word: its place in the scale)."""
    if measure.kind in ("binary", "consecutive"):
        return reading.value if isinstance(reading.value, bool) else None
    if measure.scale is not None:
        return Decimal(measure.scale.index(reading.step)) if reading.step in measure.scale else None
    return Decimal(reading.value) if isinstance(reading.value, str) else None


def _spans(points: list[_Point]) -> dict[int, list[Decimal]]:
    spans: dict[int, list[Decimal]] = {}
    for point in points:
        spans.setdefault(point.period, []).append(Decimal(point.value))
    return spans


def _consecutive(measure: Defined, points: list[_Point], today: dt.date | None) -> Decimal:
    """Return the run as it stands against the target; one that has reached it once has reached it."""
    hits = {point.period: point.value is True for point in points}  # the last reading of a period decides it
    target, run, longest, before = Decimal(measure.target), 0, 0, None
    for number in sorted(hits):
        run = (run if before == number - 1 else 0) + 1 if hits[number] else 0
        longest, before = max(longest, run), number
    if longest >= target:
        return ONE
    if today is not None and before is not None and before < period_number(measure.period, today) - 1:
        run = 0  # a whole period has passed without a reading
    return EXACT.divide(Decimal(run), target)


def _kept(measure: Defined, points: list[_Point]) -> Decimal:
    """Return the share of periods in band; without a period all readings are one."""
    spans = _spans(points) if measure.period is not None else {0: [Decimal(point.value) for point in points]}
    held = sum(_holds(measure, span) for span in spans.values())
    return EXACT.divide(Decimal(held), Decimal(max(len(spans), measure.periods_required or 1)))


def _level(measure: Defined, values: list[Decimal]) -> Decimal:
    """Count, average and delta: the share of the way from the baseline to the target."""
    target, start = Decimal(measure.target), Decimal(measure.baseline or 0)
    if measure.kind == "delta" and measure.delta_mode:
        # Down by 10 is said as 10 and as -10 alike.
        target, start = target if measure.direction == "increase" else EXACT.minus(abs(target)), ZERO
    value = _compared(measure, _standing(measure, values))
    if value is None:
        return ZERO
    up = measure.direction == "increase"
    met = value >= target if up else value <= target
    share = ONE if met else ZERO
    if not met and (target > start if up else target < start):
        way = EXACT.divide(EXACT.subtract(value, start), EXACT.subtract(target, start))
        share = min(max(way, ZERO), ONE)
    if measure.kind == "average":
        share = min(share, EXACT.divide(Decimal(len(values)), Decimal(measure.samples_min or 1)))
    return share


def _standing(measure: Defined, values: list[Decimal]) -> Decimal:
    """Return where *values*, in order, leave a measure that is read in numbers."""
    if measure.kind == "delta":
        return values[-1]
    total = ZERO
    for value in values:
        total = EXACT.add(total, value)
    if measure.kind == "average":
        return EXACT.divide(total, Decimal(len(values)))
    if measure.kind == "count" and measure.direction not in KEEP:
        return EXACT.add(Decimal(measure.baseline or 0), total)
    return total


def _compared(measure: Defined, value: Decimal) -> Decimal | None:
    """Return what is held against the target: the value, or its change where the measure has a delta_mode."""
    if measure.kind != "delta" or not measure.delta_mode:
        return value
    if measure.baseline is None:
        return None
    baseline = Decimal(measure.baseline)
    change = EXACT.subtract(value, baseline)
    if measure.delta_mode != "percent":
        return change
    return EXACT.divide(EXACT.multiply(change, Decimal(100)), abs(baseline)) if baseline else None


def _holds(measure: Defined, values: list[Decimal]) -> bool:
    """Whether a period with these readings reaches the target or is in band."""
    value = _compared(measure, _standing(measure, values))
    if value is None:
        return False
    target = Decimal(measure.target)
    return value >= target if measure.direction in ("increase", "keep_above") else value <= target
