"""The way of a reward under SIGKILL at named points: granted once, told under one key, taken back with its cause."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any, Self

import milepost_rewards
import msgspec
import nats
import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError

from milepost.broker import EmbeddedBroker
from milepost.react.process import MARK
from milepost.react.reports import Refusal, Report, Told
from milepost.react.store import Store
from milepost_contracts.subjects import ADMIN, event
from milepost_contracts.testing import Story
from tests.faults.rewards import SAID_MAX, Expected, Receiver, by_id, check_grants, history, stored
from tests.react.plugins import rewarding
from tests.support.nats import make_streams
from tests.support.waiting import until

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parents[2]
POINTS = {  # and how often each is passed while a hundred events are handled, about
    "react.before_commit": 30,
    "react.in_transaction": 60,
    "react.after_commit": 30,
    "react.before_fact": 10,
    "react.after_fact": 10,
    "react.before_effect": 40,
    "react.after_effect": 40,
}
TENANTS = ("acme", "globex")
EVENTS = 60  # of each tenant
DEATHS = 4
PATIENCE_S = 90.0
RULES = """
[[rules]]
id = "first"
when = "first_milestone"
give = { kind = "voucher", title = "A book", pool = "books" }
[[rules]]
id = "hit"
on = "goal.milestone_hit"
give = { kind = "points", title = "A milestone", points = 5 }
to = "both"
[[rules]]
id = "streak"
when = "streak"
n = 3
repeat = true
give = { kind = "badge", title = "Three in a row" }
"""


class Hosted:
    """A host in a process of its own, with two plugins that reward, killed and started again."""

    def __init__(self, folder: Path, broker: EmbeddedBroker, url: str, port: int) -> None:
        """Write everything that it reads."""
        folder.mkdir()
        self.folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._stories = [Story(tenant) for tenant in TENANTS]
        plugins = {"rewarding": "tests.react.plugins.rewarding", "rewards": "milepost_rewards"}
        given = {"nats": broker.options("react"), "url": url, "plugins": plugins}
        (folder / "runner.json").write_bytes(msgspec.json.encode(given))
        (folder / "rewarding.toml").write_text(f'url = "http://127.0.0.1:{port}/"')
        (folder / "rewards.toml").write_text(RULES)
        secrets = folder / "rewards.secrets.toml"
        pools = "".join(f"[tenants.{tenant}.pools.books]\ncodes = {_codes(tenant)}\n" for tenant in TENANTS)
        secrets.write_text(f'personal = ["json://127.0.0.1:{port}/{{person}}"]\n{pools}')
        secrets.chmod(0o600)
        (folder / "documents").touch()
        (folder / "keys.json").write_text("{}")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave nothing running, whatever the test came to."""
        if self._process is not None:
            await self.kill()

    async def start(self, fault: str = "") -> bool:
        """Start it to die at *fault*; return whether it came up before it did."""
        path = os.pathsep.join([str(self.folder), str(ROOT), str(ROOT / "plugins" / "rewards")])
        environment = os.environ | {"MILEPOST_FAULT_AT": fault, "PYTHONPATH": f"{path}{os.pathsep}{_path()}"}
        with (self.folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.react.runner", str(self.folder),
                stdout=asyncio.subprocess.PIPE, stderr=log, env=environment,
            )  # fmt: skip
        assert self._process.stdout is not None
        if await self._process.stdout.readline() == b"ready\n":
            return True
        assert await self._process.wait() == -signal.SIGKILL
        return False

    async def ended(self) -> int:
        """Return its status when it has ended."""
        assert self._process is not None
        return await self._process.wait()

    async def kill(self) -> None:
        """End it as a crash would."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """End it as an operator does; it takes its plugins with it."""
        assert self._process is not None
        self._process.terminate()
        assert await self._process.wait() == 0
        assert self.plugin_processes() == []

    def plugin_processes(self) -> list[int]:
        """Return the processes of its plugins, those of hosts before this one too."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                environment = (process / "environ").read_bytes()
            except OSError:
                continue  # gone meanwhile
            if f"{MARK}=".encode() in environment and str(self.folder).encode() in environment:
                found.append(int(process.name))
        return found

    def note(self, story: Story, documents: list[bytes]) -> None:
        """Let the journal's side have *documents*, and the keys of *story*."""
        with (self.folder / "documents").open("ab") as file:
            file.writelines(document + b"\n" for document in documents)
        known = msgspec.json.decode((self.folder / "keys.json").read_bytes())
        known |= {kid: key.secret.hex() for kid, key in story.keys.items()}
        beside = self.folder / "keys.json.new"
        beside.write_bytes(msgspec.json.encode(known))
        beside.rename(self.folder / "keys.json")


def _codes(tenant: str) -> list[str]:
    return [f"{tenant}-{number}" for number in range(50)]


def _path() -> str:
    return os.environ.get("PYTHONPATH", "")


class Bus:
    """Connections that outlive the broker's deaths."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        """Take the broker."""
        self._broker = broker
        self._clients: dict[str, Client] = {}

    async def request(self, role: str, subject: str, body: bytes, **headers: str) -> dict[str, Any]:
        """Return the answer, however often it has to be asked for."""
        if role not in self._clients:
            options: dict[str, Any] = {**self._broker.options(role)}
            options |= {"reconnect_time_wait": 0.05, "max_reconnect_attempts": -1, "error_cb": _quiet}
            self._clients[role] = await nats.connect(**options)
        while True:
            try:
                message = await self._clients[role].request(subject, body, timeout=2, headers=headers or None)
                answer: dict[str, Any] = msgspec.json.decode(message.data)
            except NatsError:
                await asyncio.sleep(0.05)
                continue
            return answer

    async def publish(self, document: bytes, *, twice: bool) -> None:
        """Publish *document*; *twice*: and a copy that the broker cannot tell to be one."""
        told = msgspec.json.decode(document)
        kind, _, id_ = told["subject"].partition("/")
        subject = event(told["tenant"], kind, id_, told["type"].split(".")[1])
        assert "seq" in await self.request("publish", subject, document, **{"Nats-Msg-Id": told["id"]})
        if twice:
            assert "seq" in await self.request("publish", subject, document)

    async def reports(self) -> dict[str, Report]:
        """Return how the plugins are."""
        answer = await self.request("cli", f"{ADMIN}.react.list", b'{"verb":"list"}')
        told = msgspec.convert(answer, Told | Refusal)
        return {report.plugin: report for report in told.plugins} if isinstance(told, Told) else {}

    async def facts(self, plugin: str) -> list[dict[str, Any]]:
        """Return everything that *plugin* has said, copies too."""
        found: list[dict[str, Any]] = []
        sequence = 1
        while True:
            body = msgspec.json.encode({"seq": sequence, "next_by_subj": f"goals.plugin.v1.*.{plugin}.*"})
            answer = await self.request("react", "$JS.API.STREAM.MSG.GET.GOALS_PLUGIN", body)
            if "error" in answer:
                return found
            sequence = answer["message"]["seq"] + 1
            data = msgspec.json.decode(msgspec.json.encode(answer["message"]["data"]), type=bytes)
            found.append(msgspec.json.decode(data))

    async def close(self) -> None:
        """End the connections."""
        for client in self._clients.values():
            await client.close()


async def _quiet(_: Exception) -> None:
    """Say nothing: the broker dies on purpose."""


async def _tell(chance: random.Random, stories: list[Story], hosted: Hosted, bus: Bus, rounds: int) -> Any:
    """Publish what happens, a part at each step of this generator, the tenants side by side; some of it twice."""
    happening = [history(chance, story, EVENTS) for story in stories]
    told = [0] * len(stories)
    for part in range(1, rounds + 1):
        for place, story in enumerate(stories):
            while len(story.documents) < EVENTS * part // rounds:
                next(happening[place])
            hosted.note(story, story.documents[told[place] :])
        while any(told[place] < len(story.documents) for place, story in enumerate(stories)):
            place = chance.randrange(len(stories))
            if told[place] < len(stories[place].documents):
                document = stories[place].documents[told[place]]
                told[place] += 1
                # What is not published has to be had from the journal's side; the last is, or nobody would miss it.
                if chance.random() > 0.05 or told[place] == len(stories[place].documents):
                    await bus.publish(document, twice=chance.random() < 0.1)
        yield part


async def _die(chance: random.Random, hosted: Hosted, broker: EmbeddedBroker, telling: Any) -> list[str]:
    """Start the host again and again, each time to die at another point, its plugins' processes too."""
    suffered: list[str] = []
    for _ in range(DEATHS):
        point = chance.choice(list(POINTS))
        fault = f"{point}:{chance.randint(1, POINTS[point])}"
        suffered.append(fault)
        up = await hosted.start(fault)
        await anext(telling)
        if not up:
            continue
        dead = asyncio.create_task(hosted.ended())
        for _ in range(chance.randrange(4)):
            await asyncio.wait([dead], timeout=chance.random() * 0.5)
            if not dead.done() and (processes := hosted.plugin_processes()):
                suffered.append("plugin")
                try:
                    os.kill(chance.choice(processes), signal.SIGKILL)
                except ProcessLookupError:
                    suffered.pop()
        if chance.random() < 0.3:
            suffered.append("broker")
            await broker.kill()
            await broker.start()
        await asyncio.wait([dead], timeout=2.0)
        if not dead.done():
            suffered.append("killed from outside")
        await hosted.kill()
        await dead
    return suffered


async def _done(bus: Bus) -> bool:
    """Whether everything is taken, said and done."""
    reports = await bus.reports()
    return len(reports) == 2 and all(
        report.state == "running" and report.mode == "live" and report.lag == 0
        and not (report.effects_waiting or report.facts_waiting or report.timers)
        for report in reports.values()
    )  # fmt: skip


async def _until_done(bus: Bus, suffered: list[str]) -> None:
    try:
        await until(lambda: _done(bus), PATIENCE_S)
    except TimeoutError:
        raise AssertionError(f"not done after {suffered}: {await bus.reports()}") from None


async def test_each_reward_is_granted_once_and_told_under_one_key(
    tmp_path: Path, seed: int, request: pytest.FixtureRequest
) -> None:
    """Grants, state, facts and effects are those of a host to which nothing ever happens; odd seeds on PostgreSQL."""
    url = request.getfixturevalue("postgres_url") if seed % 2 else f"sqlite:///{tmp_path}/react/react.sqlite"
    chance = random.Random(seed)  # noqa: S311  reproducible, not secret
    stories = [Story(tenant) for tenant in TENANTS]
    with Receiver(random.Random(f"receiver {seed}")) as receiver:  # noqa: S311  as above
        async with EmbeddedBroker(tmp_path / "broker") as broker:
            await make_streams(broker)
            bus = Bus(broker)
            async with Hosted(tmp_path / "host", broker, url, receiver.port) as hosted:
                assert await hosted.start()
                await _until_done(bus, [])  # what happens before a plugin has begun is history to it
                await hosted.kill()
                telling = _tell(chance, stories, hosted, bus, DEATHS + 1)
                suffered = await _die(chance, hosted, broker, telling)
                assert await hosted.start()
                await anext(telling)
                await _until_done(bus, suffered)
                facts = {plugin: await bus.facts(plugin) for plugin in ("rewarding", "rewards")}
                await hosted.stop()
            await bus.close()
    note = f"seed {seed}: {suffered}"
    _check_rewarding(stories, url, facts["rewarding"], receiver, hosted.folder, note)
    _check_rewards(stories, url, facts["rewards"], receiver, hosted.folder, note)


def _check_rewarding(
    stories: list[Story], url: str, facts: list[dict[str, Any]], receiver: Receiver, folder: Path, note: str
) -> None:
    store = Store(url, "rewarding")
    store.open()
    effects: dict[str, Any] = {}
    commands: dict[str, Any] = {}
    said: dict[str, tuple[str, bytes]] = {}
    for story in stories:
        found, expected = stored(store, story.tenant), Expected(rewarding, story, config={"url": ""})
        check_grants(story, found.grants, rule="hit")
        assert {grant.id: grant for grant in found.grants} == expected.grants, note
        assert found.state == expected.state, note
        effects |= expected.effects
        commands |= expected.commands
        said |= expected.facts
    assert by_id(facts) == said, note
    assert store.effects(changed=True, limit=SAID_MAX) == []
    assert {entry.state for entry in store.effects(limit=SAID_MAX)} == {"sent"}, note
    store.close()
    bodies: dict[str, set[bytes]] = {}
    for key, body in receiver.asked:
        if key.startswith("rewarding/"):
            bodies.setdefault(key, set()).add(body)
    assert {key: [msgspec.json.decode(body) for body in told] for key, told in bodies.items()} == {
        key: [arguments] for key, arguments in effects.items()
    }, note
    assert {key for key in receiver.taken if key.startswith("rewarding/")} == effects.keys(), note
    sent: dict[str, set[str]] = {}
    for line in (folder / "commands").read_text().splitlines():
        sent.setdefault(msgspec.json.decode(line)["body"]["command_id"], set()).add(line)
    assert sent.keys() == commands.keys(), note
    assert all(len(lines) == 1 for lines in sent.values()), note


def _check_rewards(
    stories: list[Story], url: str, facts: list[dict[str, Any]], receiver: Receiver, folder: Path, note: str
) -> None:
    """Check what does not depend on when a message has left."""
    store = Store(url, "rewards")
    store.open()
    said: dict[str, tuple[str, bytes]] = {}
    sent = {entry.key: entry for entry in store.effects(limit=SAID_MAX)}
    assert {entry.state for entry in sent.values()} <= {"sent"}, note
    for story in stories:
        found = stored(store, story.tenant)
        given = {
            "config": _toml(folder / "rewards.toml"),
            "secrets": _toml(folder / "rewards.secrets.toml"),
        }
        expected = Expected(milepost_rewards, story, **given)
        assert {grant.id: grant for grant in found.grants} == expected.grants, note
        assert _without_told(found.state) == _without_told(expected.state), note
        said |= expected.facts
        standing = [grant for grant in found.grants if grant.stands]
        codes = [grant.reward.code for grant in standing if grant.reward.kind == "voucher"]
        assert None not in codes
        assert len(set(codes)) == len(codes), note
        told = {key.rpartition("/")[0].rpartition("/")[2] for key in receiver.taken if "/granted/" in key}
        assert {grant.id for grant in standing if f"told/{grant.id}" in found.state} <= told
    assert by_id(facts) == said, note
    assert store.effects(changed=True, limit=SAID_MAX) == []
    store.close()
    bodies: dict[str, set[bytes]] = {}
    for key, body in receiver.asked:
        if key.startswith("rewards/"):
            bodies.setdefault(key, set()).add(body)
    assert bodies
    assert all(len(told) == 1 for told in bodies.values()), note
    assert bodies.keys() <= sent.keys(), note


def _without_told(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if not key.startswith("told/")}


def _toml(path: Path) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(path.read_text())
