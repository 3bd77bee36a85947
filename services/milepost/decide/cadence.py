"""A cadence becomes due dates, and the check-ins that were held meet them or leave them overdue.

All of it is arithmetic on dates. A date lasts until 24:00 in the goal's time zone, so whoever asks passes the date
that it is there (goal/clock.py); a daylight-saving change moves no date and so breaks no streak.

Every due date has a window: it begins when the grace of the one before has run out and ends with its own grace. The
windows leave no gap and never overlap, so a check-in meets exactly one due date. Grace ends before the next date.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from milepost_contracts.types import Cadence

# A talk that slips from Friday to Monday is a talk held: three days bridge a weekend.
GRACE_DAYS = 3

_STEPS = {"weekly": 7, "bi_weekly": 14}

Pauses = Iterable[tuple[dt.date, dt.date | None]]


class Standing(NamedTuple):
    """How the check-ins of a goal keep to its cadence.

    `next_due`: the due date that waits to be met (it may be today or within its grace), None where none is expected.
    `overdue_since`: the first due date of those missed since the last check-in, None where none was missed.
    `missed`: how many those are. `streak`: due dates met in a row until now; `best`: the longest such run.
    """

    next_due: dt.date | None = None
    overdue_since: dt.date | None = None
    missed: int = 0
    streak: int = 0
    best: int = 0


def due_on(cadence: Cadence, number: int) -> dt.date:
    """Return the due date *number* of *cadence*; 0 is its anchor."""
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
    if months < 0:
        return 0
    return months + (due_on(cadence, months) < on)


def next_due(cadence: Cadence, on: dt.date) -> dt.date:
    """Return the first due date that is not before *on*."""
    return due_on(cadence, number_from(cadence, on))


def standing(
    cadence: Cadence | None,
    held: Iterable[dt.date],
    today: dt.date,
    *,
    since: dt.date | None,
    until: dt.date | None = None,
    pauses: Pauses = (),
    agreed: dt.date | None = None,
    grace_days: int = GRACE_DAYS,
) -> Standing:
    """Return how check-ins *held* on these dates keep to *cadence* on the day *today*.

    *since*: the day from which they are expected (the goal's activation; None: not yet), *until*: its closing.
    *pauses*: (first day, day of resuming or None); due dates within one are expected of nobody and break no streak.
    *agreed*: the next date that the people settled at the last check-in, which goes before the cadence's.
    """
    if since is None:
        return Standing()
    if until is not None:
        today = min(today, until)
    days = [day for day in held if since <= day <= today]
    pauses = list(pauses)
    resting = until is not None or any(end is None for _, end in pauses)
    kept = _Kept(cadence, days, today, since, pauses, grace_days) if cadence else None
    streak, best = (kept.streak(), kept.best()) if kept else (0, 0)
    if resting:
        return Standing(streak=streak, best=best)
    if agreed is not None:
        late = today > agreed + dt.timedelta(days=grace_days)
        return Standing(agreed, agreed if late else None, int(late), streak, best)
    if kept is None:
        return Standing()
    missed = kept.missed()
    return Standing(kept.next(), missed[-1] if missed else None, len(missed), streak, best)


class _Kept:
    """The due dates from *since* until now by number: which were met, which fell into a pause."""

    def __init__(
        self,
        cadence: Cadence,
        days: list[dt.date],
        today: dt.date,
        since: dt.date,
        pauses: list[tuple[dt.date, dt.date | None]],
        grace_days: int,
    ) -> None:
        self.cadence, self.pauses = cadence, pauses
        # Grace that reached the next due date would let one talk a day meet no date of a daily rhythm but the first.
        grace = dt.timedelta(days=min(grace_days, _shortest(cadence) - 1))
        self.first = number_from(cadence, since)
        self.present = max(self.first, number_from(cadence, today - grace))
        self.met = {max(self.first, number_from(cadence, day - grace)) for day in days}

    def paused(self, number: int) -> bool:
        due = due_on(self.cadence, number)
        return any(start <= due and (end is None or due < end) for start, end in self.pauses)

    def next(self) -> dt.date:
        return due_on(self.cadence, self.present + (self.present in self.met))

    def missed(self) -> list[dt.date]:
        """Return what was missed since the last check-in, the latest first."""
        if self.present in self.met:
            return []
        after = max(self.met, default=self.first - 1)
        numbers = range(self.present - 1, after, -1)
        return [due_on(self.cadence, number) for number in numbers if not self.paused(number)]

    def streak(self) -> int:
        count, number = 0, self.present
        if number not in self.met:  # its window is still open
            number -= 1
        while number >= self.first and (number in self.met or self.paused(number)):
            count += number in self.met
            number -= 1
        return count

    def best(self) -> int:
        best = count = 0
        before = None
        for number in sorted(self.met):
            joined = before is not None and all(self.paused(between) for between in range(before + 1, number))
            count = count + 1 if joined else 1
            best, before = max(best, count), number
        return best


def _shortest(cadence: Cadence) -> int:
    return 28 if cadence.rhythm == "monthly" else _step(cadence)


def _step(cadence: Cadence) -> int:
    # A rhythm younger than this code is read as weekly rather than not at all.
    return _STEPS.get(cadence.rhythm, cadence.days or 7)
