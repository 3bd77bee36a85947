"""Readings become the progress of a goal, where its events do not tell it: runs of hits end by time alone.

Most goals have their progress told by each event that changes it. Not so one with a measure of kind `consecutive`,
whose run ends when a period passes without a reading, nor one whose measures were defined anew. For these it is worked
out here, exactly as Milepost does (a test holds the two against each other).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal

import msgspec

# Values have 27 digits at the most; sums of a million of them, times a hundred, times a baseline, are still exact.
EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)
ZERO, ONE = Decimal(0), Decimal(1)
_PLACE = Decimal("0.000000001")
_YES_OR_NO = ("binary", "consecutive")
_KEEP = ("keep_above", "keep_below")
# Weeks are counted from a Monday, months from a January.
_MONDAY, _FIRST_YEAR = dt.date(1900, 1, 1).toordinal(), 1900


class Reading(msgspec.Struct, omit_defaults=True):
    """A reading as it stands after corrections; `number` orders those of one day."""

    measure: str
    on: dt.date
    number: int
    value: str | bool | None = None
    step: str | None = None
    struck: bool = False


class Measure(msgspec.Struct, omit_defaults=True):
    """A measure as arithmetic needs it: what `milepost_contracts.types.Measure` has, without its words and people."""

    kind: str
    direction: str
    target: str
    baseline: str | None = None
    weight: str = "1"
    period: str | None = None
    periods_required: int | None = None
    samples_min: int | None = None
    delta_mode: str | None = None
    scale: list[str] | None = None
    retired: bool = False


Values = list[Decimal | bool]


def overall(measures: Iterable[tuple[Measure, Sequence[Reading]]], today: dt.date) -> str | None:
    """Return the progress, 0 to 1, of a goal with these measures and their readings, None where nothing counts."""
    return share_text(weighted((Decimal(measure.weight), share(measure, read, today)) for measure, read in measures))


def weighted(parts: Iterable[tuple[Decimal, Decimal]]) -> Decimal | None:
    """Return the mean of (weight, progress) pairs, None where none has weight."""
    weights = total = ZERO
    for weight, progress in parts:
        if weight > 0:
            weights = EXACT.add(weights, weight)
            total = EXACT.fma(weight, progress, total)
    return EXACT.divide(total, weights) if weights else None


def share_text(value: Decimal | None) -> str | None:
    """Return a progress as Milepost's events have it: nine places; only what is 1 is told as 1."""
    if value is None:
        return None
    rounded = (value if value >= 1 else min(value, ONE - _PLACE)).quantize(_PLACE, context=EXACT)
    return format(rounded.normalize(EXACT), "f") if rounded else "0"


def share(measure: Measure, readings: Sequence[Reading], today: dt.date) -> Decimal:
    """Return the progress of one measure, 0 to 1, on the day *today*."""
    ordered = sorted(readings, key=lambda reading: (reading.on, reading.number))
    spans: dict[int, Values] = {}
    for reading in ordered:
        if not reading.struck and (value := _value(measure, reading)) is not None:
            spans.setdefault(period_number(measure.period, reading.on), []).append(value)
    if not spans:
        return ZERO
    values = [value for span in spans.values() for value in span]
    if measure.kind == "binary":
        return ONE if values[-1] is True else ZERO
    held = sorted(number for number, span in spans.items() if _holds(measure, span))
    if measure.kind == "consecutive":
        return _run(measure, held, max(spans), today)
    if measure.direction in _KEEP:
        kept, periods = (len(held), len(spans)) if measure.period else (int(_holds(measure, values)), 1)
        return EXACT.divide(Decimal(kept), Decimal(max(periods, measure.periods_required or 1)))
    if measure.kind == "recurring":
        return min(EXACT.divide(Decimal(len(held)), Decimal(measure.periods_required or 1)), ONE)
    return _level(measure, values)


def period_number(period: str | None, day: dt.date) -> int:
    """Return the number of the calendar *period* that *day* is in; consecutive ones have consecutive numbers."""
    match period:
        case "week":
            return (day.toordinal() - _MONDAY) // 7
        case "month":
            return (day.year - _FIRST_YEAR) * 12 + day.month - 1
        case "quarter":
            return (day.year - _FIRST_YEAR) * 4 + (day.month - 1) // 3
        case "year":
            return day.year - _FIRST_YEAR
    return day.toordinal() - _MONDAY


def _value(measure: Measure, reading: Reading) -> Decimal | bool | None:
    """Return the value of *reading*, None where its shape is not the measure's (a word: its place in the scale)."""
    if measure.kind in _YES_OR_NO:
        return reading.value if isinstance(reading.value, bool) else None
    if measure.scale is not None:
        return Decimal(measure.scale.index(reading.step)) if reading.step in measure.scale else None
    return Decimal(reading.value) if isinstance(reading.value, str) else None


def _holds(measure: Measure, values: Values) -> bool:
    """Whether a period with these readings is a hit, reaches the target or is in band."""
    if measure.kind in _YES_OR_NO:
        return values[-1] is True
    value, target = _compared(measure, _standing(measure, values)), Decimal(measure.target)
    if value is None:
        return False
    return value >= target if measure.direction in ("increase", "keep_above") else value <= target


def _standing(measure: Measure, values: Values) -> Decimal:
    """Return where a measure that is read in numbers stands."""
    if measure.kind == "delta":
        return Decimal(values[-1])
    total = ZERO
    for value in values:
        total = EXACT.add(total, Decimal(value))
    if measure.kind == "average":
        return EXACT.divide(total, Decimal(len(values)))
    if measure.kind == "count" and measure.direction not in _KEEP:
        return EXACT.add(Decimal(measure.baseline or 0), total)
    return total


def _compared(measure: Measure, current: Decimal) -> Decimal | None:
    """Return what is held against the target: the value, or its change where the measure has a delta_mode."""
    if measure.kind != "delta" or not measure.delta_mode:
        return current
    if measure.baseline is None:
        return None
    baseline = Decimal(measure.baseline)
    change = EXACT.subtract(current, baseline)
    if measure.delta_mode != "percent":
        return change
    return EXACT.divide(EXACT.multiply(change, Decimal(100)), abs(baseline)) if baseline else None


def _run(measure: Measure, held: list[int], latest: int, today: dt.date) -> Decimal:
    """Return how far a run of hits is; one that was whole once stays so, whatever follows."""
    runs: dict[int, int] = {}  # the run that ends with each period
    for number in held:
        runs[number] = runs.get(number - 1, 0) + 1
    target = Decimal(measure.target)
    if max(runs.values(), default=0) >= target:
        return ONE
    if latest < period_number(measure.period, today) - 1:
        return ZERO  # a whole period has passed without a reading
    return EXACT.divide(Decimal(runs.get(latest, 0)), target)


def _level(measure: Measure, values: Values) -> Decimal:
    """Return how far count, average and delta are on the way from the baseline to the target."""
    value = _compared(measure, _standing(measure, values))
    if value is None:
        return ZERO
    start, target = Decimal(measure.baseline or 0), Decimal(measure.target)
    if measure.kind == "delta" and measure.delta_mode:
        # Down by 10 is said as 10 and as -10 alike.
        start, target = ZERO, target if measure.direction == "increase" else EXACT.minus(abs(target))
    up = measure.direction == "increase"
    met = value >= target if up else value <= target
    ahead = target > start if up else target < start
    progress = ONE if met else ZERO
    if ahead and not met:
        way = EXACT.divide(EXACT.subtract(value, start), EXACT.subtract(target, start))
        progress = min(max(way, ZERO), ONE)
    if measure.kind == "average":
        progress = min(progress, EXACT.divide(Decimal(len(values)), Decimal(measure.samples_min or 1)))
    return progress
