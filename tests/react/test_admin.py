"""What administrators change counts at once, the last change of many counts, and every answer fits the bus."""

from __future__ import annotations

import asyncio
import datetime as dt

import msgspec

from milepost.asking import Asker
from milepost.react.admin import ANSWER_BYTES_MAX, LIMIT_MAX
from milepost.react.reports import Refusal
from milepost.react.rows import ToPark
from milepost.react.store import Store
from milepost_contracts.envelope import decode
from milepost_contracts.queries import AskPlugin, AskPluginAnswer
from tests.react.conftest import MakeHost
from tests.react.turns import kept
from tests.support.hosting import Hosting
from tests.support.nats import Connect

HEALTHY = {"healthy": "tests.react.plugins.healthy"}


async def test_a_change_is_told_at_once(hosting: MakeHost) -> None:
    """The answer to a change already says how the plugin is after it."""
    host = await _running(hosting)
    assert [await _state(host, verb) for verb in ("pause", "resume", "disable", "enable")] == [
        "paused", "starting", "disabled", "starting",
    ]  # fmt: skip


async def test_of_many_changes_the_last_counts(hosting: MakeHost) -> None:
    """Nothing is begun on the status of before a change, however quickly changes come."""
    host = await _running(hosting)
    for pause_s in (0.0, 0.001, 0.003, 0.01):
        for _ in range(5):
            await _state(host, "enable")
            await asyncio.sleep(pause_s)
            await _state(host, "disable")
        host.story.goal(host.story.person("mentee"), name=f"after {pause_s}")
        await host.publish()
        assert (await host.report("healthy")).state == "disabled"
    assert host.position("healthy") == 0
    await _state(host, "enable")
    assert (await host.caught_up("healthy")).handled == len(host.story.documents)


async def test_everything_that_was_parked_is_tried_again(hosting: MakeHost) -> None:
    """Trying all of it again means all, also where lists are cut."""
    host = await _running(hosting)
    for number in range(LIMIT_MAX + 1):
        host.story.goal(host.story.person("mentee"), name=f"goal {number}")
    worker = host.service.workers["healthy"]  # type: ignore[union-attr]  # it was started
    for document in host.story.documents:
        await worker.shared.run(Store.park, _parked(document), dt.datetime.now(dt.UTC))
    assert (await host.told("retry", "healthy")).count == LIMIT_MAX + 1
    await host.until("healthy", lambda report: not report.parked)
    assert len(host.state("healthy")) == LIMIT_MAX + 1


async def test_an_answer_that_no_message_holds(hosting: MakeHost) -> None:
    """An answer too large for the bus becomes a refusal that says what to do, and fewer rows are an answer."""
    host = await _running(hosting)
    worker = host.service.workers["healthy"]  # type: ignore[union-attr]  # it was started
    effects = {f"letter {number}": {"long": "x" * 10_000} for number in range(LIMIT_MAX)}
    await worker.shared.run(Store.keep_apart, kept(effects=effects, mode="dry_run"))
    asked = {"verb": "effects", "plugin": "healthy", "limit": LIMIT_MAX}
    service = host.service
    assert service is not None
    answer = await service.admin.answer("effects", msgspec.json.encode(asked))
    assert msgspec.json.decode(answer, type=Refusal).code == "answer_too_large"
    fewer = await host.told("effects", "healthy", limit=ANSWER_BYTES_MAX // 20_000)
    assert len(fewer.effects) == ANSWER_BYTES_MAX // 20_000


async def test_a_question_reaches_the_host_that_has_the_plugin(hosting: MakeHost, connect: Connect) -> None:
    """Of two hosts, the one that only waits for a plugin says so, and whoever asks again is answered by the other."""
    url = f"sqlite:///{(await _running(hosting)).folder / 'react' / 'react.sqlite'}"
    second = hosting(HEALTHY, folder="second", url=url)
    await second.start()
    await second.until("healthy", lambda report: report.state == "waiting")
    asker = Asker(await connect("cli"), "cli")
    for _ in range(10):
        answer = await asker.query("acme", AskPlugin(actor="service:cli", plugin="healthy", name="seen"))
        assert isinstance(answer, AskPluginAnswer), answer


async def _running(hosting: MakeHost) -> Hosting:
    host = hosting(HEALTHY)
    await host.start()
    await host.until("healthy", lambda report: report.state == "running")
    return host


async def _state(host: Hosting, verb: str) -> str:
    return (await host.told(verb, "healthy")).plugins[0].state


def _parked(document: bytes) -> ToPark:
    event = decode(document)
    return ToPark(
        tenant=event.tenant, sequence=event.number, event_id=event.id, aggregate=event.aggregate,
        aggregate_id=event.aggregate_id, document=document, code="raised",
    )  # fmt: skip
