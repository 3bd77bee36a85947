"""Commands over the bus, durable and of the whole domain, against a FastStream echo service that stores nothing."""

from __future__ import annotations

import asyncio
import datetime as dt
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import nats
import psycopg
import uuid_utils
from nats.aio.client import Client

from milepost.broker import EmbeddedBroker
from milepost_contracts import answers, subjects
from milepost_contracts.answers import Accepted
from milepost_contracts.commands import Command, goal, tenant
from milepost_contracts.subjects import tenant_id
from tests.support.nats import make_streams
from tests.support.postgres import server

IN_FLIGHT = 64
GOALS = 500  # a programme's worth; each is written to in turn
COMMANDS = 4_000  # a round; echo and ours take turns, so that a busy moment of the machine meets both
ROUNDS = 5
WANTED = 0.4  # ours over the echo, from the issue
TENANT = "bench"
Report = Callable[[str], None]

# The same typed decoding as a service that has something to do, and an answer of the usual size.
ECHO = """
import asyncio, sys, msgspec
from milepost.intake import subscribed
from milepost.wiring import subscribing
from milepost_contracts.answers import Accepted, EventRef
from milepost_contracts.commands.goal import RecordProgress
options = msgspec.json.decode(sys.argv[1])
broker = subscribing(options)
decoder = msgspec.json.Decoder(RecordProgress)
answer = msgspec.json.Encoder().encode
async def decode(message):
    return decoder.decode(message.raw_message.data)
@broker.subscriber("goals.query.v1.*.*.as_of", queue="replay", decoder=decode)
async def echo(command):
    events = [EventRef(id=command.command_id, type="goal.progress_recorded.v1")]
    return answer(Accepted(id=command.id, version=1, sequence="0" * 16, events=events))
async def main():
    await broker.start()
    await subscribed(broker.connection)
    print("ready", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def _id() -> str:
    return str(uuid_utils.uuid7())


OWNER = f"user:{_id()}"


def _beginnings(goals: list[str], measures: dict[str, str]) -> Iterator[Command]:
    for one in goals:
        yield goal.CreateGoal(command_id=_id(), id=one, actor=OWNER, owner=OWNER, title="Present with confidence")
        yield goal.DefineMeasure(
            command_id=_id(), id=one, actor=OWNER, measure=measures[one], name="Talks", kind="count",
            direction="increase", unit="talks", baseline="0", target="1000",
        )  # fmt: skip
        yield goal.ProposeGoal(command_id=_id(), id=one, actor=OWNER, revision=2)


def _work(goals: list[str], measures: dict[str, str], count: int) -> Iterator[Command]:
    today = dt.datetime.now(dt.UTC).date()
    kinds: list[Callable[[str, dict[str, Any]], Command]] = [
        lambda one, who: goal.RecordProgress(measure=measures[one], reading="1", on=today, note="A good one", **who),
        lambda _, who: goal.PostComment(comment=_id(), text="Well done, go on like this", **who),
        lambda _, who: goal.HoldCheckIn(
            check_in=_id(), held_on=today, attendees=[OWNER], progress="0.4", confidence=7, wins=["Spoke freely"],
            obstacles=["Little time"], next_step="Book the next slot", **who,
        ),
        lambda _, who: goal.RaiseObstacle(obstacle=_id(), title="The room is taken", **who),
        lambda _, who: goal.GiveFeedback(feedback=_id(), text="Clear and calm", rating=5, **who),
    ]  # fmt: skip
    for number in range(count):
        one = goals[number % len(goals)]
        yield kinds[number // len(goals) % len(kinds)](one, {"command_id": _id(), "id": one, "actor": OWNER})


def _messages(commands: Iterator[Command]) -> list[tuple[str, bytes]]:
    return [(subjects.command(TENANT, "cli", one.AGGREGATE, one.NAME), msgspec.json.encode(one)) for one in commands]


class _Round(NamedTuple):
    """What one round took: seconds, latencies in ms, and the answers."""

    seconds: float
    latencies: list[float]
    replies: list[bytes]

    @property
    def per_s(self) -> float:
        return len(self.latencies) / self.seconds


async def _drive(client: Client, messages: list[tuple[str, bytes]]) -> _Round:
    """Send *messages* with 64 in flight."""
    waiting = iter(messages)
    latencies: list[float] = []
    replies: list[bytes] = []

    async def one_after_another() -> None:
        for subject, body in waiting:
            began = time.perf_counter()
            replies.append((await client.request(subject, body, timeout=30)).data)
            latencies.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    await asyncio.gather(*(one_after_another() for _ in range(IN_FLIGHT)))
    return _Round(time.perf_counter() - began, latencies, replies)


@asynccontextmanager
async def _process(*arguments: str) -> AsyncIterator[None]:
    pipe, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=pipe, stderr=nowhere)
    try:
        assert process.stdout
        line = await process.stdout.readline()
        assert line.startswith(b"ready"), line
        yield
    finally:
        process.terminate()
        await process.wait()


def _line(name: str, rounds: list[_Round], beside: str = "") -> str:
    ordered = statistics.quantiles([latency for one in rounds for latency in one.latencies], n=100)
    per_s = statistics.median(one.per_s for one in rounds)
    return f"  {name:<34}{per_s:>9,.0f}/s   median {ordered[49]:6.1f} ms   p99 {ordered[98]:6.1f} ms   {beside}"


async def _measure(report: Report, url: str, folder: Path) -> None:
    async with EmbeddedBroker(folder / "broker") as broker:
        await make_streams(broker)
        client = await nats.connect(**broker.options("cli"))
        goals = [_id() for _ in range(GOALS)]
        measures = {one: _id() for one in goals}
        reading = msgspec.json.encode(next(_work(goals, measures, 1)))
        echoes = [(subjects.query(TENANT, "cli", "as_of"), reading)] * COMMANDS
        flags = ["--data-dir", str(folder), "--nats-url", broker.url, "--http-port", "0", "--rate-per-s", "0"]
        flags += ["--nats-seed", str(folder / "broker" / "keys"), "--journal-url", url]
        floor: list[_Round] = []
        ours: list[_Round] = []
        async with (
            _process("-c", ECHO, msgspec.json.encode(broker.options("replay")).decode()),
            _process("-m", "milepost", "run", "accept", *flags),
        ):
            opened = tenant.Open(command_id=_id(), id=tenant_id(TENANT), actor="service:cli")
            await _drive(client, _messages(iter([opened])))
            await _drive(client, _messages(_beginnings(goals, measures)))
            await _drive(client, echoes)
            for _ in range(ROUNDS):
                floor.append(await _drive(client, echoes))
                ours.append(await _drive(client, _messages(_work(goals, measures, COMMANDS))))
        refused = [reply for one in ours for reply in one.replies if not isinstance(answers.decode(reply), Accepted)]
        assert not refused, refused[0]
        ratios = [mine.per_s / other.per_s for mine, other in zip(ours, floor, strict=True)]
        report(_line("FastStream echo, nothing stored", floor))
        beside = (
            f"{statistics.median(ratios):.2f} of the echo, {min(ratios):.2f} to {max(ratios):.2f} (wanted {WANTED})"
        )
        report(_line(f"accept, {url.partition(':')[0]}", ours, beside))
        await client.close()


def run(report: Report) -> None:
    """Print the floor and ours for both databases."""
    report(f"Commands accepted over the bus: {IN_FLIGHT} in flight, five kinds, {ROUNDS} rounds of {COMMANDS:,}")
    with tempfile.TemporaryDirectory(prefix="milepost-bench-") as folder:
        asyncio.run(_measure(report, f"sqlite:///{folder}/journal.sqlite", Path(folder)))
    name = f"bench_{uuid_utils.uuid7().hex}"
    admin = psycopg.connect(server().url("postgres"), autocommit=True)
    with tempfile.TemporaryDirectory(prefix="milepost-bench-") as folder, admin:
        admin.execute(f"CREATE DATABASE {name}")
        asyncio.run(_measure(report, server().url(name), Path(folder)))
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


if __name__ == "__main__":
    run(print)
