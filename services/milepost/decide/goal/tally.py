"""A reading enters the tally of its measure, or leaves it, without a look at the others.

So the ten-thousandth reading of a goal costs what the first did, in whatever order they come. Sums are exact decimals;
periods are bits of whole numbers, which Python counts and shifts thousands at a time.
"""

from __future__ import annotations

import bisect
import datetime as dt
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, NamedTuple, Protocol

import msgspec
from rpds import HashTrieMap

from milepost_contracts.types import YEAR_MIN, Measure

# Values have 27 digits at the most; sums of a million of them, times a hundred, times a baseline, are still exact.
EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)
ZERO = Decimal(0)

_FIRST_MONDAY = dt.date(YEAR_MIN, 1, 1).toordinal()  # as it happens, that day was one

YES_OR_NO = frozenset({"binary", "consecutive"})
KEEP = frozenset({"keep_above", "keep_below"})


class ReadingLike(Protocol):
    """What arithmetic needs of a reading; `value` is decimal text or a boolean, `step` a word of the scale."""

    @property
    def on(self) -> dt.date:
        """The day it is of."""

    @property
    def version(self) -> int:
        """Its order among readings of the same day."""

    @property
    def value(self) -> str | bool | None:
        """Decimal text or a boolean."""

    @property
    def step(self) -> str | None:
        """A word of the scale."""


class Point(NamedTuple):
    """A reading on plain values, for those who have no state of a goal."""

    on: dt.date
    version: int
    value: str | bool | None = None
    step: str | None = None


class Span(NamedTuple):
    """Readings of one period, or of all: (day, version, value) in order, and their sum."""

    total: Decimal = ZERO
    entries: tuple[tuple[dt.date, int, Decimal | bool], ...] = ()


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """The standing readings of one measure by number of the period, of the day where the measure has no period.

    `read` has the bit of every period with a reading, `held` of every one whose readings are a hit, reach the target or
    are in band. The lowest bit is the period `origin`: counted from the first year, a day would take a bit some 6 kB
    up, and each reading as many to copy.
    """

    total: Decimal = ZERO
    count: int = 0
    spans: HashTrieMap[int, Span] = HashTrieMap()
    origin: int = 0
    read: int = 0
    held: int = 0

    @property
    def latest(self) -> int:
        """The number of the last period with a reading; there has to be one."""
        return self.origin + self.read.bit_length() - 1

    @property
    def run(self) -> int:
        """How many periods that end with the last one read were held without a break."""
        return last_run(self.held, self.read.bit_length() - 1)


EMPTY = Tally()


def period_number(period: str | None, day: dt.date) -> int:
    """Return the number of the calendar *period* that *day* is in, counted from the first year that dates may have.

    Consecutive periods have consecutive numbers. Weeks begin on Monday. None, and a period that this code does not
    know, is the day.
    """
    match period:
        case "week":
            return (day.toordinal() - _FIRST_MONDAY) // 7
        case "month":
            return (day.year - YEAR_MIN) * 12 + day.month - 1
        case "quarter":
            return (day.year - YEAR_MIN) * 4 + (day.month - 1) // 3
        case "year":
            return day.year - YEAR_MIN
    return day.toordinal() - _FIRST_MONDAY


def value_of(measure: Measure, reading: ReadingLike) -> Decimal | bool | None:
    """Return the value of *reading*, None where its shape is not the measure's (a word: its place in the scale)."""
    if measure.kind in YES_OR_NO:
        return reading.value if isinstance(reading.value, bool) else None
    if measure.scale is not None:
        return Decimal(measure.scale.index(reading.step)) if reading.step in measure.scale else None
    return Decimal(reading.value) if isinstance(reading.value, str) else None


def with_reading(tally: Tally, measure: Measure, reading: ReadingLike) -> Tally:
    """Return *tally* with *reading* in it."""
    value = value_of(measure, reading)
    if value is None:
        return tally
    number = period_number(measure.period, reading.on)
    span = tally.spans.get(number) or Span()
    entries, entry = span.entries, (reading.on, reading.version, value)
    place = bisect.bisect(entries, entry[:2], key=_order)
    amount = _amount(value)
    span = Span(EXACT.add(span.total, amount), (*entries[:place], entry, *entries[place:]))
    return _with_span(tally, measure, number, span, EXACT.add(tally.total, amount), tally.count + 1)


def without_reading(tally: Tally, measure: Measure, reading: ReadingLike) -> Tally:
    """Return *tally* without *reading*; unchanged where it is not in it."""
    value = value_of(measure, reading)
    number = period_number(measure.period, reading.on)
    span = tally.spans.get(number) or Span()
    entries = span.entries
    place = bisect.bisect_left(entries, (reading.on, reading.version), key=_order)
    if value is None or entries[place : place + 1] != ((reading.on, reading.version, value),):
        return tally
    amount = _amount(value)
    span = Span(EXACT.subtract(span.total, amount), entries[:place] + entries[place + 1 :])
    return _with_span(tally, measure, number, span, EXACT.subtract(tally.total, amount), tally.count - 1)


def tally_of(measure: Measure, readings: Iterable[ReadingLike]) -> Tally:
    """Return the tally of *measure* over its standing *readings* (struck ones left out by the caller)."""
    tally = EMPTY
    for reading in readings:
        tally = with_reading(tally, measure, reading)
    return tally


def judged(tally: Tally, measure: Measure) -> Tally:
    """Return *tally* with every period held against *measure* anew, for one whose target or baseline has changed."""
    held = sum(1 << number - tally.origin for number, span in tally.spans.items() if _holds(measure, span))
    return msgspec.structs.replace(tally, held=held)


def standing(measure: Measure, readings: Span, samples: int) -> Decimal:
    """Return where *readings*, of which there are so many *samples*, leave a measure that is read in numbers."""
    if measure.kind == "average":
        return EXACT.divide(readings.total, Decimal(samples))
    if measure.kind == "delta":
        return Decimal(readings.entries[-1][2])
    if measure.kind == "count" and measure.direction not in KEEP:
        return EXACT.add(Decimal(measure.baseline or 0), readings.total)
    return readings.total


def compared(measure: Measure, current: Decimal) -> Decimal | None:
    """Return what is held against the target: the value, or its change where the measure has a delta_mode."""
    if measure.kind != "delta" or not measure.delta_mode:
        return current
    if measure.baseline is None:
        return None
    baseline = Decimal(measure.baseline)
    change = EXACT.subtract(current, baseline)
    if measure.delta_mode != "percent":
        return change
    if not baseline:
        return None
    return EXACT.divide(EXACT.multiply(change, Decimal(100)), abs(baseline))


def reaches(measure: Measure, value: Decimal | None) -> bool:
    """Whether *value* is on the target's good side; increase and keep_above want at least the target."""
    if value is None:
        return False
    target = Decimal(measure.target)
    return value >= target if measure.direction in ("increase", "keep_above") else value <= target


def longest(bits: int) -> int:
    """Return the length of the longest run of ones in *bits*, in as many steps as that length has digits."""
    if not bits:
        return 0
    # begins[k]: the places where a run of at least 2**k begins.
    begins = [bits]
    while further := begins[-1] & (begins[-1] >> (1 << (len(begins) - 1))):
        begins.append(further)
    found, length = begins[-1], 1 << (len(begins) - 1)
    for power in range(len(begins) - 2, -1, -1):
        if longer := found & (begins[power] >> length):
            found, length = longer, length + (1 << power)
    return length


def last_run(bits: int, last: int) -> int:
    """Return how many ones in a row end with the bit *last*, after which there is none."""
    zeros = ((1 << (last + 1)) - 1) & ~bits
    return last + 1 - zeros.bit_length()


def _with_span(tally: Tally, measure: Measure, number: int, span: Span, total: Decimal, count: int) -> Tally:
    origin, read, held = tally.origin, tally.read, tally.held
    if not read:
        origin = number
    elif number < origin:
        read, held, origin = read << origin - number, held << origin - number, number
    bit = 1 << number - origin
    read = read | bit if span.entries else read & ~bit
    held = held | bit if _holds(measure, span) else held & ~bit
    if not read & 1:
        empty = (read & -read).bit_length() - 1 if read else 0
        read, held, origin = read >> empty, held >> empty, origin + empty if read else 0
    return Tally(
        total=total,
        count=count,
        spans=tally.spans.insert(number, span) if span.entries else tally.spans.discard(number),
        origin=origin,
        read=read,
        held=held,
    )


def _holds(measure: Measure, span: Span) -> bool:
    """Whether a period with these readings is a hit, reaches the target or is in band."""
    if not span.entries:
        return False
    if measure.kind in YES_OR_NO:
        return span.entries[-1][2] is True
    return reaches(measure, compared(measure, standing(measure, span, len(span.entries))))


def _amount(value: Decimal | bool) -> Decimal:  # noqa: FBT001  a reading
    return ZERO if isinstance(value, bool) else value


def _order(entry: tuple[Any, ...]) -> tuple[dt.date, int]:
    return entry[0], entry[1]
