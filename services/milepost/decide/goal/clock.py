"""What day it is for a goal: a date lasts until 24:00 in the goal's zone."""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from milepost.decide.checks import happened
from milepost.decide.kernel import Case

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal


# There are about 600 zones; what people mistype must not fill the memory.
@functools.lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo | None:
    """Return the IANA time zone *name*, None where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: `America` is a folder, no zone
        return None


def date_in(name: str, moment: dt.datetime) -> dt.date:
    """Return the date that *moment* (aware) has in zone *name*; an unknown zone counts as UTC."""
    return moment.astimezone(zone(name) or dt.UTC).date()


def today(goal: Goal, now: dt.datetime) -> dt.date:
    """Return the date in the goal's zone at *now*."""
    return date_in(goal.time_zone, now)


def stepped_on(case: Case) -> dt.date:
    """Return the day of a step that is taken now or that, as the command's `occurred_at` claims, was taken before.

    Warns `backdated` as for every fact.
    """
    claimed = case.command.occurred_at
    if claimed is None:
        return today(case.state, case.now)
    on = date_in(case.state.time_zone, claimed)
    happened(case, on, "occurred_at", today=today(case.state, case.now))
    return on


def zone_known(case: Case, name: str) -> bool:
    """Refuse `zone_unknown` for a name that is no IANA zone; returns whether it is one."""
    return case.reasons.unless(
        zone(name), "zone_unknown", "This is no IANA time zone: write for example Europe/Berlin.", "time_zone"
    )
