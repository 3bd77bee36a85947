"""An event was recorded at one time and happened at another: here is told when it happened, as figures want it."""

from __future__ import annotations

import datetime as dt

from milepost.decide.goal.clock import zone
from milepost.view.fold.kernel import At
from milepost_contracts.events import GoalEvent
from milepost_contracts.events import goal as events

# Events that tell themselves on which day it was; it goes before the instant that the command claims or was sent at.
DAY_OF: dict[type[GoalEvent], str] = {
    events.Imported: "as_of",
    events.Activated: "activated_on",
    events.ProgressRecorded: "on",
    events.CheckInHeld: "held_on",
    events.MilestoneHit: "hit_on",
    events.ActionCompleted: "completed_on",
    events.Paused: "paused_on",
    events.Resumed: "resumed_on",
    events.Closed: "closed_on",
    events.Reopened: "reopened_on",
}


def happened_on(event: GoalEvent, at: At) -> str:
    """Return the day on which what *event* tells of was done."""
    name = DAY_OF.get(type(event))
    return at.occurred_on if name is None else str(getattr(event, name))


def beginning(on: dt.date, time_zone: str) -> str:
    """Return the instant, in UTC, at which the day *on* began in *time_zone*."""
    began = dt.datetime.combine(on, dt.time(), zone(time_zone) or dt.UTC)
    return began.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def instant(told: str) -> dt.datetime:
    """Return the instant *told*; a day alone, as imported agreements have it, stands for its beginning in UTC."""
    moment = dt.datetime.fromisoformat(told)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def days_between(created: str, agreed: str) -> float:
    """Return how many days it took from *created* to *agreed*, at least 0.

    People may tell on which day they agreed and not on which the goal was brought; by then it was there.
    """
    return max((instant(agreed) - instant(created)) / dt.timedelta(days=1), 0.0)
