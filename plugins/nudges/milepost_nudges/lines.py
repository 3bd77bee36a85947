"""Progress is held against the clock: on track, at risk, off track, unknown; the day is found on which that changes.

The arithmetic is Milepost's own (a test holds the two against each other).
"""

from __future__ import annotations

import bisect
import datetime as dt
from collections.abc import Callable
from decimal import Decimal

from milepost_nudges.cadence import Pauses
from milepost_nudges.clock import DAY

# Percentage points behind the clock, both inclusive: a sixth and a third of the way (Milepost's own lines).
ON_TRACK_BEHIND_MAX = Decimal("16.5")
AT_RISK_BEHIND_MAX = Decimal(33)
UNKNOWN = "unknown"


def expected(start: dt.date, deadline: dt.date, today: dt.date, pauses: Pauses = ()) -> Decimal:
    """Return the elapsed share (0 to 1) of the way from *start* to *deadline*; days of pauses have not elapsed."""
    days = (deadline - start).days
    if days <= 0:
        return Decimal(int(today >= deadline))
    elapsed = (today - start).days
    rested_until = start
    for first, resumed in sorted(pauses, key=lambda pause: pause[0]):
        begin, end = max(first, rested_until), min(resumed or today, today)
        if begin < end:
            elapsed -= (end - begin).days
            rested_until = end
    return min(max(Decimal(elapsed) / Decimal(days), Decimal(0)), Decimal(1))


def derived(
    progress: str | None, start: dt.date | None, deadline: dt.date | None, today: dt.date, pauses: Pauses = ()
) -> str:
    """Return `on_track`, `at_risk`, `off_track`, or `unknown` without progress (0 to 1), start or deadline."""
    if progress is None or start is None or deadline is None:
        return UNKNOWN
    behind = (expected(start, deadline, today, pauses) - Decimal(progress)) * 100
    if behind <= ON_TRACK_BEHIND_MAX:
        return "on_track"
    return "at_risk" if behind <= AT_RISK_BEHIND_MAX else "off_track"


def next_change(
    health_on: Callable[[dt.date], str], day: dt.date, last: dt.date, *, held_until: dt.date | None = None
) -> dt.date | None:
    """Return the first day after *day*, until *last*, on which health is another; None where there is none.

    *held_until*: the last day of a person's override. After it health only ever falls by time alone, since the clock
    goes on and runs of hits end, so the day is found by halving.
    """
    before = health_on(day)
    if held_until is not None and day <= held_until < last:
        day = held_until + DAY
        if health_on(day) != before:
            return day
    span = range(day.toordinal() + 1, last.toordinal() + 1)
    place = bisect.bisect_left(span, True, key=lambda number: health_on(dt.date.fromordinal(number)) != before)  # noqa: FBT003
    return dt.date.fromordinal(span[place]) if place < len(span) else None
