"""Goals that need looking after are found by the day it is asked, page by page, whatever is inserted meanwhile."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from milepost_contracts.answers import Failed, Invalid
from milepost_contracts.events import goal as events
from milepost_contracts.events import programme, tenant
from milepost_contracts.queries import (
    AtRisk,
    Goal,
    GoalAnswer,
    GoalsAnswer,
    GoalsOf,
    OverdueCheckIns,
    OverdueCheckInsAnswer,
    Query,
    Streaks,
    StreaksAnswer,
    Unaligned,
)
from milepost_contracts.types import Cadence, Measure, Placing, Schedule, TermsChange
from tests.support.documents import History
from tests.support.goals import active, mentored
from tests.support.scenario import ADMIN, MENTEE, MENTOR, MENTORSHIP, PROGRAMME, day, uid
from tests.view.conftest import View


def running(count: int = 1, **created: Any) -> History:
    """Return a history with active goals of MENTEE's, `goal 0` with the nearest deadline and so on."""
    history = History()
    history.add(ADMIN, tenant.Opened(admins=[ADMIN]))
    for number in range(count):
        run(history, f"goal {number}", **({"deadline": day(10 + number)} | created))
    return history


def run(history: History, name: str, **created: Any) -> None:
    """Let a goal called *name* have begun a hundred days ago."""
    told: dict[str, Any] = {"title": name, "owner": MENTEE, "start_on": day(-100), "revision": 1} | created
    history.add(MENTEE, events.Created(**told), uid(name))
    history.add(MENTEE, events.Activated(revision=1, activated_on=day(-100)), uid(name))


def at(view: View, days: int, hour: int = 9) -> None:
    """Let it be *days* after today, at *hour* o'clock UTC."""
    moment = dt.datetime.combine(day(days), dt.time(hour), tzinfo=dt.UTC)
    view.now = lambda: moment


def reading(history: History, name: str, progress: str | None) -> None:
    """Let a reading have told the progress of the goal called *name*."""
    event = events.ProgressRecorded(measure=uid("m"), reading="1", on=day(-1), progress=progress)
    history.add(MENTEE, event, uid(name))


async def titles(view: View, query: Query) -> list[str | None]:
    """Return the titles of the goals in the answer."""
    return [card.title for card in (await view.ask(query, GoalsAnswer)).goals]


async def test_at_risk(view: View) -> None:
    """Goals behind their clock are listed by deadline; an override counts until its last day; pauses stop the clock."""
    history = running(5)  # about ninety of a hundred and ten days have passed
    for number, progress in enumerate(["0.9", "0.65", "0.1", "0.1", None]):
        reading(history, f"goal {number}", progress)
    history.add(MENTEE, events.HealthSet(health="on_track", reason="ahead", until=day(2)), uid("goal 3"))
    run(history, "resting", deadline=day(15))
    reading(history, "resting", "0")
    history.add(MENTEE, events.Paused(paused_on=day(-100), reason="illness"), uid("resting"))
    history.add(MENTEE, events.Resumed(resumed_on=day(0), revision=1), uid("resting"))
    view.write(history)
    assert await titles(view, AtRisk(actor=MENTEE)) == ["goal 1", "goal 2"]
    assert await titles(view, AtRisk(actor=MENTEE, health=["off_track"])) == ["goal 2"]
    at(view, 3)
    assert await titles(view, AtRisk(actor=MENTEE, health=["off_track"])) == ["goal 2", "goal 3"]
    answer = (await view.ask(AtRisk(actor=MENTEE, health=["off_track"]), GoalsAnswer)).goals[0]
    assert (answer.health, answer.progress, answer.expected) == ("off_track", "0.1", "0.919642857")


async def test_at_risk_is_narrowed(view: View) -> None:
    """A list may be narrowed to a person, a mentorship, a programme or a cycle."""
    history = running(2)
    for number in range(2):
        reading(history, f"goal {number}", "0")
    placing = Placing(mentorship=MENTORSHIP, programme=PROGRAMME, cycle=uid("cycle"), parties=[])
    history.add(MENTEE, events.Placed(before=Placing(), after=placing, revision=1), uid("goal 1"))
    view.write(history)
    for narrowed in (
        AtRisk(actor=MENTEE, mentorship=MENTORSHIP),
        AtRisk(actor=MENTEE, programme=PROGRAMME),
        AtRisk(actor=MENTEE, cycle=uid("cycle")),
    ):
        assert await titles(view, narrowed) == ["goal 1"]
    assert await titles(view, AtRisk(actor=ADMIN, of=MENTEE)) == ["goal 0", "goal 1"]
    assert await titles(view, AtRisk(actor=ADMIN, of=MENTOR)) == []


async def test_overdue_check_ins(view: View) -> None:
    """A check-in is overdue when the grace after its day is over, by the goal's cadence or its programme's."""
    history = running(2)
    weekly = Cadence(rhythm="weekly", anchor=day(0))
    history.add(MENTEE, events.ScheduleSet(before=Schedule(), after=Schedule(cadence=weekly)), uid("goal 0"))
    view.write(history)
    for days, grace, late in ((3, 3, None), (4, 3, 1), (0, 0, None), (1, 0, 1), (6, 7, None)):
        at(view, days)
        query = OverdueCheckIns(actor=MENTEE, grace_days=grace)
        found = (await view.ask(query, OverdueCheckInsAnswer)).check_ins
        assert [one.days_late for one in found] == ([] if late is None else [late]), (days, grace)
    at(view, 4)
    overdue = (await view.ask(OverdueCheckIns(actor=MENTEE), OverdueCheckInsAnswer)).check_ins[0]
    assert (overdue.goal.title, overdue.due_on, overdue.last_held_on) == ("goal 0", day(0), None)
    history.add(MENTEE, events.CheckInHeld(check_in=uid("c"), held_on=day(2), attendees=[MENTEE]), uid("goal 0"))
    view.write(history)
    assert (await view.ask(OverdueCheckIns(actor=MENTEE), OverdueCheckInsAnswer)).check_ins == []
    history.add(ADMIN, programme.Created(title="Growing", admins=[ADMIN], cadence=weekly))
    placing = Placing(programme=PROGRAMME, parties=[])
    history.add(MENTEE, events.Placed(before=Placing(), after=placing, revision=1), uid("goal 1"))
    view.write(history)
    found = (await view.ask(OverdueCheckIns(actor=MENTEE), OverdueCheckInsAnswer)).check_ins
    assert [one.goal.title for one in found] == ["goal 1"]


async def test_a_date_lasts_until_midnight_in_the_goals_zone(view: View) -> None:
    """West of Greenwich a check-in is not overdue while it is still the day before there."""
    history = running(1, time_zone="America/Los_Angeles")
    schedule = Schedule(time_zone="America/Los_Angeles", cadence=Cadence(rhythm="weekly", anchor=day(0)))
    history.add(MENTEE, events.ScheduleSet(before=Schedule(), after=schedule), uid("goal 0"))
    view.write(history)
    query = OverdueCheckIns(actor=MENTEE, grace_days=0)
    at(view, 1, hour=7)
    assert (await view.ask(query, OverdueCheckInsAnswer)).check_ins == []
    at(view, 1, hour=9)
    assert len((await view.ask(query, OverdueCheckInsAnswer)).check_ins) == 1


async def test_unaligned(view: View) -> None:
    """Goals that serve none, are served by none and name no initiative are listed, drafts too, closed ones not."""
    history = running(4)
    run(history, "strategic", external_ref="initiative:churn")
    run(history, "closed")
    history.add(MENTEE, events.Created(title="draft", owner=MENTEE, revision=1), uid("draft"))
    history.add(MENTEE, events.Closed(result="missed", closed_on=day(0)), uid("closed"))
    history.add(MENTEE, events.Aligned(parent=uid("goal 1"), weight="1"), uid("goal 0"))
    history.add(MENTEE, events.ChildAligned(child=uid("goal 0"), weight="1"), uid("goal 1"))
    history.add(MENTEE, events.Aligned(parent=uid("goal 1"), weight="1"), uid("goal 2"))
    history.add(MENTEE, events.Unaligned(parent=uid("goal 1")), uid("goal 2"))
    view.write(history)
    assert await titles(view, Unaligned(actor=MENTEE)) == ["goal 2", "goal 3", "draft"]


async def test_streaks(view: View) -> None:
    """Check-ins in a row are counted over a change of the clocks and a pause; hits in a row end when one is missed."""
    history = running(0)
    run(history, "goal 0")
    weekly = Schedule(time_zone="Europe/Berlin", cadence=Cadence(rhythm="weekly", anchor=day(0)))
    history.add(MENTEE, events.ScheduleSet(before=Schedule(), after=weekly), uid("goal 0"))
    led = Measure(
        measure=uid("led"),
        name="Led",
        kind="consecutive",
        direction="increase",
        unit="meetings",
        target="4",
        period="week",
    )
    history.add(MENTEE, events.MeasureDefined(definition=led, revision=2), uid("goal 0"))
    for week in (0, 1, 2, 3, 6):  # the clocks change after week 3; week 4 and 5 are a pause
        held = events.CheckInHeld(check_in=uid(f"c{week}"), held_on=day(7 * week), attendees=[MENTEE])
        history.add(MENTEE, held, uid("goal 0"))
        told = events.ProgressRecorded(measure=uid("led"), reading=week != 1, on=day(7 * week), progress="0")
        history.add(MENTEE, told, uid("goal 0"))
    history.add(MENTEE, events.Paused(paused_on=day(24), reason="leave"), uid("goal 0"))
    history.add(MENTEE, events.Resumed(resumed_on=day(40), revision=2), uid("goal 0"))
    view.write(history)
    at(view, 43)
    found = (await view.ask(Streaks(actor=MENTEE), StreaksAnswer)).streaks[0]
    assert (found.current, found.longest, found.last_held_on) == (5, 5, day(42))
    assert [(run.name, run.current, run.target) for run in found.measures] == [("Led", 1, "4")]
    at(view, 70)
    found = (await view.ask(Streaks(actor=MENTEE), StreaksAnswer)).streaks[0]
    assert (found.current, found.longest, found.measures[0].current) == (0, 5, 0)


async def test_progress_moves_without_events(view: View) -> None:
    """A run that has ended by itself counts no more, in lists as on the goal's page."""
    history = running(0)
    run(history, "goal 0", deadline=day(10))
    led = Measure(
        measure=uid("led"),
        name="Led",
        kind="consecutive",
        direction="increase",
        unit="meetings",
        target="2",
        period="week",
    )
    history.add(MENTEE, events.MeasureDefined(definition=led, revision=2), uid("goal 0"))
    hit = events.ProgressRecorded(measure=uid("led"), reading=True, on=day(0), current="1", progress="0.5")
    history.add(MENTEE, hit, uid("goal 0"))
    view.write(history)
    for days, progress in ((0, "0.5"), (13, "0.5"), (14, "0")):
        at(view, days)
        listed = (await view.ask(GoalsOf(actor=MENTEE), GoalsAnswer)).goals[0]
        page = (await view.ask(Goal(actor=MENTEE, id=uid("goal 0")), GoalAnswer)).goal
        assert (listed.progress, page.progress, page.measures[0].progress) == (progress, progress, progress)


async def test_progress_from_children(view: View) -> None:
    """A goal that takes its progress from its children has their weighted mean, whatever level they are on."""
    history = running(4)
    for number, progress in ((2, "0.5"), (3, "1")):
        reading(history, f"goal {number}", progress)
    for parent, child, weight in (
        ("goal 0", "goal 1", "1"),
        ("goal 1", "goal 2", "0.25"),
        ("goal 1", "goal 3", "0.75"),
    ):
        history.add(MENTEE, events.ChildAligned(child=uid(child), weight=weight), uid(parent))
    for name in ("goal 0", "goal 1"):
        before, after = TermsChange(), TermsChange(progress_from="children")
        history.add(MENTEE, events.Refined(before=before, after=after, trigger="other", revision=2), uid(name))
    view.write(history)
    page = (await view.ask(Goal(actor=MENTEE, id=uid("goal 0")), GoalAnswer)).goal
    assert (page.progress, page.children[0].progress, page.children[0].title) == ("0.875", "0.875", "goal 1")


@pytest.mark.parametrize(
    "made", [lambda **rest: AtRisk(actor=MENTEE, **rest), lambda **rest: GoalsOf(actor=MENTEE, **rest)]
)
async def test_pages(view: View, made: Any) -> None:
    """Pages follow one another without a gap or a repetition, whatever is inserted before and behind."""
    history = running(7)
    for number in range(7):
        reading(history, f"goal {number}", "0")
    view.write(history)
    whole = await titles(view, made())
    seen: list[str | None] = []
    cursor = None
    for page in range(20):
        answer = await view.ask(made(limit=2, cursor=cursor), GoalsAnswer)
        seen += [card.title for card in answer.goals if card.title != "inserted"]
        if page < 4:
            run(history, f"inserted {page}", deadline=day(-5), title="inserted")
            reading(history, f"inserted {page}", "0")
            view.write(history)
        cursor = answer.next
        if cursor is None:
            break
    assert (seen, len(whole)) == (whole, 7)


async def test_pages_of_entries(view: View) -> None:
    """A goal's entries come newest first, page by page; the rest of the goal is on every page."""
    history = running(1)
    for number in range(5):
        comment = events.CommentPosted(comment=uid(f"c{number}"), text=f"Remark {number}")
        history.add(MENTEE, comment, uid("goal 0"))
    view.write(history)
    texts: list[str | None] = []
    cursor = None
    for _ in range(3):
        answer = await view.ask(Goal(actor=MENTEE, id=uid("goal 0"), limit=2, cursor=cursor), GoalAnswer)
        texts += [one.text for one in answer.goal.comments]
        assert answer.goal.title == "goal 0"
        cursor = answer.next
    assert (texts, cursor) == ([f"Remark {number}" for number in (4, 3, 2, 1, 0)], None)


async def test_what_is_no_cursor(sqlite: View) -> None:
    """A cursor that no page of this question gave is invalid."""
    sqlite.write(running(3))
    other = (await sqlite.ask(GoalsOf(actor=MENTEE, limit=1), GoalsAnswer)).next
    for cursor in ("x", "_w", other):
        answer = await sqlite.asked(AtRisk(actor=MENTEE, cursor=cursor))
        assert isinstance(answer, Invalid)
        assert [problem.code for problem in answer.errors] == ["invalid_cursor"]


async def test_min_sequence(sqlite: View) -> None:
    """A question waits for what it wants to see, and is told to ask again when that does not come."""
    history = running(1)
    sqlite.write(history)
    assert await titles(sqlite, GoalsOf(actor=MENTEE, min_sequence=history.sequence)) == ["goal 0"]
    answer = await sqlite.asked(GoalsOf(actor=MENTEE, min_sequence=f"{len(history.documents) + 1:016d}"))
    assert isinstance(answer, Failed)
    assert (answer.errors[0].code, answer.retry) == ("not_seen_yet", True)


async def test_a_portfolio_is_narrowed(view: View) -> None:
    """A portfolio is narrowed by state and role, and shows archived goals only when asked for."""
    history = History()
    scenario = active(mentored())
    history.scenario(scenario)
    for name in ("drafted", "shelved"):
        history.add(MENTEE, events.Created(title=name, owner=MENTEE, revision=1), uid(name))
    history.add(MENTEE, events.ContributorAdded(ref=MENTOR, role="sponsor"), uid("drafted"))
    history.add(MENTEE, events.Closed(result="abandoned", closed_on=day(0)), uid("shelved"))
    history.add(MENTEE, events.Archived(), uid("shelved"))
    view.write(history)
    title = "Give better presentations"
    assert sorted(await titles(view, GoalsOf(actor=MENTEE)), key=str) == [title, "drafted"]
    assert await titles(view, GoalsOf(actor=MENTEE, states=["active"])) == [title]
    assert await titles(view, GoalsOf(actor=MENTEE, states=["closed"], archived=True)) == ["shelved"]
    assert await titles(view, GoalsOf(actor=MENTOR, roles=["party"])) == [title]
    assert await titles(view, GoalsOf(actor=MENTOR, roles=["contributor"])) == ["drafted"]
    assert await titles(view, GoalsOf(actor=MENTOR, of=f"mentorship:{MENTORSHIP}")) == [title]
