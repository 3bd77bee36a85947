"""A plugin that misbehaves when it is asked, reviews, performs, wakes, is told or ends; its events go on meanwhile."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from milepost.react.reports import Refusal
from milepost_contracts.answers import Failed
from milepost_contracts.queries import AskPlugin, AskPluginAnswer
from milepost_contracts.reviews import Passed, decode_answer
from tests.react.conftest import MakeTormented
from tests.react.tormenting import NEIGHBOURS, TORTURE, Tormented
from tests.support.nats import Connect
from tests.support.waiting import until


async def _takes_events(torment: Tormented, events: int = 200) -> None:
    await torment.start()
    await torment.until("running")
    await torment.publish(events)
    await torment.host.until(TORTURE, lambda report: report.lag == 0)
    await torment.neighbours_are_well()
    assert len([key for key in torment.host.state(TORTURE) if key.startswith("seen/")]) == events


async def test_one_that_hangs_when_it_has_to_end_is_ended(tormenting: MakeTormented) -> None:
    """Pausing it and stopping the host come to their ends, and nothing is left running."""
    torment = tormenting("hangs_in_stop")
    await _takes_events(torment)
    told = await torment.host.told("pause", TORTURE)
    assert told.plugins[0].state == "paused"
    await torment.host.told("resume", TORTURE)
    await torment.until("running")
    await torment.ended()


async def test_one_that_hangs_when_asked_how_it_is(tormenting: MakeTormented) -> None:
    """It is said that it does not say how it is; the neighbour does, and events go on."""
    torment = tormenting("hangs_in_health")
    await _takes_events(torment)
    shown = (await torment.host.told("show", TORTURE)).plugins[0]
    assert (shown.state, shown.healthy) == ("running", False)
    assert shown.health.startswith("it does not say: it took longer than")
    neighbour = (await torment.host.told("show", NEIGHBOURS[0])).plugins[0]
    assert (neighbour.healthy, neighbour.health) == (True, "as ever")
    await torment.well_again()
    assert (await torment.host.told("show", TORTURE)).plugins[0].health == "better"
    await torment.ended()


async def test_one_that_hangs_when_it_is_asked_something(tormenting: MakeTormented, connect: Connect) -> None:
    """Whoever asks is told that it is silent; a question to a neighbour is answered before that."""
    torment = tormenting("hangs_in_answer")
    await _takes_events(torment)
    cli = await connect("cli")

    async def asked(plugin: str) -> bytes:
        query = AskPlugin(actor="service:cli", plugin=plugin, name="seen")
        answer = await cli.request("goals.query.v1.acme.cli.ask_plugin", msgspec.json.encode(query), timeout=20)
        return answer.data

    await asked(NEIGHBOURS[0])  # its process for questions runs
    silent = asyncio.create_task(asked(TORTURE))
    answer = msgspec.json.decode(await asked(NEIGHBOURS[0]), type=AskPluginAnswer)
    assert not silent.done()
    assert answer.result == torment.host.state(NEIGHBOURS[0])
    assert msgspec.json.decode(await silent, type=Failed).errors[0].code == "plugin_silent"
    await torment.well_again()
    assert msgspec.json.decode(await asked(TORTURE), type=AskPluginAnswer).result == "yes"
    await torment.ended()


async def test_one_that_hangs_when_a_command_waits_for_it(tormenting: MakeTormented, connect: Connect) -> None:
    """Its review fails in time, a neighbour's is given meanwhile; mended, it lets the command pass."""
    torment = tormenting("hangs_in_review", review_s=1.0)
    await _takes_events(torment)
    accept = await connect("accept")
    goal = msgspec.json.decode(torment.host.story.documents[0])["subject"].partition("/")[2]
    body = {"command_id": goal, "id": goal, "actor": "service:cli", "result": "achieved", "closed_on": "2026-03-01"}
    review = msgspec.json.encode({"aggregate": "goal", "command": "close_goal", "version": 3, "body": body})

    async def asked(plugin: str) -> object:
        return decode_answer((await accept.request(f"goals.review.v1.acme.{plugin}", review, timeout=20)).data)

    await asked(NEIGHBOURS[0])
    silent = asyncio.create_task(asked(TORTURE))
    assert isinstance(await asked(NEIGHBOURS[0]), Passed)
    assert not silent.done()
    failed = await silent
    assert isinstance(failed, Failed)
    assert failed.errors[0].code == "timed_out"
    await torment.well_again()
    assert isinstance(await asked(TORTURE), Passed)
    await torment.ended()


async def test_one_that_hangs_when_an_administrator_wants_something(tormenting: MakeTormented) -> None:
    """The administrator is told; events go on afterwards, and mended it does what is asked."""
    torment = tormenting("hangs_in_act")
    await _takes_events(torment)
    service = torment.host.service
    assert service is not None
    request = {"verb": "act", "plugin": TORTURE, "tenant": "acme", "actor": "service:cli", "name": "do", "id": "1"}
    answer = await service.admin.answer("act", msgspec.json.encode(request))
    assert msgspec.json.decode(answer, type=Refusal).code == "timed_out"
    await torment.publish(5)
    await torment.host.caught_up(TORTURE)
    await torment.neighbours_are_well()
    await torment.well_again()
    assert (await torment.host.told("act", TORTURE, tenant="acme", actor="service:cli", name="do", id="1")).result
    await torment.ended()


@pytest.mark.parametrize(
    ("module", "code"),
    [("raises_in_perform", "raised"), ("hangs_in_perform", "timed_out"), ("exits_in_perform", "exited")],
)
async def test_one_that_cannot_do_what_it_asked_for(tormenting: MakeTormented, module: str, code: str) -> None:
    """Its effects are given up after some attempts, listed with the reason, and done when they are tried again."""
    torment = tormenting(module)
    await _takes_events(torment)
    report = await torment.host.until(TORTURE, lambda report: report.effects_dead == 3)
    assert (report.state, report.parked, report.effects_sent) == ("running", 0, 0)
    dead = await torment.dead()
    assert [(one.last_code, one.attempts, one.name) for one in dead.effects] == [(code, 2, "send")] * 3
    torment.mend()
    await torment.host.told("retry", TORTURE)
    await torment.host.until(TORTURE, lambda report: report.effects_sent == 3)
    marks = (torment.host.folder / "marks").read_text().splitlines()
    assert sorted(marks) == sorted(one.key for one in dead.effects)
    await torment.ended()


async def test_one_that_hangs_when_it_is_told_what_came_of_an_effect(tormenting: MakeTormented) -> None:
    """The effect is done all the same, once; events go on."""
    torment = tormenting("hangs_when_told")
    await _takes_events(torment)
    report = await torment.host.until(TORTURE, lambda report: report.effects_sent == 3)
    assert (report.parked, report.effects_dead) == (0, 0)
    assert len((torment.host.folder / "marks").read_text().splitlines()) == 3
    await torment.ended()


async def test_timers_that_fail_are_put_aside_and_fired_again(tormenting: MakeTormented) -> None:
    """A timer whose handler hangs is listed with the reason; too many pause the plugin; mended it is fired again."""
    torment = tormenting("hangs_in_timer")
    await torment.start()
    await torment.until("running")
    await torment.publish()
    await torment.until("paused", "timed_out in on_timer")
    await torment.neighbours_are_well()
    dead = await torment.dead()
    assert [(one.type, one.code, one.hook, one.attempts) for one in dead.parked] == [
        ("timer", "timed_out", "on_timer", 2)
    ] * 2
    assert [one.subject for one in dead.parked] == ["timer/wake/1", "timer/wake/2"]
    await torment.well_again()
    woken = {"woken/wake/1", "woken/wake/2", "woken/wake/3"}
    await until(lambda: woken <= set(torment.host.state(TORTURE)))
    assert len(torment.host.state(TORTURE)) == 203
    await torment.ended()
