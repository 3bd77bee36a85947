"""An event changes what is known of its goal, mentorship or programme, as far as rules ask; no words of people.

Nothing here decides: what a goal has come to is kept in the plugin's state, with the version that it is true at, so
that an event which comes again is recognised and changes nothing.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.events import goal as events
from milepost_contracts.events import mentorship, programme
from milepost_contracts.plugin import Delivered
from milepost_contracts.types import Cadence, Party


class Closing(msgspec.Struct):
    """How a goal ended."""

    result: str
    on: dt.date


class Known(msgspec.Struct, omit_defaults=True):
    """What is known of any aggregate: the version it is true at."""

    version: int = 0


class Goal(Known, omit_defaults=True):
    """What is known of a goal.

    since: the day of its activation. original: the deadline as it was then, or as it was first set later. timely:
    without shifts that were made when it had passed. hits: milestones that stand as hit, and when.
    """

    kind: str | None = None
    focus: str | None = None
    visibility: str | None = None
    zone: str = "UTC"
    cadence: Cadence | None = None
    since: dt.date | None = None
    pauses: list[tuple[dt.date, dt.date | None]] = []
    present: dt.date | None = None
    original: dt.date | None = None
    timely: dt.date | None = None
    hits: dict[str, dt.date] = {}
    closing: Closing | None = None

    def dated(self, deadline: dt.date | None, *, made_on: dt.date | None = None) -> None:
        """Note a deadline; *made_on*: the day on which one that was there was shifted."""
        if self.since is None or self.original is None:
            self.original = deadline
        late = made_on is not None and self.timely is not None and made_on > self.timely
        if self.since is None or not late:
            self.timely = deadline
        self.present = deadline


class Mentorship(Known, omit_defaults=True):
    """What is known of a mentorship."""

    parties: list[Party] = []
    cadence: Cadence | None = None
    programme: str | None = None


class Programme(Known, omit_defaults=True):
    """What is known of a programme."""

    cadence: Cadence | None = None


@functools.lru_cache(maxsize=1024)  # there are about 600 zones; what people mistype must not fill the memory
def _zone(name: str) -> dt.tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return dt.UTC


# The member that says on which day it happened, where an event has one.
_DAYS = {
    "goal.milestone_hit": "hit_on", "goal.check_in_held": "held_on", "goal.closed": "closed_on",
    "goal.action_completed": "completed_on", "goal.progress_recorded": "on", "goal.activated": "activated_on",
    "goal.paused": "paused_on", "goal.resumed": "resumed_on", "mentorship.session_held": "held_on",
    "mentorship.completed": "completed_on",
}  # fmt: skip


def day_of(event: Delivered, zone: str = "UTC") -> dt.date:
    """Return the day on which *event* happened: as it says, else the day of its instant in *zone*."""
    if (member := _DAYS.get(event.name)) is not None:
        day: dt.date = getattr(event.data, member)
        return day
    return event.occurred.astimezone(_zone(zone)).date()


Follow = Callable[[Any, Delivered, Context], None]
_FOLLOWED: dict[str, Follow] = {}
F = TypeVar("F", bound=Follow)
KINDS: dict[str, type[Known]] = {"goal": Goal, "mentorship": Mentorship, "programme": Programme}


def follows(*types: type[Any]) -> Callable[[F], F]:
    """Mark a function as the one that takes events of *types*."""

    def marked(function: F) -> F:
        for one in types:
            _FOLLOWED[f"{one.AGGREGATE}.{one.NAME}"] = function
        return function

    return marked


def followed(name: str) -> bool:
    """Whether events called *name* change what is known."""
    return name in _FOLLOWED


def known(context: Context, aggregate: str, id_: str) -> Any:
    """Return what is known of an aggregate; of one that was never heard of, nothing."""
    return context.state.get(f"{aggregate}/{id_}", KINDS[aggregate], KINDS[aggregate]())


def follow(of: Any, event: Delivered, context: Context) -> None:
    """Change what is known by *event*, and keep it."""
    if (function := _FOLLOWED.get(event.name)) is not None:
        function(of, event, context)
    of.version = event.version
    context.state.set(f"{event.aggregate}/{event.aggregate_id}", of)


def held(context: Context, goal: str) -> dict[str, dt.date]:
    """Return the check-ins of *goal* that stand, and when they were held."""
    prefix = f"held/{goal}/"
    return {key.removeprefix(prefix): day for key, day in context.state.items(prefix, dt.date)}


def cadence_of(context: Context, goal: Goal, event: Delivered) -> Cadence | None:
    """Return the rhythm of a goal's check-ins: its own, else its mentorship's, else its programme's."""
    place = event.context
    if goal.cadence is not None or place is None:
        return goal.cadence
    if place.mentorship is not None:
        cadence: Cadence | None = known(context, "mentorship", place.mentorship).cadence
        if cadence is not None:
            return cadence
    return known(context, "programme", place.programme).cadence if place.programme is not None else None


@follows(events.Created)
def _created(goal: Goal, event: Delivered, _: Context) -> None:
    data = event.data
    goal.kind, goal.focus, goal.visibility, goal.zone = data.kind, data.focus, data.visibility, data.time_zone
    goal.dated(data.deadline)


@follows(events.Imported)
def _imported(goal: Goal, event: Delivered, _: Context) -> None:
    data, terms = event.data, event.data.terms
    goal.kind, goal.focus, goal.visibility, goal.zone = terms.kind, terms.focus, terms.visibility, terms.time_zone
    goal.dated(terms.deadline)
    if data.state in ("active", "paused", "closed"):
        goal.since = min(terms.start_on or data.as_of, data.as_of)
    if data.state == "paused":
        goal.pauses.append((data.as_of, None))
    if data.state == "closed":
        goal.closing = Closing(data.result or "unknown", data.closed_on or data.as_of)


@follows(events.Refined)
def _refined(goal: Goal, event: Delivered, _: Context) -> None:
    after = event.data.after
    if after.kind is not msgspec.UNSET:
        goal.kind = after.kind
    if after.focus is not msgspec.UNSET:
        goal.focus = after.focus


@follows(events.VisibilityChanged)
def _visible(goal: Goal, event: Delivered, _: Context) -> None:
    goal.visibility = event.data.new


@follows(events.ScheduleSet)
def _scheduled(goal: Goal, event: Delivered, _: Context) -> None:
    goal.zone, goal.cadence = event.data.after.time_zone, event.data.after.cadence


@follows(events.DeadlineSet)
def _deadline_set(goal: Goal, event: Delivered, _: Context) -> None:
    goal.dated(event.data.new)


@follows(events.DeadlineShifted)
def _deadline_shifted(goal: Goal, event: Delivered, _: Context) -> None:
    goal.dated(event.data.new, made_on=day_of(event, goal.zone))


@follows(events.Activated)
def _activated(goal: Goal, event: Delivered, _: Context) -> None:
    goal.since = event.data.activated_on


@follows(events.Paused)
def _paused(goal: Goal, event: Delivered, _: Context) -> None:
    goal.pauses.append((event.data.paused_on, None))


@follows(events.Resumed)
def _resumed(goal: Goal, event: Delivered, _: Context) -> None:
    _unpause(goal, event.data.resumed_on)


@follows(events.Closed)
def _closed(goal: Goal, event: Delivered, _: Context) -> None:
    goal.closing = Closing(event.data.result, event.data.closed_on)


@follows(events.ClosureAmended)
def _amended(goal: Goal, event: Delivered, _: Context) -> None:
    if goal.closing is not None:
        goal.closing = Closing(event.data.new_result, goal.closing.on)


@follows(events.Reopened)
def _reopened(goal: Goal, event: Delivered, _: Context) -> None:
    on = event.data.reopened_on
    if not _unpause(goal, on) and goal.closing is not None:
        goal.pauses.append((goal.closing.on, on))
    goal.since, goal.closing = goal.since or on, None


@follows(events.MilestoneHit)
def _hit(goal: Goal, event: Delivered, _: Context) -> None:
    goal.hits[event.data.milestone] = event.data.hit_on


@follows(events.MilestoneHitRetracted)
def _hit_retracted(goal: Goal, event: Delivered, _: Context) -> None:
    goal.hits.pop(event.data.milestone, None)


@follows(events.CheckInHeld)
def _held(_: Goal, event: Delivered, context: Context) -> None:
    context.state.set(f"held/{event.aggregate_id}/{event.data.check_in}", event.data.held_on)


@follows(events.CheckInAmended)
def _check_in_amended(_: Goal, event: Delivered, context: Context) -> None:
    key = f"held/{event.aggregate_id}/{event.data.check_in}"
    if event.data.held_on is not None and key in context.state:
        context.state.set(key, event.data.held_on)


@follows(events.CheckInVoided)
def _voided(_: Goal, event: Delivered, context: Context) -> None:
    context.state.delete(f"held/{event.aggregate_id}/{event.data.check_in}")


@follows(mentorship.Requested)
def _requested(of: Mentorship, event: Delivered, _: Context) -> None:
    of.parties, of.cadence, of.programme = event.data.parties, event.data.cadence, event.data.programme


@follows(mentorship.PartyReplaced)
def _party_replaced(of: Mentorship, event: Delivered, _: Context) -> None:
    of.parties = [event.data.new if party.ref == event.data.old else party for party in of.parties]


@follows(mentorship.PartyRemoved)
def _party_removed(of: Mentorship, event: Delivered, _: Context) -> None:
    of.parties = [party for party in of.parties if party.ref != event.data.party]


@follows(mentorship.CadenceSet, programme.CadenceSet)
def _cadence_set(of: Mentorship | Programme, event: Delivered, _: Context) -> None:
    of.cadence = event.data.after


@follows(programme.Created)
def _programme_created(of: Programme, event: Delivered, _: Context) -> None:
    of.cadence = event.data.cadence


def _unpause(goal: Goal, on: dt.date) -> bool:
    """End the rest that has no end yet; returns whether there was one."""
    if not goal.pauses or goal.pauses[-1][1] is not None:
        return False
    goal.pauses[-1] = (goal.pauses[-1][0], on)
    return True
