"""The plugin host on a real broker: a test publishes events of a story and looks at what its plugins made of them."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from nats.aio.client import Client

from milepost.logs import logger
from milepost.react import Around, Options, ReactService
from milepost.react.installed import Installed
from milepost.react.policy import Policy
from milepost.react.ports import GoalAt
from milepost.react.reports import Refusal, Report, Told
from milepost_contracts.answers import Accepted, Answer
from milepost_contracts.commands import Command
from milepost_contracts.plugin import Permissions, PluginError
from milepost_contracts.sealing import SealingKey
from milepost_contracts.subjects import event
from milepost_contracts.testing import Story
from milepost_contracts.testing.brought import Brought
from milepost_contracts.turns import GoalThen

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0
Connect = Callable[[str], Awaitable[Client]]
_told: msgspec.json.Decoder[Told | Refusal] = msgspec.json.Decoder(Told | Refusal)


class Hosting:
    """A host in this process; its plugins (name -> module) run in processes of their own."""

    def __init__(
        self,
        connect: Connect,
        folder: Path,
        plugins: dict[str, str],
        *,
        url: str = "",
        policy: Policy = Policy(),  # noqa: B008  it is frozen
        **options: Any,
    ) -> None:
        """Take how to connect, a folder for everything, and the plugins. *options*: see Options."""
        self._policy = policy
        self.story = Story()
        self.folder = folder
        self.goal_at: GoalAt = self._goal_at
        self.goals: dict[str, dict[str, Any]] = {}  # what a goal's state holds beside its id and version
        self.commands: list[Command] = []
        self.at: Callable[[str], None] = lambda _: None
        self.answers: Answer | None = None
        self.clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
        self._connect = connect
        self._plugins = dict(plugins)
        self._published: list[bytes] = []
        self._publisher: Client | None = None
        (folder / "plugins").mkdir(exist_ok=True)
        given: dict[str, Any] = {
            "url": url or f"sqlite:///{folder / 'react' / 'react.sqlite'}", "allowed": ",".join(plugins),
            "folder": folder / "plugins", "memory_bytes": 1 << 30, "blocks": False, "review_s": 2.0,
            "gateways": frozenset({"cli"}),
        }  # fmt: skip
        self._options = Options(**(given | options))
        self.url: str = given["url"]
        self.service: ReactService | None = None
        # The plugins' processes start elsewhere and import the tests' modules from here.
        path = os.environ.get("PYTHONPATH", "")
        if str(ROOT) not in path.split(os.pathsep):
            os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), path]))

    def install(self, plugin: str, value: str) -> None:
        """Have another module (or object) be the plugin when the host is started the next time."""
        self._plugins[plugin] = value

    def configure(self, plugin: str, text: str) -> None:
        """Write the plugin's configuration."""
        (self.folder / "plugins" / f"{plugin}.toml").write_text(text, encoding="utf-8")

    async def start(self) -> ReactService:
        """Start the host."""
        nc = await self._connect("react")
        around = Around(
            nc=nc, events_after=self._events_after, keys=self._keys, goal_at=self.goal_at, send=self._send,
            clock=lambda: self.clock(),  # noqa: PLW0108  a test may set another meanwhile
            log=logger("react"), at=self._at,
            policy=self._policy,
        )  # fmt: skip
        found = {name: Installed(name, value, f"test-{name}", "1") for name, value in self._plugins.items()}
        self.service = ReactService(nc, around, self._options, roles=_roles, find=lambda: found)
        await self.service.start()
        return self.service

    async def stop(self) -> None:
        """Stop the host."""
        if self.service is not None:
            await self.service.stop()
            self.service = None

    async def publish(self, documents: Iterable[bytes] | None = None) -> int:
        """Publish *documents*, or what the story has told since; return the stream's last sequence."""
        self._publisher = self._publisher or await self._connect("publish")
        fresh = self.story.documents[len(self._published) :] if documents is None else list(documents)
        last = 0
        for document in fresh:
            told = msgspec.json.decode(document)
            kind, _, id_ = told["subject"].partition("/")
            subject = event(told["tenant"], kind, id_, told["type"].split(".")[1])
            answer = await self._publisher.request(subject, document, timeout=5, headers={"Nats-Msg-Id": told["id"]})
            last = msgspec.json.decode(answer.data)["seq"]
        self._published += fresh
        return last

    async def told(self, verb: str, plugin: str = "", **members: Any) -> Told:
        """Return what the host says to an administrator's verb; raises AssertionError for a refusal."""
        assert self.service is not None
        body = msgspec.json.encode({"verb": verb, "plugin": plugin, **members})
        answer = _told.decode(await self.service.admin.answer(verb, body))
        assert isinstance(answer, Told), answer
        return answer

    async def report(self, plugin: str) -> Report:
        """Return how a plugin is; it is not asked itself."""
        return next(report for report in (await self.told("list")).plugins if report.plugin == plugin)

    async def until(self, plugin: str, holds: Callable[[Report], bool]) -> Report:
        """Wait until the report of a plugin *holds*; return it."""
        report = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    report = await self.report(plugin)
                    if holds(report):
                        return report
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"waited in vain; at last: {report}") from None

    async def caught_up(self, plugin: str) -> Report:
        """Wait until a plugin has taken all that was published, and what it wanted is done."""
        last = len(self.story.documents)

        def done(report: Report) -> bool:
            return (
                report.state == "running" and report.mode != "replay" and report.lag == 0 and not report.facts_waiting
                and not report.effects_waiting and self.position(plugin) >= last
            )  # fmt: skip

        return await self.until(plugin, done)

    def position(self, plugin: str) -> int:
        """Return the sequence that a plugin has taken in the story's tenant."""
        assert self.service is not None
        worker = self.service.workers[plugin]
        return worker.shared.call(lambda store: store.numbers()).get(self.story.tenant, 0)

    def state(self, plugin: str) -> dict[str, Any]:
        """Return what a plugin keeps."""
        assert self.service is not None
        found = self.service.workers[plugin].shared.call(lambda store: store.scan(self.story.tenant, ""))
        return {key: msgspec.json.decode(value) for key, value in found if not key.startswith("~")}

    async def facts(self, plugin: str) -> list[dict[str, Any]]:
        """Return the facts of a plugin in GOALS_PLUGIN, in order."""
        client = await self._connect("react")
        found: list[dict[str, Any]] = []
        sequence = 1
        while True:
            body = msgspec.json.encode({"seq": sequence, "next_by_subj": f"goals.plugin.v1.*.{plugin}.*"})
            answer = msgspec.json.decode((await client.request("$JS.API.STREAM.MSG.GET.GOALS_PLUGIN", body)).data)
            if "error" in answer:
                return found
            sequence = answer["message"]["seq"] + 1
            data = msgspec.json.decode(msgspec.json.encode(answer["message"]["data"]), type=bytes)
            found.append(msgspec.json.decode(data))

    def _at(self, name: str) -> None:
        self.at(name)

    async def _events_after(self, tenant: str, after: int, limit: int) -> list[bytes]:
        documents = [one for one in self.story.documents if msgspec.json.decode(one)["tenant"] == tenant]
        return documents[after : after + limit]

    async def _keys(self, _tenant: str, _reader: str, kids: Iterable[str]) -> dict[str, SealingKey | None]:
        return {kid: self.story.keys.get(kid) for kid in kids}

    async def _goal_at(self, _tenant: str, id_: str, version: int | None, words: Sequence[str]) -> GoalThen:
        if not any(id_.encode() in document for document in self.story.documents):
            raise PluginError("unknown_goal", "there is none")
        brought = Brought(Permissions(words=tuple(words), history=True), self.story)
        return brought.opened({"id": id_, "version": version} | self.goals.get(id_, {}))

    async def _send(self, _tenant: str, command: Command) -> Answer:
        self.commands.append(command)
        return self.answers or Accepted(id=command.id, version=1)


async def _roles(_tenant: str, actor: str) -> tuple[str, ...]:
    return ("admin",) if actor.startswith("service:") else ()
