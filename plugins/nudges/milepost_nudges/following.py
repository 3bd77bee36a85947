"""A goal's health is followed through time, and each crossing of a line that lasts is told once as a fact.

Between events health changes at midnight alone, where the goal is: the clock goes on, an override or a run of hits
ends. So it is looked at on the day of an event and on each day on which it changes by itself, in order, however late
that is done; a replay finds the same crossings with the same ids. What is back before the settling time is over was no
crossing: readings that are recorded and corrected in one sitting say nothing. `unknown` is no side of any line.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple

from milepost_contracts.context import Context
from milepost_nudges.clock import begins, day_in
from milepost_nudges.kept import Crossing, Goal, goal_of
from milepost_nudges.lines import UNKNOWN, derived, expected, next_change
from milepost_nudges.progress import Reading, overall, share_text, weighted

# The longest that a run can go on without a reading: two periods of a year.
RUN_DAYS_MAX = 2 * 366
ProgressOn = Callable[[dt.date], str | None]


class Told(NamedTuple):
    """A crossing that lasted."""

    before: str
    crossing: Crossing


def progress_on(context: Context, id_: str, goal: Goal, passed: frozenset[str] = frozenset()) -> ProgressOn:
    """Return what tells the goal's progress on a day, as far as is known now; *passed*: goals above it."""
    if goal.progress_from == "children":
        passed |= {id_}
        children = []
        for key, weight in context.state.items(f"child/{id_}/", str):
            child_id = key.rpartition("/")[2]
            child = goal_of(context, child_id) if child_id not in passed else None
            if child is not None:
                children.append((Decimal(weight), progress_on(context, child_id, child, passed)))

        def of_children(day: dt.date) -> str | None:
            parts = [(weight, part(day)) for weight, part in children]
            return share_text(weighted((weight, Decimal(part)) for weight, part in parts if part is not None))

        return of_children
    if not goal.moving:
        return lambda _day: goal.progress
    readings: dict[str, list[Reading]] = {}
    for _, reading in context.state.items(f"reading/{id_}/", Reading):
        readings.setdefault(reading.measure, []).append(reading)
    measures = [
        (measure, readings.get(name, [])) for name, measure in sorted(goal.measures.items()) if not measure.retired
    ]
    return lambda day: overall(measures, day)


class Followed:
    """A goal whose health is followed: what it knows now."""

    def __init__(self, goal: Goal, progress: Callable[[], ProgressOn], settle_minutes: int) -> None:
        """Take what is kept of the goal, which is written to, and what finds its progress: asked only where needed."""
        self._goal = goal
        self._found = progress
        self._settle = dt.timedelta(minutes=settle_minutes)

    @functools.cached_property
    def _progress(self) -> ProgressOn:
        return self._found()

    @property
    def _start(self) -> dt.date | None:
        return (self._goal.start or self._goal.activated) if self._goal.activated else None

    def health_on(self, day: dt.date) -> str:
        """Return the health on *day*: the override that holds until its end date, or derived."""
        goal = self._goal
        if self._is_set(day):
            assert goal.override is not None  # noqa: S101  it is set
            return goal.override[0]
        return derived(self._progress(day), self._start, goal.deadline, day, goal.pauses)

    def pass_until(self, until: dt.datetime) -> Iterator[Told]:
        """Follow the health to *until*, yielding each crossing that lasted."""
        goal = self._goal
        if goal.seen is None or until <= goal.seen:
            return
        if goal.state == "active":
            day, last = day_in(goal.zone, goal.seen), day_in(goal.zone, until)
            while (changed := self._change(day, last)) is not None:
                at = begins(changed, goal.zone)
                yield from self._lasting(at)
                self._consider(changed, at)
                day = changed
        yield from self._lasting(until)
        goal.seen = until

    def note(self, at: dt.datetime) -> Iterator[Told]:
        """Look at the health as it is after an event that was recorded at *at*; yields what lasts already."""
        goal = self._goal
        goal.seen = max(at, goal.seen or at)
        if goal.state != "active":
            goal.crossing = None  # nobody is behind the clock of a goal that rests
            return
        self._consider(day_in(goal.zone, at), at)
        yield from self._lasting(goal.seen)

    def next_look(self) -> dt.datetime | None:
        """Return when health has to be looked at next if nothing happens; None: never."""
        goal = self._goal
        if goal.state != "active" or goal.seen is None or goal.deadline is None:
            return None
        if goal.crossing is not None:
            return goal.crossing.at + self._settle
        day = day_in(goal.zone, goal.seen)
        rest = sum((end - first).days for first, end in goal.pauses if end is not None)
        last = max(day, goal.deadline, *([goal.override[1]] if goal.override else []))
        changed = self._change(day, last + dt.timedelta(days=max(0, rest) + RUN_DAYS_MAX))
        return None if changed is None else begins(changed, goal.zone)

    def _change(self, day: dt.date, last: dt.date) -> dt.date | None:
        if last <= day:
            return None
        held_until = self._goal.override[1] if self._goal.override else None
        return next_change(self.health_on, day, last, held_until=held_until)

    def _is_set(self, day: dt.date) -> bool:
        return self._goal.override is not None and day <= self._goal.override[1]

    def _consider(self, day: dt.date, at: dt.datetime) -> None:
        goal, health = self._goal, self.health_on(day)
        if health in (goal.side, UNKNOWN):
            goal.crossing = None
        elif goal.crossing is None or goal.crossing.to != health:
            share = None
            if self._start is not None and goal.deadline is not None:
                share = share_text(expected(self._start, goal.deadline, day, goal.pauses))
            goal.crossing = Crossing(health, at, self._progress(day), share, self._is_set(day))

    def _lasting(self, until: dt.datetime) -> Iterator[Told]:
        goal = self._goal
        if goal.crossing is not None and goal.crossing.at + self._settle <= until:
            told = Told(goal.side, goal.crossing)
            goal.side, goal.crossing = goal.crossing.to, None
            yield told
