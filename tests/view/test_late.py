"""Real life is told late: figures go by when something happened, not by when it was recorded."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from milepost.sample import named, story
from milepost.sample import person as sampled
from milepost.sample.loading import load
from milepost.view.applying import Position
from milepost_contracts.answers import Answer
from milepost_contracts.commands import Command
from milepost_contracts.events import GoalEvent, mentorship
from milepost_contracts.events import goal as events
from milepost_contracts.events import programme as programmes
from milepost_contracts.queries import (
    Goal,
    GoalAnswer,
    Inbox,
    InboxAnswer,
    Mentorships,
    MentorshipsAnswer,
    Programme,
    ProgrammeAnswer,
)
from milepost_contracts.types import Agreement, Origin, Placing, Rubric, RubricRef, Terms
from tests.support.accepting import Acceptance
from tests.support.documents import History
from tests.support.goals import BOTH
from tests.support.scenario import MENTEE, MENTOR, MENTORSHIP, NOW, PEER, PROGRAMME, day, uid
from tests.view.conftest import View
from tests.view.test_programme import RUNNER, figures, mentored


def moment(days: int) -> dt.datetime:
    """Return the instant *days* after NOW."""
    return NOW + dt.timedelta(days=days)


def enrolled() -> History:
    """Return a history with a programme in which MENTEE and MENTOR take part."""
    history = History()
    history.add(RUNNER, programmes.Created(title="Growing", admins=[RUNNER]))
    for who, role in ((MENTEE, "mentee"), (MENTOR, "mentor")):
        history.add(RUNNER, programmes.ParticipantEnrolled(participant=who, role=role))
    return history


def begin(history: History, name: str, days: int | None) -> None:
    """Let MENTEE bring a goal called *name*, as claimed *days* after NOW, and RUNNER place it in the programme."""
    occurred = None if days is None else moment(days)
    history.add(MENTEE, events.Created(title=name, owner=MENTEE), uid(name), occurred=occurred)
    place(history, name)


def place(history: History, name: str) -> None:
    """Let a service place the goal in the programme: nobody who takes part did anything."""
    after = Placing(programme=PROGRAMME, parties=BOTH)
    history.add("service:tests", events.Placed(before=Placing(), after=after), uid(name))


def agree(history: History, name: str, proposed: int | None, agreed: int | None) -> None:
    """Let MENTEE propose and MENTOR agree, as claimed so many days after NOW."""
    first, last = (None if days is None else moment(days) for days in (proposed, agreed))
    history.add(MENTEE, events.Proposed(party=MENTEE, revision=0), uid(name), occurred=first)
    history.add(MENTOR, events.Agreed(party=MENTOR, revision=0, complete=True), uid(name), occurred=last)


@pytest.mark.parametrize(
    ("created", "proposed", "agreed", "days"),
    [
        (-40, -35, -30, "10"),  # all of it told today
        (-40, -35, None, "40"),  # agreed today
        (-40, None, -30, "40"),  # the mentor's yes is told late, the mentee's is of today: agreed since today
        (-40, -20, -30, "20"),  # the same, both told late
        (None, -7, -5, "0"),  # brought without a day, and agreed before: it was there when it was agreed
        (None, None, None, "0"),
    ],
)
async def test_time_to_agreement(
    sqlite: View, created: int | None, proposed: int | None, agreed: int | None, days: str
) -> None:
    """It is counted between the days that are claimed, to the last yes, and is never below 0."""
    history = enrolled()
    begin(history, "goal", created)
    agree(history, "goal", proposed, agreed)
    sqlite.write(history)
    told = (await figures(sqlite)).time_to_agreement
    assert (told.goals, told.median_days, told.p90_days) == (1, days, days)


async def test_the_first_agreement_counts(sqlite: View) -> None:
    """An agreement that follows a change of terms is not the first one, whatever day it claims."""
    history = enrolled()
    begin(history, "goal", -40)
    agree(history, "goal", -35, -30)
    shifted = events.DeadlineSet(new=day(50), revision=1, voided=[MENTOR])
    history.add(MENTEE, shifted, uid("goal"))
    again = events.Agreed(party=MENTOR, revision=1, complete=True)
    history.add(MENTOR, again, uid("goal"), occurred=moment(-39))
    sqlite.write(history)
    assert (await figures(sqlite)).time_to_agreement.median_days == "10"


def imported(history: History, name: str, state: Any, agreements: list[Agreement]) -> None:
    """Let RUNNER import a goal of MENTEE's as it was 20 days ago."""
    terms = Terms(title=name, owner=MENTEE, parties=BOTH)
    came = events.Imported(
        origin=Origin(system="elsewhere", ref=name), as_of=day(-20), state=state, terms=terms, agreements=agreements
    )
    history.add(RUNNER, came, uid(name))
    place(history, name)


async def test_imported_goals(sqlite: View) -> None:
    """A goal that came agreed has reached that, nobody knows how soon; one that came as a draft is as old as told."""
    history = enrolled()
    both = [Agreement(party=MENTEE, on=day(-90)), Agreement(party=MENTOR)]
    imported(history, "running", "active", both)
    imported(history, "draft", "drafted", [Agreement(party=MENTOR, on=day(-25))])
    sqlite.write(history)
    told = await figures(sqlite)
    assert told.reached == {"created": 2, "proposed": 1, "agreed": 1, "activated": 1, "closed": 0}
    assert told.time_to_agreement.goals == 0
    history.add(MENTEE, events.Proposed(party=MENTEE, revision=0, complete=True), uid("draft"), occurred=moment(-12))
    sqlite.write(history)
    told = await figures(sqlite)
    assert (told.reached["proposed"], told.reached["agreed"]) == (2, 2)
    # From the beginning of that day in the goal's zone, 9.5 hours before NOW.
    assert (told.time_to_agreement.goals, told.time_to_agreement.median_days) == (1, "8.4")
    answer = await sqlite.ask(Goal(actor=MENTEE, id=uid("running")), GoalAnswer)
    assert answer.goal.created == dt.datetime.combine(day(-20), dt.time(), dt.UTC)
    assert {one.party: one.on for one in answer.goal.agreements} == {MENTEE: day(-90), MENTOR: None}


LATE: list[tuple[GoalEvent, int | None]] = [
    (events.CommentPosted(comment=uid("c"), text="x"), -300),
    (events.ProgressRecorded(measure=uid("m"), reading="1", on=day(-300)), None),
    (events.CheckInHeld(check_in=uid("c"), held_on=day(-300), attendees=[MENTEE]), None),
    (events.MilestoneHit(milestone=uid("m"), hit_on=day(-300), title="x", due_on=day(-300), ordinal=1), None),
    (events.ActionCompleted(action=uid("a"), completed_on=day(-300)), None),
    (events.Activated(revision=0, activated_on=day(-300)), None),
    (events.Paused(paused_on=day(-300), reason="x"), None),
    (events.Resumed(resumed_on=day(-300), revision=0), None),
    (events.Closed(result="achieved", closed_on=day(-300)), None),
    (events.Reopened(reopened_on=day(-300), revision=0, reason="x"), None),
]


@pytest.mark.parametrize(("event", "days"), LATE, ids=[event.NAME for event, _ in LATE])
async def test_who_was_active_last_year_is_not_active_now(sqlite: View, event: GoalEvent, days: int | None) -> None:
    """What is recorded today of last year makes nobody active; it takes nothing from who did something lately."""
    history = enrolled()
    begin(history, "goal", -300)
    history.add(MENTEE, event, uid("goal"), occurred=None if days is None else moment(days))
    sqlite.write(history)
    assert (await figures(sqlite)).engagement.active_last_30_days == 0
    history.add(MENTEE, events.CommentPosted(comment=uid("now"), text="x"), uid("goal"), occurred=moment(-29))
    history.add(MENTEE, event, uid("goal"), occurred=None if days is None else moment(days))
    sqlite.write(history)
    assert (await figures(sqlite)).engagement.active_last_30_days == 1
    sqlite.now = lambda: moment(2)
    assert (await figures(sqlite)).engagement.active_last_30_days == 0


async def test_who_imports_is_not_at_work(sqlite: View) -> None:
    """An import tells of the day it is of, so that who brings old goals in is not active by that."""
    history = enrolled()
    history.add(RUNNER, programmes.ParticipantEnrolled(participant=RUNNER, role="mentor"))
    imported(history, "old", "active", [])
    sqlite.write(history)
    sqlite.now = lambda: moment(11)
    assert (await figures(sqlite)).engagement.active_last_30_days == 0


async def test_participants(sqlite: View) -> None:
    """Who came and left did so on the days that are claimed, and nobody leaves before coming."""
    history = enrolled()
    history.add(RUNNER, programmes.ParticipantEnrolled(participant=PEER, role="peer"), occurred=moment(-100))
    history.add(RUNNER, programmes.ParticipantWithdrawn(participant=PEER), occurred=moment(-50))
    history.add(RUNNER, programmes.ParticipantWithdrawn(participant=MENTEE), occurred=moment(-7))
    history.add(RUNNER, programmes.ParticipantEnrolled(participant=MENTOR, role="peer"), occurred=moment(-9))
    sqlite.write(history)
    answer = await sqlite.ask(Programme(actor=RUNNER, id=PROGRAMME), ProgrammeAnswer)
    assert {one.participant: (one.enrolled_on, one.withdrawn_on) for one in answer.participants} == {
        PEER: (day(-100), day(-50)),
        MENTEE: (day(-7), day(-7)),
        MENTOR: (day(-9), None),
    }


async def test_mentorships(sqlite: View) -> None:
    """A mentorship began when its last party said yes, and a request waits since it was made."""
    history = History()
    asked = mentorship.Requested(requester=MENTEE, parties=BOTH, format="one_to_one")
    history.add(MENTEE, asked, occurred=moment(-60))
    sqlite.write(history)
    todo = (await sqlite.ask(Inbox(actor=MENTOR), InboxAnswer)).todos[0]
    assert (todo.kind, todo.since) == ("answer_request", day(-60))
    history.add(MENTOR, mentorship.Accepted(party=MENTOR), occurred=moment(-50))
    sqlite.write(history)
    shown = (await sqlite.ask(Mentorships(actor=MENTEE), MentorshipsAnswer)).mentorships[0]
    assert shown.started_on == day(-50)
    todo = (await sqlite.ask(Inbox(actor=MENTOR), InboxAnswer)).todos[0]
    assert (todo.kind, todo.since) == ("agree_expectations", day(-50))


async def test_a_session_that_is_told_after_a_later_one(sqlite: View) -> None:
    """The next session is the one that was settled at the latest, not at the one that was recorded last."""
    history = mentored()
    old = mentorship.SessionHeld(session=uid("old"), held_on=day(-9), attendees=[MENTEE, MENTOR], next_on=day(1))
    history.add(MENTOR, old)
    sqlite.write(history)
    shown = (await sqlite.ask(Mentorships(actor=MENTEE, id=MENTORSHIP), MentorshipsAnswer)).mentorships[0]
    assert (shown.sessions, shown.last_session_on, shown.next_session_on) == (2, day(9), day(20))
    same_day = mentorship.SessionHeld(session=uid("again"), held_on=day(9), attendees=[MENTEE, MENTOR])
    history.add(MENTOR, same_day)
    sqlite.write(history)
    shown = (await sqlite.ask(Mentorships(actor=MENTEE, id=MENTORSHIP), MentorshipsAnswer)).mentorships[0]
    assert shown.next_session_on is None


async def test_what_is_about_recording_is_told_as_recorded(sqlite: View) -> None:
    """When a goal was brought and agreed is claimed; when it was changed and evaluated in these tables is recorded."""
    history = enrolled()
    begin(history, "goal", -40)
    agree(history, "goal", -35, -30)
    rubric = Rubric(id="smart", version=1, criteria=["specific"])
    evaluated = events.Evaluated(
        rubric=RubricRef(id=rubric.id, version=rubric.version), criteria=[], passed=True, revision=0
    )
    history.add(MENTEE, evaluated, uid("goal"), occurred=moment(-33))
    history.add(MENTEE, events.CommentPosted(comment=uid("c"), text="x"), uid("goal"), occurred=moment(-32))
    sqlite.write(history)
    goal = (await sqlite.ask(Goal(actor=MENTEE, id=uid("goal")), GoalAnswer)).goal
    assert (goal.created, goal.changed) == (moment(-40), NOW)
    assert {one.party: one.on for one in goal.agreements} == {MENTEE: day(-35), MENTOR: day(-30)}
    assert goal.evaluation is not None
    assert (goal.evaluation.recorded, goal.comments[0].recorded) == (NOW, NOW)


async def test_the_sample(sqlite: View, tmp_path: Path) -> None:
    """In the sample, all of it told in one go, goals took weeks to be agreed, and last year's work is of last year."""
    accept = Acceptance(tmp_path, clock=lambda: NOW)

    async def ask(tenant: str, command: Command) -> Answer:
        return accept.ask(command, tenant)

    last = await load(ask, story(NOW.date()))
    documents = [one.document for one in accept.journal.events_after("sample", 0, last)]
    accept.close()
    sqlite.applying.apply(documents, Position(1, 1))
    sqlite.history = History("sample")
    told = {}
    for cycle in ("last year", "this year"):
        query = Programme(actor=sampled("priya"), id=named("programme", "growth"), cycle=named("cycle", cycle))
        told[cycle] = (await sqlite.ask(query, ProgrammeAnswer)).figures
    before, now = told["last year"], told["this year"]
    assert before is not None
    assert now is not None
    for year in (before, now):
        assert year.time_to_agreement.goals == year.reached["agreed"] > 5
        assert 1 < float(year.time_to_agreement.median_days or 0) < 30
    assert (before.engagement.check_ins > 0, before.engagement.active_last_30_days) == (True, 0)
    assert now.engagement.active_last_30_days == now.engagement.participants > 0
