"""Given a mentorship, when its parties meet, look back and share resources, then ..."""

from __future__ import annotations

from typing import Any

import pytest

from milepost_contracts.commands.mentorship import AttachResource, HoldSession, RecordReflection
from milepost_contracts.events.goal import Created, Placed
from milepost_contracts.events.mentorship import (
    Completed,
    GoalJoined,
    GoalLeft,
    ReflectionRecorded,
    Rejected,
    ResourceAttached,
    SessionHeld,
)
from milepost_contracts.types import Placing
from tests.decide.mentorship.cases import LEAD, active, requested, tenant
from tests.support.scenario import ADMIN, GOAL, MENTEE, MENTOR, MENTORSHIP, STRANGER, day, uid

MET: dict[str, Any] = {"session": uid("session"), "held_on": day(-1), "attendees": [MENTEE, MENTOR]}
ENTRY: dict[str, Any] = {"reflection": uid("reflection"), "text": "I was nervous"}
BOOK: dict[str, Any] = {"resource": uid("book"), "kind": "book", "title": "Talk like that"}


@pytest.mark.parametrize(("command", "fields"), [(HoldSession, MET), (RecordReflection, ENTRY), (AttachResource, BOOK)])
def test_what_parties_do(command: Any, fields: dict[str, Any]) -> None:
    """Every party does these, and nobody else, admins included."""
    for actor in (MENTEE, MENTOR):
        assert len(active().when(actor, command, **fields).events) == 1
    for actor in (STRANGER, ADMIN, LEAD):
        active().when(actor, command, **fields).refused("not_allowed")
    tenant().when(MENTEE, command, **fields).refused("mentorship_unknown")


def test_a_session_without_goals() -> None:
    """A session needs no goal; who attended is told once; its id is used once."""
    scenario = active().when(MENTEE, HoldSession, **MET | {"attendees": [MENTEE, STRANGER, MENTEE]})
    scenario.then(SessionHeld(**MET | {"attendees": [MENTEE, STRANGER]})).warned()
    assert scenario.state("mentorship").sessions[uid("session")] == day(-1)
    scenario.when(MENTOR, HoldSession, **MET).refused("session_id_taken")


def test_a_session_about_goals() -> None:
    """The goals of a session are of this mentorship, open or closed by now."""
    here = Placed(before=Placing(), after=Placing(mentorship=MENTORSHIP))
    scenario = active(GoalJoined(goal=GOAL, owner=MENTEE))
    scenario.given(Created(title="Lead", owner=MENTEE), here, id=uid("closed"))
    scenario.given(GoalJoined(goal=uid("closed"), owner=MENTEE), GoalLeft(goal=uid("closed")))
    scenario.given(Created(title="Alone", owner=MENTEE), id=uid("elsewhere"))
    both = [GOAL, uid("closed")]
    held = scenario.when(MENTEE, HoldSession, **MET, goals=[*both, GOAL], next_on=day(13)).caused(SessionHeld)
    assert (held.goals, held.next_on) == (both, day(13))
    strangers = [uid("elsewhere"), uid("nowhere")]
    scenario.when(MENTEE, HoldSession, **MET | {"session": uid("next")}, goals=[GOAL, *strangers])
    assert scenario.refused("goal_not_here").problem("goal_not_here").details == {"goals": strangers}


def test_when_a_session_was_held() -> None:
    """A future session is refused, one on today's last edge of the world stands, one long past is warned of."""
    active().when(MENTEE, HoldSession, **MET | {"held_on": day(1)}).refused("in_future")
    scenario = active()
    scenario.at(scenario.now.replace(hour=12)).when(MENTEE, HoldSession, **MET | {"held_on": day(1)}).warned()
    active().when(MENTEE, HoldSession, **MET | {"held_on": day(-7)}).warned()
    active().when(MENTEE, HoldSession, **MET | {"held_on": day(-8)}).warned("backdated")


def test_sessions_before_and_after() -> None:
    """No session before it began; after its end, only what was held before it."""
    requested().when(MENTEE, HoldSession, **MET).refused("mentorship_not_active")
    ended = active(Completed(completed_on=day(-1)))
    ended.when(MENTEE, HoldSession, **MET).tags("session_held")
    ended.when(MENTEE, HoldSession, **MET | {"session": uid("late"), "held_on": day(0)}).refused("mentorship_ended")
    requested().given(Rejected(party=MENTOR)).when(MENTEE, HoldSession, **MET).refused("mentorship_ended")


def test_a_session_tells_everything_at_once() -> None:
    """Nobody of the parties there, too many guests, the next one before this one: all told together."""
    wrong = {"held_on": day(2), "attendees": [STRANGER, ADMIN], "next_on": day(2), "goals": [GOAL, uid("other")]}
    scenario = active().limited(items=1).when(MENTEE, HoldSession, **MET | wrong)
    scenario.refused(
        "in_future", "attendees_missing", "limit_reached", "limit_reached", "next_on_not_after", "goal_not_here"
    )
    active().when(MENTEE, HoldSession, **MET | {"attendees": []}).refused("attendees_missing")


def test_reflections() -> None:
    """An entry is its author's, also after the end; an empty one and a used id are refused."""
    scenario = active().when(MENTOR, RecordReflection, **ENTRY).then(ReflectionRecorded(author=MENTOR, **ENTRY))
    assert scenario.state("mentorship").reflections[uid("reflection")] == MENTOR
    scenario.when(MENTEE, RecordReflection, **ENTRY | {"text": " "}).refused("reflection_id_taken", "text_missing")
    scenario.given(Completed(completed_on=day(0)))
    scenario.when(MENTEE, RecordReflection, **ENTRY | {"reflection": uid("after")}).tags("reflection_recorded")


def test_resources() -> None:
    """A resource is attached with a safe link or none; a used id and an empty title are refused."""
    scenario = active().when(MENTOR, AttachResource, **BOOK).then(ResourceAttached(**BOOK))
    assert scenario.state("mentorship").resources[uid("book")] == "book"
    scenario.when(MENTOR, AttachResource, **BOOK | {"title": "", "url": "javascript:alert(1)"}).refused(
        "resource_id_taken", "title_missing", "unsafe_link"
    )
    scenario.given(Completed(completed_on=day(0)))
    scenario.when(MENTOR, AttachResource, **BOOK | {"resource": uid("new")}).refused("mentorship_ended")


@pytest.mark.parametrize(
    "url",
    ["https://example.org/a?b=c#d", "HTTP://example.org", "mailto:mentor@example.org", "https://[2001:db8::1]/x"],
)
def test_links_that_are_safe(url: str) -> None:
    """Whole http, https and mailto links are taken, in any case."""
    active().when(MENTEE, AttachResource, **BOOK, url=url).tags("resource_attached")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        " https://example.org",
        "https://example.org/a b",
        "data:text/html,x",
        "file:///etc/passwd",
        "//example.org",
        "example.org",
        "https:",
        "https:///path",
        "mailto:",
        "http://[broken",
    ],
)
def test_links_that_are_not(url: str) -> None:
    """Everything that a browser would run, or that leads nowhere, is refused."""
    active().when(MENTEE, AttachResource, **BOOK, url=url).refused("unsafe_link")
