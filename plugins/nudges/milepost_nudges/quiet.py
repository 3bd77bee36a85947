"""A nudge waits for a decent hour: quiet hours and weekends put it off to the first instant that is allowed."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec
from msgspec import Meta

from milepost_nudges.clock import DAY, begins, zone

_SATURDAY = 5
Clock = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](?!\n)$", description="HH:MM")]


class Quiet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When nobody is nudged: from `start` to `end` (over midnight where that is earlier; equal: at no hour).

    weekends: on Saturdays and Sundays neither.
    """

    start: Clock = "20:00"
    end: Clock = "08:00"
    weekends: bool = False


def allowed(moment: dt.datetime, zone_name: str, quiet: Quiet) -> dt.datetime:
    """Return the first instant (UTC) from *moment* on at which it is not quiet, by the clocks of the zone."""
    start, end = dt.time.fromisoformat(quiet.start), dt.time.fromisoformat(quiet.end)
    moment = moment.astimezone(dt.UTC)
    while True:  # each step goes forward, and every week has an hour that is allowed
        local = moment.astimezone(zone(zone_name))
        day, now = local.date(), local.time()
        if quiet.weekends and day.weekday() >= _SATURDAY:
            moment = begins(day + DAY, zone_name)
        elif now >= start > end or start <= now < end:
            moment = _end(moment, day + DAY if start > end else day, end, zone_name)
        elif now < end < start:
            moment = _end(moment, day, end, zone_name)
        else:
            return moment


def _end(moment: dt.datetime, day: dt.date, end: dt.time, zone_name: str) -> dt.datetime:
    """Return when clocks show *end* on *day*: for the second time, where they have been put back over it meanwhile."""
    first = begins(day, zone_name, end)
    if first > moment:
        return first
    return dt.datetime.combine(day, end, zone(zone_name)).replace(fold=1).astimezone(dt.UTC)
