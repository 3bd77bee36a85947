"""What tamper evidence and sealing add to accepted commands: the same ones without either, and with each in turn."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import nats
import psycopg
import uuid_utils
from nats.aio.client import Client

from milepost.broker import EmbeddedBroker
from milepost.replay.tree.admin import AdminError, TreeAdmin
from milepost_contracts import answers
from milepost_contracts.answers import Accepted
from milepost_contracts.commands import tenant
from milepost_contracts.subjects import tenant_id
from tests.benchmarks.accept import (
    IN_FLIGHT,
    TENANT,
    Report,
    _beginnings,
    _drive,
    _id,
    _line,
    _messages,
    _Round,
    _work,
)
from tests.support.nats import make_streams
from tests.support.postgres import server

GOALS = 300
COMMANDS = 2_000  # a round; the three take turns, so that a busy moment of the machine meets all
ROUNDS = 7
WANTED = 0.9  # with, over without: less than a tenth is added, from the issue
CAUGHT_UP_S_MAX = 60.0
# The same stage with the sealing of words left out: hashes and everything else as ever.
UNSEALED = """
import sys
import milepost.accept.sealing as sealing
sealing.seal_data = lambda *arguments: None
from milepost.cli.app import run
sys.exit(run(sys.argv[1:]))
"""


class _Stage:
    """A stage in a process of its own, which can be held still."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    def cpu_s(self) -> float:
        """Return the processor time of the process and of its child: it tells the cost on a busy machine too."""
        root = self._process.pid
        children = Path(f"/proc/{root}/task/{root}/children").read_text(encoding="ascii").split()
        return sum(_cpu_s(pid) for pid in [root, *map(int, children)])

    def hold(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def _stage(*arguments: str, code: str = "") -> AsyncIterator[_Stage]:
    line = ["-c", code] if code else ["-m", "milepost"]
    pipe, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(sys.executable, *line, *arguments, stdout=pipe, stderr=nowhere)
    stage = _Stage(process)
    try:
        assert process.stdout
        begun = await process.stdout.readline()
        assert begun.startswith(b"ready"), begun
        yield stage
    finally:
        stage.go_on()
        process.terminate()
        await process.wait()


class _Side:
    """A broker, an accept on a journal of its own, and goals to write to."""

    def __init__(self, stack: AsyncExitStack, url: str, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self._goals = [_id() for _ in range(GOALS)]
        self._measures = {one: _id() for one in self._goals}
        self._url = url
        self.kind = url.partition(":")[0]
        self.flags: list[str] = []
        self.accept: _Stage
        self.client = Client()

    async def begin(self, code: str = "") -> None:
        broker = await self._stack.enter_async_context(EmbeddedBroker(self._folder / "broker"))
        await make_streams(broker)
        self.client = await nats.connect(**broker.options("cli"))
        self._stack.push_async_callback(self.client.close)
        self.flags = ["--data-dir", str(self._folder), "--nats-url", broker.url, "--http-port", "0"]
        self.flags += ["--nats-seed", str(self._folder / "broker" / "keys"), "--journal-url", self._url]
        accept = ["run", "accept", *self.flags, "--rate-per-s", "0"]
        self.accept = await self._stack.enter_async_context(_stage(*accept, code=code))
        opened = tenant.Open(command_id=_id(), id=tenant_id(TENANT), actor="service:cli")
        await _drive(self.client, _messages(iter([opened])))
        await _drive(self.client, _messages(_beginnings(self._goals, self._measures)))
        await self.round()

    async def measured(self) -> tuple[_Round, float]:
        """Return a round, and the processor time that accept took for it."""
        before = self.accept.cpu_s()
        driven = await self.round()
        return driven, self.accept.cpu_s() - before

    async def round(self) -> _Round:
        driven = await _drive(self.client, _messages(_work(self._goals, self._measures, COMMANDS)))
        refused = [reply for reply in driven.replies if not isinstance(answers.decode(reply), Accepted)]
        assert not refused, refused[0]
        return driven

    async def caught_up(self, driven: _Round) -> None:
        """Wait until the log has signed all that *driven* was accepted with."""
        accepted = [answers.decode(reply) for reply in driven.replies]
        last = max(int(one.sequence) for one in accepted if isinstance(one, Accepted))
        async with asyncio.timeout(CAUGHT_UP_S_MAX):
            while await self.signed() < last:  # noqa: ASYNC110  another process signs: there is nothing to await
                await asyncio.sleep(0.1)

    async def signed(self) -> int:
        try:
            return (await TreeAdmin(self.client).checkpoint(TENANT)).size
        except AdminError:
            return 0


async def _measure(report: Report, urls: Iterator[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="milepost-bench-") as folder:
        async with AsyncExitStack() as stack:
            plain = _Side(stack, next(urls).format(folder=f"{folder}/plain"), Path(folder) / "plain")
            ours = _Side(stack, next(urls).format(folder=f"{folder}/ours"), Path(folder) / "ours")
            for side in (plain, ours):
                side._folder.mkdir()
            await plain.begin(UNSEALED)
            await ours.begin()
            replay = await stack.enter_async_context(_stage("run", "replay", *ours.flags, "--checkpoint-s", "1"))
            plain_rounds: list[tuple[_Round, float]] = []
            sealed_rounds: list[tuple[_Round, float]] = []
            proven_rounds: list[tuple[_Round, float]] = []
            growing = events = 0.0
            for _ in range(ROUNDS):
                plain_rounds.append(await plain.measured())
                replay.hold()
                sealed_rounds.append(await ours.measured())
                replay.go_on()
                await ours.caught_up(sealed_rounds[-1][0])
                began, before = replay.cpu_s(), await ours.signed()
                proven_rounds.append(await ours.measured())
                await ours.caught_up(proven_rounds[-1][0])
                growing += replay.cpu_s() - began
                events += await ours.signed() - before
    report(f" {ours.kind}")
    report(_line("words as they are, no tree", [one for one, _ in plain_rounds], _cpu(plain_rounds)))
    report(_line("words sealed, no tree", [one for one, _ in sealed_rounds], _beside(sealed_rounds, plain_rounds)))
    report(_line("words sealed, tree signed", [one for one, _ in proven_rounds], _beside(proven_rounds, sealed_rounds)))
    tree = growing / events * 1e6
    share = growing / sum(cpu for _, cpu in proven_rounds)
    report(
        f"  the tree itself: {tree:.0f} us of a processor for each event, {share:.2f} of what accept takes beside it"
    )


def _cpu(rounds: list[tuple[_Round, float]]) -> str:
    return f"accept: {sum(cpu for _, cpu in rounds) / len(rounds) / COMMANDS * 1e6:.0f} us of a processor"


def _beside(ours: list[tuple[_Round, float]], floor: list[tuple[_Round, float]]) -> str:
    ratio = _ratio([one for one, _ in ours], [one for one, _ in floor], "the line above")
    return f"{_cpu(ours)}; {ratio}"


def _ratio(ours: list[_Round], floor: list[_Round], name: str) -> str:
    ratios = [mine.per_s / other.per_s for mine, other in zip(ours, floor, strict=True)]
    return f"{statistics.median(ratios):.2f} of {name}, {min(ratios):.2f} to {max(ratios):.2f} (wanted {WANTED})"


def run(report: Report) -> None:
    """Print what sealing and the tree cost on both databases."""
    report(f"What evidence adds to accepted commands: {IN_FLIGHT} in flight, {ROUNDS} rounds of {COMMANDS:,} each")
    asyncio.run(_measure(report, itertools.repeat("sqlite:///{folder}/journal.sqlite")))
    names = [f"bench_{uuid_utils.uuid7().hex}" for _ in range(2)]
    with psycopg.connect(server().url("postgres"), autocommit=True) as admin:
        for name in names:
            admin.execute(f"CREATE DATABASE {name}")
        asyncio.run(_measure(report, iter([server().url(name) for name in names])))
        for name in names:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


if __name__ == "__main__":
    run(print)
