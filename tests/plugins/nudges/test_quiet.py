"""Dates begin where the goal is, and a nudge waits for a decent hour where its person is."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from milepost_nudges.clock import begins, day_in, zone
from milepost_nudges.quiet import Quiet, allowed

from tests.plugins.nudges.cases import BERLIN, KIRITIMATI, NEW_YORK, NIUE

D, T = dt.date, dt.time
ZONES = [
    BERLIN, NEW_YORK, KIRITIMATI, NIUE, "UTC", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu",
    "Pacific/Apia", "Africa/Cairo", "America/Havana", "America/St_Johns", "Asia/Beirut",
]  # fmt: skip


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("day", "name", "at", "moment"),
    [
        (D(2026, 3, 2), "UTC", T(), "2026-03-02T00:00"),
        (D(2026, 3, 29), BERLIN, T(), "2026-03-28T23:00"),  # the night of the change begins in winter
        (D(2026, 3, 30), BERLIN, T(), "2026-03-29T22:00"),
        (D(2026, 10, 26), BERLIN, T(), "2026-10-25T23:00"),
        (D(2026, 3, 9), NEW_YORK, T(), "2026-03-09T04:00"),
        (D(2026, 11, 2), NEW_YORK, T(), "2026-11-02T05:00"),
        (D(2026, 3, 2), KIRITIMATI, T(), "2026-03-01T10:00"),  # UTC+14: a day begins before everybody's
        (D(2026, 3, 2), NIUE, T(), "2026-03-02T11:00"),  # UTC-11: after nearly everybody's
        (D(2026, 3, 29), BERLIN, T(2, 30), "2026-03-29T01:00"),  # skipped: clocks show 03:00 after 01:59
        (D(2026, 3, 8), NEW_YORK, T(2, 30), "2026-03-08T07:00"),
        (D(2026, 10, 25), BERLIN, T(2, 30), "2026-10-25T00:30"),  # shown twice: the first
        (D(2018, 11, 4), "America/Sao_Paulo", T(), "2018-11-04T03:00"),  # midnight itself was skipped
        (D(2011, 12, 30), "Pacific/Apia", T(), "2011-12-30T10:00"),  # the whole day was
        (D(2026, 3, 2), "Mars/Olympus", T(), "2026-03-02T00:00"),  # no zone: UTC
    ],
)
def test_a_day_begins_where_the_goal_is(day: dt.date, name: str, at: dt.time, moment: str) -> None:
    """Clock changes, dates that are skipped and zones far out: the first instant at which clocks show it."""
    assert begins(day, name, at) == utc(moment)


@settings(max_examples=300)
@given(st.sampled_from(ZONES), st.dates(D(2005, 1, 1), D(2030, 1, 1)))
def test_a_date_lasts_until_the_next_begins(name: str, day: dt.date) -> None:
    """Just before its beginning it is an earlier date, at it this one or, where it is skipped, a later one."""
    start = begins(day, name)
    assert day_in(name, start - dt.timedelta(microseconds=1)) < day <= day_in(name, start)


NIGHTS = Quiet()
WEEKENDS = Quiet(weekends=True)


@pytest.mark.parametrize(
    ("quiet", "name", "moment", "expected"),
    [
        (NIGHTS, "UTC", "2026-03-02T12:00", "2026-03-02T12:00"),
        (NIGHTS, "UTC", "2026-03-02T20:00", "2026-03-03T08:00"),
        (NIGHTS, "UTC", "2026-03-02T19:59:59", "2026-03-02T19:59:59"),
        (NIGHTS, "UTC", "2026-03-02T00:00", "2026-03-02T08:00"),
        (NIGHTS, "UTC", "2026-03-02T08:00", "2026-03-02T08:00"),
        (NIGHTS, BERLIN, "2026-03-29T00:30", "2026-03-29T06:00"),  # the short night: 08:00 is an hour earlier
        (NIGHTS, BERLIN, "2026-10-24T20:00", "2026-10-25T07:00"),  # the long night
        (NIGHTS, NEW_YORK, "2026-03-08T06:30", "2026-03-08T12:00"),
        (NIGHTS, NEW_YORK, "2026-11-01T05:30", "2026-11-01T13:00"),
        (NIGHTS, KIRITIMATI, "2026-03-02T06:00", "2026-03-02T18:00"),
        (NIGHTS, NIUE, "2026-03-02T08:00", "2026-03-02T19:00"),
        (WEEKENDS, "UTC", "2026-03-06T19:00", "2026-03-06T19:00"),  # a Friday
        (WEEKENDS, "UTC", "2026-03-06T21:00", "2026-03-09T08:00"),
        (WEEKENDS, "UTC", "2026-03-07T12:00", "2026-03-09T08:00"),
        (WEEKENDS, BERLIN, "2026-03-28T12:00", "2026-03-30T06:00"),  # the weekend of the change
        (Quiet(start="00:00", end="00:00", weekends=True), BERLIN, "2026-03-28T12:00", "2026-03-29T22:00"),
        (Quiet(start="12:00", end="13:30"), "UTC", "2026-03-02T12:30", "2026-03-02T13:30"),
        (Quiet(start="12:00", end="13:30"), "UTC", "2026-03-02T13:30", "2026-03-02T13:30"),
        (Quiet(start="09:00", end="09:00"), "UTC", "2026-03-02T09:00", "2026-03-02T09:00"),
        # It ends at a time that is skipped: when clocks are put forward over it.
        (Quiet(start="22:00", end="02:30"), BERLIN, "2026-03-29T00:30", "2026-03-29T01:00"),
        # It ends at a time that clocks show twice: after the second 02:10 it is quiet until the second 02:30.
        (Quiet(start="22:00", end="02:30"), BERLIN, "2026-10-25T00:10", "2026-10-25T00:30"),
        (Quiet(start="22:00", end="02:30"), BERLIN, "2026-10-25T01:10", "2026-10-25T01:30"),
        # The only hour that is allowed is skipped that day.
        (Quiet(start="03:00", end="02:00"), BERLIN, "2026-03-28T12:00", "2026-03-30T00:00"),
    ],
)
def test_quiet_hours_put_off_to_the_first_instant_that_is_allowed(
    quiet: Quiet, name: str, moment: str, expected: str
) -> None:
    """Nights, weekends and clock changes, by the clocks of the zone."""
    assert allowed(utc(moment), name, quiet) == utc(expected)


def is_quiet(moment: dt.datetime, name: str, quiet: Quiet) -> bool:
    """Say so in other words than the plugin: minutes of the day, counted off."""
    local = moment.astimezone(zone(name))
    start, end = (int(text[:2]) * 60 + int(text[3:]) for text in (quiet.start, quiet.end))
    minutes = (end - start) % 1440
    return (quiet.weekends and local.isoweekday() > 5) or (local.hour * 60 + local.minute - start) % 1440 < minutes


TIMES = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
AROUND_CHANGES = st.sampled_from(
    [utc("2026-03-29T01:00"), utc("2026-10-25T01:00"), utc("2026-03-08T07:00"), utc("2026-11-01T06:00")]
)


@settings(max_examples=200, deadline=None)
@given(
    st.builds(Quiet, start=TIMES, end=TIMES, weekends=st.booleans()), st.sampled_from(ZONES),
    AROUND_CHANGES, st.integers(-4000, 4000),
)  # fmt: skip
def test_it_is_never_quiet_then_and_always_was_before(
    quiet: Quiet, name: str, change: dt.datetime, minutes: int
) -> None:
    """Around clock changes, every quarter of an hour that is passed over is quiet, and the instant found is not."""
    moment = change + dt.timedelta(minutes=minutes)
    found = allowed(moment, name, quiet)
    assert not is_quiet(found, name, quiet)
    passed = range(0, int((found - moment).total_seconds()), 60)
    assert all(is_quiet(moment + dt.timedelta(seconds=second), name, quiet) for second in passed)
