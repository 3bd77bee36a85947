"""Once each: over a restart, a redelivery, a replay, a clock change, a host that slept; never early, never in quiet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from milepost_nudges.clock import begins
from milepost_nudges.quiet import Quiet, allowed

from milepost_contracts.envelope import decode
from milepost_contracts.events import goal as events
from milepost_contracts.testing import Host
from milepost_contracts.testing.story import uid
from milepost_contracts.types import Cadence, Schedule
from tests.plugins.nudges.cases import (
    ADMIN,
    AT_ALL_HOURS,
    BERLIN,
    KIRITIMATI,
    MENTEE,
    MENTOR,
    NEW_YORK,
    NIUE,
    Nudged,
    at,
    day,
    weekly,
)

OFF = {"on": False}
DUE_ALONE = dict.fromkeys(("check_in_overdue", "check_in_mentor", "check_in_programme", "deadline", "silent"), OFF)


class When(NamedTuple):
    """A nudge and the instant at which it was kept."""

    goal: str
    stage: str
    due: dt.date
    to: str
    at: dt.datetime


def nudges_of(host: Host) -> list[When]:
    """Return what was nudged, with its instants."""
    found = []
    for fact in host.stored.facts.values():
        envelope, told = decode(fact.document), host_data(fact.document)
        if envelope.name == "nudged":
            due = dt.date.fromisoformat(told["due"])
            found.append(When(told["goal"], told["stage"], due, told["to"], dt.datetime.fromisoformat(envelope.time)))
    return found


def host_data(document: bytes) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.json.decode(decode(document).data)
    return told


# Clock changes


@pytest.mark.parametrize(
    ("zone", "anchor", "midnights", "mornings"),
    [
        (
            BERLIN, dt.date(2026, 3, 22),
            ["2026-03-21T23:00", "2026-03-28T23:00", "2026-04-04T22:00"],
            ["2026-03-22T07:00", "2026-03-29T06:00", "2026-04-05T06:00"],
        ),
        (
            BERLIN, dt.date(2026, 10, 18),
            ["2026-10-17T22:00", "2026-10-24T22:00", "2026-10-31T23:00"],
            ["2026-10-18T06:00", "2026-10-25T07:00", "2026-11-01T07:00"],
        ),
        (
            NEW_YORK, dt.date(2026, 3, 8),
            ["2026-03-08T05:00", "2026-03-15T04:00", "2026-03-22T04:00"],
            ["2026-03-08T12:00", "2026-03-15T12:00", "2026-03-22T12:00"],
        ),
        (
            NEW_YORK, dt.date(2026, 10, 25),
            ["2026-10-25T04:00", "2026-11-01T04:00", "2026-11-08T05:00"],
            ["2026-10-25T12:00", "2026-11-01T13:00", "2026-11-08T13:00"],
        ),
        (
            KIRITIMATI, dt.date(2026, 3, 22),
            ["2026-03-21T10:00", "2026-03-28T10:00", "2026-04-04T10:00"],
            ["2026-03-21T18:00", "2026-03-28T18:00", "2026-04-04T18:00"],
        ),
        (
            NIUE, dt.date(2026, 3, 22),
            ["2026-03-22T11:00", "2026-03-29T11:00", "2026-04-05T11:00"],
            ["2026-03-22T19:00", "2026-03-29T19:00", "2026-04-05T19:00"],
        ),
    ],
)  # fmt: skip
def test_due_dates_around_clock_changes(zone: str, anchor: dt.date, midnights: list[str], mornings: list[str]) -> None:
    """A weekly rhythm on the day of the change: the date begins at midnight there, the night is quiet until eight."""
    for quiet, expected in ((AT_ALL_HOURS, midnights), ({}, mornings)):
        nudged = Nudged(stages=DUE_ALONE, quiet=quiet)
        nudged.at(dt.datetime.combine(anchor, dt.time(12), dt.UTC) - dt.timedelta(days=2))
        nudged.goal().scheduled(weekly(anchor), zone).activated()
        nudged.at(dt.datetime.combine(anchor, dt.time(12), dt.UTC) + dt.timedelta(days=15))
        assert [f"{one.at:%Y-%m-%dT%H:%M}" for one in nudges_of(nudged.host)] == expected
        assert [one.due for one in nudges_of(nudged.host)] == [anchor + dt.timedelta(weeks=week) for week in range(3)]


def test_month_ends() -> None:
    """A monthly rhythm on the 31st is due on the last day of each month."""
    nudged = Nudged(stages=DUE_ALONE)
    cadence = Cadence(rhythm="monthly", anchor=dt.date(2026, 3, 31))
    nudged.goal().scheduled(cadence, BERLIN).activated()
    nudged.at(dt.datetime(2027, 4, 1, tzinfo=dt.UTC))
    dues = [str(one.due) for one in nudges_of(nudged.host)]
    assert dues == [
        "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30", "2026-07-31", "2026-08-31", "2026-09-30", "2026-10-31",
        "2026-11-30", "2026-12-31", "2027-01-31", "2027-02-28", "2027-03-31",
    ]  # fmt: skip


# Quiet hours


def test_quiet_hours_hold_where_the_person_is() -> None:
    """Of whom no zone is known hears at eight where the goal is, others at eight there, or when it begins if awake."""
    people = {MENTOR: {"time_zone": "Asia/Kolkata"}, ADMIN: {"time_zone": NEW_YORK}}
    nudged = Nudged(quiet={}, people=people, stages=DUE_ALONE | {"check_in_due": {"to": ["parties", "programme"]}})
    nudged.goal(zone=BERLIN).placed().scheduled(weekly(day(2)), BERLIN).activated()
    nudged.at(at(3))
    assert [(one.to, one.at) for one in nudges_of(nudged.host)] == [
        (ADMIN, at(1, 23)), (MENTOR, at(2, 2, 30)), (MENTEE, at(2, 7)),
    ]  # fmt: skip


def test_weekends_are_quiet_where_it_is_set() -> None:
    """What is due on a Saturday is told on Monday morning, once."""
    nudged = Nudged(quiet={"weekends": True}, stages=DUE_ALONE)
    nudged.goal().scheduled(weekly(day(5))).activated()
    nudged.at(at(11))
    assert [one.at for one in nudges_of(nudged.host)] == [at(7, 8)]


def test_what_is_over_when_it_would_be_decent_is_not_told() -> None:
    """Due on Saturday with no grace: by Monday it is overdue, and that is told instead."""
    nudged = Nudged(quiet={"weekends": True}, grace_days=0)
    nudged.goal().scheduled(Cadence(rhythm="monthly", anchor=day(5))).activated()
    nudged.at(at(8))
    assert [(one.stage, one.at) for one in nudges_of(nudged.host)] == [("check_in_overdue", at(7, 8))]


def test_a_timer_that_fires_late_into_the_night_waits_for_the_morning() -> None:
    """The host slept over the day, from before the date began or since the early morning, and woke at night."""
    for asleep_at in (at(1), at(2, 7)):
        nudged = Nudged(quiet={}, stages=DUE_ALONE)
        nudged.goal().scheduled(weekly(day(2))).activated()
        nudged.at(asleep_at)
        nudged.sleep(at(2, 22))
        nudged.at(at(2, 23))
        assert nudges_of(nudged.host) == []
        nudged.at(at(4))
        assert [one.at for one in nudges_of(nudged.host)] == [at(3, 8)]


# Installation and replay


def test_nothing_is_nudged_that_was_true_before_the_plugin_was_there() -> None:
    """Installed beside a goal that went silent a year ago: what lies ahead is nudged, what lies behind is not."""
    nudged = Nudged(mode="replay")
    goal = nudged.goal(deadline=day(400)).placed().scheduled(weekly(day(2))).activated()
    goal.add(events.AgreementWithdrawn(party=MENTOR, revision=1, open=True))
    host = nudged.host
    host.now = at(370, 12)
    goal.add(events.CommentPosted(comment=uid("comment"), text="x"), occurred=at(3))
    assert nudged.nudges == []
    assert host.suppressed == []
    host.mode = "live"
    nudged.at(at(400, 12))
    assert {(stage, due) for stage, due, _ in nudged.nudges} == {
        *(("check_in_due", str(day(offset))) for offset in (373, 380, 387, 394)),
        ("deadline_14", str(day(400))),
        ("deadline_3", str(day(400))),
    }


def test_timers_that_come_due_in_a_replay_break_no_chain() -> None:
    """A replay that lasts over midnight drops timers: those of the next day bring the goal back."""
    nudged = Nudged(mode="replay", stages=DUE_ALONE)
    nudged.goal().scheduled(weekly(day(2))).activated()
    nudged.at(at(1, 12))
    assert nudged.host.listed
    nudged.host.mode = "live"
    nudged.at(at(10))
    assert [one.due for one in nudges_of(nudged.host)] == [day(2), day(9)]


def test_a_dry_run_nudges_nobody() -> None:
    """Nor does what began meanwhile become news when it ends."""
    nudged = Nudged(mode="dry_run", stages=DUE_ALONE)
    goal = nudged.goal().scheduled(weekly(day(2))).activated()
    nudged.at(at(3))
    goal.add(events.CommentPosted(comment=uid("comment"), text="x"))
    nudged.host.mode = "live"
    nudged.at(at(10))
    assert [one.due for one in nudges_of(nudged.host)] == [day(9)]


# Whatever happens

ZONES = st.sampled_from([BERLIN, NEW_YORK, KIRITIMATI, NIUE])
QUIETS = st.sampled_from([Quiet(), Quiet(weekends=True), Quiet(start="22:00", end="02:30"), Quiet(end="20:00")])
PEOPLES = st.dictionaries(st.sampled_from([MENTEE, MENTOR, ADMIN]), ZONES, max_size=2)
# Before a clock change in spring, in autumn, and at no special time.
BEGINNINGS = st.sampled_from([dt.datetime(2026, 3, 5, 9, tzinfo=dt.UTC), dt.datetime(2026, 10, 20, 9, tzinfo=dt.UTC)])
CADENCES = st.builds(
    lambda rhythm, ahead, days: (rhythm, ahead, days),
    st.sampled_from(["weekly", "bi_weekly", "monthly", "days"]), st.integers(-3, 9), st.integers(1, 9),
)  # fmt: skip
STEPS = st.one_of(
    st.tuples(st.sampled_from(["pass", "sleep"]), st.integers(1, 300)),
    st.tuples(st.just("check in"), st.integers(0, 4)),
    st.tuples(st.sampled_from(["comment", "comment late"]), st.integers(0, 20)),
    st.tuples(st.sampled_from(["pause", "resume", "close", "reopen", "propose", "agree", "withdraw"]), st.just(0)),
    st.tuples(st.just("shift"), st.integers(3, 30)),
    st.tuples(st.just("rhythm"), CADENCES),
    st.tuples(st.just("read"), st.integers(0, 10)),
)
DISTURBANCES = st.sampled_from(["", "", "crash", "redeliver", "forget"])


class Living:
    """A goal that things happen to, step by step."""

    def __init__(self, zone: str, quiet: Quiet, people: dict[str, str], beginning: dt.datetime) -> None:
        self.zone, self.quiet, self.people = zone, quiet, people
        told = {"start": quiet.start, "end": quiet.end, "weekends": quiet.weekends}
        zones = {person: {"time_zone": name} for person, name in people.items()}
        stages = {"agreement": {"days": 2}, "silent": {"days": 9}, "check_in_programme": {"days": 6}}
        self.nudged = Nudged(
            quiet=told, people=zones, stages=stages, health_settle_minutes=5, secrets={"default": ["json://localhost"]}
        )
        self.nudged.at(beginning)
        self.first = beginning.date()
        self.deadline = self.first + dt.timedelta(days=30)
        self.goal = self.nudged.goal(zone=zone, deadline=self.deadline, name=f"goal of {zone}").placed()
        self.goal.scheduled(weekly(self.first + dt.timedelta(days=1)), zone).measured().activated()
        self.state, self.count = "active", 0

    def go(self, step: tuple[str, Any]) -> None:
        """Let one thing happen, where it can."""
        kind, how = step
        self.count += 1
        now = self.nudged.host.now
        if kind == "pass":
            self.nudged.at(now + dt.timedelta(hours=how))
        elif kind == "sleep":
            self.nudged.sleep(now + dt.timedelta(hours=how))
        else:
            self.nudged.story.now = max(self.nudged.story.now, now)
            self.happen(kind, how)

    def happen(self, kind: str, how: Any) -> None:
        goal, today = self.goal, self.nudged.story.now.date()
        steps: dict[str, tuple[str, str, Callable[[], Any]]] = {
            "pause": ("active", "paused", lambda: events.Paused(paused_on=today, reason="r")),
            "resume": ("paused", "active", lambda: events.Resumed(resumed_on=today, revision=2)),
            "close": ("active", "closed", lambda: events.Closed(result="missed", closed_on=today)),
            "reopen": ("closed", "active", lambda: events.Reopened(reopened_on=today, revision=2, reason="r")),
        }
        if kind in steps:
            before, after, event = steps[kind]
            if self.state == before:
                self.state = after
                goal.add(event())
        elif kind == "check in":
            next_on = today + dt.timedelta(days=2 * how) if how > 2 else None
            goal.check_in(today - dt.timedelta(days=how), f"check-in {self.count}", next_on=next_on)
        elif kind.startswith("comment"):
            late = self.nudged.story.now - dt.timedelta(days=how) if kind == "comment late" else None
            goal.add(events.CommentPosted(comment=uid(f"comment {self.count}"), text="x"), occurred=late)
        elif kind == "shift":
            old, self.deadline = self.deadline, today + dt.timedelta(days=how)
            days = (self.deadline - old).days
            shift = events.DeadlineShifted(
                old=old, new=self.deadline, days=days, reason="r", reason_code="scope", revision=goal.revision,
            )  # fmt: skip
            goal.add(shift)
        elif kind == "rhythm":
            rhythm, ahead, days = how
            anchor = today + dt.timedelta(days=ahead)
            cadence = Cadence(rhythm=rhythm, anchor=anchor, days=days if rhythm == "days" else None)
            goal.add(events.ScheduleSet(before=Schedule(), after=Schedule(time_zone=self.zone, cadence=cadence)))
        elif kind == "read":
            goal.read(str(how / 10), name="measure")
        else:
            withdrawn = events.AgreementWithdrawn(party=MENTOR, revision=goal.revision, open=True)
            agreed = events.Agreed(party=MENTOR, revision=goal.revision, complete=kind == "agree")
            goal.add(withdrawn if kind == "withdraw" else agreed, by=MENTOR)

    def disturb(self, how: str) -> None:
        """Let the host fail in a way that may change nothing."""
        host = self.nudged.host
        if how == "crash":
            host.crash_after_commit()
        elif how:
            host.redeliver(forgotten=how == "forget")

    def everything_holds(self) -> None:
        """Check that each nudge was told once, not early, and not in quiet hours of its person."""
        nudges = nudges_of(self.nudged.host)
        assert len({one[:4] for one in nudges}) == len(nudges)
        for one in nudges:
            assert one.at >= begins(self.earliest(one), self.zone), one
            zone = self.people.get(one.to, self.zone)
            assert allowed(one.at, zone, self.quiet) == one.at, one
        # One effect each: everybody has one address here.
        assert len(self.nudged.host.effects) == len(nudges)
        assert self.nudged.host.conflicts == []

    def earliest(self, one: When) -> dt.date:
        """Return the day before which such a nudge would be early."""
        if one.stage.startswith("deadline_"):
            return one.due - dt.timedelta(days=int(one.stage.removeprefix("deadline_")))
        if one.stage.startswith("check_in_") and one.stage != "check_in_due":
            # A daily rhythm has no grace, all others here at least until the next day.
            return one.due + dt.timedelta(days=1 + {"check_in_mentor": 4, "check_in_programme": 6}.get(one.stage, 0))
        return one.due


@settings(max_examples=150, deadline=None)
@given(
    ZONES, QUIETS, PEOPLES, BEGINNINGS, st.lists(st.tuples(STEPS, DISTURBANCES), min_size=1, max_size=25)
)  # fmt: skip
def test_once_each_whatever_happens(
    zone: str,
    quiet: Quiet,
    people: dict[str, str],
    beginning: dt.datetime,
    steps: list[tuple[tuple[str, Any], str]],
) -> None:
    """Random lives, random sleep: once each, never early, never in quiet; crashes and redeliveries change nothing."""
    calm, disturbed = (Living(zone, quiet, people, beginning) for _ in range(2))
    for step, disturbance in steps:
        calm.go(step)
        disturbed.go(step)
        disturbed.disturb(disturbance)
    for living in (calm, disturbed):
        living.nudged.at(living.nudged.host.now + dt.timedelta(days=12))
        living.everything_holds()
    one, other = calm.nudged.host.stored, disturbed.nudged.host.stored
    assert (one.state, one.timers, one.facts, one.outbox) == (other.state, other.timers, other.facts, other.outbox)


@settings(max_examples=60, deadline=None)
@given(ZONES, QUIETS, BEGINNINGS, st.lists(STEPS, min_size=1, max_size=25), st.integers(0, 60))
def test_a_replay_nudges_nobody_about_what_was(
    zone: str, quiet: Quiet, beginning: dt.datetime, steps: list[tuple[str, Any]], hours: int
) -> None:
    """All is lost and replayed: then only what begins later is nudged, and none of what was is nudged again."""
    living = Living(zone, quiet, {}, beginning)
    for step in steps:
        living.go(step)
    living.nudged.at(living.nudged.host.now + dt.timedelta(hours=hours))
    before = nudges_of(living.nudged.host)
    crossings = living.nudged.crossings
    again = Nudged(
        mode="replay", quiet={"start": quiet.start, "end": quiet.end, "weekends": quiet.weekends},
        stages={"agreement": {"days": 2}, "silent": {"days": 9}, "check_in_programme": {"days": 6}},
        health_settle_minutes=5,
    )  # fmt: skip
    replayed_at = again.host.now = living.nudged.host.now
    again.host.deliver(*living.nudged.story.documents[1:])
    assert nudges_of(again.host) == []
    assert again.host.suppressed == []
    assert again.crossings == crossings[: len(again.crossings)]
    again.host.mode = "live"
    for nudged in (living.nudged, again):
        nudged.at(replayed_at + dt.timedelta(days=20))
    assert again.crossings == living.nudged.crossings
    later = nudges_of(again.host)
    assert {one[:4] for one in later}.isdisjoint(one[:4] for one in before)
    assert all(begins(living.earliest(one), zone) >= replayed_at for one in later if not one.stage.startswith("check"))
    # Nothing that begins later is missed, and all of it is what would have been nudged anyhow.
    assert {one[:4] for one in later} <= {one[:4] for one in nudges_of(living.nudged.host)}


def test_goals_do_not_share_what_they_were_nudged_about() -> None:
    """The same stage and date of two goals are two occurrences."""
    nudged = Nudged(stages=DUE_ALONE)
    goals = [nudged.goal(name=name).scheduled(weekly(day(2))).activated() for name in ("one", "other")]
    nudged.at(at(3))
    assert {one.goal for one in nudges_of(nudged.host)} == {goal.id for goal in goals}
