"""A point in time is written the same everywhere: an instant, a day, the version of an aggregate, or a sequence.

2026-03-01T09:30Z   what was recorded until then, to the microsecond; `+01:00` instead of `Z` is read too
2026-03-01          the end of that day in UTC; of a day that is not over yet, now
v7                  after the seventh event of the aggregate that is asked for; v0: before its first
s1234               after the tenant's event with this sequence; s0: before its first
now                 the newest
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, NamedTuple, TypeAlias

from msgspec import Meta

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
MOMENT_PATTERN = rf"^(now|v(0|[1-9][0-9]{{0,9}})|s[0-9]{{1,16}}|{_DAY}(T{_TIME})?)(?!\n)$"

Moment: TypeAlias = Annotated[
    str,
    Meta(
        pattern=MOMENT_PATTERN,
        description="a point in time: 2026-03-01T09:30Z, 2026-03-01 (the end of that day in UTC), v7, s1234 or now",
        examples=["2026-03-01T09:30Z", "2026-03-01", "v7", "s1234", "now"],
    ),
]


class MomentError(ValueError):
    """Text that is no point in time; the message says what may be written."""


class Point(NamedTuple):
    """A moment as read: one of the members is not None; all are None: now. `day` is the day where one was written."""

    instant: dt.datetime | None = None
    day: dt.date | None = None
    version: int | None = None
    sequence: int | None = None


_SAID = "write an instant (2026-03-01T09:30Z), a day (2026-03-01), a version (v7), a sequence (s1234) or now"


def parse_moment(text: str) -> Point:
    """Return what *text* says, its instant in UTC; raises MomentError."""
    if not re.match(MOMENT_PATTERN, text):
        raise MomentError(f"{text!r} is no point in time: {_SAID}")
    if text == "now":
        return Point()
    if text[0] == "v":
        return Point(version=int(text[1:]))
    if text[0] == "s":
        return Point(sequence=int(text[1:]))
    try:
        if "T" not in text:
            return Point(day=dt.date.fromisoformat(text))
        return Point(instant=dt.datetime.fromisoformat(_padded(text)).astimezone(dt.UTC))
    except (ValueError, OverflowError) as error:
        raise MomentError(f"{text!r} is no point in time ({error}): {_SAID}") from error


def instant_text(instant: dt.datetime) -> str:
    """Return *instant* (aware) as a moment that means exactly it: `2026-03-01T09:30:00.123456Z`."""
    return instant.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _padded(text: str) -> str:
    """Return *text* with its fraction as six digits, which every Python from 3.11 on reads."""
    return re.sub(r"\.([0-9]{1,6})", lambda found: f".{found[1]:0<6}", text)
