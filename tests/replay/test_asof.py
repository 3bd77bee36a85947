"""Given what was recorded when, then the goal as it was: at versions, sequences and instants, and by occurred time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from milepost.replay.asof import as_of
from milepost.replay.desk import Desk
from milepost_contracts.answers import Refused
from milepost_contracts.commands import Command, goal
from milepost_contracts.queries import AsOf, AsOfAnswer
from milepost_contracts.queries.moments import MomentError, instant_text, parse_moment
from milepost_contracts.types import Waiver
from tests.replay.goldens import desk_of
from tests.support.accepting import TENANT, Acceptance, create, ident, user

ME, ID, TALKS = user("mentee"), ident("talk"), ident("talks")
BEGAN = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)


def day(number: int) -> dt.date:
    """Return that day of March 2026."""
    return dt.date(2026, 3, number)


def at(number: int, hour: int = 12) -> dt.datetime:
    """Return an instant of March 2026."""
    return dt.datetime(2026, 3, number, hour, tzinfo=dt.UTC)


class Told:
    """A goal of three talks until the end of March, active since the first; what is done next is recorded when said."""

    def __init__(self, folder: Path) -> None:
        """Begin it."""
        self.now = BEGAN
        self.accept = Acceptance(folder, clock=lambda: self.now)
        self.accept.journal._clock_us = lambda: round(self.now.timestamp() * 1e6)
        self.accept.open_tenant()
        self.accept.accepted(create("talk", deadline=day(31)))
        measure: dict[str, Any] = {"name": "talks", "kind": "count", "direction": "increase", "unit": "talks"}
        self.done(goal.DefineMeasure, measure=TALKS, target="3", **measure)
        self.done(goal.ProposeGoal, revision=2)
        waivers = [Waiver(check="evaluation", reason="A small one")]
        self.done(goal.ActivateGoal, revision=2, waivers=waivers)

    @property
    def desk(self) -> Desk:
        """A desk at the same time."""
        return desk_of(self.accept.journal, self.accept.keys)._replace(clock=lambda: self.now)

    def done(self, command: type[Command], when: dt.datetime | None = None, **fields: Any) -> str:
        """Record it at *when*; returns the id of its event."""
        self.now = when or self.now
        count = self.accept.journal.head(TENANT, ("goal", ID))
        answer = self.accept.accepted(command(command_id=ident(f"{count}"), id=ID, actor=ME, **fields))
        return answer.events[0].id

    def was(self, moment: str, **asked: Any) -> AsOfAnswer:
        """Return it as it was."""
        answer, _ = as_of(self.desk, TENANT, AsOf(actor=ME, id=ID, at=moment, **asked), ME)
        assert isinstance(answer, AsOfAnswer), answer
        return answer

    def refused(self, moment: str | None, **asked: Any) -> str:
        """Return why it is not told."""
        answer, _ = as_of(self.desk, TENANT, AsOf(actor=ME, id=ID, at=moment, **asked), ME)
        assert isinstance(answer, Refused), answer
        return answer.errors[0].code

    def progress(self, moment: str, **asked: Any) -> str | None:
        """Return how far it was."""
        standing = self.was(moment, **asked).standing
        assert standing is not None
        return standing.progress


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    """Give the goal."""
    begun = Told(tmp_path)
    yield begun
    begun.accept.close()


THIRD = "0.333333333"


def test_health_is_that_of_the_day_asked_for(told: Told) -> None:
    """Nothing is recorded, and yet the goal falls behind: health is told for then, not for now."""
    told.now = at(30)
    healths = {}
    for moment in ("2026-03-01T10:00Z", "2026-03-05T12:00Z", "2026-03-08T12:00Z", "2026-03-20T12:00Z"):
        standing = told.was(moment).standing
        assert standing is not None
        healths[moment[8:10]] = (standing.health, str(standing.today)[8:])
    assert healths == {
        "01": ("on_track", "01"), "05": ("on_track", "05"), "08": ("at_risk", "08"), "20": ("off_track", "20"),
    }  # fmt: skip


def test_a_moment_is_written_in_many_ways(told: Told) -> None:
    """Version, sequence, instant to the microsecond, day and now mean the same event."""
    told.done(goal.RecordProgress, at(10), measure=TALKS, reading="1", on=day(10))
    told.now = at(20)
    newest = told.was("now")
    ways = (
        f"v{newest.version}",
        f"s{int(newest.sequence)}",
        instant_text(at(10)),
        "2026-03-10T13:00+01:00",
        "2026-03-10",
    )
    assert {told.was(moment).version for moment in ways} == {newest.version}
    assert told.was("2026-03-10T11:59:59.999999Z").version == newest.version - 1
    assert told.was("2026-03-09").version == newest.version - 1
    assert told.was("2026-03-20").at == at(20)  # the day is not over: now
    assert told.was("2026-03-19").at == dt.datetime(2026, 3, 19, 23, 59, 59, 999999, tzinfo=dt.UTC)


def test_what_cannot_be_asked(told: Told) -> None:
    """What is not there yet, what is in the future, and what is said twice are refused with a code of their own."""
    assert told.refused("v0") == told.refused("s1") == told.refused("2026-02-28") == "not_begun"
    assert told.refused("2026-02-28", effective=True) == "not_begun"
    assert told.refused("v99") == "version_unknown"
    assert told.refused("s99") == "sequence_unknown"
    assert told.refused("2026-03-02") == told.refused("2026-03-01T09:31Z") == "in_future"
    assert told.refused("v1", version=1) == "moment_twice"
    assert told.refused("v1", known_at="v1") == "known_at_alone"
    assert told.refused(None, version=99) == "version_unknown"
    for text in ("yesterday", "v", "v-1", "2026-02-30", "2026-03-01T09:30", "s", "2026-03-01T25:00Z", "v1\n"):
        with pytest.raises(MomentError):
            parse_moment(text)


def test_what_is_told_late_counts_when_it_happened(told: Told) -> None:
    """By recorded time it is there from when it was told, by occurred time from its day on."""
    told.done(goal.RecordProgress, at(20), measure=TALKS, reading="1", on=day(5))
    told.now = at(25)
    assert [told.progress(f"2026-03-{number:02}") for number in (4, 5, 19, 20)] == ["0", "0", "0", THIRD]
    by_occurred = [told.progress(f"2026-03-{number:02}", effective=True) for number in (4, 5, 19, 20)]
    assert by_occurred == ["0", THIRD, THIRD, THIRD]
    assert told.progress("2026-03-10", effective=True, known_at="2026-03-19") == "0"
    assert told.progress("2026-03-10", effective=True, known_at="2026-03-20") == THIRD


def test_a_correction_counts_when_what_it_corrects_happened(told: Told) -> None:
    """A reading that was put right to another day counts from that day, with its value, as known from then on."""
    event = told.done(goal.RecordProgress, at(5), measure=TALKS, reading="2", on=day(5))
    told.done(goal.CorrectProgress, at(15), corrects=event, reading="1", on=day(10), reason="It was the tenth")
    told.now = at(25)
    assert [told.progress(f"2026-03-{number:02}", effective=True) for number in (6, 9, 10)] == ["0", "0", THIRD]
    assert told.progress("2026-03-06") == "0.666666667"
    assert told.progress("2026-03-06", effective=True, known_at="2026-03-14") == "0.666666667"


def test_what_was_struck_or_taken_back_never_was(told: Told) -> None:
    """A struck reading, a retracted hit and a voided check-in are in no past by occurred time, as known now."""
    event = told.done(goal.RecordProgress, at(5), measure=TALKS, reading="3", on=day(5))
    told.done(goal.AddMilestone, at(5), milestone=ident("m"), title="Half way", due_on=day(20))
    told.done(goal.HitMilestone, at(6), milestone=ident("m"), hit_on=day(6))
    told.done(goal.HoldCheckIn, at(7), check_in=ident("c"), held_on=day(7), attendees=[ME])
    told.done(goal.CorrectProgress, at(15), corrects=event, strike=True, reason="Another goal's")
    told.done(goal.RetractMilestoneHit, at(16), milestone=ident("m"), reason="Not yet")
    told.done(goal.VoidCheckIn, at(17), check_in=ident("c"), reason="It was cancelled")
    told.now = at(25)
    then, known = told.was("2026-03-10"), told.was("2026-03-10", effective=True)
    assert (then.standing and then.standing.progress, known.standing and known.standing.progress) == ("1", "0")
    assert then.state["milestones"][ident("m")]["hit_on"] == "2026-03-06"
    assert known.state["milestones"][ident("m")]["hit_on"] is None
    assert (then.state["check_ins"][ident("c")]["voided"], known.state["check_ins"][ident("c")]["voided"]) == (
        False, True,
    )  # fmt: skip
    assert told.was("2026-03-06", effective=True).state["check_ins"] == {}


def test_a_decision_that_is_told_late_goes_before_nothing_later(told: Told) -> None:
    """Of two moves of the deadline the one recorded last holds, whatever time is claimed: in the end as it is now."""
    why: dict[str, Any] = {"reason": "The hall is closed", "reason_code": "dependency"}
    told.done(goal.ShiftDeadline, at(10), new=dt.date(2026, 5, 1), **why)
    told.done(goal.ShiftDeadline, at(15), new=dt.date(2026, 6, 1), occurred_at=at(8), **why)
    told.now = at(25)
    deadlines = [told.was(f"2026-03-{number:02}", effective=True).state["deadline"] for number in (7, 9, 11, 16)]
    assert deadlines == ["2026-03-31", "2026-06-01", "2026-06-01", "2026-06-01"]
    assert told.was("2026-03-11").state["deadline"] == "2026-05-01"


def test_a_clock_that_jumps_back(told: Told) -> None:
    """Recorded time stands still then: as of that instant everything is there that was recorded at it."""
    told.done(goal.RecordProgress, at(20), measure=TALKS, reading="1", on=day(19))
    told.done(goal.RecordProgress, at(10), measure=TALKS, reading="1", on=day(9))
    told.now = at(10)
    assert told.progress("now") == "0.666666667"
    assert told.was("now").at == at(20)
    assert told.progress("2026-03-19") == "0"
    assert told.progress("2026-03-10", effective=True) == THIRD


def test_a_state_that_is_too_large_is_told_in_parts(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit into one message is named, and asked for by itself page by page."""
    for number in range(1, 8):
        told.done(goal.RecordProgress, at(number + 1), measure=TALKS, reading="1", on=day(number), note="x" * 100)
    told.now = at(25)
    whole = told.was("now").state["readings"]
    monkeypatch.setattr("milepost.replay.asof.PAGE_BYTES_MAX", 4_000)
    answer = told.was("now")
    assert answer.left_out == ["readings"]
    assert "readings" not in answer.state
    assert answer.standing is not None
    assert answer.standing.progress == "1"
    pages: dict[str, Any] = {}
    cursor = None
    while True:
        page = told.was("now", fields=["readings"], limit=3, cursor=cursor)
        assert len(page.state["readings"]) <= 3
        pages |= page.state["readings"]
        if (cursor := page.next) is None:
            break
    assert pages == whole


def test_the_plugin_host_is_told_of_any_moment(told: Told) -> None:
    """Words stay sealed for it; it is told what was recorded, and not by occurred time."""
    asked: dict[str, Any] = {"actor": "service:react", "id": ID}
    then, _ = as_of(told.desk, TENANT, AsOf(at="v1", **asked), "service:react")
    assert isinstance(then, AsOfAnswer)
    assert (then.version, then.state["title"][:7]) == (1, "enc:v1:")
    refused, _ = as_of(told.desk, TENANT, AsOf(at="v1", effective=True, words=[], **asked), "service:react")
    assert isinstance(refused, Refused)
