"""An event was recorded at one time and happened at another: here is told from when it counts by occurred time.

An event counts from the instant that its command claimed, else from when it was recorded. One that tells a day of its
own counts from that instant where it falls on that day, and otherwise from the beginning of the day, in the zone that
the goal has as far as is known. A correction, amendment, voiding or retraction counts from when what it puts right
happened, and what it puts right from the day that it was put right to: as known now, it never was otherwise.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

from milepost.decide.goal.clock import date_in, zone
from milepost_contracts.envelope import Envelope
from milepost_contracts.events import Event, goal, mentorship, programme

# Events that tell themselves on which day it was.
DAY_OF: dict[type[Event], str] = {
    goal.Imported: "as_of",
    goal.Activated: "activated_on",
    goal.ProgressRecorded: "on",
    goal.CheckInHeld: "held_on",
    goal.MilestoneHit: "hit_on",
    goal.ActionCompleted: "completed_on",
    goal.Paused: "paused_on",
    goal.Resumed: "resumed_on",
    goal.Closed: "closed_on",
    goal.Reopened: "reopened_on",
    mentorship.SessionHeld: "held_on",
    mentorship.Completed: "completed_on",
    mentorship.Cancelled: "cancelled_on",
    programme.SurveyRecorded: "held_on",
    programme.CostRecorded: "on",
    programme.BenefitRecorded: "on",
    programme.Closed: "closed_on",
}


def own_day(event: Event) -> dt.date | None:
    """Return the day that *event* itself tells of; None: it tells none."""
    name = DAY_OF.get(type(event))
    return None if name is None else getattr(event, name)


def told_at(envelope: Envelope) -> dt.datetime:
    """Return the instant that the command claimed, else that of recording."""
    return dt.datetime.fromisoformat(envelope.occurredat or envelope.time)


class _Fact:
    """Something that happened, and the events that tell of it: the first, and those that put it right."""

    def __init__(self, place: int, day: dt.date | None, told: dt.datetime) -> None:
        self.places = [place]
        self.day = day
        self.told = told

    def moved(self, place: int, day: dt.date | None) -> None:
        self.places.append(place)
        self.day = day or self.day


def counts_from(told: Iterable[tuple[Envelope, Event]]) -> list[dt.datetime]:
    """Return for each event, in their order, the instant (UTC) from which it counts, as known by all of them."""
    both = list(told)
    name = _zone_in(event for _, event in both)
    facts = _facts(both)
    instants = [dt.datetime.min.replace(tzinfo=dt.UTC)] * len(both)
    for fact in facts:
        instant = _instant(fact, name)
        for place in fact.places:
            instants[place] = instant
    return instants


def _facts(told: list[tuple[Envelope, Event]]) -> Iterator[_Fact]:
    facts: list[_Fact] = []
    known: dict[tuple[str, str], _Fact] = {}
    for place, (envelope, event) in enumerate(told):
        of = _puts_right(event)
        if of is not None and of[0] in known:
            known[of[0]].moved(place, of[1])
            continue
        fact = _Fact(place, own_day(event), told_at(envelope))
        facts.append(fact)
        for key in _named(envelope, event):
            known[key] = fact
    return iter(facts)


def _named(envelope: Envelope, event: Event) -> list[tuple[str, str]]:
    """Return what later events may call the fact that *event* tells of."""
    match event:
        case goal.CheckInHeld():
            return [("check_in", event.check_in)]
        case goal.Closed():
            return [("closing", "")]  # of the last one
        case _:
            return [("event", envelope.id)]


def _puts_right(event: Event) -> tuple[tuple[str, str], dt.date | None] | None:
    """Return which fact *event* puts right, and the day it moves it to; None: it tells of something new."""
    match event:
        case goal.ProgressCorrected():
            return ("event", event.corrects), event.after.on if event.after else None
        case goal.CheckInAmended():
            return ("check_in", event.check_in), event.held_on
        case goal.CheckInVoided():
            return ("check_in", event.check_in), None
        case goal.MilestoneHitRetracted():
            return ("event", event.hit_event), None
        case goal.ClosureAmended():
            return ("closing", ""), None
        case _:
            return None


def _instant(fact: _Fact, name: str) -> dt.datetime:
    if fact.day is None or fact.day == date_in(name, fact.told):
        return fact.told
    return dt.datetime.combine(fact.day, dt.time(), zone(name) or dt.UTC).astimezone(dt.UTC)


def _zone_in(events: Iterable[Any]) -> str:
    """Return the time zone that a goal has after its events."""
    name = "UTC"
    for event in events:
        match event:
            case goal.Created():
                name = event.time_zone
            case goal.Imported():
                name = event.terms.time_zone
            case goal.ScheduleSet():
                name = event.after.time_zone
    return name
