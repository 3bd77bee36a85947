"""The way of a dead letter under SIGKILL at named points: there once while its event is parked, gone when it is not."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError

from milepost.broker import EmbeddedBroker
from milepost_contracts.plugin import Delivered
from milepost_contracts.subjects import ADMIN, event
from milepost_contracts.testing import Story
from tests.support.lettering import Letter, letters
from tests.support.nats import Connect
from tests.support.waiting import until

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
PARKING = ("react.in_transaction", "react.after_commit", "react.before_letter", "react.after_letter")
ENDING = ("react.in_transaction", "react.before_letter_goes", "react.after_letter_goes")
RENEWING = ("react.before_letter", "react.after_letter", "react.before_letter_goes", "react.after_letter_goes")


class Hosted:
    """A host in a process of its own, with a plugin that can take no milestone."""

    def __init__(self, folder: Path, server: EmbeddedBroker, cli: Client) -> None:
        """Write everything that it reads."""
        folder.mkdir()
        self.folder = folder
        self._cli = cli
        self._process: asyncio.subprocess.Process | None = None
        given = {
            "nats": server.options("react"),
            "url": f"sqlite:///{folder}/react/react.sqlite",
            "plugins": {"helpless": "tests.react.plugins.helpless"},
        }
        (folder / "runner.json").write_bytes(msgspec.json.encode(given))
        (folder / "helpless.toml").write_text(f'folder = "{folder}"')
        (folder / "documents").touch()
        (folder / "keys.json").write_text("{}")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave nothing running, whatever the test came to."""
        await self.kill()

    async def start(self, fault: str = "") -> None:
        """Start it to die at *fault*."""
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        environment = os.environ | {"MILEPOST_FAULT_AT": fault, "PYTHONPATH": path}
        with (self.folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.react.runner", str(self.folder),
                stdout=asyncio.subprocess.PIPE, stderr=log, env=environment,
            )  # fmt: skip

    async def died(self) -> None:
        """Wait until it has killed itself."""
        assert self._process is not None
        async with asyncio.timeout(PATIENCE_S):
            assert await self._process.wait() == -signal.SIGKILL

    async def again(self) -> None:
        """Have what is parked tried again, once the plugin runs, and wait until it has died of that, or before."""
        assert self._process is not None
        dead = asyncio.create_task(self._process.wait())

        async def ready() -> bool:
            return dead.done() or (await self.report()).get("state") == "running"

        await until(ready, PATIENCE_S)
        if not dead.done():
            await self.ask("retry")
        async with asyncio.timeout(PATIENCE_S):
            assert await dead == -signal.SIGKILL

    async def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def report(self) -> dict[str, Any]:
        """Return how the plugin is; empty where nobody says so."""
        report: dict[str, Any] = ((await self.ask("list", plugin="")).get("plugins") or [{}])[0]
        return report

    async def until(self, **members: Any) -> None:
        """Wait until the report of the plugin has these members."""

        async def holds() -> bool:
            report = await self.report()
            return all(report.get(name) == value for name, value in members.items())

        await until(holds, PATIENCE_S)

    async def ask(self, verb: str, plugin: str = "helpless") -> dict[str, Any]:
        """Return the answer to a verb; empty where nobody answers, who may have died of it."""
        body = msgspec.json.encode({"verb": verb, "plugin": plugin})
        try:
            answer: dict[str, Any] = msgspec.json.decode(
                (await self._cli.request(f"{ADMIN}.react.{verb}", body, timeout=1)).data
            )
        except NatsError:
            await asyncio.sleep(0.02)
            return {}
        return answer


@pytest.fixture
def story() -> Story:
    """Give a story of three milestones, none of which the plugin can take."""
    story = Story()
    goal = story.goal(story.person("mentee"), title="To speak before many people")
    for number in range(3):
        goal.hit(f"milestone {number}")
    return story


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("point", PARKING)
async def test_what_was_parked_has_one_letter_each(
    broker: EmbeddedBroker,
    connect: Connect,
    tmp_path: Path,
    story: Story,
    point: str,
    nth: int,
) -> None:
    """A host that dies while it parks, or while it tells of it: the next has told of each event, once."""
    async with Hosted(tmp_path / "host", broker, await connect("cli")) as hosted:
        await _begun(hosted)
        await _publish(await connect("publish"), story)
        await hosted.start(f"{point}:{nth + (2 if point == 'react.in_transaction' else 0)}")
        await hosted.died()
        await hosted.start()
        await hosted.until(parked=3, lag=0)
        found = await _standing(await connect("react"), lambda found: len(found) == 3)
        assert {one.said.event for one in found} == _hits(story)
        assert {one.said.attempts for one in found} == {1}


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("point", ENDING)
async def test_what_was_dealt_with_has_none(
    broker: EmbeddedBroker,
    connect: Connect,
    tmp_path: Path,
    story: Story,
    point: str,
    nth: int,
) -> None:
    """A host that dies while parked events are handled, or their letters taken away: the next has none left."""
    async with Hosted(tmp_path / "host", broker, await connect("cli")) as hosted:
        reader = await _parked(hosted, await connect("publish"), await connect("react"), story)
        (hosted.folder / "mended").touch()
        await hosted.start(f"{point}:{nth}")
        await hosted.again()
        await hosted.start()
        await hosted.until(state="running")
        await hosted.ask("retry")
        await hosted.until(parked=0)
        await _standing(reader, lambda found: not found)


@pytest.mark.parametrize("point", RENEWING)
async def test_what_was_tried_in_vain_has_one_letter_still(
    broker: EmbeddedBroker,
    connect: Connect,
    tmp_path: Path,
    story: Story,
    point: str,
) -> None:
    """A host that dies between a renewed letter and the end of the one before: the next leaves the newer alone."""
    async with Hosted(tmp_path / "host", broker, await connect("cli")) as hosted:
        reader = await _parked(hosted, await connect("publish"), await connect("react"), story)
        await hosted.start(f"{point}:2")
        await hosted.again()
        seen = {one.said.event for one in await letters(reader, "helpless")}
        assert seen == _hits(story)  # at no time none
        await hosted.start()
        await hosted.until(state="running", parked=3)
        attempts = {one["event_id"]: one["attempts"] for one in (await hosted.ask("dead"))["parked"]}
        assert 2 in attempts.values()
        await _standing(reader, lambda found: sorted(_attempts(found)) == sorted(attempts.items()))


async def _begun(hosted: Hosted) -> None:
    """Let the plugin begin: what happens before is history to it."""
    await hosted.start()
    await hosted.until(state="running", mode="live")
    await hosted.kill()


async def _parked(hosted: Hosted, publisher: Client, reader: Client, story: Story) -> Client:
    """Have the plugin fail at everything; return who reads the letters."""
    await _begun(hosted)
    await _publish(publisher, story)
    await hosted.start()
    await hosted.until(parked=3, lag=0)
    await _standing(reader, lambda found: len(found) == 3)
    await hosted.kill()
    return reader


async def _publish(client: Client, story: Story) -> None:
    for document in story.documents:
        one = Delivered(document)
        subject = event(one.tenant, one.aggregate, one.aggregate_id, one.name.split(".")[1])
        await client.request(subject, document, timeout=5, headers={"Nats-Msg-Id": one.id})


async def _standing(client: Client, holds: Callable[[list[Letter]], bool]) -> list[Letter]:
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


def _attempts(found: list[Letter]) -> list[tuple[str, int]]:
    return [(one.said.event, one.said.attempts) for one in found]


def _hits(story: Story) -> set[str]:
    return {one.id for one in map(Delivered, story.documents) if one.name == "goal.milestone_hit"}
