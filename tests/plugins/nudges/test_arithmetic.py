"""The plugin's own arithmetic of cadence, health and progress is Milepost's, whatever it is asked."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from milepost_nudges import cadence as ours
from milepost_nudges import lines, progress
from milepost_nudges.clock import day_in

from milepost.decide import cadence as theirs
from milepost.decide.goal import health as their_health
from milepost.decide.goal.clock import date_in
from milepost.decide.goal.progress import overall as their_overall
from milepost.decide.goal.tally import Point, tally_of
from milepost_contracts.types import Cadence
from milepost_contracts.types import Measure as Definition

D = dt.date
FIRST = D(2024, 1, 1)
AGES_AGO = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
DAYS = st.integers(0, 900).map(lambda number: FIRST + dt.timedelta(days=number))
CADENCES = st.builds(
    Cadence, rhythm=st.sampled_from(["weekly", "bi_weekly", "monthly", "fortnightly"]), anchor=DAYS
) | st.builds(Cadence, rhythm=st.just("days"), anchor=DAYS, days=st.none() | st.integers(1, 366))
ENDED = st.lists(
    st.tuples(DAYS, st.integers(0, 60)).map(lambda one: (one[0], one[0] + dt.timedelta(one[1]))), max_size=3
)
PAUSES = ENDED | st.lists(st.tuples(DAYS, st.none() | DAYS), max_size=3)


@given(CADENCES, st.integers(0, 60), DAYS)
def test_due_dates(cadence: Cadence, number: int, on: dt.date) -> None:
    """Every due date and its number are the same."""
    assert ours.due_on(cadence, number) == theirs.due_on(cadence, number)
    assert ours.number_from(cadence, on) == theirs.number_from(cadence, on)


@settings(max_examples=500)
@given(
    st.none() | CADENCES, st.lists(DAYS, max_size=12), DAYS, DAYS, PAUSES, st.none() | DAYS, st.integers(0, 31)
)  # fmt: skip
def test_what_is_due_and_overdue(
    cadence: Cadence | None,
    held: list[dt.date],
    today: dt.date,
    since: dt.date,
    pauses: list[tuple[dt.date, dt.date | None]],
    agreed: dt.date | None,
    grace_days: int,
) -> None:
    """Whatever was held and whenever it rested: the date that waits and the first that was missed are the same."""
    they = theirs.standing(cadence, held, today, since=since, pauses=pauses, agreed=agreed, grace_days=grace_days)
    we = ours.dues(cadence, held, today, since=since, pauses=pauses, agreed=agreed, grace_days=grace_days)
    assert (we.next_due, we.overdue_since) == (they.next_due, they.overdue_since)


def test_the_grace_is_as_long_as_theirs() -> None:
    """Three days bridge a weekend, there and here."""
    from milepost_nudges.config import Config

    assert Config().grace_days == theirs.GRACE_DAYS


@settings(max_examples=500)
@given(
    st.none() | st.integers(0, 1000).map(lambda number: str(Decimal(number) / 1000)),
    st.none() | DAYS, st.none() | DAYS, DAYS, PAUSES,
)  # fmt: skip
def test_health(
    share: str | None,
    start: dt.date | None,
    deadline: dt.date | None,
    today: dt.date,
    pauses: list[tuple[dt.date, dt.date | None]],
) -> None:
    """The expected share and the health derived from it are the same, lines included."""
    assert lines.derived(share, start, deadline, today, pauses) == their_health.derived(
        share, start, deadline, today, pauses
    )
    if start is not None and deadline is not None:
        assert lines.expected(start, deadline, today, pauses) == their_health.expected(start, deadline, today, pauses)


@settings(max_examples=300)
@given(
    st.integers(0, 1000).map(lambda number: str(Decimal(number) / 1000)), DAYS, st.integers(1, 500), ENDED, DAYS,
    st.none() | st.tuples(st.sampled_from(["on_track", "at_risk", "off_track", "unknown"]), DAYS), st.integers(0, 600),
)  # fmt: skip
def test_the_day_on_which_health_changes(
    share: str,
    start: dt.date,
    days: int,
    pauses: list[tuple[dt.date, dt.date | None]],
    today: dt.date,
    override: tuple[str, dt.date] | None,
    ahead: int,
) -> None:
    """The day found by halving is the first that a walk day by day finds."""
    deadline, last = start + dt.timedelta(days=days), today + dt.timedelta(days=ahead)

    def health_on(day: dt.date) -> str:
        if override is not None and day <= override[1]:
            return override[0]
        return their_health.derived(share, start, deadline, day, pauses)

    walked = (today + dt.timedelta(days=number) for number in range(1, ahead + 1))
    first = next((day for day in walked if health_on(day) != health_on(today)), None)
    assert lines.next_change(health_on, today, last, held_until=override[1] if override else None) == first


NUMBERS = st.sampled_from(["0", "1", "2", "3", "-1", "0.5", "7.25", "70", "100", "999999999999999999.999999999"])
GRADES = ["F", "C", "B", "A"]
VALUES = st.booleans() | NUMBERS | st.none()


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    """Draw a measure of any kind, with members that make sense for it or for no kind at all."""
    return Definition(
        measure="0199c0de-0000-7000-8000-000000000001",
        name="Talks",
        unit="talks",
        kind=draw(st.sampled_from(["count", "average", "consecutive", "recurring", "delta", "binary"])),
        direction=draw(st.sampled_from(["increase", "decrease", "keep_above", "keep_below"])),
        target=draw(NUMBERS),
        baseline=draw(st.none() | NUMBERS),
        weight=draw(st.sampled_from(["1", "0", "3", "0.5"])),
        period=draw(st.sampled_from([None, "day", "week", "month", "quarter", "year", "decade"])),
        periods_required=draw(st.none() | st.integers(1, 4)),
        samples_min=draw(st.none() | st.integers(1, 4)),
        delta_mode=draw(st.sampled_from([None, "points", "percent"])),
        scale=draw(st.sampled_from([None, GRADES])),
    )


READINGS = st.lists(st.tuples(DAYS, VALUES, st.none() | st.sampled_from([*GRADES, "Z"]), st.booleans()), max_size=10)


@settings(max_examples=600)
@given(st.lists(st.tuples(definitions(), READINGS), max_size=3), DAYS)
def test_progress(measures: list[tuple[Definition, Any]], today: dt.date) -> None:
    """Readings of any shape and order make the same progress of measures of any kind."""
    they, we = [], []
    for definition, told in measures:
        points = [Point(on, number, value, step) for number, (on, value, step, struck) in enumerate(told) if not struck]
        they.append((definition, tally_of(definition, points)))
        measure = msgspec.convert(msgspec.to_builtins(definition), progress.Measure)
        readings = [
            progress.Reading("", on, number, value, step, struck)
            for number, (on, value, step, struck) in enumerate(told)
        ]
        we.append((measure, readings[::-1]))
    assert progress.overall(we, today) == their_overall(they, today=today)[1]


@given(st.integers(0, 100 * 366 * 86_400).map(lambda second: AGES_AGO + dt.timedelta(seconds=second)))
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Apia", "America", "Mars/Olympus", "America/Sao_Paulo"])
def test_days(zone: str, moment: dt.datetime) -> None:
    """An instant has the same date; what is no zone counts as UTC."""
    assert day_in(zone, moment) == date_in(zone, moment)
