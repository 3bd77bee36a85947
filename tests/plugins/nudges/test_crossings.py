"""A goal's health crossing a line is told once as a fact, with the instant at which it did, also by time alone."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from milepost_contracts.events import goal as events
from milepost_contracts.testing.story import uid
from milepost_contracts.types import Origin as Elsewhere
from milepost_contracts.types import Reading, Terms, TermsChange
from tests.plugins.nudges.cases import BERLIN, MENTEE, NEW_YORK, Nudged, TestedGoal, at, day

QUIETLY = {name: {"on": False} for name in ("check_in_due", "deadline", "silent", "agreement")}


def under_way(nudged: Nudged, days: int = 100, **terms: Any) -> TestedGoal:
    """Return a goal of so many days from today, without any progress."""
    return nudged.goal(deadline=day(days), **terms).measured().activated()


def told(nudged: Nudged) -> list[dict[str, Any]]:
    return [fact for name, fact in nudged.host.facts if name == "health_crossed"]


def test_health_falls_by_time_alone() -> None:
    """17 of 100 days without progress are at risk, 34 off track: told when that day begins, once each."""
    nudged = Nudged(stages=QUIETLY)
    goal = under_way(nudged)
    nudged.at(at(17) - dt.timedelta(seconds=1))
    assert nudged.crossings == []
    nudged.at(at(17))
    assert told(nudged) == [
        {
            "goal": goal.id, "from": "on_track", "to": "at_risk", "at": "2026-03-19T00:00:00Z", "progress": "0",
            "expected": "0.17", "set": False,
        }
    ]  # fmt: skip
    nudged.at(at(34) - dt.timedelta(seconds=1))
    assert len(nudged.crossings) == 1
    nudged.at(at(34))
    nudged.at(at(300))
    assert nudged.crossings[1:] == [("at_risk", "off_track", "2026-04-05T00:00:00Z")]


@pytest.mark.parametrize(
    ("zone", "at_risk", "off_track"),
    [
        (BERLIN, "2026-03-18T23:00:00Z", "2026-04-04T22:00:00Z"),  # put forward on March 29
        (NEW_YORK, "2026-03-19T04:00:00Z", "2026-04-05T04:00:00Z"),
        ("Pacific/Kiritimati", "2026-03-18T10:00:00Z", "2026-04-04T10:00:00Z"),
        ("Pacific/Niue", "2026-03-19T11:00:00Z", "2026-04-05T11:00:00Z"),
    ],
)
def test_days_begin_in_the_goals_zone(zone: str, at_risk: str, off_track: str) -> None:
    """The same dates at other instants."""
    nudged = Nudged(stages=QUIETLY)
    under_way(nudged, zone=zone)
    nudged.at(at(60))
    assert nudged.crossings == [("on_track", "at_risk", at_risk), ("at_risk", "off_track", off_track)]


def test_progress_brings_it_back() -> None:
    """A reading crosses at the instant it was recorded; then time goes on."""
    nudged = Nudged(stages=QUIETLY)
    goal = under_way(nudged)
    nudged.at(at(20, 12))
    goal.read("0.333333333")
    back = [("on_track", "at_risk", "2026-03-19T00:00:00Z"), ("at_risk", "on_track", "2026-03-22T12:00:00Z")]
    assert nudged.crossings == back
    assert told(nudged)[1]["progress"] == "0.333333333"
    nudged.at(at(50) - dt.timedelta(seconds=1))
    assert nudged.crossings == back
    nudged.at(at(50))
    assert nudged.crossings[2:] == [("on_track", "at_risk", "2026-04-21T00:00:00Z")]


def test_a_reading_that_is_corrected_at_once_crosses_nothing() -> None:
    """Within the settling time it is as if it had not been: no fact goes out, in either direction."""
    nudged = Nudged(stages=QUIETLY, health_settle_minutes=10)
    goal = under_way(nudged)
    nudged.at(at(20, 12))
    assert len(nudged.crossings) == 1
    for _ in range(3):
        reading = goal.read("0.333333333")
        nudged.at(nudged.host.now + dt.timedelta(minutes=4))
        correction = events.ProgressCorrected(
            corrects=reading.id, measure=uid("measure"), before=Reading(reading="1", on=day(20)), strike=True,
            reason="A slip", progress="0",
        )  # fmt: skip
        goal.add(correction)
        nudged.at(nudged.host.now + dt.timedelta(minutes=4))
    nudged.at(at(21))
    assert len(nudged.crossings) == 1


def test_what_lasts_is_told_with_the_instant_of_the_crossing() -> None:
    """The settling time delays the news, not what it says."""
    nudged = Nudged(stages=QUIETLY, health_settle_minutes=10)
    goal = under_way(nudged)
    nudged.at(at(17, 0, 9))
    assert nudged.crossings == []
    nudged.at(at(17, 0, 10))
    assert nudged.crossings == [("on_track", "at_risk", "2026-03-19T00:00:00Z")]
    nudged.at(at(18, 12))
    goal.read("1")
    nudged.at(at(18, 12, 9))
    assert len(nudged.crossings) == 1
    nudged.at(at(18, 12, 10))
    assert nudged.crossings[1:] == [("at_risk", "on_track", "2026-03-20T12:00:00Z")]


def test_what_happens_meanwhile_does_not_delay_it() -> None:
    """Comments while a crossing settles leave it as it is."""
    nudged = Nudged(stages=QUIETLY, health_settle_minutes=60)
    goal = under_way(nudged)
    for minute in (20, 40):
        nudged.at(at(17, 0, minute))
        goal.add(events.CommentPosted(comment=uid(f"comment {minute}"), text="x"))
    nudged.at(at(17, 1))
    assert nudged.crossings == [("on_track", "at_risk", "2026-03-19T00:00:00Z")]


def test_a_goal_that_is_paused_while_it_settles_crosses_nothing() -> None:
    """Nobody is behind a clock that stands still."""
    nudged = Nudged(stages=QUIETLY, health_settle_minutes=60)
    goal = under_way(nudged)
    nudged.at(at(17, 0, 20))
    goal.add(events.Paused(paused_on=day(17), reason="Illness"))
    nudged.at(at(30))
    goal.add(events.CommentPosted(comment=uid("comment"), text="Still ill"))
    assert nudged.crossings == []


def test_a_line_that_is_crossed_while_another_settles_is_the_one_that_counts() -> None:
    """From on track straight to off track: one crossing, not two."""
    nudged = Nudged(stages=QUIETLY, health_settle_minutes=60)
    goal = under_way(nudged)
    nudged.at(at(20))
    goal.read("1")
    nudged.at(at(30, 12))
    assert nudged.crossings[-1][1] == "on_track"
    for progress in ("0.1", "0"):
        nudged.story.now = nudged.host.now + dt.timedelta(minutes=5)
        goal.read(progress)
    shift = events.DeadlineShifted(old=day(100), new=day(60), days=-40, reason="r", reason_code="scope", revision=3)
    goal.add(shift)
    nudged.at(at(31))
    assert [crossing[:2] for crossing in nudged.crossings[-1:]] == [("on_track", "off_track")]
    assert len(nudged.crossings) == 3


def test_a_person_says_otherwise_until_a_day() -> None:
    """An override is a crossing that says so, and its end another, at the beginning of the next day."""
    nudged = Nudged(stages=QUIETLY)
    goal = under_way(nudged)
    nudged.at(at(5, 12))
    goal.add(events.HealthSet(health="off_track", reason="My mentor is away", until=day(9)))
    assert told(nudged)[0]["set"] is True
    nudged.at(at(60))
    assert nudged.crossings == [
        ("on_track", "off_track", "2026-03-07T12:00:00Z"),
        ("off_track", "on_track", "2026-03-12T00:00:00Z"),
        ("on_track", "at_risk", "2026-03-19T00:00:00Z"),
        ("at_risk", "off_track", "2026-04-05T00:00:00Z"),
    ]


def test_an_override_hides_the_lines_below_it() -> None:
    """While a person says on track, time crosses nothing; then what it is by then is told."""
    nudged = Nudged(stages=QUIETLY)
    goal = under_way(nudged)
    goal.add(events.HealthSet(health="on_track", reason="All is well", until=day(40)))
    nudged.at(at(60))
    assert nudged.crossings == [("on_track", "off_track", "2026-04-12T00:00:00Z")]


def test_a_pause_stops_the_clock() -> None:
    """While a goal rests nothing crosses; afterwards the lines are as many days later."""
    nudged = Nudged(stages=QUIETLY)
    goal = under_way(nudged)
    nudged.at(at(10))
    goal.add(events.Paused(paused_on=day(10), reason="Illness"))
    nudged.at(at(40))
    goal.add(events.Resumed(resumed_on=day(40), revision=2))
    nudged.at(at(80))
    assert [crossing[2][:10] for crossing in nudged.crossings] == [str(day(47)), str(day(64))]


def test_a_shifted_deadline_moves_the_lines() -> None:
    """A later deadline brings the goal back on track."""
    nudged = Nudged(stages=QUIETLY)
    goal = under_way(nudged)
    nudged.at(at(20, 12))
    shift = events.DeadlineShifted(old=day(100), new=day(200), days=100, reason="r", reason_code="scope", revision=3)
    goal.add(shift)
    assert nudged.crossings[1:] == [("at_risk", "on_track", "2026-03-22T12:00:00Z")]
    nudged.at(at(34))
    assert nudged.crossings[2:] == [("on_track", "at_risk", f"{day(34)}T00:00:00Z")]


def test_what_is_unknown_crosses_nothing() -> None:
    """Without measure or deadline there are no lines; when there are, a goal that is behind is told from on track."""
    nudged = Nudged(stages=QUIETLY)
    goal = nudged.goal().activated()
    nudged.at(at(50))
    goal.add(events.DeadlineSet(new=day(100), revision=1))
    assert nudged.crossings == []
    goal.measured()
    assert [crossing[:2] for crossing in nudged.crossings] == [("on_track", "off_track")]
    goal.add(events.MeasureRetired(measure=uid("measure"), revision=4))
    nudged.at(at(60))
    assert len(nudged.crossings) == 1
    goal.measured("other")
    assert len(nudged.crossings) == 1


def test_a_closed_goal_has_no_health() -> None:
    """Nothing crosses any more, and reopened it is told from where it was."""
    nudged = Nudged(stages=QUIETLY)
    goal = under_way(nudged)
    nudged.at(at(20))
    goal.add(events.Closed(result="missed", closed_on=day(20), progress="0"))
    nudged.at(at(60))
    assert len(nudged.crossings) == 1
    goal.add(events.Reopened(reopened_on=day(60), revision=2, reason="Once more"))
    nudged.at(at(75))
    assert nudged.crossings[1:] == [("at_risk", "off_track", f"{day(74)}T00:00:00Z")]


def test_drafts_have_no_health() -> None:
    """The clock of a goal that nobody works on does not run."""
    nudged = Nudged(stages=QUIETLY)
    nudged.goal(deadline=day(100), start_on=day(-50)).measured()
    assert nudged.at(at(60)).crossings == []


def test_a_run_of_hits_ends_by_time_alone() -> None:
    """A weekly run of one in two stands at a half; when a whole week has passed without a reading it is broken."""
    nudged = Nudged(stages=QUIETLY)
    goal = nudged.goal(deadline=day(100)).measured(kind="consecutive", target="2", period="week").activated()
    nudged.at(at(1, 12))
    goal.read("0.5", value=True)
    nudged.at(at(60))
    # Broken on day 14, which is no line yet; then the lines are those of no progress.
    assert [crossing[2][:10] for crossing in nudged.crossings] == [str(day(17)), str(day(34))]
    other = Nudged(stages=QUIETLY)
    goal = other.goal(deadline=day(40)).measured(kind="consecutive", target="2", period="week").activated()
    other.at(at(1, 12))
    goal.read("0.5", value=True)
    other.at(at(60))
    # Broken on day 14 of 40: 35 points behind at once.
    assert other.crossings == [("on_track", "off_track", f"{day(14)}T00:00:00Z")]


def test_progress_that_no_event_tells_is_worked_out() -> None:
    """A second measure defined after readings halves the progress at once, whatever its event says of it."""
    nudged = Nudged(stages=QUIETLY)
    goal = under_way(nudged)
    nudged.at(at(20))
    goal.read("0.333333333")
    assert nudged.crossings[-1][1] == "on_track"
    nudged.at(at(35))
    goal.measured("second")
    assert told(nudged)[-1]["to"] == "at_risk"
    assert told(nudged)[-1]["progress"] == "0.166666667"
    goal.add(
        events.TargetRevised(measure=uid("measure"), old="3", new="1", revision=4, new_baseline="0", progress="0.5")
    )
    assert told(nudged)[-1]["to"] == "on_track"


def test_a_goal_that_takes_its_progress_from_its_children_crosses_with_them() -> None:
    """Their readings move it, over two levels, by their weights; a goal that nobody knows counts for nothing."""
    nudged = Nudged(stages=QUIETLY)
    top, middle, leaf, gone = (
        nudged.goal(name=name, deadline=day(100)).measured().activated() for name in ("top", "middle", "leaf", "gone")
    )
    for goal in (top, middle):
        change = TermsChange(progress_from="children")
        goal.add(events.Refined(before=TermsChange(), after=change, trigger="other", revision=3))
    align(middle, top, "1")
    align(leaf, middle, "0.5")
    align(gone, middle, "1")
    top.add(events.ChildAligned(child=uid("never seen"), weight="1"))
    nudged.at(at(20))
    leaf.read("1")
    assert crossings_of(nudged, top) == ["at_risk", "on_track"]
    assert told(nudged)[-1]["progress"] == "0.333333333"
    gone.add(events.Unaligned(parent=middle.id))
    middle.add(events.ChildUnaligned(child=gone.id))
    assert crossings_of(nudged, middle) == ["at_risk", "on_track"]
    nudged.at(at(90))
    assert crossings_of(nudged, middle) == ["at_risk", "on_track"]
    assert crossings_of(nudged, gone) == ["at_risk", "off_track"]


def test_a_loop_of_goals_ends() -> None:
    """In a broken history that has one, a goal adds nothing to itself."""
    nudged = Nudged(stages=QUIETLY)
    one, other = (nudged.goal(name=name, deadline=day(100)).measured().activated() for name in ("one", "other"))
    for goal in (one, other):
        change = TermsChange(progress_from="children")
        goal.add(events.Refined(before=TermsChange(), after=change, trigger="other", revision=3))
    align(one, other, "1")
    align(other, one, "1")
    one.read("0.5")
    nudged.at(at(60))
    assert nudged.crossings == []


def align(child: TestedGoal, parent: TestedGoal, weight: str) -> None:
    child.add(events.Aligned(parent=parent.id, weight=weight))
    parent.add(events.ChildAligned(child=child.id, weight=weight))


def crossings_of(nudged: Nudged, goal: TestedGoal) -> list[str]:
    return [fact["to"] for fact in told(nudged) if fact["goal"] == goal.id]


def test_a_host_that_slept_tells_every_line_with_its_own_instant() -> None:
    """Late, but right: by the timers, or by the event that comes before them."""
    for first in ("timers", "event"):
        nudged = Nudged(stages=QUIETLY)
        goal = under_way(nudged)
        nudged.sleep(at(50, 12))
        if first == "event":
            comment = goal.told.add(events.CommentPosted(comment=uid("comment"), text="Back"))
            nudged.host.deliver(comment)
        nudged.at(at(51))
        assert nudged.crossings == [
            ("on_track", "at_risk", "2026-03-19T00:00:00Z"), ("at_risk", "off_track", "2026-04-05T00:00:00Z"),
        ]  # fmt: skip


def test_an_imported_goal_crosses_from_on_track() -> None:
    """What is behind when it comes in is told once, at that instant."""
    nudged = Nudged(stages=QUIETLY)
    terms = Terms(title="From elsewhere", owner=MENTEE, start_on=day(-50), deadline=day(50))
    imported = events.Imported(origin=Elsewhere(system="old"), as_of=day(-20), state="active", terms=terms, revision=1)
    goal = nudged.goal()
    goal.add(imported)
    assert nudged.crossings == []
    goal.measured()
    assert [crossing[:2] for crossing in nudged.crossings] == [("on_track", "off_track")]


def test_a_replay_tells_the_same_facts() -> None:
    """Over a history in which time, readings and people crossed lines: same ids, same content, none told twice."""
    nudged = Nudged(stages=QUIETLY, health_settle_minutes=10)
    goal = under_way(nudged, zone=BERLIN)
    nudged.at(at(20, 12))
    goal.read("0.333333333")
    nudged.at(at(52))
    goal.add(events.HealthSet(health="off_track", reason="r", until=day(54)))
    nudged.at(at(60))
    goal.read("1")
    nudged.at(at(61))
    goal.add(events.Closed(result="achieved", closed_on=day(61), progress="1"))
    nudged.at(at(90))
    live = {id_: fact.document for id_, fact in nudged.host.stored.facts.items()}
    assert len(live) == 6
    again = Nudged(mode="replay", stages=QUIETLY, health_settle_minutes=10)
    again.host.now = at(100)
    again.host.deliver(*nudged.story.documents[1:])
    assert again.crossings == nudged.crossings
    assert again.host.stored.facts.keys() == live.keys()
