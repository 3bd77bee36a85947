"""Progress is that of Milepost itself: decreasing, control and all other measures, whatever was corrected."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from milepost_okr.measures import Value, progress, share_text
from milepost_okr.measures import tally_of as own_tally_of
from milepost_okr.measures import weighted as own_weighted
from milepost_okr.noting import defined

from milepost.decide.goal.progress import result, weighted
from milepost.decide.goal.tally import Point, tally_of
from milepost_contracts.events import goal as events
from milepost_contracts.testing.story import uid
from milepost_contracts.types import Measure
from tests.plugins.okr.telling import Company

DAY = dt.date(2026, 1, 5)
HEAD = (DAY, DAY, 1)
DIRECTIONS = ("increase", "decrease", "keep_above", "keep_below")
NUMBERS = st.decimals(min_value=-20, max_value=40, places=1, allow_nan=False).map(lambda number: format(number, "f"))


@st.composite
def measures(draw: st.DrawFn) -> Measure:
    """Any measure that Milepost would accept, and some that it would not."""
    kind = draw(st.sampled_from(["count", "average", "consecutive", "recurring", "delta", "binary"]))
    yes_or_no = kind in ("consecutive", "binary")
    direction = "increase" if yes_or_no else draw(st.sampled_from(DIRECTIONS))
    periodic = kind in ("consecutive", "recurring") or direction.startswith("keep")
    terms: dict[str, Any] = {"target": "1" if kind == "binary" else str(draw(st.integers(1, 5)))}
    if not yes_or_no:
        terms = {"target": draw(NUMBERS), "baseline": draw(st.none() | NUMBERS)}
    if periodic:
        terms["period"] = draw(st.sampled_from(["day", "week", "month", "quarter", "year", None]))
        terms["periods_required"] = draw(st.none() | st.integers(1, 5))
    if kind == "average":
        terms["samples_min"] = draw(st.none() | st.integers(1, 5))
    if kind == "delta":
        terms["delta_mode"] = draw(st.sampled_from([None, "percent", "points"]))
    if kind in ("delta", "average") and draw(st.booleans()):
        terms["scale"] = ["F", "D", "C", "B", "A"]
    return Measure(measure=uid("m"), name="M", kind=kind, direction=direction, unit="u", **terms)


READINGS = st.lists(
    st.tuples(st.integers(0, 120), NUMBERS, st.booleans(), st.sampled_from(["F", "D", "C", "B", "A", "E"])), max_size=12
)


@given(measures(), READINGS, st.none() | st.integers(0, 160))
@settings(max_examples=400, deadline=None)
def test_any_measure_comes_to_what_milepost_says(
    measure: Measure, readings: list[tuple[int, str, bool, str]], today: int | None
) -> None:
    """For every kind, direction, period and scale, in any order of days, the progress is Milepost's own."""
    day = None if today is None else DAY + dt.timedelta(days=today)
    told = [(DAY + dt.timedelta(days=on), number, yes, step) for on, number, yes, step in readings]
    yes_or_no = measure.kind in ("consecutive", "binary")

    def value(number: str, yes: bool) -> str | bool | None:  # noqa: FBT001  a reading
        return yes if yes_or_no else None if measure.scale else number

    points = [Point(on, order, value(n, y), s if measure.scale else None) for order, (on, n, y, s) in enumerate(told)]
    values = [Value(one.on, one.version, one.value, one.step) for one in points]
    expected = result(measure, tally_of(measure, points), today=day).progress
    own = defined(measure, HEAD)
    assert share_text(progress(own, own_tally_of(own, reversed(values)), day)) == expected


@given(
    st.lists(
        st.tuples(
            st.integers(1, 9).map(Decimal), st.fractions(0, 1).map(lambda f: Decimal(f.numerator) / f.denominator)
        )
    )
)
def test_goals_are_weighted_as_milepost_does(parts: list[tuple[Decimal, Decimal]]) -> None:
    """The weighted mean of measures is Milepost's own, and nobody's where there is no measure."""
    assert own_weighted(parts) == weighted(parts)


@pytest.mark.parametrize(
    ("terms", "readings", "expected"),
    [
        ({"direction": "decrease", "baseline": "9", "target": "5"}, ["7"], "0.5"),
        ({"direction": "decrease", "baseline": "9", "target": "5"}, ["7", "10"], "0"),
        ({"direction": "decrease", "baseline": "9", "target": "5"}, ["4"], "1"),
        ({"direction": "decrease", "baseline": "40", "target": "10", "delta_mode": "percent"}, ["38"], "0.5"),
        ({"direction": "increase", "baseline": "-10", "target": "10"}, ["-5"], "0.25"),
        ({"direction": "keep_below", "baseline": None, "target": "5"}, ["4"], "1"),
        ({"direction": "keep_below", "baseline": None, "target": "5"}, ["6"], "0"),
        ({"direction": "keep_above", "baseline": None, "target": "95"}, ["99", "94"], "0"),
    ],
)
def test_decreasing_and_control_measures_come_out_right(
    terms: dict[str, Any], readings: list[str], expected: str
) -> None:
    """From 9 to 5 with 7 now is a half; a control measure is met in its band and not outside of it."""
    company = Company()
    goal = company.goal(measured=False)
    company.measure(goal, **terms)
    for reading in readings:
        goal.reading(reading)
    assert company.score("sales-1") == expected


def test_a_control_measure_by_periods_counts_the_periods_in_band() -> None:
    """Two of three months in band, of four that are wanted, are a half: each by its last reading."""
    company = Company()
    goal = company.goal(measured=False)
    terms: dict[str, Any] = {
        "direction": "keep_below",
        "baseline": None,
        "target": "5",
        "period": "month",
        "periods_required": 4,
    }
    company.measure(goal, **terms)
    for month, value in ((1, "9"), (1, "4"), (2, "6"), (3, "5")):
        company.on(dt.date(2026, month, 20 if value != "4" else 21))
        goal.reading(value)
    assert company.score("sales-1") == "0.5"


def test_a_run_of_hits_ends_with_a_period_that_has_none() -> None:
    """Hits of the first and third week are a run of one; three in a row are reached, whatever follows."""
    company = Company()
    goal = company.goal(measured=False)
    company.measure(goal, kind="consecutive", direction="increase", baseline=None, target="3", period="week")

    def hit(day: int, *, yes: bool = True) -> str | None:
        company.on(dt.date(2026, 1, day))
        goal.reading(yes)
        return company.score("sales-1")

    assert [hit(5), hit(19), hit(26)] == ["0.3333", "0.3333", "0.6666"]
    company.on(dt.date(2026, 2, 2))
    goal.reading(value=False)
    assert company.score("sales-1") == "0"
    for week in range(3):
        company.on(dt.date(2026, 2, 9 + 7 * week))
        goal.reading(value=True)
    company.on(dt.date(2026, 3, 2))
    goal.reading(value=False)
    assert company.score("sales-1") == "1"


@pytest.mark.parametrize(("day", "before", "after"), [(18, "0.3333", "0"), (25, "0.3333", "0.3333")])
def test_a_run_is_over_when_an_event_tells_that_a_period_went_by(day: int, before: str, after: str) -> None:
    """A week without a reading breaks a run once anything is told of the goal; the cycle's last day is the latest."""
    company = Company()
    goal = company.goal(measured=False)
    company.measure(goal, kind="consecutive", direction="increase", baseline=None, target="3", period="week")
    company.on(dt.date(2026, 3, day))
    goal.reading(value=True)
    assert company.score("sales-1") == before
    company.on(dt.date(2026, 5, 1))
    company.talk(goal, 5)
    assert company.score("sales-1") == after


def test_a_run_told_when_it_is_over_already_is_none() -> None:
    """Today's entry of a hit of three weeks ago is no run: by today it is over."""
    company = Company()
    goal = company.goal(measured=False)
    company.measure(goal, kind="consecutive", direction="increase", baseline=None, target="3", period="week")
    company.on(dt.date(2026, 3, 25))
    for day in (2, 3):
        goal.reading(value=True, on=dt.date(2026, 3, day))
        assert company.score("sales-1") == "0"


def test_a_revised_target_counts_from_then_on_with_its_baseline_or_the_old_one() -> None:
    """A target alone keeps the baseline; one that comes with a baseline changes both; a retired measure is none."""
    company = Company()
    goal = company.goal()
    goal.reading("7")
    told: dict[str, Any] = {"measure": uid("measure"), "old": "5"}
    goal.add(events.TargetRevised(**told, new="1"))
    assert company.score("sales-1") == "0.25"
    goal.add(events.TargetRevised(**told, new="5", new_baseline="11"))
    assert company.score("sales-1") == "0.6666"
    goal.add(events.MeasureRetired(measure=uid("measure")))
    assert company.score("sales-1") is None
    company.measure(goal)
    assert company.score("sales-1") == "0.5"
