"""A cadence becomes due dates, and the check-ins that were held leave one of them due, or overdue.

The arithmetic is Milepost's own (a test holds the two against each other). Every due date has a window: it begins when
the grace of the one before has run out and ends with its own grace, so a check-in meets exactly one.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from milepost_contracts.types import Cadence

_STEPS = {"weekly": 7, "bi_weekly": 14}
_MONTH_DAYS_MIN = 28

Pauses = Sequence[tuple[dt.date, dt.date | None]]
"""(first day, day of resuming or None) of each."""


class Dues(NamedTuple):
    """How the check-ins of a goal stand.

    `next_due`: the due date that waits to be met (it may be within its grace), `overdue_since`: the first due date of
    those missed since the last check-in; None where there is none.
    """

    next_due: dt.date | None = None
    overdue_since: dt.date | None = None


def due_on(cadence: Cadence, number: int) -> dt.date:
    """Return the due date *number* of *cadence*; 0 is its anchor. Monthly on day 31 means the last day."""
    if cadence.rhythm != "monthly":
        return cadence.anchor + dt.timedelta(days=number * _step(cadence))
    year, month = divmod(cadence.anchor.year * 12 + cadence.anchor.month - 1 + number, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return dt.date(year, month + 1, min(cadence.anchor.day, last))


def number_from(cadence: Cadence, on: dt.date) -> int:
    """Return the number of the first due date that is not before *on*; none is before the anchor."""
    if cadence.rhythm != "monthly":
        return max(0, -((cadence.anchor - on).days // _step(cadence)))
    months = (on.year - cadence.anchor.year) * 12 + on.month - cadence.anchor.month
    return 0 if months < 0 else months + (due_on(cadence, months) < on)


def grace_of(cadence: Cadence | None, grace_days: int) -> int:
    """Return for how many days after its date a check-in still meets it: the grace ends before the next date."""
    if cadence is None:
        return grace_days
    shortest = _MONTH_DAYS_MIN if cadence.rhythm == "monthly" else _step(cadence)
    return min(grace_days, shortest - 1)


def in_pause(day: dt.date, pauses: Pauses) -> bool:
    """Whether a check-in due on *day* is expected of nobody."""
    return any(first <= day and (end is None or day < end) for first, end in pauses)


def dues(
    cadence: Cadence | None,
    held: Iterable[dt.date],
    today: dt.date,
    *,
    since: dt.date,
    grace_days: int,
    pauses: Pauses = (),
    agreed: dt.date | None = None,
) -> Dues:
    """Return how check-ins *held* on these days (of all, the latest do) stand on the day *today*.

    *since*: the day from which they are expected. *agreed*: the next date that people settled at the last check-in,
    which goes before the cadence's.
    """
    if any(end is None for _, end in pauses):
        return Dues()
    if agreed is not None:
        return Dues(agreed, agreed if today > agreed + dt.timedelta(days=grace_days) else None)
    if cadence is None:
        return Dues()
    grace = dt.timedelta(days=grace_of(cadence, grace_days))
    first = number_from(cadence, since)
    present = max(first, number_from(cadence, today - grace))
    met = (max(first, number_from(cadence, day - grace)) for day in held if since <= day <= today)
    last = max(met, default=first - 1)
    if last >= present:
        return Dues(due_on(cadence, present + 1))
    missed = (due_on(cadence, number) for number in range(last + 1, present))
    return Dues(due_on(cadence, present), next((day for day in missed if not in_pause(day, pauses)), None))


def _step(cadence: Cadence) -> int:
    # A rhythm younger than this code is read as weekly rather than not at all.
    return _STEPS.get(cadence.rhythm, cadence.days or 7)
