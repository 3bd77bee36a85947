"""The plugin in the real host: processes of its own, a real broker, timers, its outbox, a real receiver."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator

import pytest

from milepost_contracts.events import goal as events
from milepost_contracts.testing import StoryGoal
from milepost_contracts.testing.story import uid
from milepost_contracts.types import Cadence, Measure, Schedule
from tests.plugins.nudges.test_sending import Inbox, serving
from tests.react.conftest import MakeHost, hosting  # noqa: F401  fixture
from tests.support.hosting import Hosting
from tests.support.nats import broker, connect  # noqa: F401  fixtures

NUDGES = {"nudges": "milepost_nudges"}
CONFIG = """
health_settle_minutes = 0
quiet = { start = "00:00", end = "00:00" }
"""


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    yield from serving()


def configured(make: MakeHost, inbox: Inbox) -> Hosting:
    """Return a host whose nudges go to *inbox*."""
    host: Hosting = make(NUDGES)
    host.configure("nudges", CONFIG)
    path = host.folder / "plugins" / "nudges.secrets.toml"
    path.touch(mode=0o600)
    path.write_text(f'default = ["{inbox.url("{person}")}?+Idempotency-Key={{key}}"]\n', encoding="utf-8")
    return host


def goal_since(host: Hosting, days: int) -> StoryGoal:
    """Tell of a goal that has been worked on for so many days, of a thousand, with a check-in due every day."""
    now = dt.datetime.now(dt.UTC)
    host.story.now = now - dt.timedelta(days=days)
    start = host.story.now.date()
    goal = host.story.goal(
        host.story.person("mentee"), host.story.person("mentor"), deadline=start + dt.timedelta(days=1000)
    )
    daily = Cadence(rhythm="days", days=1, anchor=start)
    goal.add(events.ScheduleSet(before=Schedule(), after=Schedule(cadence=daily)))
    measure = Measure(
        measure=uid("measure"), name="Talks", unit="talks", kind="count", direction="increase", target="3"
    )
    goal.add(events.MeasureDefined(definition=measure, revision=2))
    goal.add(events.Activated(revision=2, activated_on=start))
    return goal


async def test_history_is_known_and_nobody_hears_of_it(hosting: MakeHost, inbox: Inbox) -> None:  # noqa: F811  the fixture
    """A replay of years: crossings are told, nothing is nudged or sent, timers stand for the days to come."""
    host = configured(hosting, inbox)
    goal = goal_since(host, 700)
    host.story.now = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    goal.reading("1", progress="0.6")
    await host.publish()
    await host.start()
    report = await host.caught_up("nudges")
    assert (report.mode, report.parked, report.effects_sent, report.effects_suppressed) == ("live", 0, 0, 0)
    facts = await host.facts("nudges")
    crossings = [(fact["data"]["from"], fact["data"]["to"]) for fact in facts]
    assert crossings == [("on_track", "at_risk"), ("at_risk", "off_track"), ("off_track", "on_track")]
    assert report.timers == 2
    assert inbox.messages == []


async def test_a_nudge_goes_all_the_way_once(hosting: MakeHost, inbox: Inbox) -> None:  # noqa: F811  the fixture
    """A host that slept over the beginning of the day wakes: today's check-in arrives at a real receiver, once."""
    host = configured(hosting, inbox)
    goal = goal_since(host, 3)
    await host.publish()
    await host.start()
    await host.caught_up("nudges")
    await host.stop()
    # As if it had been there for days and slept since: what began today is news then.
    slept = dt.datetime.now(dt.UTC) - dt.timedelta(days=2)
    (file,) = host.folder.glob("react/*nudges*.sqlite")
    with sqlite3.connect(file) as store:
        store.execute("UPDATE state SET value = ? WHERE key = 'since'", (f'"{slept.isoformat()}"'.encode(),))
        store.execute("UPDATE timer SET at = (SELECT MIN(at) FROM timer) WHERE key LIKE 'look/%/1'")
    store.close()
    await host.start()
    host.story.now = dt.datetime.now(dt.UTC)
    goal.add(events.CommentPosted(comment=uid("comment"), text="I am back"))
    await host.publish()
    await host.until("nudges", lambda report: report.effects_sent > 0)
    await host.stop()
    await host.start()
    report = await host.caught_up("nudges")
    today = dt.datetime.now(dt.UTC).date()
    told = {(fact["data"]["stage"], fact["data"]["due"]) for fact in await host.facts("nudges")}
    assert ("check_in_due", str(today)) in told
    assert len(inbox.messages) == report.effects_sent == len(told)
    assert len({message.key for message in inbox.messages}) == len(told)
    assert {message.path for message in inbox.messages} == {f"/{goal.owner.removeprefix('user:')}"}
