"""When a goal counted in which cycle: from where it was placed, its deadline and its closing, in the order told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import msgspec

from milepost_okr import history
from milepost_okr.frame import Frame
from milepost_okr.history import NEVER, Moment
from milepost_okr.plan import Dates, Plan


class Stay(msgspec.Struct):
    """A goal in a cycle: from `since` until it left (`left`, NEVER: it is there).

    anew: the moment up to which its progress was another cycle's, on the day `anew_on`; None: all of it counts here.
    """

    since: Moment
    left: Moment = NEVER
    anew: Moment | None = None
    anew_on: dt.date | None = None


def stays(frame: Frame, plan: Plan, dates: Dates) -> dict[str, Stay]:
    """Return the stays of a goal by cycle. Whoever comes back is as if never gone: there is one stay a cycle."""
    found: dict[str, Stay] = {}
    inside: frozenset[str] = frozenset()
    anew: tuple[Moment, dt.date] | None = None
    for moment, now in _inside(frame, plan, dates):
        gone = inside - now
        for cycle in gone:
            found[cycle].left = moment
        ends = [
            (end_of(plan, cycle), plan.cycles[cycle].ends_on) for cycle in gone if leaves(frame, plan, cycle, moment)
        ]
        if ends:
            anew = max(min((moment, moment[0]), end) for end in ends)
        for cycle in now - inside:
            if cycle in found:
                found[cycle].left = NEVER
            else:
                found[cycle] = Stay(moment, NEVER, *(anew or ()))
        inside = now
    return found


def leaves(frame: Frame, plan: Plan, cycle: str, left: Moment) -> bool:
    """Whether a goal that goes at *left* leaves anything in *cycle*: not before the cycle or the work began."""
    if left < (plan.cycles[cycle].starts_on, 0):
        return False
    return plan.scoring.counts_from == "created" or frame.begun(min(left, end_of(plan, cycle)))


def end_of(plan: Plan, cycle: str, *, days: int = 0) -> Moment:
    """Return the first moment after *cycle*, so many *days* later."""
    return day_after(plan.cycles[cycle].ends_on, 1 + days)


def day_after(day: dt.date, days: int = 1) -> Moment:
    """Return the moment at which the day begins that is *days* after *day*."""
    return (day + dt.timedelta(days=days), 0) if (dt.date.max - day).days > days else NEVER


def _inside(frame: Frame, plan: Plan, dates: Dates) -> Iterator[tuple[Moment, frozenset[str]]]:
    """Yield each moment at which something changed that decides on the cycle, and the cycles from then on."""
    placed: str | None = None
    deadline: dt.date | None = None
    closed_on: dt.date | None = None
    steps = sorted((*frame.places, *frame.life), key=lambda entry: entry.seq)
    for entry in steps:
        if isinstance(entry, history.Stood):
            placed = entry.changes.get("cycle", placed)
            if "deadline" in entry.changes:
                text = entry.changes["deadline"]
                deadline = None if text is None else dt.date.fromisoformat(text)
        else:
            closed_on = entry.day if isinstance(entry, history.Closed) else None
        days = (deadline, closed_on) if plan.scoring.date == "deadline" else (closed_on, deadline)
        day = next((day for day in days if day is not None), None)
        yield entry.moment, plan.counts_in(placed, day, dates)
