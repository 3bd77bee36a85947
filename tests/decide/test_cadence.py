"""Due dates, what keeps to them and what is overdue."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from milepost.decide.cadence import Standing, due_on, next_due, number_from, standing
from milepost.decide.goal.clock import date_in
from milepost_contracts.types import Cadence

D = dt.date
CADENCES = st.builds(
    Cadence,
    rhythm=st.sampled_from(["weekly", "bi_weekly", "monthly"]),
    anchor=st.dates(D(1990, 1, 1), D(2100, 1, 1)),
) | st.builds(
    Cadence,
    rhythm=st.just("days"),
    anchor=st.dates(D(1990, 1, 1), D(2100, 1, 1)),
    days=st.integers(1, 366),
)


def weekly() -> Cadence:
    return Cadence(rhythm="weekly", anchor=D(2026, 1, 5))


def test_a_month_cadence_on_day_31_means_the_last_day() -> None:
    """Months without the anchor's day are due on their last day, and the next one on the anchor's day again."""
    cadence = Cadence(rhythm="monthly", anchor=D(2027, 12, 31))
    assert [due_on(cadence, number) for number in range(6)] == [
        D(2027, 12, 31),
        D(2028, 1, 31),
        D(2028, 2, 29),
        D(2028, 3, 31),
        D(2028, 4, 30),
        D(2028, 5, 31),
    ]


@pytest.mark.parametrize(
    ("rhythm", "days", "third"),
    [
        ("weekly", None, D(2026, 1, 19)),
        ("bi_weekly", None, D(2026, 2, 2)),
        ("monthly", None, D(2026, 3, 5)),
        ("days", 10, D(2026, 1, 25)),
    ],
)
def test_every_rhythm_counts_from_its_anchor(rhythm: str, days: int | None, third: dt.date) -> None:
    """The anchor is the first due date, and the rhythm leads to the others."""
    cadence = Cadence(rhythm=rhythm, anchor=D(2026, 1, 5), days=days)
    assert due_on(cadence, 0) == D(2026, 1, 5)
    assert due_on(cadence, 2) == third


def test_nothing_is_due_before_the_anchor() -> None:
    """Long before its anchor a cadence is next due on the anchor."""
    for cadence in (weekly(), Cadence(rhythm="monthly", anchor=D(2026, 1, 5))):
        assert next_due(cadence, D(2020, 6, 1)) == D(2026, 1, 5)


def test_a_rhythm_from_the_future_is_read_as_weekly() -> None:
    """Enumerations of events are open: a rhythm that this code does not know still gives due dates."""
    assert due_on(Cadence(rhythm="fortnightly", anchor=D(2026, 1, 5)), 1) == D(2026, 1, 12)


@forall(CADENCES, st.dates(D(1980, 1, 1), D(2120, 1, 1)))
def test_the_first_due_date_from_a_day_is_the_first(cadence: Cadence, on: dt.date) -> None:
    """number_from finds the due date with nothing between it and the day, however far from the anchor."""
    number = number_from(cadence, on)
    assert due_on(cadence, number) >= on or number == 0
    assert number == 0 or due_on(cadence, number - 1) < on
    assert due_on(cadence, number + 1) > due_on(cadence, number)


def test_a_check_in_within_the_grace_meets_its_due_date() -> None:
    """Three days late still meets the date; one day more meets the next one and ends the streak."""
    kept = standing(weekly(), [D(2026, 1, 5), D(2026, 1, 15)], D(2026, 1, 15), since=D(2026, 1, 1))
    assert (kept.streak, kept.next_due) == (2, D(2026, 1, 19))
    late = standing(weekly(), [D(2026, 1, 5), D(2026, 1, 16)], D(2026, 1, 16), since=D(2026, 1, 1))
    assert (late.streak, late.best, late.next_due) == (1, 1, D(2026, 1, 26))


def test_a_due_date_is_overdue_when_its_grace_has_run_out() -> None:
    """On the last day of grace a check-in is due, on the next it is overdue since its date."""
    due = standing(weekly(), [], D(2026, 1, 8), since=D(2026, 1, 1))
    assert due == Standing(next_due=D(2026, 1, 5))
    overdue = standing(weekly(), [], D(2026, 1, 9), since=D(2026, 1, 1))
    assert overdue == Standing(next_due=D(2026, 1, 12), overdue_since=D(2026, 1, 5), missed=1)


def test_overdue_is_since_the_first_missed_date_after_the_last_check_in() -> None:
    """Three missed in a row are told as three, since the first; a late talk puts an end to it."""
    missed = standing(weekly(), [D(2026, 1, 5)], D(2026, 1, 30), since=D(2026, 1, 1))
    assert (missed.overdue_since, missed.missed, missed.streak, missed.best) == (D(2026, 1, 12), 3, 0, 1)
    healed = standing(weekly(), [D(2026, 1, 5), D(2026, 1, 31)], D(2026, 1, 31), since=D(2026, 1, 1))
    assert (healed.overdue_since, healed.missed, healed.streak) == (None, 0, 1)


def test_no_check_in_is_expected_before_the_goal_is_active() -> None:
    """Due dates before the activation are nobody's, and without one nothing is due at all."""
    kept = standing(weekly(), [], D(2026, 3, 2), since=D(2026, 3, 1))
    assert kept == Standing(next_due=D(2026, 3, 2))
    assert standing(weekly(), [D(2026, 3, 2)], D(2026, 3, 2), since=None) == Standing()


def test_a_pause_breaks_no_streak_and_expects_nothing() -> None:
    """Due dates within a pause are left out of the streak; while it lasts nothing is due or overdue."""
    held = [D(2026, 1, 5), D(2026, 1, 12), D(2026, 2, 9)]
    pauses: list[tuple[dt.date, dt.date | None]] = [(D(2026, 1, 17), D(2026, 2, 5))]
    after = standing(weekly(), held, D(2026, 2, 10), since=D(2026, 1, 1), pauses=pauses)
    assert (after.streak, after.best, after.overdue_since) == (3, 3, None)
    during = standing(weekly(), held[:2], D(2026, 2, 2), since=D(2026, 1, 1), pauses=[(D(2026, 1, 17), None)])
    assert during == Standing(streak=2, best=2)


def test_a_pause_is_left_out_of_what_was_missed() -> None:
    """Only due dates outside the pause are missed."""
    pauses: list[tuple[dt.date, dt.date | None]] = [(D(2026, 1, 10), D(2026, 1, 24))]
    kept = standing(weekly(), [D(2026, 1, 5)], D(2026, 2, 1), since=D(2026, 1, 1), pauses=pauses)
    assert (kept.missed, kept.overdue_since) == (1, D(2026, 1, 26))


def test_a_closed_goal_stands_as_it_was_closed() -> None:
    """After the closing nothing is due, and the streak is the one of that day."""
    held = [D(2026, 1, 5), D(2026, 1, 12)]
    closed = standing(weekly(), held, D(2026, 6, 1), since=D(2026, 1, 1), until=D(2026, 1, 14))
    assert closed == Standing(streak=2, best=2)


def test_the_date_that_people_agreed_on_goes_before_the_cadence() -> None:
    """The next check-in is due when the last one said, with or without a cadence."""
    for cadence in (weekly(), None):
        kept = standing(cadence, [D(2026, 1, 5)], D(2026, 1, 20), since=D(2026, 1, 1), agreed=D(2026, 1, 26))
        assert (kept.next_due, kept.overdue_since) == (D(2026, 1, 26), None)
        late = standing(cadence, [D(2026, 1, 5)], D(2026, 1, 30), since=D(2026, 1, 1), agreed=D(2026, 1, 26))
        assert (late.next_due, late.overdue_since, late.missed) == (D(2026, 1, 26), D(2026, 1, 26), 1)


def test_without_cadence_and_agreed_date_nothing_is_due() -> None:
    """A goal that nobody gave a rhythm has none."""
    assert standing(None, [D(2026, 1, 5)], D(2026, 6, 1), since=D(2026, 1, 1)) == Standing()


def test_check_ins_after_today_and_before_the_goal_are_not_counted() -> None:
    """Only what was held while the goal ran meets its due dates."""
    kept = standing(weekly(), [D(2025, 12, 29), D(2026, 1, 19)], D(2026, 1, 6), since=D(2026, 1, 1))
    assert (kept.streak, kept.best) == (0, 0)


def test_the_best_run_is_remembered() -> None:
    """A streak that was broken stays the best one until a longer one comes."""
    held = [D(2026, 1, 5), D(2026, 1, 12), D(2026, 1, 19), D(2026, 2, 9)]
    kept = standing(weekly(), held, D(2026, 2, 10), since=D(2026, 1, 1))
    assert (kept.streak, kept.best) == (1, 3)


@pytest.mark.parametrize(
    ("moment", "overdue"),
    [
        (dt.datetime(2026, 4, 1, 21, 59, tzinfo=dt.UTC), False),  # 23:59 in Berlin, summer time since the 29th
        (dt.datetime(2026, 4, 1, 22, 0, tzinfo=dt.UTC), True),
    ],
)
def test_a_daylight_saving_change_moves_no_due_date(moment: dt.datetime, overdue: bool) -> None:  # noqa: FBT001  a case
    """A date due on the day that the clocks change lasts, with its grace, until midnight where the goal is."""
    cadence = Cadence(rhythm="weekly", anchor=D(2026, 3, 22))
    today = date_in("Europe/Berlin", moment)
    kept = standing(cadence, [D(2026, 3, 22)], today, since=D(2026, 3, 22))
    assert (kept.overdue_since == D(2026, 3, 29)) is overdue
    assert kept.streak == (0 if overdue else 1)


@forall(CADENCES, st.integers(0, 40), st.integers(0, 3), st.data())
def test_who_always_comes_in_time_has_an_unbroken_streak(
    cadence: Cadence, dues: int, grace_days: int, data: st.DataObject
) -> None:
    """With a check-in on every due date or within its grace, nothing is overdue and the streak counts them all."""
    days = [due_on(cadence, number) for number in range(dues + 1)]
    slack = [min(grace_days, (due_on(cadence, number + 1) - day).days - 1) for number, day in enumerate(days)]
    held = [day + dt.timedelta(days=data.draw(st.integers(0, most))) for day, most in zip(days, slack, strict=True)]
    kept = standing(cadence, held, held[-1], since=cadence.anchor, grace_days=grace_days)
    assert (kept.streak, kept.best, kept.missed) == (dues + 1, dues + 1, 0)
    assert kept.next_due == due_on(cadence, dues + 1)


@forall(
    CADENCES,
    st.lists(st.integers(0, 400), max_size=30),
    st.integers(0, 400),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 60)), max_size=3),
)
def test_what_stands_is_always_consistent(
    cadence: Cadence, held: list[int], now: int, pauses: list[tuple[int, int]]
) -> None:
    """Whatever was held when: the best run is at least the present one, and missed dates lie before today."""
    day = cadence.anchor - dt.timedelta(days=30)
    today = day + dt.timedelta(days=now)
    rests = [(day + dt.timedelta(days=first), day + dt.timedelta(days=first + length)) for first, length in pauses]
    kept = standing(cadence, [day + dt.timedelta(days=number) for number in held], today, since=day, pauses=rests)
    assert kept.best >= kept.streak >= 0
    assert (kept.missed > 0) == (kept.overdue_since is not None)
    assert kept.overdue_since is None or kept.overdue_since < today
    assert kept.next_due is not None
