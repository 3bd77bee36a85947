"""Expected progress, the health derived from it, and a person's override."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from milepost.decide.goal.health import derived, expected, health_of
from milepost_contracts.commands.goal import SetHealth
from milepost_contracts.events.goal import Activated, HealthSet, Paused, ScheduleSet
from milepost_contracts.types import Schedule
from tests.support.goals import active, closed, drafted
from tests.support.scenario import ADMIN, MENTEE, MENTOR, STRANGER, TODAY, Scenario, day

START, END = TODAY, day(100)


@pytest.mark.parametrize(
    ("progress", "health"),
    [
        ("0.7", "on_track"),
        ("0.5", "on_track"),
        ("0.335", "on_track"),  # 16.5 points behind
        ("0.334999999", "at_risk"),
        ("0.17", "at_risk"),  # 33 points behind
        ("0.169999999", "off_track"),
        ("0", "off_track"),
    ],
)
def test_health_is_how_far_progress_is_behind_the_clock(progress: str, health: str) -> None:
    """Half of the time has passed: up to 16.5 points behind is on track, up to 33 at risk, more is off track."""
    assert derived(progress, START, END, day(50)) == health


@pytest.mark.parametrize(("progress", "start", "deadline"), [(None, START, END), ("1", None, END), ("1", START, None)])
def test_health_is_unknown_without_progress_or_dates(
    progress: str | None, start: dt.date | None, deadline: dt.date | None
) -> None:
    """Nothing is derived from what nobody said."""
    assert derived(progress, start, deadline, day(50)) == "unknown"


@pytest.mark.parametrize(("today", "share"), [(-5, "0"), (0, "0"), (25, "0.25"), (100, "1"), (140, "1")])
def test_the_clock_runs_from_start_to_deadline(today: int, share: str) -> None:
    """Nothing is expected before the start, everything from the deadline on."""
    assert expected(START, END, day(today)) == Decimal(share)


def test_a_goal_of_one_day_is_expected_whole_on_it() -> None:
    """Start and deadline on one day divide by nothing."""
    assert expected(START, START, day(-1)) == 0
    assert expected(START, START, START) == 1


@pytest.mark.parametrize(
    ("pauses", "share"),
    [
        ([(day(10), day(30))], "0.3"),
        ([(day(10), None)], "0.1"),
        ([(day(40), day(60))], "0.4"),
        ([(day(60), day(70))], "0.5"),
        ([(day(10), day(30)), (day(20), day(40))], "0.2"),
        ([(day(10), day(40)), (day(20), day(30))], "0.2"),
        ([(day(-10), day(10))], "0.4"),
    ],
)
def test_a_pause_stops_the_clock(pauses: list[tuple[dt.date, dt.date | None]], share: str) -> None:
    """On day 50 of 100 the days of a pause have not elapsed, those of two at once are left out once."""
    assert expected(START, END, day(50), pauses) == Decimal(share)


DAYS = st.integers(0, 120).map(day)


@forall(st.lists(st.tuples(DAYS, st.none() | DAYS), max_size=4), DAYS, DAYS)
def test_the_clock_never_runs_backward(
    pauses: list[tuple[dt.date, dt.date | None]], one: dt.date, other: dt.date
) -> None:
    """Whatever pauses there are, a later day expects at least as much, and between nothing and everything."""
    early, late = sorted((one, other))
    shares = [expected(START, END, today, pauses) for today in (early, late)]
    assert 0 <= shares[0] <= shares[1] <= 1


def test_the_clock_of_a_goal_starts_with_its_activation_or_as_scheduled() -> None:
    """A draft has no clock; an active goal's starts where its schedule says, else on the day of activation."""
    assert health_of(drafted().goal, "0", day(80)) == "unknown"
    scenario = active()  # 90 days from today
    assert health_of(scenario.goal, "0.5", day(45)) == "on_track"
    assert health_of(scenario.goal, "0", day(45)) == "off_track"
    scenario.given(ScheduleSet(before=Schedule(), after=Schedule(start_on=day(30))))
    assert health_of(scenario.goal, "0", day(45)) == "at_risk"


def test_a_paused_goal_does_not_fall_behind() -> None:
    """While it rests a goal keeps the health that it had."""
    scenario = active().given(Paused(paused_on=day(9), reason="illness"))
    assert health_of(scenario.goal, "0", day(80)) == "on_track"


def set_health(
    scenario: Scenario, by: str = MENTEE, *, health: str = "at_risk", until: dt.date | None = None
) -> Scenario:
    return scenario.when(by, SetHealth, health=health, reason="My mentor is away", until=until or day(14))


def test_a_person_overrides_the_health_until_a_day() -> None:
    """The override holds through its last day and ends by itself."""
    scenario = set_health(active())
    scenario.then(HealthSet(health="at_risk", reason="My mentor is away", until=day(14)))
    assert health_of(scenario.goal, "1", day(14)) == "at_risk"
    assert health_of(scenario.goal, "1", day(15)) == "on_track"


def test_an_override_wants_a_reason_and_a_day_that_is_not_over() -> None:
    """Both are told at once."""
    active().when(MENTOR, SetHealth, health="at_risk", reason=" \n", until=day(-1)).refused(
        "reason_missing", "until_past"
    )


def test_the_day_of_an_override_is_one_in_the_goals_zone() -> None:
    """In Auckland it is tomorrow already while it is still today in UTC."""
    scenario = active().given(ScheduleSet(before=Schedule(), after=Schedule(time_zone="Pacific/Auckland")))
    scenario.at(dt.datetime.combine(TODAY, dt.time(20), dt.UTC))
    set_health(scenario, until=TODAY).refused("until_past")
    set_health(scenario, until=day(1)).tags("health_set")


def test_the_same_override_changes_nothing() -> None:
    """Health and day as they are: accepted without an event."""
    set_health(set_health(active())).nothing()


def test_another_override_replaces_the_first() -> None:
    """The last one holds."""
    scenario = set_health(set_health(active()), MENTOR, health="on_track")
    assert scenario.goal.health == ("on_track", day(14))


@pytest.mark.parametrize("by", [STRANGER, ADMIN])
def test_only_parties_override(by: str) -> None:
    """Who is no party is refused."""
    set_health(active(), by).refused("not_allowed")


def test_nothing_is_overridden_once_it_is_closed() -> None:
    """A closed goal has a result, not a health."""
    set_health(closed()).refused("goal_closed")


def test_a_goal_resumed_from_elsewhere_has_a_clock() -> None:
    """An activation is all that it takes."""
    scenario = drafted().given(Activated(revision=3, activated_on=day(-90)))
    assert health_of(scenario.goal, "0.5", TODAY) == "on_track"
