"""Runs of bits, and tallies whose measure gets another target."""

from __future__ import annotations

import datetime as dt
import itertools

import msgspec
import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from milepost.decide.goal.tally import Point, judged, last_run, longest, period_number, tally_of
from milepost_contracts.types import YEAR_MAX, YEAR_MIN, Measure

BITS = st.lists(st.booleans(), max_size=200) | st.lists(st.sampled_from([True] * 9 + [False]), max_size=400)


def runs(bits: list[bool]) -> list[int]:
    """Return the lengths of the runs of ones, counted one by one."""
    return [len(list(run)) for one, run in itertools.groupby(bits) if one]


@forall(BITS)
def test_the_longest_run_is_found(bits: list[bool]) -> None:
    """Shifting whole numbers finds what counting one by one finds."""
    number = sum(1 << place for place, one in enumerate(bits) if one)
    assert longest(number) == max(runs(bits), default=0)


@forall(BITS)
def test_the_last_run_is_found(bits: list[bool]) -> None:
    """The run that ends with the last bit, of which the bit may be none."""
    number = sum(1 << place for place, one in enumerate(bits) if one)
    assert last_run(number, len(bits) - 1) == len(list(itertools.takewhile(bool, reversed(bits))))


@pytest.mark.parametrize("period", ["day", "week", "month", "quarter", "year", None])
def test_the_first_year_that_dates_may_have_begins_at_0(period: str | None) -> None:
    """No date of the wire has a number below 0, which could be no bit, nor one that takes much room."""
    assert period_number(period, dt.date(YEAR_MIN, 1, 1)) == 0
    assert 0 < period_number(period, dt.date(YEAR_MAX, 12, 31)) < 402_000


DAYS = st.dates(dt.date(2026, 1, 1), dt.date(2026, 3, 1))
POINTS = st.lists(st.builds(Point, DAYS, st.integers(0, 9), st.integers(-9, 9).map(str)), max_size=20)


@forall(
    POINTS,
    st.sampled_from(["count", "average", "recurring", "delta"]),
    st.sampled_from(["increase", "decrease", "keep_above", "keep_below"]),
    st.sampled_from([None, "percent", "points"]),
    st.lists(st.integers(-9, 9).map(str), min_size=4, max_size=4),
)
def test_another_target_judges_every_period_anew(
    points: list[Point], kind: str, direction: str, mode: str | None, numbers: list[str]
) -> None:
    """After a revision the tally is what it would be had the target and the baseline always been these."""
    before = Measure(
        measure="0199c0de-0000-7000-8000-000000000001",
        name="Talks",
        kind=kind,
        direction=direction,
        unit="talks",
        target=numbers[0],
        baseline=numbers[1],
        period="week",
        delta_mode=mode,
    )
    after = msgspec.structs.replace(before, target=numbers[2], baseline=numbers[3])
    unique = list({(point.on, point.version): point for point in points}.values())
    assert judged(tally_of(before, unique), after) == tally_of(after, unique)
