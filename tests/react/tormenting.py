"""A plugin that misbehaves, between two healthy neighbours, on one host: what must hold whatever it does."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import msgspec

from milepost.react.policy import Policy
from milepost.react.reports import Report, Told
from milepost_contracts.testing import Host, Story, StoryGoal
from tests.react.plugins.neighbours import named
from tests.support.hosting import Hosting
from tests.support.waiting import until

NEIGHBOURS = ("left", "right")
TORTURE = "torture"
CODE = "torture_plugin"  # a module that each test writes, so that it can be mended
# As patient as an operator's in nothing: what fails is given up within a second.
POLICY = Policy(
    event_attempts_max=2, event_pause_s_min=0.01, event_pause_s_max=0.02, parked_in_a_row_max=2, starts_max=2,
    end_s=0.5, load_again_s=0.5, effect_pauses_s=(0.01,), effects_at_once=1, grace_s=0.3, pause_s_min=0.02,
    pause_s_max=0.1,
)  # fmt: skip
EVENTS = 200
HOST_BYTES_MAX = 200 << 20  # that the host's own process may grow in a test, whatever a plugin sends it
LATER = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)  # after every timer of these stories


def history(story: Story, events: int = EVENTS) -> None:
    """Tell *events* of ten goals: milestones, check-ins, what was taken back again."""
    begun = len(story.documents)
    goals: list[StoryGoal] = []
    number = 0
    while len(story.documents) < begun + events:
        if len(goals) < 10:
            name = f"goal {begun} {number}"
            people = (story.person(f"mentee {number}"), story.person("mentor"))
            goals.append(story.goal(*people, name=name, title="To speak before many people"))
        goal = goals[number % len(goals)]
        hit = goal.hit(f"milestone {begun} {number}")
        if number % 3 == 0:
            goal.check_in(f"check-in {begun} {number}")
        if number % 4 == 0:
            goal.retract(hit)
        number += 1
    del story.documents[begun + events :]


class Expected:
    """What a healthy plugin comes to with the events of a story, as the host in memory has it."""

    def __init__(self, name: str, story: Story) -> None:
        """Hand the events to the one called *name*."""
        with Host(named(name), config={"folder": ""}, story=story) as host:
            host.deliver(*story.documents)
            host.advance(LATER)
            self.state = host.state
            self.facts = sorted((name, _sorted(data)) for name, data in host.facts)
            self.effects = sorted((one.cause, one.name, one.arguments["grant"]) for one in host.effects)


class Tormented:
    """The host with the three of them."""

    def __init__(self, host: Hosting, module: str) -> None:
        """Configure them; *module* of tests.react.plugins.torture misbehaves."""
        self.host = host
        self.bytes_before = 0
        self._published = 0
        for name in NEIGHBOURS:
            (host.folder / name).mkdir()
            host.configure(name, f'folder = "{host.folder / name}"')
        self.mend(broken=True)
        self.install(module)

    def install(self, module: str) -> None:
        """Let *module* be the plugin, as a new version of its distribution would."""
        file = self.host.folder / "code" / f"{CODE}.py"
        # Longer each time: Python tells by size and second whether it has compiled a file before.
        text = file.read_text() if file.exists() else ""
        padding = "#" * (len(text) + 1)
        file.write_text(f"from tests.react.plugins.torture.{module} import *\n{padding}\n")

    def mend(self, *, broken: bool = False) -> None:
        """Write the configuration with which it does as it should, or not."""
        self.host.configure(TORTURE, f'broken = {str(broken).lower()}\nfolder = "{self.host.folder}"')

    async def start(self) -> None:
        """Start the host; the neighbours run when this returns."""
        await self.host.start()
        for name in NEIGHBOURS:
            await self.host.until(name, lambda report: report.state == "running")
        self.bytes_before = own_bytes()

    async def publish(self, events: int = EVENTS) -> None:
        """Let so many events happen and be published."""
        history(self.host.story, events)
        await self.host.publish()

    async def neighbours_are_well(self) -> None:
        """Wait until the neighbours have done all that is to be done; it is what they would have done by themselves."""
        for name in NEIGHBOURS:
            expected = Expected(name, self.host.story)
            report = await self.host.caught_up(name)
            assert (report.failed, report.parked, report.effects_dead, report.lag) == (0, 0, 0, 0), report
            assert report.effects_sent == len(expected.effects)
            await self.host.until(name, lambda report: not report.timers and not report.facts_waiting)
            assert self.host.state(name) == expected.state
            assert await self._facts(name) == expected.facts
            assert self._performed(name) == expected.effects
        assert own_bytes() - self.bytes_before < HOST_BYTES_MAX

    async def report(self) -> Report:
        """Return how the plugin is said to be."""
        return await self.host.report(TORTURE)

    async def until(self, state: str, why: str = "") -> Report:
        """Wait until the plugin is said to be in *state*, for a reason with *why* in it."""
        report = None

        async def holds() -> bool:
            nonlocal report
            report = await self.report()
            return report.state == state and why in report.why

        try:
            await until(holds, seconds=60)
        except TimeoutError:
            raise AssertionError(f"waited in vain for {state} {why!r}; at last: {report}") from None
        assert report is not None
        return report

    async def dead(self) -> Told:
        """Return what was put aside."""
        return await self.host.told("dead", TORTURE, limit=200)

    async def well_again(self) -> None:
        """Mend the plugin and let it run; wait until it has taken everything, what was put aside too."""
        self.mend()
        await self.host.told("resume", TORTURE)
        await self.until("running")
        if (await self.report()).parked:
            await self.host.told("retry", TORTURE)
        last = len(self.host.story.documents)

        async def done() -> bool:
            report = await self.report()
            return report.lag == 0 and not report.parked and self.host.position(TORTURE) == last

        await until(done, seconds=60)

    async def ended(self) -> None:
        """Stop the host; nothing of any plugin is left running."""
        await self.host.stop()
        assert left_running(self.host.folder) == []

    async def _facts(self, name: str) -> list[tuple[str, bytes]]:
        facts = {fact["id"]: fact for fact in await self.host.facts(name)}
        return sorted((fact["type"].split(".")[1], _sorted(fact["data"])) for fact in facts.values())

    def _performed(self, name: str) -> list[tuple[str, str, str]]:
        found = []
        for line in (self.host.folder / name / "performed").read_text().splitlines():
            key, grant, _ = line.split()
            plugin, cause, effect = key.split("/")
            assert plugin == name
            found.append((cause, effect, grant))
        return sorted(found)


def _sorted(data: dict[str, Any]) -> bytes:
    return msgspec.json.encode(data, order="sorted")


def own_bytes() -> int:
    """Return how much memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def left_running(folder: Path) -> list[str]:
    """Return the command lines of processes that were started with *folder* in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.name != str(os.getpid()) and str(folder).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # gone meanwhile
    return found
