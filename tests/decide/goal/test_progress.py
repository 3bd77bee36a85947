"""Readings of every kind and direction become current values and progress."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given as forall
from hypothesis import strategies as st
from rpds import HashTrieMap

from milepost.decide.goal.progress import VALUE_MAX, After, after, overall, result, results, share_text, text
from milepost.decide.goal.state import Goal
from milepost.decide.goal.tally import EMPTY, Point, Tally, period_number, tally_of, with_reading, without_reading
from milepost_contracts.types import DecimalText, Measure, MeasureResult

D = dt.date
YES = True
GRADES = ["F", "D", "C", "B", "A"]
M = "0199c0de-0000-7000-8000-00000000000"


def measure(kind: str, target: str, *, direction: str = "increase", **members: Any) -> Measure:
    members = {"measure": M + "1", "name": "Talks", "unit": "talks"} | members
    return Measure(kind=kind, direction=direction, target=target, **members)


def told(definition: Measure, *values: Any, today: dt.date | None = None) -> tuple[Any, str | None, bool]:
    """Return (current, progress, met) after readings; a value stands for one a day from the 5th, a Monday."""
    points = [
        Point(value[0], number, *([value[1]] if not _step(definition, value[1]) else [None, value[1]]))
        for number, value in enumerate(_dated(values), start=1)
    ]
    outcome = result(definition, tally_of(definition, points), today=today)
    return outcome.current, outcome.progress, outcome.met


def _dated(values: tuple[Any, ...]) -> list[tuple[dt.date, Any]]:
    first = D(2026, 1, 5)
    return [
        value if isinstance(value, tuple) else (first + dt.timedelta(days=place), value)
        for place, value in enumerate(values)
    ]


def _step(definition: Measure, value: Any) -> bool:
    return definition.scale is not None and isinstance(value, str)


@pytest.mark.parametrize(
    ("definition", "values", "expected"),
    [
        (measure("count", "3"), [], (None, "0", False)),
        (measure("count", "3"), ["1"], ("1", "0.333333333", False)),
        (measure("count", "3"), ["1", "2"], ("3", "1", True)),
        (measure("count", "3"), ["1", "5"], ("6", "1", True)),
        (measure("count", "3"), ["-1"], ("-1", "0", False)),
        (measure("count", "5", baseline="2"), ["1"], ("3", "0.333333333", False)),
        (measure("count", "10", direction="decrease", baseline="40"), ["-15"], ("25", "0.5", False)),
        (measure("count", "10", direction="decrease", baseline="40"), ["-15", "-15"], ("10", "1", True)),
        # A mean needs its samples before it says anything.
        (measure("average", "8", samples_min=3), ["9"], ("9", "0.333333333", False)),
        (measure("average", "8", samples_min=3), ["9", "9", "9"], ("9", "1", True)),
        (measure("average", "8", samples_min=2), ["4", "8", "9"], ("7", "0.875", False)),
        (measure("average", "8"), ["8", "7", "7"], ("7.333333333", "0.916666667", False)),
        (measure("average", "2", direction="decrease"), ["3"], ("3", "0", False)),
        (measure("average", "2", direction="decrease"), ["2"], ("2", "1", True)),
        (measure("average", "2", direction="decrease", baseline="6"), ["4"], ("4", "0.5", False)),
        (measure("average", "3", scale=GRADES), ["C", "A"], ("3", "1", True)),
        # From nine to five, with seven now.
        (measure("delta", "5", direction="decrease", baseline="9"), ["7"], ("7", "0.5", False)),
        (measure("delta", "5", direction="decrease", baseline="9"), ["11"], ("11", "0", False)),
        (measure("delta", "5", direction="decrease", baseline="9"), ["4"], ("4", "1", True)),
        (measure("delta", "5", direction="decrease", baseline="9"), ["4", "7"], ("7", "0.5", False)),
        (measure("delta", "10", delta_mode="percent", baseline="70"), ["73.5"], ("73.5", "0.5", False)),
        (measure("delta", "10", delta_mode="percent", baseline="70"), ["77"], ("77", "1", True)),
        (measure("delta", "10", delta_mode="percent", baseline="-70"), ["-66.5"], ("-66.5", "0.5", False)),
        (measure("delta", "10", direction="decrease", delta_mode="percent", baseline="70"), ["63"], ("63", "1", True)),
        (measure("delta", "-10", direction="decrease", delta_mode="percent", baseline="70"), ["63"], ("63", "1", True)),
        (measure("delta", "2", delta_mode="points", baseline="2"), ["3"], ("3", "0.5", False)),
        (measure("delta", "2", delta_mode="points", baseline="1", scale=GRADES), ["B"], ("3", "1", True)),
        (measure("delta", "2", delta_mode="points"), ["3"], ("3", "0", False)),
        (measure("delta", "2", delta_mode="percent", baseline="0"), ["3"], ("3", "0", False)),
        (measure("binary", "1"), [False], (False, "0", False)),
        (measure("binary", "1"), [False, True], (True, "1", True)),
        (measure("binary", "1"), [True, False], (False, "0", False)),
        (measure("recurring", "2", period="week", periods_required=2), ["1", "1"], ("2", "0.5", False)),
    ],
)  # fmt: skip
def test_what_readings_make_of_a_measure(definition: Measure, values: list[Any], expected: tuple[Any, ...]) -> None:
    """Each kind gives the current value, the progress and the verdict that its definition says."""
    assert told(definition, *values) == expected


JAN, FEB, MAR, APR = (D(2026, month, 10) for month in (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("definition", "values", "expected"),
    [
        # A month counts by its sum; a month that missed the target counts for nothing, and so does a missing one.
        (measure("recurring", "2", period="month", periods_required=3),
         [(JAN, "1"), (JAN, "1"), (FEB, "1"), (APR, "3")], ("3", "0.666666667", False)),
        (measure("recurring", "2", period="month", periods_required=2),
         [(JAN, "2"), (FEB, "1"), (APR, "3")], ("3", "1", True)),
        (measure("recurring", "5", direction="decrease", period="month", periods_required=2),
         [(JAN, "9"), (FEB, "5")], ("5", "0.5", False)),
        (measure("delta", "70", direction="keep_below", period="month"),
         [(JAN, "75"), (JAN, "69"), (FEB, "70")], ("70", "1", True)),
        (measure("delta", "70", direction="keep_below", period="month"),
         [(JAN, "69"), (FEB, "71"), (APR, "60")], ("60", "0.666666667", False)),
        (measure("delta", "70", direction="keep_above", period="month", periods_required=4),
         [(JAN, "71"), (FEB, "70")], ("70", "0.5", False)),
        (measure("delta", "70", direction="keep_above"), [(JAN, "60"), (FEB, "71")], ("71", "1", True)),
        (measure("delta", "5", direction="keep_below", delta_mode="percent", baseline="100"),
         [(JAN, "105")], ("105", "1", True)),
        (measure("delta", "5", direction="keep_below", delta_mode="percent"), [(JAN, "1")], ("1", "0", False)),
        (measure("count", "3", direction="keep_below", period="month"),
         [(JAN, "2"), (JAN, "1"), (FEB, "4")], ("4", "0.5", False)),
        (measure("count", "3", direction="keep_below", period="month"), [(JAN, "0")], ("0", "1", True)),
        (measure("average", "8", direction="keep_above", period="month", samples_min=3),
         [(JAN, "7"), (JAN, "9")], ("8", "1", False)),
        (measure("average", "8", direction="keep_above", period="month", samples_min=3),
         [(JAN, "7"), (JAN, "9"), (FEB, "8")], ("8", "1", True)),
        (measure("recurring", "2", direction="keep_below", period="month", periods_required=2),
         [(JAN, "1"), (FEB, "2")], ("2", "1", True)),
        (measure("recurring", "2", direction="keep_below", period="month", periods_required=1),
         [(JAN, "1"), (FEB, "3")], ("3", "0.5", False)),
    ],
)  # fmt: skip
def test_periods_are_counted_by_themselves(definition: Measure, values: list[Any], expected: tuple[Any, ...]) -> None:
    """Recurring targets and bands hold or fail period by period, each with its own readings."""
    assert told(definition, *values) == expected


WEEKS = [D(2026, 1, 7) + dt.timedelta(weeks=number) for number in range(8)]
IN_A_ROW = measure("consecutive", "3", period="week")


@pytest.mark.parametrize(
    ("hits", "expected"),
    [
        ({0: True}, ("1", "0.333333333", False)),
        ({0: True, 1: True}, ("2", "0.666666667", False)),
        ({0: True, 1: False}, ("0", "0", False)),
        ({0: True, 1: False, 2: True}, ("1", "0.333333333", False)),
        ({0: True, 2: True}, ("1", "0.333333333", False)),  # a missing period
        ({0: True, 1: True, 2: True}, ("3", "1", True)),
        ({0: True, 1: True, 2: True, 3: False}, ("0", "1", True)),  # it was done, whatever follows
        ({0: False}, ("0", "0", False)),
    ],
)
def test_a_run_grows_until_a_miss(hits: dict[int, bool], expected: tuple[Any, ...]) -> None:
    """Misses and missing periods begin a run anew; a run that reached the target has reached it."""
    assert told(IN_A_ROW, *((WEEKS[week], hit) for week, hit in hits.items())) == expected


def test_the_last_reading_of_a_period_decides_it() -> None:
    """A miss that is put right within its week is a hit, whatever the order in which they were recorded."""
    assert told(IN_A_ROW, (WEEKS[0], False), (WEEKS[0] + dt.timedelta(days=2), True))[0] == "1"
    assert told(IN_A_ROW, (WEEKS[0] + dt.timedelta(days=2), True), (WEEKS[0], False))[0] == "1"


@pytest.mark.parametrize(("weeks_later", "run"), [(0, "1"), (1, "1"), (2, "0")])
def test_a_run_ends_when_a_whole_period_has_passed(weeks_later: int, run: str) -> None:
    """The period that is not over yet may still bring a hit, one that is over without a reading is missing."""
    assert told(IN_A_ROW, (WEEKS[0], True), today=WEEKS[weeks_later])[0] == run


def test_readings_count_by_their_day_and_not_by_their_order() -> None:
    """The current value is the latest day's, and of two on one day the later recorded."""
    definition = measure("delta", "5", direction="decrease", baseline="9")
    assert told(definition, (FEB, "7"), (JAN, "6"))[0] == "7"
    assert told(definition, (FEB, "7"), (FEB, "6"))[0] == "6"


def test_readings_of_another_shape_are_nobodys() -> None:
    """Readings that an earlier definition took are left out where they make no sense to the present one."""
    assert told(measure("count", "3"), YES, "1") == ("1", "0.333333333", False)
    assert told(measure("binary", "1"), "1", YES) == (True, "1", True)
    assert told(measure("average", "1", scale=["F", "A"]), "B", "A", YES) == ("1", "1", True)


@pytest.mark.parametrize(
    ("period", "day", "after"),
    [
        ("day", D(2026, 3, 1), D(2026, 3, 2)),
        ("week", D(2026, 1, 4), D(2026, 1, 5)),  # from Sunday to Monday
        ("week", D(2026, 12, 31), D(2027, 1, 4)),
        ("month", D(2026, 12, 31), D(2027, 1, 1)),
        ("quarter", D(2026, 12, 31), D(2027, 1, 1)),
        ("year", D(2026, 12, 31), D(2027, 1, 1)),
        ("decade", D(2026, 3, 1), D(2026, 3, 2)),  # unknown to this code: days
    ],
)
def test_consecutive_periods_have_consecutive_numbers(period: str, day: dt.date, after: dt.date) -> None:
    """The last day of a period and the first of the next one are one apart, over every edge of the calendar."""
    assert period_number(period, after) - period_number(period, day) == 1


def test_progress_is_weighted() -> None:
    """A goal's progress is the mean of its measures by their weight; a measure without readings is at 0."""
    one, two, three = (
        measure("binary", "1", measure=M + "1", weight="3"),
        measure("count", "4", measure=M + "2", weight="1"),
        measure("count", "4", measure=M + "3", weight="2"),
    )
    yes, half = Point(JAN, 1, value=True), Point(JAN, 1, "2")
    tallies = [(one, tally_of(one, [yes])), (two, tally_of(two, [half])), (three, EMPTY)]
    results_, progress = overall(tallies)
    assert progress == "0.583333333"
    assert [outcome.progress for outcome in results_] == ["1", "0.5", "0"]


def test_nothing_short_of_everything_is_told_as_one() -> None:
    """Rounding never says reached of what is not."""
    assert told(measure("count", "100000000000"), "99999999999.9") == ("99999999999.9", "0.999999999", False)


def test_a_goal_without_measures_has_no_progress() -> None:
    """None is defined, so it is null and not 0."""
    assert results(goal("a")) == ([], None)
    assert overall([]) == ([], None)


def test_weights_that_are_none_leave_no_progress() -> None:
    """A measure from elsewhere without weight counts for nothing."""
    assert overall([(measure("count", "3", weight="0"), EMPTY)])[1] is None


def goal(name: str, share: str | None = None, **members: Any) -> Goal:
    """Return a goal, whose only measure stands at *share* of 1."""
    made = Goal(id=name, owner="user:" + M + "9", **members)
    if share is None:
        return made
    definition = measure("delta", "1", baseline="0")
    return msgspec.structs.replace(
        made,
        measures=HashTrieMap({definition.measure: definition}),
        tallies=HashTrieMap({definition.measure: tally_of(definition, [Point(JAN, 1, share)])}),
    )


def above(name: str, **children: str) -> Goal:
    """Return a goal that takes its progress from *children*, each with its weight."""
    return goal(name, progress_from="children", children=HashTrieMap(children))


def test_progress_from_children_is_weighted_over_every_level() -> None:
    """Children count by their weight, those without progress not at all, and children of children through them."""
    goals = {
        one.id: one
        for one in (above("top", a="0.5", b="1", c="1", gone="1"), goal("a", "1"), above("b", d="1"), goal("c"))
    } | {"d": goal("d", "0.4")}
    assert results(goals["top"], child=goals.get) == ([], "0.6")


def test_progress_from_children_is_unknown_without_them() -> None:
    """Who cannot read the children, or has none, is told null and not a number."""
    assert results(above("top", a="1")) == ([], None)
    assert results(above("top"), child=lambda _: None) == ([], None)


def test_a_loop_in_a_broken_history_still_ends() -> None:
    """A goal that would be below itself adds nothing to itself."""
    goals = {"a": above("a", b="1", c="1"), "b": above("b", a="1"), "c": goal("c", "0.5")}
    assert results(goals["a"], child=goals.get) == ([], "0.5")


def test_a_deep_and_wide_graph_is_worked_out_once_a_goal() -> None:
    """Two thousand levels, each serving two goals of the level above, are told at once."""
    goals = {"0": goal("0", "0.25")}
    for level in range(1, 2001):
        goals |= {str(level): above(str(level), **{str(level - 1): "1", str(max(level - 2, 0)): "1"})}
    assert results(goals["2000"], child=goals.get) == ([], "0.25")


NUMBERS = st.decimals(min_value=-VALUE_MAX, max_value=VALUE_MAX, allow_nan=False, allow_infinity=False, places=9).map(
    text
)
KINDS = ("count", "average", "consecutive", "recurring", "delta", "binary")


@st.composite
def measures(draw: st.DrawFn) -> Measure:
    """Draw any definition that the wire can carry, sensible or not."""
    return measure(
        draw(st.sampled_from(KINDS)),
        draw(NUMBERS),
        direction=draw(st.sampled_from(["increase", "decrease", "keep_above", "keep_below"])),
        baseline=draw(st.none() | NUMBERS),
        period=draw(st.none() | st.sampled_from(["day", "week", "month", "quarter", "year"])),
        periods_required=draw(st.none() | st.integers(1, 5)),
        samples_min=draw(st.none() | st.integers(1, 5)),
        delta_mode=draw(st.none() | st.sampled_from(["percent", "points"])),
        scale=draw(st.none() | st.just(["F", "D", "C"])),
        weight=draw(NUMBERS),
    )


POINTS = st.lists(
    st.builds(
        Point,
        st.dates(D(2026, 1, 1), D(2026, 4, 1)) | st.dates(D(1900, 1, 1), D(2999, 12, 31)),
        st.just(0),
        st.none() | st.booleans() | NUMBERS,
        st.none() | st.sampled_from(["F", "C", "nothing"]),
    ),
    max_size=12,
).map(lambda points: [point._replace(version=version) for version, point in enumerate(points)])


@forall(measures(), POINTS, st.dates(D(2026, 1, 1), D(2026, 5, 1)))
def test_whatever_is_read_the_result_fits_the_wire(definition: Measure, points: list[Point], today: dt.date) -> None:
    """Huge values, odd definitions and any dates give decimal text of the wire, progress from 0 to 1, 1 if met."""
    tally = tally_of(definition, points)
    outcome = result(definition, tally, today=today)
    assert msgspec.json.decode(msgspec.json.encode(outcome), type=MeasureResult) == outcome
    assert outcome.progress is not None
    assert 0 <= Decimal(outcome.progress) <= 1
    if outcome.met:
        assert outcome.progress == "1"
    progress = overall([(definition, tally)])[1]
    assert progress is None or 0 <= Decimal(progress) <= 1


@forall(measures(), POINTS, st.randoms(use_true_random=False))
def test_a_tally_forgets_what_leaves_it(definition: Measure, points: list[Point], order: Any) -> None:
    """Readings may come in any order and leave again: what is left is the tally of the others."""
    tally = EMPTY
    for point in order.sample(points, len(points)):
        tally = with_reading(tally, definition, point)
    assert tally == tally_of(definition, points)
    leaving = points[::2]
    for point in leaving:
        tally = without_reading(tally, definition, point)
    assert tally == tally_of(definition, points[1::2])
    for point in leaving:
        assert without_reading(tally, definition, point) == tally


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("1E+3"), "1000"),
        (Decimal("-0"), "0"),
        (Decimal("0.0000000004"), "0"),
        (Decimal("-1.5000"), "-1.5"),
        (VALUE_MAX * 10, text(VALUE_MAX)),
        (-VALUE_MAX * 10, text(-VALUE_MAX)),
    ],
)
def test_decimal_text_is_plain(value: Decimal, expected: str) -> None:
    """No exponent, no sign of nothing, no trailing zeros, nothing beyond the wire's eighteen digits."""
    assert text(value) == expected
    assert msgspec.convert(expected, DecimalText) == expected


def test_a_share_is_one_only_when_it_is() -> None:
    """The last place is kept back for what is not whole."""
    assert share_text(Decimal(1)) == "1"
    assert share_text(Decimal("0.9999999999")) == "0.999999999"


@forall(measures(), POINTS, st.dates(dt.date(1990, 1, 1), dt.date(2050, 1, 1)))
def test_a_reading_leaves_what_its_goal_then_shows(definition: Measure, points: list[Point], today: dt.date) -> None:
    """What a reading's event says of measure and goal is what is worked out of the goal afterwards."""
    tally = tally_of(definition, points)
    told = standing(definition, tally, today)
    results_then, progress_then = overall([(definition, tally)], today=today)
    assert (told.current, told.progress) == (results_then[0].current, progress_then)


def standing(definition: Measure, tally: Tally, today: dt.date = JAN) -> After:
    """Return what *tally* makes of a goal with this one measure."""
    one = Goal(id="one", owner="user:one", measures=HashTrieMap({definition.measure: definition}))
    return after(one, definition, tally, today=today, child=lambda _: None)


def test_a_sum_that_leaves_the_wire_is_known() -> None:
    """Two readings that the wire can say may have a sum that it cannot."""
    definition = measure("count", "3")
    most = Point(JAN, 1, text(VALUE_MAX))
    assert standing(definition, tally_of(definition, [most])).fits
    assert not standing(definition, tally_of(definition, [most, most._replace(version=2)])).fits
    assert standing(definition, EMPTY).fits
