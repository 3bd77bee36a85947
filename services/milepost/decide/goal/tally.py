"""A reading enters the tally of its measure, or leaves it, without a look at the others.

So the ten-thousandth reading of a goal costs what the first did. Sums are exact decimals.
"""

from __future__ import annotations

import bisect
import datetime as dt
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, NamedTuple, Protocol

import msgspec
from rpds import HashTrieMap

from milepost_contracts.types import Measure

# Values have 27 digits at the most; sums of a million of them, times a hundred, times a baseline, are still exact.
EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)
ZERO = Decimal(0)

YES_OR_NO = frozenset({"binary", "consecutive"})


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
    """The readings of one period: (day, version, value) in order, and their sum."""

    total: Decimal = ZERO
    entries: tuple[tuple[dt.date, int, Decimal | bool], ...] = ()


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """The standing readings of one measure, by number of the period (of the day where the measure has no period)."""

    total: Decimal = ZERO
    count: int = 0
    latest: int | None = None
    spans: HashTrieMap[int, Span] = HashTrieMap()


EMPTY = Tally()


def period_number(period: str | None, day: dt.date) -> int:
    """Return the number of the calendar *period* that *day* is in; consecutive periods have consecutive numbers.

    Weeks begin on Monday. None, and a period that this code does not know, is the day.
    """
    match period:
        case "week":
            return (day.toordinal() - 1) // 7  # the first day of the calendar was a Monday
        case "month":
            return day.year * 12 + day.month
        case "quarter":
            return day.year * 4 + (day.month - 1) // 3
        case "year":
            return day.year
    return day.toordinal()


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
    number_value = ZERO if isinstance(value, bool) else value
    span = Span(EXACT.add(span.total, number_value), (*entries[:place], entry, *entries[place:]))
    return Tally(
        total=EXACT.add(tally.total, number_value),
        count=tally.count + 1,
        latest=number if tally.latest is None else max(tally.latest, number),
        spans=tally.spans.insert(number, span),
    )


def without_reading(tally: Tally, measure: Measure, reading: ReadingLike) -> Tally:
    """Return *tally* without *reading*; unchanged where it is not in it."""
    value = value_of(measure, reading)
    number = period_number(measure.period, reading.on)
    span = tally.spans.get(number) or Span()
    place = bisect.bisect_left(span.entries, (reading.on, reading.version), key=_order)
    if value is None or span.entries[place : place + 1] != ((reading.on, reading.version, value),):
        return tally
    number_value = ZERO if isinstance(value, bool) else value
    span = Span(EXACT.subtract(span.total, number_value), span.entries[:place] + span.entries[place + 1 :])
    spans = tally.spans.insert(number, span) if span.entries else tally.spans.remove(number)
    latest = tally.latest if number in spans or number != tally.latest else max(spans, default=None)
    return Tally(total=EXACT.subtract(tally.total, number_value), count=tally.count - 1, latest=latest, spans=spans)


def tally_of(measure: Measure, readings: Iterable[ReadingLike]) -> Tally:
    """Return the tally of *measure* over its standing *readings* (struck ones left out by the caller)."""
    tally = EMPTY
    for reading in readings:
        tally = with_reading(tally, measure, reading)
    return tally


def _order(entry: tuple[Any, ...]) -> tuple[dt.date, int]:
    return entry[0], entry[1]
