"""Readings become a measure's progress: the same arithmetic as Milepost's own, for any moment of a goal's past.

Milepost's events tell the progress of now. What a goal had come to when it left a cycle, after a late entry or a
correction, nobody tells: so it is worked out here. A test holds this to the original, event by event.

Readings enter a tally in the order of their days, so that the ten-thousandth costs what the first did; one that comes
late, or is corrected, has the tally made anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

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


class Tally(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """The readings of one measure up to some moment.

    count, total, last: of all of them. period, in_period, of_period: number, readings and sum of the newest period.
    periods, held, run, longest, before: of the periods before that one: how many, how many of them reached the target
    or were in band, how many in a row at their end and at the most, and the number of the last one.
    """

    count: int = 0
    total: str = "0"
    last: str | bool | None = None
    period: int = 0
    in_period: int = 0
    of_period: str = "0"
    periods: int = 0
    held: int = 0
    run: int = 0
    longest: int = 0
    before: int = 0

    def entered(self, measure: Defined, reading: Value) -> Tally:
        """Return the tally with *reading*, which is later than all in it."""
        value = _value(measure, reading)
        if value is None:
            return self
        number = period_number(measure.period, reading.on)
        tally = self if self.in_period and self.period == number else self.over(measure)
        amount = ZERO if isinstance(value, bool) else value
        return replace(
            tally,
            count=tally.count + 1,
            total=text(EXACT.add(Decimal(tally.total), amount)),
            last=value if isinstance(value, bool) else text(value),
            period=number,
            in_period=tally.in_period + 1,
            of_period=text(EXACT.add(Decimal(tally.of_period), amount)),
        )

    def over(self, measure: Defined) -> Tally:
        """Return the tally after its newest period."""
        if not self.in_period:
            return self
        held = self.last is True
        if not _yes_or_no(measure):
            value = _compared(measure, _standing(measure, self.in_period, Decimal(self.of_period), self.last))
            held = _reaches(measure, value)
        run = (self.run if self.periods and self.before == self.period - 1 else 0) + 1 if held else 0
        return replace(
            self,
            in_period=0,
            of_period="0",
            periods=self.periods + 1,
            held=self.held + held,
            run=run,
            longest=max(self.longest, run),
            before=self.period,
        )


EMPTY = Tally()


def tally_of(measure: Defined, readings: Iterable[Value]) -> Tally:
    """Return the tally of *readings*, in any order."""
    tally = EMPTY
    for reading in sorted(readings, key=lambda one: (one.on, one.order)):
        tally = tally.entered(measure, reading)
    return tally


def progress(measure: Defined, tally: Tally, today: dt.date | None) -> Decimal:
    """Return how far *measure* has come, 0 to 1; without any reading it has made no progress.

    today: a run of hits whose last full period before it has no reading is over; None: as of the last reading.
    """
    if not tally.count:
        return ZERO
    if measure.kind == "binary":
        return ONE if tally.last is True else ZERO
    if measure.kind == "consecutive":
        return _consecutive(measure, tally.over(measure), today)
    if measure.direction in KEEP:
        return _kept(measure, tally)
    if measure.kind == "recurring":
        held = tally.over(measure).held
        return min(EXACT.divide(Decimal(held), Decimal(measure.periods_required or 1)), ONE)
    return _level(measure, tally)


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


def _yes_or_no(measure: Defined) -> bool:
    return measure.kind in ("binary", "consecutive")


def _value(measure: Defined, reading: Value) -> Decimal | bool | None:
    """Return the value of *reading*, None where its shape is not the measure's (a word: its place in the scale)."""
    if _yes_or_no(measure):
        return reading.value if isinstance(reading.value, bool) else None
    if measure.scale is not None:
        return Decimal(measure.scale.index(reading.step)) if reading.step in measure.scale else None
    return Decimal(reading.value) if isinstance(reading.value, str) else None


def _consecutive(measure: Defined, tally: Tally, today: dt.date | None) -> Decimal:
    """Return the run as it stands against the target; one that has reached it once has reached it."""
    target, run = Decimal(measure.target), tally.run
    if tally.longest >= target:
        return ONE
    if today is not None and tally.before < period_number(measure.period, today) - 1:
        run = 0  # a whole period has passed without a reading
    return EXACT.divide(Decimal(run), target)


def _kept(measure: Defined, tally: Tally) -> Decimal:
    """Return the share of periods in band; without a period all readings are one."""
    if measure.period is None:
        value = _compared(measure, _standing(measure, tally.count, Decimal(tally.total), tally.last))
        held, periods = int(_reaches(measure, value)), 1
    else:
        tally = tally.over(measure)
        held, periods = tally.held, tally.periods
    return EXACT.divide(Decimal(held), Decimal(max(periods, measure.periods_required or 1)))


def _level(measure: Defined, tally: Tally) -> Decimal:
    """Count, average and delta: the share of the way from the baseline to the target."""
    target, start = Decimal(measure.target), Decimal(measure.baseline or 0)
    if measure.kind == "delta" and measure.delta_mode:
        # Down by 10 is said as 10 and as -10 alike.
        target, start = target if measure.direction == "increase" else EXACT.minus(abs(target)), ZERO
    value = _compared(measure, _standing(measure, tally.count, Decimal(tally.total), tally.last))
    if value is None:
        return ZERO
    up = measure.direction == "increase"
    met = value >= target if up else value <= target
    share = ONE if met else ZERO
    if not met and (target > start if up else target < start):
        way = EXACT.divide(EXACT.subtract(value, start), EXACT.subtract(target, start))
        share = min(max(way, ZERO), ONE)
    if measure.kind == "average":
        share = min(share, EXACT.divide(Decimal(tally.count), Decimal(measure.samples_min or 1)))
    return share


def _standing(measure: Defined, count: int, total: Decimal, last: str | bool | None) -> Decimal:  # noqa: FBT001
    """Return where readings leave a measure that is read in numbers; *last* is the newest of them."""
    if measure.kind == "delta":
        return Decimal(str(last))
    if measure.kind == "average":
        return EXACT.divide(total, Decimal(count))
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


def _reaches(measure: Defined, value: Decimal | None) -> bool:
    """Whether *value* reaches the target or is in band."""
    if value is None:
        return False
    target = Decimal(measure.target)
    return value >= target if measure.direction in ("increase", "keep_above") else value <= target
