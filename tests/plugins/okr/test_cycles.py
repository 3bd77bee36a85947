"""Goals that move between cycles come out right: what they left stays, what comes begins anew, when it happened."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from milepost_contracts.events import goal as events
from milepost_contracts.events import programme as programmes
from milepost_contracts.plugin import Delivered
from milepost_contracts.testing import StoryGoal
from milepost_contracts.testing.story import uid
from milepost_contracts.types import Origin, Reading, Schedule, Terms
from tests.plugins.okr.telling import PROGRAMME, Q1, Q1_END, Q2, Q2_END, YEAR, Company

APRIL = dt.date(2026, 4, 3)
ANEW = {"rest": "0.5", "whole": "0.75"}  # 6 on the way from 9 to 5, after 7 in the first quarter


def correct(goal: StoryGoal, reading: Delivered, value: str | None, **how: Any) -> None:
    """Let a reading be put right, or struck."""
    told = reading.data
    before = Reading(reading=told.reading, on=told.on)
    after = None if value is None else Reading(reading=value, on=told.on)
    fixed = {"corrects": reading.id, "measure": told.measure, "strike": value is None, "reason": "A mistake"}
    goal.add(events.ProgressCorrected(before=before, after=after, **fixed), **how)


def carry(company: Company, goal: StoryGoal, cycle: str, **how: Any) -> None:
    """Let *goal* be carried over."""
    old, goal.cycle, goal.programme = goal.cycle, uid(cycle), PROGRAMME
    goal.add(events.CarriedOver(old=old, new=uid(cycle), reason="It goes on"), **how)
    assert goal.story is company.story


def begin(company: Company, goal: StoryGoal) -> None:
    """Let work on *goal* begin."""
    goal.add(events.Activated(revision=1, activated_on=company.story.now.date()))


def placed(**settings: Any) -> Company:
    """Return a company whose cycles are those of a programme."""
    cycles = [Q1 | {"programme_cycles": [uid("first")]}, Q2 | {"programme_cycles": [uid("second")]}]
    return Company(cycles=cycles, **settings)


@pytest.mark.parametrize("carried_over", ["rest", "whole"])
@pytest.mark.parametrize("way", ["carried over", "placed", "deadline"])
def test_a_goal_that_moves_stays_as_it_was_and_begins_anew(way: str, carried_over: str) -> None:
    """Whether it is carried over, placed or gets another deadline: the first quarter keeps 0.5, the second begins."""
    company = placed(scoring={"carried_over": carried_over})
    goal = company.goal()
    if way != "deadline":
        company.place(goal, uid("first"))
    goal.reading("7")
    company.on(APRIL)
    if way == "carried over":
        carry(company, goal, "second")
    elif way == "placed":
        company.place(goal, uid("second"))
    else:
        company.shift(goal, Q1_END, Q2_END)
    assert (company.score("sales-1"), company.score("sales-2")) == ("0.5", "0" if carried_over == "rest" else "0.5")
    goal.reading("6")
    assert (company.score("sales-1"), company.score("sales-2")) == ("0.5", ANEW[carried_over])
    goal.close("achieved", score="0.8")
    assert (company.score("sales-1"), company.score("sales-2")) == ("0.5", "0.8")


def test_a_move_counts_when_it_happened() -> None:
    """A move that is told late divides readings by its day, and what was read after it is the next cycle's."""
    company = placed()
    goal = company.goal()
    company.place(goal, uid("first"))
    company.on(dt.date(2026, 2, 1))
    goal.reading("8")
    company.on(dt.date(2026, 3, 1))
    goal.reading("6")
    carry(company, goal, "second", occurred=dt.datetime(2026, 2, 10, tzinfo=dt.UTC))
    assert (company.score("sales-1"), company.score("sales-2")) == ("0.25", "0.6666")


def test_a_late_reading_counts_when_it_happened() -> None:
    """A reading of March that is told in May is the first quarter's, behind newer ones."""
    company = placed()
    goal = company.goal()
    company.place(goal, uid("first"))
    company.on(APRIL)
    carry(company, goal, "second")
    company.on(dt.date(2026, 5, 1))
    goal.reading("6")
    assert (company.score("sales-1"), company.score("sales-2")) == ("0", "0.75")
    goal.reading("7", on=dt.date(2026, 3, 30))
    assert (company.score("sales-1"), company.score("sales-2")) == ("0.5", "0.5")


@pytest.mark.parametrize(("closed_cycles", "after"), [("corrected", "0.75"), ("frozen", "0.25")])
def test_a_correction_changes_a_cycle_that_is_over_unless_it_is_frozen(closed_cycles: str, after: str) -> None:
    """Corrected facts change the number of the first quarter; where that is set, only while it is being graded."""
    company = placed(scoring={"closed_cycles": closed_cycles})
    goal = company.goal()
    company.place(goal, uid("first"))
    reading = goal.reading("7")
    company.on(APRIL)
    carry(company, goal, "second")
    assert company.score("sales-1") == "0.5"
    company.on(dt.date(2026, 4, 14))
    correct(goal, reading, "8")
    assert company.score("sales-1") == "0.25"
    company.on(dt.date(2026, 4, 15))
    correct(goal, reading, "6")
    assert company.score("sales-1") == after


def test_a_late_reading_changes_no_cycle_that_is_frozen() -> None:
    """What is told when the grading is over counts where the goal is then, and not where it was."""
    company = placed(scoring={"closed_cycles": "frozen"})
    goal = company.goal()
    company.place(goal, uid("first"))
    goal.reading("8")
    company.on(APRIL)
    carry(company, goal, "second")
    company.on(dt.date(2026, 4, 20))
    company.talk(goal, 5, on=Q1_END)
    goal.reading("7", on=Q1_END)
    assert (company.score("sales-1"), company.node("sales-1")["confidence"]) == ("0.25", None)


def test_a_goal_that_was_reached_is_reached_in_the_next_cycle_while_it_holds() -> None:
    """Nothing was left of the way: it is all gone, until the measure falls behind again."""
    company = placed()
    goal = company.goal()
    company.place(goal, uid("first"))
    goal.reading("5")
    company.on(APRIL)
    carry(company, goal, "second")
    assert (company.score("sales-1"), company.score("sales-2")) == ("1", "1")
    goal.reading("6")
    assert (company.score("sales-1"), company.score("sales-2")) == ("1", "0")


def test_a_struck_reading_is_nowhere() -> None:
    """Struck, a reading takes its number back, in the cycle that was left and in the one that followed."""
    company = placed()
    goal = company.goal()
    company.place(goal, uid("first"))
    reading = goal.reading("7")
    company.on(APRIL)
    carry(company, goal, "second")
    goal.reading("6")
    correct(goal, reading, None)
    assert (company.score("sales-1"), company.score("sales-2")) == ("0", "0.75")
    correct(goal, reading, "8")
    assert (company.score("sales-1"), company.score("sales-2")) == ("0.25", "0.6666")


def test_what_happens_after_a_cycle_changes_nothing_in_it() -> None:
    """Readings, another target, a retired measure and a reopening after the last day leave its number alone."""
    company = Company()
    goal = company.goal()
    company.measure(goal, "second", direction="increase", baseline="0", target="10")
    goal.reading("7")
    goal.reading("5", measure="second")
    goal.close("partially_achieved", score="0.6", on=dt.date(2026, 1, 5))
    assert company.score("sales-1") == "0.6"
    company.on(dt.date(2026, 5, 1))
    goal.add(events.Reopened(reopened_on=dt.date(2026, 5, 1), revision=1, reason="There is more"))
    goal.reading("5")
    goal.add(events.TargetRevised(measure=uid("second"), old="10", new="5"))
    goal.add(events.MeasureRetired(measure=uid("measure")))
    assert company.score("sales-1") == "0.6"


def test_readings_after_the_last_day_are_not_the_cycles() -> None:
    """Of a goal that nobody moves, what it had come to by the last day counts, in its own time zone."""
    company = Company(cycles=[Q1 | {"ends_on": dt.date(2026, 1, 31)}, Q2])
    goal = company.goal(deadline=dt.date(2026, 1, 31), time_zone="America/Los_Angeles")
    company.story.now = dt.datetime(2026, 2, 1, 7, 0, tzinfo=dt.UTC)  # still the last day there
    goal.add(events.TargetRevised(measure=uid("measure"), old="5", new="1"))
    goal.reading("7", on=dt.date(2026, 1, 31))
    assert company.score("sales-1") == "0.25"
    company.story.now = dt.datetime(2026, 2, 1, 9, 0, tzinfo=dt.UTC)
    goal.add(events.TargetRevised(measure=uid("measure"), old="1", new="5"))
    goal.reading("6", on=dt.date(2026, 2, 1))
    assert company.score("sales-1") == "0.25"


def test_a_time_zone_that_is_set_later_counts_from_then_on() -> None:
    """After `schedule_set` days are those of the new zone; a name that is no zone counts as UTC."""
    for zone, score in (("Pacific/Auckland", "0.5"), ("Mars/Base", "0.25")):
        company = Company()
        goal = company.goal(time_zone="UTC")
        goal.reading("7")
        goal.add(events.ScheduleSet(before=Schedule(), after=Schedule(time_zone=zone)))
        company.story.now = dt.datetime(2026, 3, 31, 13, 0, tzinfo=dt.UTC)  # April in Auckland
        goal.add(events.TargetRevised(measure=uid("measure"), old="5", new="1"))
        assert company.score("sales-1") == score


def test_a_goal_that_left_before_the_cycle_began_leaves_nothing() -> None:
    """What was planned for a quarter and moved on before it began was never in it."""
    company = Company()
    goal = company.goal(deadline=Q2_END)
    goal.reading("7")
    assert company.score("sales-2") == "0.5"
    company.shift(goal, Q2_END, Q1_END)
    assert (company.values("sales-2"), company.score("sales-1")) == ({}, "0.5")


def test_a_draft_that_moves_leaves_nothing() -> None:
    """Where a goal was put before anybody began to work on it is no stay; what it had come to goes with it."""
    company = placed()
    goal = company.goal(begun=False)
    goal.reading("7")
    company.place(goal, uid("second"))
    begin(company, goal)
    assert (company.values("sales-1"), company.score("sales-2")) == ({}, "0.5")


def test_whoever_comes_back_is_as_if_never_gone() -> None:
    """A mistaken move that is undone leaves the first quarter whole; so nothing is counted twice there."""
    company = placed()
    goal = company.goal()
    company.place(goal, uid("first"))
    goal.reading("8")
    company.place(goal, uid("second"))
    goal.reading("7")
    company.place(goal, uid("first"))
    goal.reading("6")
    assert (company.score("sales-1"), company.values("sales-2")) == ("0.75", {})


def test_what_was_done_between_two_cycles_is_the_later_ones() -> None:
    """Progress after the end of a quarter and before the move into the next is lost to neither."""
    company = placed()
    goal = company.goal()
    company.place(goal, uid("first"))
    goal.reading("8")
    company.on(dt.date(2026, 4, 2))
    goal.reading("7")
    company.on(APRIL)
    carry(company, goal, "second")
    assert (company.score("sales-1"), company.score("sales-2")) == ("0.25", "0.3333")


def test_cycles_may_overlap() -> None:
    """A goal that moves from quarter to quarter counts whole for the year, and its share for each quarter."""
    objectives = [{"key": key, "cycle": cycle} for key, cycle in (("a", "q1"), ("b", "q2"), ("c", "2026"))]
    rules = [{"to": key, "focus": ["business"]} for key in "abc"]
    company = Company(cycles=[Q1, Q2, YEAR], objectives=objectives, rules=rules)
    goal = company.goal()
    goal.reading("7")
    company.on(APRIL)
    company.shift(goal, Q1_END, Q2_END)
    goal.reading("6")
    assert [company.score(key) for key in "abc"] == ["0.5", "0.5", "0.75"]


def test_what_any_of_the_cycles_that_are_left_counted_is_not_counted_again() -> None:
    """Out of a quarter that is over and a year that is not: what the year counted until then is the year's."""
    third = {"key": "q3", "starts_on": dt.date(2026, 7, 1), "ends_on": dt.date(2026, 9, 30)}
    cycles = [Q1, YEAR | {"ends_on": Q2_END}, third]
    objectives = [{"key": key, "cycle": cycle} for key, cycle in (("a", "q1"), ("b", "2026"), ("c", "q3"))]
    company = Company(cycles=cycles, objectives=objectives, rules=[{"to": key, "focus": ["business"]} for key in "abc"])
    goal = company.goal()
    goal.reading("8")
    company.on(dt.date(2026, 5, 4))
    goal.reading("7")
    company.shift(goal, Q1_END, dt.date(2026, 9, 30))
    goal.reading("6")
    assert [company.score(key) for key in "abc"] == ["0.25", "0.5", "0.5"]


def test_a_programmes_cycle_counts_for_the_one_that_it_lies_in() -> None:
    """Where no ids are listed the dates of the programme's cycle decide; one that is none of these is as no place."""
    company = Company()
    for name, first, last in (("first", Q1["starts_on"], Q1_END), ("long", Q1["starts_on"], Q2_END)):
        planned = programmes.CyclePlanned(cycle=uid(name), title=name, starts_on=first, ends_on=last)
        company.story.add(planned, by=company.owner, id_=PROGRAMME)
    inside, across = company.goal("inside", deadline=None, begun=False), company.goal("across", begun=False)
    unknown = company.goal("unknown", begun=False)
    for goal, cycle in ((inside, "first"), (across, "long"), (unknown, "nowhere")):
        company.place(goal, uid(cycle))
        begin(company, goal)
        goal.reading("7")
    assert company.values("sales-1") == {inside.id: "0.5", across.id: "0.5", unknown.id: "0.5"}
    across.add(events.DeadlineShifted(old=Q1_END, new=Q2_END, days=91, reason="-", reason_code="scope"))
    assert company.score("sales-2") == "0"


@pytest.mark.parametrize(
    ("scoring", "counting"),
    [
        ({"counts_by": "placed_or_dates"}, {"placed", "by deadline", "by closing"}),
        ({"counts_by": "placed"}, {"placed"}),
        ({"counts_by": "dates"}, {"by deadline", "by closing", "elsewhere"}),
        ({"date": "closing"}, {"placed", "by deadline", "by closing", "early"}),
    ],
)
def test_which_cycle_is_a_setting(scoring: dict[str, Any], counting: set[str]) -> None:
    """A goal counts where it is placed, or by its dates: its deadline, or the day it is closed."""
    company = placed(scoring=scoring)
    deadlines = {"placed": Q2_END, "elsewhere": Q1_END, "by deadline": Q1_END, "by closing": None, "early": Q2_END}
    goals = {name: company.goal(name, deadline=day, begun=False) for name, day in deadlines.items()}
    company.place(goals["placed"], uid("first"))
    company.place(goals["elsewhere"], uid("second"))
    for goal in goals.values():
        begin(company, goal)
    for name in ("by closing", "early"):
        goals[name].close("achieved")
    assert {name for name, goal in goals.items() if goal.id in company.values("sales-1")} == counting


def test_a_goal_that_closes_in_the_next_cycle_moves_there_where_closing_decides() -> None:
    """With `date = "closing"` a goal leaves the cycle of its deadline when it is closed after it."""
    company = Company(scoring={"date": "closing"})
    goal = company.goal()
    goal.reading("7")
    company.on(dt.date(2026, 5, 5))
    goal.reading("6")
    closed = goal.close("partially_achieved")
    assert (company.score("sales-1"), company.score("sales-2")) == ("0.5", "0.5")
    goal.retract(closed)
    assert (company.score("sales-1"), company.score("sales-2")) == ("0.5", "0.5")


def test_a_goal_with_no_date_and_no_place_counts_nowhere() -> None:
    """Until it is closed, nobody can say which cycle it is for."""
    company = Company()
    goal = company.goal(deadline=None)
    goal.reading("7")
    assert company.values("sales-1") == {}
    goal.add(events.DeadlineSet(new=Q1_END))
    assert company.values("sales-1") == {goal.id: "0.5"}


def test_a_goal_imported_late_counts_for_the_cycle_it_was_in() -> None:
    """An import tells of the past: the goal was there from the day that it is told of."""
    company = Company()
    company.on(dt.date(2026, 4, 20))
    terms: dict[str, Any] = {
        "title": "From elsewhere", "owner": company.owner, "focus": "business", "deadline": Q1_END,
        "start_on": Q1["starts_on"],
    }  # fmt: skip
    ended = {"result": "achieved", "score": "0.9", "closed_on": Q1_END}
    states: list[tuple[str, dict[str, Any]]] = [("closed", ended), ("closed", {}), ("active", {}), ("drafted", {})]
    for number, (state, more) in enumerate(states):
        imported = events.Imported(origin=Origin(system="old"), as_of=Q1_END, state=state, terms=Terms(**terms), **more)
        company.story.add(imported, by=company.owner, id_=uid(f"import {number}"))
    assert company.values("sales-1") == {
        uid("import 0"): "0.9", uid("import 1"): None, uid("import 2"): None
    }  # fmt: skip
