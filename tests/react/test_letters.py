"""References to parked events stand in GOALS_DEAD as long as somebody has to look at them, whatever happens between."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator

from milepost.broker import EmbeddedBroker
from milepost.react.policy import Policy
from milepost_contracts.subjects import dead
from tests.react.conftest import MakeHost
from tests.support.hosting import Hosting
from tests.support.lettering import Letter, letters
from tests.support.nats import Connect, make_streams
from tests.support.waiting import until

HELPLESS = {"helpless": "tests.react.plugins.helpless"}
POLICY = Policy(pause_s_min=0.02, pause_s_max=0.1)
SCHEMA = Path(__file__).parents[2] / "contracts" / "schemas" / "consumer.event_parked.json"


async def started(make: MakeHost, **options: object) -> Hosting:
    """Return a host on which the plugin runs."""
    host = make(HELPLESS, policy=POLICY, **options)
    host.configure("helpless", f'folder = "{host.folder}"')
    await host.start()
    await host.until("helpless", lambda report: report.state == "running")
    return host


def mend(host: Hosting) -> None:
    """Let the plugin work from now on."""
    (host.folder / "mended").touch()


async def standing(connect: Connect, holds: Callable[[list[Letter]], bool]) -> list[Letter]:
    """Wait until the letters in the stream are as they should be; return them."""
    client = await connect("react")
    found: list[Letter] = []

    async def held() -> bool:
        nonlocal found
        found = await letters(client, "helpless")
        return holds(found)

    try:
        await until(held)
    except TimeoutError:
        raise AssertionError(f"waited in vain; at last: {found}") from None
    return found


async def test_a_parked_event_has_its_letter_until_it_is_dealt_with(hosting_both: MakeHost, connect: Connect) -> None:
    """Parked: there, once, by its contract, without words; tried in vain: renewed; tried with success: gone."""
    host = await started(hosting_both)
    goal = host.story.goal(host.story.person("mentee"), title="To speak before many people")
    hit = goal.hit("The very first talk")
    await host.publish()
    (letter,) = await standing(connect, lambda found: len(found) == 1)
    assert letter.subject == dead(host.story.tenant, "helpless")
    assert letter.headers["Content-Type"] == "application/cloudevents+json"
    assert letter.headers["Nats-Msg-Id"].startswith(f"{letter.envelope.id}/")
    envelope, said = letter.envelope, letter.said
    assert (envelope.subject, envelope.causationid, envelope.actor) == (f"goal/{goal.id}", hit.id, "service:react")
    assert (said.plugin, said.event, said.type) == ("helpless", hit.id, "goal.milestone_hit.v1")
    assert (said.sequence, said.code, said.hook, said.attempts) == (f"{hit.sequence:016}", "helpless", "on_event", 1)
    assert "helpless.py" in said.place
    schema = json.loads(SCHEMA.read_bytes())
    Draft202012Validator(schema).validate(json.loads(bytes(envelope.data)))
    assert b"enc:v1" not in bytes(envelope.data)

    await host.told("retry", "helpless")
    (renewed,) = await standing(connect, lambda found: [one.said.attempts for one in found] == [2])
    assert (renewed.envelope.id, renewed.said.since) == (envelope.id, said.since)
    assert renewed.envelope.time > envelope.time

    mend(host)
    await host.told("retry", "helpless")
    await standing(connect, lambda found: not found)
    assert host.state("helpless") == {f"seen/{hit.id}": hit.sequence}


async def test_what_waits_behind_a_parked_event_has_letters_too(hosting: MakeHost, connect: Connect) -> None:
    """Where later events of a goal wait, each has its letter, with the code `behind`; one retry ends them all."""
    host = await started(hosting, blocks=True)
    goal = host.story.goal(host.story.person("mentee"))
    events = [goal.hit(f"milestone {number}").id for number in range(5)]
    await host.publish()
    found = await standing(connect, lambda found: len(found) == len(events))
    assert {one.said.event: one.said.code for one in found} == dict.fromkeys(events, "behind") | {events[0]: "helpless"}
    mend(host)
    await host.told("retry", "helpless", events=[events[0]])
    await standing(connect, lambda found: not found)


async def test_a_parked_timer_has_its_letter(hosting: MakeHost, connect: Connect) -> None:
    """A timer that could not be handled is referred to like an event; of what it wakes for, nothing is said."""
    host = await started(hosting)
    host.story.goal(host.story.person("mentee")).check_in()
    await host.publish()
    (letter,) = await standing(connect, lambda found: len(found) == 1)
    assert (letter.said.type, letter.said.sequence, letter.said.hook) == ("timer", "", "on_timer")
    assert letter.envelope.subject.startswith("tenant/")
    mend(host)
    await host.told("retry", "helpless")
    await standing(connect, lambda found: not found)


async def test_a_plugin_that_is_paused_for_failing_has_its_letters(hosting: MakeHost, connect: Connect) -> None:
    """The last event before the pause is in the stream as well, although the plugin runs no more; a replay ends all."""
    host = await started(hosting)
    goal = host.story.goal(host.story.person("mentee"))
    for number in range(20):
        goal.hit(f"milestone {number}")
    await host.publish()
    report = await host.until("helpless", lambda report: report.state == "paused")
    found = await standing(connect, lambda found: len(found) == report.parked)
    assert len(found) == POLICY.parked_in_a_row_max
    mend(host)
    await host.told("replay", "helpless")
    await standing(connect, lambda found: not found)


async def test_an_event_that_is_parked_again_has_a_letter_again(hosting: MakeHost, connect: Connect) -> None:
    """A replay within the stream's duplicate window: the event is parked anew, and its letter is no duplicate."""
    host = await started(hosting)
    hit = host.story.goal(host.story.person("mentee")).hit()
    await host.publish()
    (before,) = await standing(connect, lambda found: len(found) == 1)
    await host.told("replay", "helpless")
    (after,) = await standing(connect, lambda found: len(found) == 1 and found[0].sequence > before.sequence)
    assert (after.envelope.id, after.said.event) == (before.envelope.id, hit.id)


async def test_a_purged_stream_is_nothing_to_stumble_over(hosting: MakeHost, connect: Connect) -> None:
    """Letters that somebody purged are not missed by a retry, and those still parked are there again."""
    host = await started(hosting)
    goal = host.story.goal(host.story.person("mentee"))
    first, second = goal.hit("one"), goal.hit("two")
    await host.publish()
    await standing(connect, lambda found: len(found) == 2)
    await (await connect("publish")).request("$JS.API.STREAM.PURGE.GOALS_DEAD", b"", timeout=5)
    mend(host)
    await host.told("retry", "helpless", events=[first.id])
    await standing(connect, lambda found: [one.said.event for one in found] == [second.id])
    await host.told("retry", "helpless", events=[second.id])
    await host.until("helpless", lambda report: report.parked == 0 and report.state == "running")
    await standing(connect, lambda found: not found)


async def test_a_letter_that_was_taken_away_comes_again(
    hosting: MakeHost, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What somebody purges, twice even, is there again after the next look, although nothing was parked meanwhile."""
    monkeypatch.setattr("milepost.react.letters.LOOK_S", 0.05)
    host = await started(hosting)
    hit = host.story.goal(host.story.person("mentee")).hit()
    await host.publish()
    (before,) = await standing(connect, lambda found: len(found) == 1)
    for _ in range(2):
        await (await connect("publish")).request("$JS.API.STREAM.PURGE.GOALS_DEAD", b"", timeout=5)
        (before,) = await standing(connect, functools.partial(_is_later, before.sequence))
        assert before.said.event == hit.id


def _is_later(sequence: int, found: list[Letter]) -> bool:
    return [one.sequence > sequence for one in found] == [True]


async def test_letters_come_again_where_the_stream_was_lost(
    hosting: MakeHost, connect: Connect, broker: EmbeddedBroker
) -> None:
    """A stream made anew has every letter after a retry of one; what now has the number of an old one stays."""
    host = await started(hosting)
    goal = host.story.goal(host.story.person("mentee"))
    first, second = goal.hit("one"), goal.hit("two")
    await host.publish()
    await standing(connect, lambda found: len(found) == 2)
    await broker.stop()
    store = next(broker.directory.rglob("GOALS_DEAD"))
    lost = store.rename(broker.directory / "lost")
    await broker.start()
    await make_streams(broker)
    client = await connect("react")
    other = await client.request(dead(host.story.tenant, "other"), b"{}", timeout=5)
    assert lost.exists()
    assert msgspec.json.decode(other.data)["seq"] == 1
    mend(host)
    await host.told("retry", "helpless", events=[first.id])
    (letter,) = await standing(connect, lambda found: [one.said.event for one in found] == [second.id])
    assert letter.sequence > 1
    body = b'{"seq":1}'
    kept = msgspec.json.decode((await client.request("$JS.API.STREAM.MSG.GET.GOALS_DEAD", body, timeout=5)).data)
    assert kept["message"]["subject"] == dead(host.story.tenant, "other")


async def test_letters_wait_for_the_broker(hosting: MakeHost, connect: Connect, broker: EmbeddedBroker) -> None:
    """What is dealt with, and what is parked, while the broker is away is made good when it is back."""
    host = await started(hosting)
    goal = host.story.goal(host.story.person("mentee"))
    first = goal.hit("one")
    await host.publish()
    await standing(connect, lambda found: len(found) == 1)
    await broker.kill()
    assert host.service is not None
    store = host.service.workers["helpless"].shared
    parked = store.call(lambda store: store.parked_event(first.id))
    assert parked is not None
    other = msgspec.structs.replace(parked, event_id="0199c0de-0000-7000-8000-0000000000aa")
    store.call(lambda store: store.park(other, host.clock()))
    store.call(lambda store: store.unpark(first.id, None))
    await broker.start()
    await standing(connect, lambda found: [one.said.event for one in found] == [other.event_id])


async def test_what_does_not_belong_is_taken_away_at_the_start(hosting: MakeHost, connect: Connect) -> None:
    """A letter that stands twice, or of an event that is not parked, is gone when the host begins; others' stay."""
    host = await started(hosting)
    host.story.goal(host.story.person("mentee")).hit()
    await host.publish()
    (letter,) = await standing(connect, lambda found: len(found) == 1)
    await host.stop()
    client = await connect("react")
    document = msgspec.json.encode(letter.envelope)
    other = letter.envelope.id[:-1] + ("0" if letter.envelope.id[-1] != "0" else "1")
    for headers in ({"Nats-Msg-Id": f"{other}/1.1.x"}, {"Nats-Msg-Id": "odd"}, {"Other": "header"}):
        await client.request(letter.subject, document, timeout=5, headers=headers)
    await client.request(dead("globex", "another"), document, timeout=5, headers={"Other": "header"})
    assert len(await letters(client, "helpless")) == 4
    await host.start()
    (left,) = await standing(connect, lambda found: len(found) == 1)
    assert left.sequence == letter.sequence
    assert len(await letters(client, "another")) == 1
