"""The host through what happens to it in years: streams filled again, gaps, lost state, rivals, versions, timers."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nats.aio.client import Client

from milepost.broker import EmbeddedBroker
from milepost.publish.streams import Marks, goals
from milepost.react.policy import Policy
from milepost.react.reports import Report
from milepost.react.store import Store
from milepost_contracts.plugin import Delivered
from milepost_contracts.testing import Story, StoryGoal
from tests.react.conftest import MakeHost
from tests.support.hosting import ROOT, Hosting
from tests.support.nats import Connect
from tests.support.waiting import until

HEALTHY = {"healthy": "tests.react.plugins.healthy"}
QUICK = Policy(
    event_attempts_max=2, event_pause_s_min=0.01, event_pause_s_max=0.02, effect_pauses_s=(0.01,) * 5, lease_s=0.1,
    pause_s_min=0.02, pause_s_max=0.1,
)  # fmt: skip


def tell(host: Hosting, name: str = "goal") -> tuple[StoryGoal, Delivered]:
    """Tell a short story of a goal called *name*: created, a check-in, a milestone."""
    story = host.story
    goal = story.goal(story.person("mentee"), story.person("mentor"), name=name)
    goal.check_in(f"check-in of {name}")
    return goal, goal.hit(f"milestone of {name}")


def running(report: Report) -> bool:
    return report.state == "running"


async def begun(make: MakeHost, plugins: dict[str, str] = HEALTHY, **options: Any) -> Hosting:
    """Make and start a host; its plugins are running, live."""
    host = make(plugins, **({"policy": QUICK} | options))
    if "healthy" in plugins:
        host.configure("healthy", f'folder = "{host.folder}"')
    await host.start()
    for name in plugins:
        await host.until(name, running)
    return host


async def marked(client: Client, marks: Marks) -> None:
    """Let GOALS say *marks* of itself."""
    config = msgspec.json.encode(goals(marks, replicas=1))
    answer = await client.request("$JS.API.STREAM.UPDATE.GOALS", config, timeout=5)
    assert "error" not in msgspec.json.decode(answer.data)


async def emptied(client: Client, generation: int) -> None:
    """Empty GOALS for a refill, under a new *generation*; it is whole when it is marked so."""
    await client.request("$JS.API.STREAM.PURGE.GOALS", b"{}", timeout=5)
    # The same ids come again at once: with the window of a refill they are no duplicates.
    await marked(client, Marks(generation=generation, refill_to=1))
    await asyncio.sleep(0.15)  # that window is over then; the broker tells nobody


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
async def test_a_stream_that_is_filled_again_brings_nothing_again(
    hosting_both: MakeHost, connect: Connect, *, stopped: bool
) -> None:
    """Of a new generation with the same events, those that were taken are passed over; new ones are taken once."""
    host = await begun(hosting_both)
    goal, _ = tell(host)
    await host.publish()
    before = await host.caught_up("healthy")
    if stopped:
        await host.stop()
    client = await connect("publish")
    await emptied(client, 7)
    await host.publish(list(host.story.documents))
    await marked(client, Marks(generation=7))
    fresh, _ = tell(host, "another")
    await host.publish(host.story.documents[3:])
    if stopped:
        await host.start()
    after = await host.until("healthy", lambda report: report.handled == 6 and report.lag == 0)
    assert host.state("healthy") == {f"seen/{goal.id}": [1, 2, 3], f"seen/{fresh.id}": [4, 5, 6]}
    assert (before.grants, after.grants, after.mode) == (1, 2, "live")
    report = await host.until("healthy", lambda report: report.effects_sent == 2)
    assert (report.effects_changed, report.effects_suppressed) == (0, 0)
    if not stopped:
        await host.stop()
        await host.start()  # and now from the beginning of the new generation
        report = await host.until("healthy", lambda report: running(report) and report.lag == 0)
        assert report.handled == 6


async def test_history_that_is_being_filled_again_is_waited_for(hosting: MakeHost, connect: Connect) -> None:
    """A plugin that begins with history while it is being filled again begins when it is whole: all of it is past."""
    host = hosting(HEALTHY, policy=QUICK)
    host.configure("healthy", f'folder = "{host.folder}"')
    tell(host)
    client = await connect("publish")
    await emptied(client, 7)
    await host.publish(host.story.documents[:2])
    await host.start()
    report = await host.until("healthy", lambda report: report.state == "retrying")
    assert "being filled again" in report.why
    await host.publish(host.story.documents[2:])
    await marked(client, Marks(generation=7))
    report = await host.until("healthy", lambda report: running(report) and report.mode == "live")
    assert (report.handled, report.effects_sent, report.effects_suppressed) == (3, 0, 1)


async def test_a_replay_that_a_refill_meets_stays_one(hosting: MakeHost, connect: Connect) -> None:
    """History that is emptied and filled again while a plugin goes through it is history to its end."""
    client = await connect("publish")
    met = asyncio.Event()
    host = hosting(HEALTHY, policy=QUICK._replace(batch_max=1))
    host.configure("healthy", f'folder = "{host.folder}"')
    for number in range(10):
        tell(host, f"goal {number}")
    await host.publish()
    passed = 0

    def at(point: str) -> None:
        nonlocal passed
        if point == "react.after_commit":
            passed += 1
            if passed == 9:
                met.set()
                raise ConnectionError("the connection is lost in the middle of history")

    host.at = at
    await host.start()
    await met.wait()
    await emptied(client, 7)
    await host.publish(host.story.documents[:20])
    await host.until("healthy", lambda report: "being filled again" in report.why)
    await host.publish(host.story.documents[20:])
    await marked(client, Marks(generation=7))
    report = await host.until("healthy", lambda report: report.handled == 30 and report.mode == "live")
    assert (report.effects_sent, report.effects_suppressed, report.grants) == (0, 10, 10)


async def test_what_the_stream_lacks_comes_from_the_journal(hosting_both: MakeHost) -> None:
    """Events that never were in the stream are asked for and taken in their places; what nobody has is waited for."""
    host = await begun(hosting_both)
    goal, _ = tell(host)
    fresh, _ = tell(host, "another")
    documents = list(host.story.documents)
    await host.publish([documents[0], documents[4]])
    await host.until("healthy", lambda report: report.handled == 5)
    assert host.state("healthy") == {f"seen/{goal.id}": [1, 2, 3], f"seen/{fresh.id}": [4, 5]}
    # An event whose predecessor the journal's side does not have either.
    del host.story.documents[5:]
    host.story.goal(host.story.person("mentee"), name="a third")
    ahead = msgspec.json.decode(host.story.documents.pop()) | {"sequence": f"{7:016d}"}
    await host.publish([msgspec.json.encode(ahead)])
    report = await host.until("healthy", lambda report: report.state == "retrying")
    assert "does not have 6 to 6" in report.why
    host.story.documents += [documents[5], msgspec.json.encode(ahead)]
    await host.until("healthy", lambda report: report.handled == 7)


async def test_a_plugin_that_begins_now_is_told_nothing_of_before(hosting_both: MakeHost, connect: Connect) -> None:
    """Of tenants old and new it takes what happens from then on, also when the stream is filled again with it all."""
    host = hosting_both({"sleeper": "tests.react.plugins.sleeper"}, policy=QUICK)
    quiet = Story("globex")
    quiet.goal(quiet.person("mentee")).hit("before")
    tell(host)
    await host.publish()
    await host.publish(list(quiet.documents))
    await host.start()
    await host.until("sleeper", running)
    _, hit = tell(host, "another")
    await host.publish()
    await host.until("sleeper", lambda report: report.timers == 1)
    await host.stop()
    client = await connect("publish")
    await emptied(client, 7)
    await host.publish(list(quiet.documents))
    await host.publish(list(host.story.documents))
    await marked(client, Marks(generation=7))
    await host.start()
    quiet.now = host.story.now = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    later = quiet.goal(quiet.person("mentee"), name="later").hit("after")
    await host.publish([quiet.documents[-2], later.document])
    report = await host.until("sleeper", lambda report: report.timers == 2 and report.lag == 0)
    assert report.handled == 2
    assert {timer.key for timer in (await host.told("timers", "sleeper")).timers} == {hit.id, later.id}


@pytest.mark.parametrize("verb", ["resume", "replay"])
async def test_a_state_that_was_lost_is_seen_before_anybody_is_greeted_anew(
    hosting_both: MakeHost, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    """Beside an old position an empty state means dry run, said aloud; resume accepts it, replay builds it anew."""
    host = await begun(hosting_both)
    goal, _ = tell(host)
    await host.publish()
    await host.until("healthy", lambda report: report.effects_sent == 1 and report.facts_published == 2)
    facts = await host.facts("healthy")
    await host.stop()
    lose(host, "state")
    await host.start()
    await host.until("healthy", lambda report: running(report) and report.mode == "dry_run")
    assert "state_is_empty" in capsys.readouterr().out
    fresh, _ = tell(host, "another")
    await host.publish()
    report = await host.until("healthy", lambda report: report.handled == 6)
    assert (report.effects_sent, report.effects_suppressed, report.facts_suppressed) == (1, 1, 1)
    assert await host.facts("healthy") == facts
    await host.told(verb, "healthy")
    await host.until("healthy", lambda report: running(report) and report.mode == "live" and report.lag == 0)
    last, _ = tell(host, "the last")
    await host.publish()
    report = await host.until("healthy", lambda report: report.effects_sent == 2 and not report.facts_waiting)
    state = {f"seen/{fresh.id}": [4, 5, 6], f"seen/{last.id}": [7, 8, 9]}
    if verb == "replay":
        state |= {f"seen/{goal.id}": [1, 2, 3]}
        granted = [fact["data"]["id"] for fact in await host.facts("healthy") if "granted" in fact["type"]]
        assert sorted(granted) == sorted([goal.id, fresh.id, last.id])
    assert host.state("healthy") == state
    assert report.effects_changed == 0


def lose(host: Hosting, table: str) -> None:
    """Empty one of the plugin's tables behind its back."""
    store = Store(host.url, "healthy")
    store.open()
    store._on().execute(f"DELETE FROM {table}")
    store.close()


async def test_of_two_hosts_one_has_the_plugin_and_the_other_takes_over(
    hosting_both: MakeHost, broker: EmbeddedBroker, tmp_path: Path
) -> None:
    """The second host waits for the lease, has it when the first is killed, and goes on where that was."""
    second = hosting_both(HEALTHY, policy=QUICK)
    second.configure("healthy", f'folder = "{second.folder}"')
    first = tmp_path / "first"
    first.mkdir()
    given = {"nats": broker.options("react"), "url": second.url, "plugins": HEALTHY}
    (first / "runner.json").write_bytes(msgspec.json.encode(given))
    (first / "healthy.toml").write_text(f'folder = "{second.folder}"')
    (first / "documents").touch()
    goal, _ = tell(second)
    (first / "keys.json").write_bytes(
        msgspec.json.encode({kid: key.secret.hex() for kid, key in second.story.keys.items()})
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.react.runner", str(first), stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": _path()},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        await until(lambda: _started(second.url))
        await second.start()
        await second.until("healthy", lambda report: report.state == "waiting")
        await second.publish()
        await until(lambda: _handled(second.url) == 3)
        assert (await second.report("healthy")).state == "waiting"
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await second.until("healthy", running)
        another, _ = tell(second, "another")
        await second.publish()
        report = await second.until("healthy", lambda report: report.handled == 6 and report.effects_sent == 2)
        assert report.effects_changed == 0
        assert second.state("healthy") == {f"seen/{goal.id}": [1, 2, 3], f"seen/{another.id}": [4, 5, 6]}
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _path() -> str:
    path = os.environ.get("PYTHONPATH", "")
    return path if str(ROOT) in path.split(os.pathsep) else os.pathsep.join(filter(None, [str(ROOT), path]))


def _looked(url: str, look: Callable[[Store], Any]) -> Any:
    store = Store(url, "healthy")
    store.open()
    try:
        return look(store)
    finally:
        store.close()


def _started(url: str) -> bool:
    return bool(_looked(url, lambda store: store.status().started))


def _handled(url: str) -> int:
    return int(_looked(url, lambda store: store.status().handled))


async def test_another_version_of_a_plugin_goes_on_under_its_own_name(hosting_both: MakeHost) -> None:
    """What a new version says is signed by it; what the old one gave is not given again, and can be taken back."""
    host = await begun(hosting_both)
    goal, hit = tell(host)
    await host.publish()
    await host.until("healthy", lambda report: report.effects_sent == 1 and report.facts_published == 2)
    await host.stop()
    host.install("healthy", "tests.react.plugins.neighbours:later")
    await host.start()
    goal.retract(hit)
    tell(host, "another")
    await host.publish()
    report = await host.until("healthy", lambda report: report.handled == 7 and report.facts_published == 5)
    assert (report.version, report.grants) == ("2.0.0", 2)
    facts = await host.facts("healthy")
    signed = [(fact["actor"].rpartition("@")[2], fact["type"].split(".")[1]) for fact in facts]
    assert sorted(signed) == [
        ("1.0.0", "reward_granted"), ("1.0.0", "woken"),
        ("2.0.0", "reward_granted"), ("2.0.0", "reward_revoked"), ("2.0.0", "woken"),
    ]  # fmt: skip
    await host.told("replay", "healthy")
    report = await host.caught_up("healthy")
    assert (report.grants, report.effects_changed) == (2, 0)
    assert len(await host.facts("healthy")) == len(facts)


@pytest.mark.parametrize("blocks", [True, False], ids=["block", "skip"])
async def test_later_events_of_a_goal_wait_or_go_on_by_setting(hosting_both: MakeHost, *, blocks: bool) -> None:
    """Behind a parked event its goal waits, or does not; other goals go on; tried again, all is taken in order."""
    host = hosting_both({"picky": "tests.react.plugins.picky"}, policy=QUICK, blocks=blocks)
    host.configure("picky", "picky = true")
    await host.start()
    await host.until("picky", running)
    story = host.story
    one, other = (story.goal(story.person(name), name=name) for name in ("one", "other"))
    one.hit("on a third", on=dt.date(2026, 3, 3))  # 3
    other.hit("on a fourth", on=dt.date(2026, 3, 4))  # 4
    one.check_in("after it")  # 5
    other.hit("on another third", on=dt.date(2026, 4, 3))  # 6
    one.hit("on a fifth", on=dt.date(2026, 3, 5))  # 7
    await host.publish()
    await host.until("picky", lambda report: report.lag == 0 and running(report))
    parked = (await host.told("dead", "picky")).parked
    codes = [(3, "raised"), (5, "behind"), (6, "raised"), (7, "behind")] if blocks else [(3, "raised"), (6, "raised")]
    assert [(event.sequence, event.code) for event in parked] == codes
    assert host.state("picky") == ({one.id: [1], other.id: [2, 4]} if blocks else {one.id: [1, 5, 7], other.id: [2, 4]})
    # Still picky: what is tried again fails again, and what waits behind it goes on waiting.
    await host.told("retry", "picky", events=[parked[0].event_id])
    again = await host.until("picky", lambda report: running(report) and report.lag == 0)
    assert again.parked == len(codes)
    assert (await host.told("dead", "picky")).parked[0].attempts == 3
    host.configure("picky", "picky = false")
    await host.told("retry", "picky", events=[parked[1 if blocks else 0].event_id])  # of a goal that waits: any of it
    await host.until("picky", lambda report: report.parked == 1)
    assert host.state("picky")[one.id] == ([1, 3, 5, 7] if blocks else [1, 5, 7, 3])
    one.check_in("later")  # 8
    await host.publish()
    await host.until("picky", lambda report: report.lag == 0)
    assert host.state("picky")[one.id][-1] == 8  # it waits no longer
    await host.told("retry", "picky")
    await host.until("picky", lambda report: not report.parked)
    assert host.state("picky")[other.id] == [2, 4, 6]


async def test_what_was_put_aside_and_taken_back_meanwhile_is_not_rewarded(hosting_both: MakeHost) -> None:
    """A parked hit that is tried again after its retraction gives nothing; one that stands does, once."""
    host = hosting_both({"late": "tests.react.plugins.late"}, policy=QUICK)
    host.configure("late", "can = false")
    await host.start()
    await host.until("late", running)
    goal, hit = tell(host)
    stands = goal.hit("another")
    goal.retract(hit)
    await host.publish()
    await host.until("late", lambda report: report.parked == 2 and report.lag == 0)
    host.configure("late", "can = true")
    await host.told("retry", "late")
    report = await host.until("late", lambda report: not report.parked and report.facts_published == 1)
    assert report.grants == 1
    assert [fact["causationid"] for fact in await host.facts("late")] == [stands.id]


async def test_a_timer_outlives_a_restart(hosting_both: MakeHost) -> None:
    """It fires once, after it is due: not before, not while the host is down, late rather than never."""
    host = await begun(hosting_both, {"sleeper": "tests.react.plugins.sleeper"})
    _, hit = tell(host)
    await host.publish()
    await host.until("sleeper", lambda report: report.timers == 1)
    (timer,) = (await host.told("timers", "sleeper")).timers
    assert (timer.key, timer.listed) == (hit.id, False)
    await host.stop()
    await host.start()
    report = await host.until("sleeper", running)
    assert (report.timers, report.facts_published) == (1, 0)
    await host.stop()
    host.clock = lambda: dt.datetime.now(dt.UTC) + dt.timedelta(days=400)
    await host.start()
    await host.until("sleeper", lambda report: not report.timers and report.facts_published == 1)
    await host.stop()
    await host.start()
    await host.until("sleeper", running)
    assert host.state("sleeper") == {f"woken/{hit.id}": [False]}  # by its own clock it was early: the host's counts
    assert [fact["data"] for fact in await host.facts("sleeper")] == [{"hit": hit.id}]


async def test_administrators_ask_effects_are_told_of_and_the_past_comes_again(hosting_both: MakeHost) -> None:
    """`act` changes state, once per request; attempts are told in order; a range that was asked for comes again."""
    host = hosting_both({"askable": "tests.react.plugins.askable"}, policy=QUICK)
    host.configure("askable", "away = 2")
    await host.start()
    await host.until("askable", running)
    goal, _ = tell(host)
    goal.hit("the second")
    goal.hit("the third")
    await host.publish()
    await host.until("askable", lambda report: report.effects_sent == 3)
    attempts = host.state("askable")["told"]
    for sequence in (3, 4, 5):
        mine = [attempt[1:] for attempt in attempts if attempt[0] == sequence]
        assert mine == [[1, "away"], [2, "away"], [3, "ok"]]
    for _ in range(2):  # whoever sends it again uses the same id
        told = await host.told("act", "askable", tenant="acme", actor="service:cli", name="note", id="r1")
        assert told.result == {"noted": "r1"}
    host.configure("askable", "away = 0")
    asked = {"tenant": "acme", "actor": "service:cli", "name": "resend", "id": "r2", "arguments": {"first": 4}}
    for _ in range(2):
        assert (await host.told("act", "askable", **asked)).result == {"from": 4}
    await host.until("askable", lambda report: report.effects_sent == 5 and not report.replays)
    assert host.state("askable")["again"] == [[4, "asked"], [5, "asked"]]
    keys = {entry.key for entry in (await host.told("effects", "askable", state="sent")).effects}
    assert len(keys) == 5
    await host.stop()
    await host.start()
    report = await host.until("askable", running)
    assert (report.effects_sent, report.effects_waiting, report.replays) == (5, 0, 0)


async def test_a_rehearsal_of_what_fails_tells_what_fails(hosting: MakeHost) -> None:
    """A dry run of a plugin that fails with some events lists them, and counts what it would do with the others."""
    host = await begun(hosting, {"picky": "tests.react.plugins.picky"}, blocks=False)
    story = host.story
    goal = story.goal(story.person("mentee"))
    for day in (2, 3, 4):
        goal.hit(f"on the {day}th", on=dt.date(2026, 3, day))
    await host.publish()
    await host.until("picky", lambda report: report.lag == 0)
    dry = (await host.told("replay", "picky", dry_run=True)).dry
    assert dry is not None
    hit = msgspec.json.decode(story.documents[2])["id"]
    assert (dry.events, dry.failed) == (3, [f"{hit}: raised in on_event"])
