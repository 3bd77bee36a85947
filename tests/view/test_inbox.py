"""What waits for a person: everything that only this person can do next, and nothing that is done."""

from __future__ import annotations

import datetime as dt
from typing import Any

from milepost_contracts.answers import Refused
from milepost_contracts.commands import goal as commands
from milepost_contracts.events import goal as events
from milepost_contracts.events import mentorship
from milepost_contracts.queries import Inbox, InboxAnswer
from milepost_contracts.types import Cadence, Schedule
from tests.support.documents import History
from tests.support.goals import BOTH, active, agreed, drafted, mentored
from tests.support.scenario import ADMIN, GOAL, MENTEE, MENTOR, MENTORSHIP, STRANGER, Scenario, acme, day, uid
from tests.view.conftest import View


def told(*scenarios: Scenario) -> History:
    """Return a history in which what happened in the scenarios happened."""
    history = History()
    for scenario in scenarios:
        history.scenario(scenario)
    return history


async def kinds(view: View, who: str, **asked: Any) -> list[tuple[str, int]]:
    """Return (kind, days late) of all that waits for *who*, expectations of the mentorship left out."""
    answer = await view.ask(Inbox(actor=who, **asked), InboxAnswer)
    return [(todo.kind, todo.days_late) for todo in answer.todos if todo.kind != "agree_expectations"]


async def test_from_a_draft_to_work(view: View) -> None:
    """A draft waits for its owner, a proposal for the others' yes, an agreed one for its beginning."""
    view.write(told(drafted()))
    assert await kinds(view, MENTEE) == [("propose", 0)]
    assert await kinds(view, MENTOR) == []


async def test_a_proposal(view: View) -> None:
    """A proposal waits for who has not said yes, at the revision that is proposed."""
    scenario = drafted().given(events.Proposed(party=MENTEE, revision=3))
    view.write(told(scenario))
    assert await kinds(view, MENTEE) == []
    todo = (await view.ask(Inbox(actor=MENTOR), InboxAnswer)).todos[0]
    assert (todo.kind, todo.goal, todo.title, todo.revision, todo.since) == (
        "agree",
        GOAL,
        "Give better presentations",
        3,
        day(0),
    )


async def test_an_agreed_proposal(view: View) -> None:
    """When everybody has agreed, work waits to be begun by any of them."""
    view.write(told(agreed()))
    assert await kinds(view, MENTEE) == [("activate", 0)]
    assert await kinds(view, MENTOR) == [("activate", 0)]


async def test_voided_agreement(view: View) -> None:
    """Whose yes was voided by a change of terms is asked again."""
    changed = active().when(MENTEE, commands.ReviseTarget, measure=uid("talks"), target="5", reason="more")
    view.write(told(changed))
    assert ("agree_again", 0) in await kinds(view, MENTOR)
    assert "agree_again" not in dict(await kinds(view, MENTEE))


async def test_check_ins(view: View) -> None:
    """A check-in waits for every party from a week before its day, and for the others until they have seen it."""
    history = told(active())
    weekly = Schedule(cadence=Cadence(rhythm="weekly", anchor=day(10)))
    history.add(MENTEE, events.ScheduleSet(before=Schedule(), after=weekly))
    view.write(history)
    assert await kinds(view, MENTOR) == []
    assert await kinds(view, MENTOR, days=10) == [("check_in", 0)]
    view.now = lambda: dt.datetime.combine(day(14), dt.time(9), tzinfo=dt.UTC)
    assert await kinds(view, MENTOR) == [("check_in", 4)]
    history.add(MENTEE, events.CheckInHeld(check_in=uid("c"), held_on=day(14), attendees=[MENTEE, MENTOR]))
    view.write(history)
    assert await kinds(view, MENTEE, days=1) == []
    assert await kinds(view, MENTOR, days=1) == [("acknowledge", 0)]
    history.add(MENTOR, events.CheckInAcknowledged(check_in=uid("c"), party=MENTOR))
    view.write(history)
    assert await kinds(view, MENTOR, days=1) == []


async def test_a_check_in_that_was_voided_or_is_old(view: View) -> None:
    """Nobody is asked to acknowledge what did not happen, or what is a month old."""
    history = told(active())
    history.add(MENTEE, events.CheckInHeld(check_in=uid("a"), held_on=day(-31), attendees=[MENTEE]))
    history.add(MENTEE, events.CheckInHeld(check_in=uid("b"), held_on=day(0), attendees=[MENTEE]))
    history.add(MENTEE, events.CheckInVoided(check_in=uid("b"), reason="a mistake"))
    view.write(history)
    assert await kinds(view, MENTOR) == []


async def test_milestones_and_actions(view: View) -> None:
    """Milestones wait for the parties, actions for who was named or else for the owner; done ones for nobody."""
    history = told(active())
    history.add(MENTEE, events.MilestoneAdded(milestone=uid("m"), title="First talk", due_on=day(-2)))
    history.add(MENTEE, events.MilestoneAdded(milestone=uid("far"), title="Last talk", due_on=day(60)))
    history.add(MENTEE, events.ActionAdded(action=uid("a"), title="Book a room", due_on=day(3)))
    history.add(MENTEE, events.ActionAdded(action=uid("b"), title="Lend a book", assignee=MENTOR))
    history.add(MENTEE, events.ActionAdded(action=uid("c"), title="Done", due_on=day(1)))
    history.add(MENTEE, events.ActionCompleted(action=uid("c"), completed_on=day(0)))
    history.add(MENTEE, events.ActionAdded(action=uid("d"), title="Dropped", due_on=day(1)))
    history.add(MENTEE, events.ActionDropped(action=uid("d")))
    view.write(history)
    assert await kinds(view, MENTEE) == [("milestone", 2), ("action", 0)]
    assert await kinds(view, MENTOR) == [("milestone", 2), ("action", 0)]
    lent = (await view.ask(Inbox(actor=MENTOR), InboxAnswer)).todos[-1]
    assert (lent.kind, lent.title, lent.subject, lent.due_on) == ("action", "Lend a book", uid("b"), None)
    history.add(MENTEE, events.MilestoneHit(milestone=uid("m"), hit_on=day(0), title="x", due_on=day(-2), ordinal=1))
    view.write(history)
    assert await kinds(view, MENTOR) == [("action", 0)]


async def test_deadlines_and_rests(view: View) -> None:
    """A goal past its deadline waits to be closed, one whose rest is over to be resumed."""
    history = told(active())
    view.write(history)
    view.now = lambda: dt.datetime.combine(day(91), dt.time(9), tzinfo=dt.UTC)
    assert await kinds(view, MENTEE) == [("close", 1)]
    history.add(MENTEE, events.Paused(paused_on=day(91), reason="illness", until=day(95)))
    view.write(history)
    assert await kinds(view, MENTEE) == [("resume", 0)]
    assert await kinds(view, MENTEE, days=3) == []


async def test_mentorships(view: View) -> None:
    """A request waits for who was asked, expectations for who has not agreed to any."""
    scenario = acme()
    asked = mentorship.Requested(requester=MENTEE, parties=BOTH, format="one_to_one", purpose="Courage")
    history = told(scenario.given(asked))
    view.write(history)
    assert (await view.ask(Inbox(actor=MENTEE), InboxAnswer)).todos == []
    todo = (await view.ask(Inbox(actor=MENTOR), InboxAnswer)).todos[0]
    assert (todo.kind, todo.mentorship, todo.title) == ("answer_request", MENTORSHIP, "Courage")
    history.add(MENTOR, mentorship.Accepted(party=MENTOR))
    history.add(MENTOR, mentorship.ExpectationsAgreed(party=MENTOR, expectations="Be on time"))
    view.write(history)
    assert [todo.kind for todo in (await view.ask(Inbox(actor=MENTEE), InboxAnswer)).todos] == ["agree_expectations"]
    assert (await view.ask(Inbox(actor=MENTOR), InboxAnswer)).todos == []


async def test_anothers_inbox(view: View) -> None:
    """Another's inbox is for the tenant's admins and auditors."""
    view.write(told(drafted()))
    assert await kinds(view, ADMIN, person=MENTEE) == [("propose", 0)]
    for who in (MENTOR, STRANGER):
        answer = await view.asked(Inbox(actor=who, person=MENTEE))
        assert isinstance(answer, Refused)
        assert [problem.code for problem in answer.errors] == ["not_allowed"]


async def test_pages(view: View) -> None:
    """An inbox comes in pages too, dated things first."""
    history = told(mentored())
    for number in range(5):
        created = events.Created(title=f"Goal {number}", owner=MENTEE, revision=1)
        history.add(MENTEE, created, uid(f"goal {number}"))
        due = events.ActionAdded(action=uid(f"a{number}"), title=f"Action {number}", due_on=day(number))
        history.add(MENTEE, due, uid(f"goal {number}"))
    view.write(history)
    whole = (await view.ask(Inbox(actor=MENTEE), InboxAnswer)).todos
    assert len(whole) == 11
    assert [todo.title for todo in whole if todo.kind == "action"] == [f"Action {number}" for number in range(5)]
    seen, cursor = [], None
    for _ in range(6):
        answer = await view.ask(Inbox(actor=MENTEE, limit=2, cursor=cursor), InboxAnswer)
        seen += answer.todos
        cursor = answer.next
    assert (seen, cursor) == (whole, None)
