"""Check-ins become chains: those of due dates met in a row, or, without a rhythm, those with no long gap between.

The arithmetic of due dates is that of Milepost itself (a test holds the two together): every due date has a window
that ends with its grace of three days, and a check-in meets the date in whose window it was held. Due dates within a
pause are expected of nobody: they break no streak, and days of a pause make no gap longer.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from milepost_contracts.types import Cadence

GRACE_DAYS = 3
_STEPS = {"weekly": 7, "bi_weekly": 14}

Pauses = Sequence[tuple[dt.date, dt.date | None]]
Chain = list[list[str]]  # link after link; each the check-ins that make it, the earliest first


class Rhythm(msgspec.Struct, frozen=True):
    """By what a streak is judged: by due dates, or, without a cadence, by gaps of at most `gap_days`."""

    cadence: Cadence | None
    gap_days: int


def chains(
    held: Mapping[str, dt.date], rhythm: Rhythm, *, since: dt.date | None, until: dt.date | None, pauses: Pauses
) -> list[Chain]:
    """Return the chains of check-ins (id -> day), the earliest first; every chain is as long as it can be.

    *since*: the day from which due dates are expected (None: not yet), *until*: the goal's closing.
    """
    in_order = sorted((day, id_) for id_, day in held.items() if until is None or day <= until)
    if rhythm.cadence is None:
        return _without_gaps(in_order, rhythm.gap_days, pauses)
    if since is None:
        return []
    return _of_due_dates([one for one in in_order if one[0] >= since], rhythm.cadence, since, pauses)


def block(found: Iterable[Chain], n: int, taken: set[str]) -> list[str] | None:
    """Return the first *n* links in a row of which none is *taken*, each by its earliest check-in; None without."""
    for chain in found:
        run: list[str] = []
        for link in chain:
            run = [] if taken.intersection(link) else [*run, link[0]]
            if len(run) == n:
                return run
    return None


def unbroken(found: Iterable[Chain], basis: Sequence[str]) -> bool:
    """Whether the check-ins of *basis* are still links of one chain, one after the other."""
    for chain in found:
        places = [place for place, link in enumerate(chain) for id_ in basis if id_ in link]
        if len(places) == len(basis) and places == list(range(places[0], places[0] + len(basis))):
            return True
    return False


def _without_gaps(in_order: list[tuple[dt.date, str]], gap_days: int, pauses: Pauses) -> list[Chain]:
    found: list[Chain] = []
    before: dt.date | None = None
    for day, id_ in in_order:
        if before == day:
            found[-1][-1].append(id_)  # two talks on one day are one link
        elif before is not None and _days_between(before, day, pauses) <= gap_days:
            found[-1].append([id_])
        else:
            found.append([[id_]])
        before = day
    return found


def _days_between(before: dt.date, after: dt.date, pauses: Pauses) -> int:
    """Return the days from *before* to *after*, those of pauses left out."""
    resting = sum(max(0, (min(end or after, after) - max(start, before)).days) for start, end in pauses)
    return (after - before).days - resting


def _of_due_dates(in_order: list[tuple[dt.date, str]], cadence: Cadence, since: dt.date, pauses: Pauses) -> list[Chain]:
    grace = dt.timedelta(days=min(GRACE_DAYS, _shortest(cadence) - 1))
    first = number_from(cadence, since)
    met: dict[int, list[str]] = {}
    for day, id_ in in_order:
        met.setdefault(max(first, number_from(cadence, day - grace)), []).append(id_)
    found: list[Chain] = []
    before: int | None = None
    for number in sorted(met):
        if before is not None and all(_paused(cadence, one, pauses) for one in range(before + 1, number)):
            found[-1].append(met[number])
        else:
            found.append([met[number]])
        before = number
    return found


def due_on(cadence: Cadence, number: int) -> dt.date:
    """Return the due date *number* of *cadence*; 0 is its anchor. Month cadence on day 31 means the last day."""
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


def _paused(cadence: Cadence, number: int, pauses: Pauses) -> bool:
    due = due_on(cadence, number)
    return any(start <= due and (end is None or due < end) for start, end in pauses)


def _shortest(cadence: Cadence) -> int:
    return 28 if cadence.rhythm == "monthly" else _step(cadence)


def _step(cadence: Cadence) -> int:
    return _STEPS.get(cadence.rhythm, cadence.days or 7)
