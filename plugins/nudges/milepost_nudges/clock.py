"""An instant becomes a date where a goal is, and a date the instant at which it begins there."""

from __future__ import annotations

import bisect
import datetime as dt
import functools
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MIDNIGHT = dt.time()
DAY = dt.timedelta(days=1)


# There are about 600 zones; what people mistype must not fill the memory.
@functools.lru_cache(maxsize=1024)
def zone(name: str) -> dt.tzinfo:
    """Return the IANA time zone *name*; an unknown one counts as UTC."""
    return known_zone(name) or dt.UTC


def known_zone(name: str) -> ZoneInfo | None:
    """Return the IANA time zone *name*, None where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: `America` is a folder, no zone
        return None


def day_in(name: str, moment: dt.datetime) -> dt.date:
    """Return the date that *moment* (aware) has in zone *name*."""
    return moment.astimezone(zone(name)).date()


def begins(day: dt.date, name: str, at: dt.time = MIDNIGHT) -> dt.datetime:
    """Return the first instant, in UTC, at which clocks in zone *name* show *at*, or later, on *day*.

    Where clocks are put forward over that time, it is the instant at which they are; where they show it twice, the
    first.
    """
    here = zone(name)
    local = dt.datetime.combine(day, at, here)
    moment = local.astimezone(dt.UTC)
    if moment.astimezone(here).replace(tzinfo=None) == local.replace(tzinfo=None):
        return moment
    # In a gap: the two readings of the local time lie around the change.
    earlier = local.replace(fold=1).astimezone(dt.UTC)
    after = moment.astimezone(here).utcoffset()
    seconds = range(int((moment - earlier).total_seconds()) + 1)
    place = bisect.bisect_left(seconds, True, key=lambda second: _offset(earlier, second, here) == after)  # noqa: FBT003
    return earlier + dt.timedelta(seconds=place)


def _offset(moment: dt.datetime, second: int, here: dt.tzinfo) -> dt.timedelta | None:
    return (moment + dt.timedelta(seconds=second)).astimezone(here).utcoffset()
