"""From a command to its answer, to the bus and to the view, on an idle system: `milepost serve` as it is started."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import uuid_utils
from nats.aio.msg import Msg

from milepost_contracts.answers import Accepted
from milepost_contracts.commands import goal, tenant
from milepost_contracts.queries import GoalsOf
from milepost_contracts.subjects import tenant_id
from tests.support.road import Road

COMMANDS = 300
WANTED_MS = 50  # commit to bus, p99, from the issue
TENANT = "bench"
Report = Callable[[str], None]


def _id() -> str:
    return str(uuid_utils.uuid7())


async def _measure(report: Report, folder: Path) -> None:
    async with Road(folder) as road:
        client = await road.connect()
        reader = await road.connect("view")
        asker = road.asker(client)
        arrived: dict[str, float] = {}
        came = asyncio.Event()

        async def take(message: Msg) -> None:
            arrived[msgspec.json.decode(message.data)["id"]] = time.perf_counter()
            came.set()

        await reader.jetstream().subscribe("goals.event.v1.>", stream="GOALS", ordered_consumer=True, cb=take)
        owner, one = f"user:{_id()}", _id()
        await asker.command(TENANT, tenant.Open(command_id=_id(), id=tenant_id(TENANT), actor="service:cli"))
        await asker.command(TENANT, goal.CreateGoal(command_id=_id(), id=one, actor=owner, owner=owner, title="Speak"))
        answered: list[float] = []
        on_bus: list[float] = []
        seen: list[float] = []
        for _ in range(COMMANDS):
            command = goal.PostComment(command_id=_id(), id=one, actor=owner, comment=_id(), text="On we go")
            began = time.perf_counter()
            answer = await asker.command(TENANT, command)
            committed = time.perf_counter()
            assert isinstance(answer, Accepted), answer
            await asker.query(TENANT, GoalsOf(actor=owner, min_sequence=answer.sequence, limit=1))
            visible = time.perf_counter()
            while answer.events[0].id not in arrived:
                came.clear()
                await came.wait()
            answered.append((committed - began) * 1000)
            on_bus.append(max(0.0, (arrived[answer.events[0].id] - committed) * 1000))
            seen.append((visible - committed) * 1000)
        await client.close()
        await reader.close()
    report(_line("asked to answered (durable)", answered))
    report(_line("answered to a consumer on the bus", on_bus, f"(wanted p99 {WANTED_MS} ms)"))
    report(_line("answered to a query that sees it", seen))


def _line(name: str, milliseconds: list[float], beside: str = "") -> str:
    ordered = statistics.quantiles(milliseconds, n=100)
    return f"  {name:<36}median {ordered[49]:6.1f} ms   p99 {ordered[98]:6.1f} ms   {beside}"


def run(report: Report) -> None:
    """Print the latencies of an idle road."""
    report(f"The road, idle: {COMMANDS} commands one after another, everything in one process")
    with tempfile.TemporaryDirectory(prefix="milepost-bench-") as folder:
        asyncio.run(_measure(report, Path(folder) / "data"))


if __name__ == "__main__":
    run(print)
