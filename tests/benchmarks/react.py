"""What the plugin host costs: events through a do-nothing plugin against a bare ordered JetStream consumer."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from milepost.broker import EmbeddedBroker
from milepost_contracts.subjects import EVENTS
from tests.benchmarks.view import documents
from tests.support.documents import subject_of
from tests.support.nats import make_streams
from tests.support.waiting import until

COUNT, GOALS = 120_000, 6_000
LOOK_S = 0.02  # between two looks at how far the plugin is when it is nearly there; each costs the host milliseconds
ROUNDS = 3
SINGLE, IDLE_S = 300, 0.01
BATCH = 500
WANTED = 0.5  # ours over the bare consumer, from the issue
Report = Callable[[str], None]

# It writes down when each event reached it, where it is told to; otherwise it does nothing.
PLUGIN = """
import os, time
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Manifest
@hook
def manifest():
    return Manifest(id="nothing", version="1.0.0", summary="Does nothing", start="beginning", subscriptions=("*",))
@hook
def on_event():
    pass
"""
TIMED = PLUGIN.replace(
    "import os, time", "import os, time\nFILE = os.open({path!r}, os.O_WRONLY | os.O_CREAT)"
).replace(
    "def on_event():\n    pass",
    "def on_event(event):\n    os.write(FILE, (event.id + ' ' + str(time.time_ns()) + chr(10)).encode())",
)


def _installed(folder: Path, source: str) -> None:
    """Make the plugin look installed to whoever has *folder* on the path."""
    (folder / "milepost_nothing.py").write_text(source, encoding="utf-8")
    told = folder / "milepost_nothing-1.0.0.dist-info"
    told.mkdir(exist_ok=True)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: milepost-nothing\nVersion: 1.0.0\n", encoding="utf-8")
    (told / "entry_points.txt").write_text("[milepost.plugins]\nnothing = milepost_nothing\n", encoding="utf-8")


@asynccontextmanager
async def _react(broker: EmbeddedBroker, folder: Path, source: str) -> AsyncIterator[None]:
    path = folder / "site"
    path.mkdir(exist_ok=True)
    _installed(path, source)
    arguments = ["run", "react", "--data-dir", str(folder), "--nats-url", broker.url, "--http-port", "0"]
    arguments += ["--nats-seed", str(broker.options("react")["nkeys_seed"]), "--plugins", "nothing"]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "milepost", *arguments, stdout=pipe, stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(path), "MILEPOST_LOG_LEVEL": "warning"},
    )  # fmt: skip
    try:
        assert process.stdout
        line = await process.stdout.readline()
        assert line.startswith(b"ready"), line
        yield
    finally:
        process.terminate()
        await process.wait()


async def _handled(client: Client) -> tuple[int, int]:
    body = msgspec.json.encode({"verb": "list"})
    answer = msgspec.json.decode((await client.request("goals.admin.v1.react.list", body, timeout=30)).data)
    report: dict[str, Any] = next(one for one in answer["plugins"] if one["plugin"] == "nothing")
    return report["handled"], report["lag"] or 0


async def _through(client: Client) -> float:
    """Return how many events a second the plugin takes, from the first that are kept to the last."""
    first, began = 0, 0.0
    while not first:
        first, _ = await _handled(client)
        began = time.perf_counter()
        await asyncio.sleep(LOOK_S)
    handled = first
    while handled < COUNT:
        took = time.perf_counter() - began
        left_s = took * (COUNT - handled) / (handled - first) if handled > first else 0.0
        await asyncio.sleep(max(LOOK_S, left_s / 2))
        handled, _ = await _handled(client)
    return (COUNT - first) / (time.perf_counter() - began)


async def _bare(broker: EmbeddedBroker) -> float:
    """Return how many messages a second nats-py's ordered consumer hands to a callback that does nothing."""
    client = await nats.connect(**broker.options("view"))
    done = asyncio.Event()
    count, began = 0, 0.0

    async def take(_: Msg) -> None:
        nonlocal count, began
        count += 1
        if count == 1:
            began = time.perf_counter()
        if count == COUNT:
            done.set()

    await client.jetstream().subscribe(EVENTS, stream="GOALS", ordered_consumer=True, cb=take)
    await done.wait()
    took = time.perf_counter() - began
    await client.close()
    return COUNT / took


async def _fill(client: Client, made: list[bytes]) -> None:
    for start in range(0, len(made), BATCH):
        part = made[start : start + BATCH]
        name = f"fill-{start}"
        for place, document in enumerate(part, 1):
            headers = {"Nats-Batch-Id": name, "Nats-Batch-Sequence": str(place)}
            if place == len(part):
                headers["Nats-Batch-Commit"] = "1"
                await client.request(subject_of(document), document, timeout=30, headers=headers)
            else:
                await client.publish(subject_of(document), document, headers=headers)


async def _throughput(report: Report, made: list[bytes]) -> None:
    floor: list[float] = []
    ours: list[float] = []
    with tempfile.TemporaryDirectory(prefix="milepost-bench-") as name:
        folder = Path(name)
        async with EmbeddedBroker(folder / "broker") as broker:
            await make_streams(broker)
            publisher = await nats.connect(**broker.options("publish"))
            await _fill(publisher, made)
            client = await nats.connect(**broker.options("cli"))
            for number in range(ROUNDS):
                floor.append(await _bare(broker))
                (folder / str(number)).mkdir()
                async with _react(broker, folder / str(number), PLUGIN):
                    ours.append(await _through(client))
            await client.close()
            await publisher.close()
    ratios = [mine / other for mine, other in zip(ours, floor, strict=True)]
    report(f"  bare ordered consumer, callback    {statistics.median(floor):>9,.0f}/s")
    report(
        f"  a do-nothing plugin                {statistics.median(ours):>9,.0f}/s   "
        f"{statistics.median(ratios):.2f} of it, {min(ratios):.2f} to {max(ratios):.2f} (wanted {WANTED})"
    )


async def _latency(report: Report, made: list[bytes]) -> None:
    with tempfile.TemporaryDirectory(prefix="milepost-bench-") as name:
        folder = Path(name)
        times = folder / "times"
        async with EmbeddedBroker(folder / "broker") as broker:
            await make_streams(broker)
            publisher, reader = [await nats.connect(**broker.options(role)) for role in ("publish", "view")]
            bare: dict[str, int] = {}

            async def take(message: Msg) -> None:
                bare[msgspec.json.decode(message.data)["id"]] = time.time_ns()

            await reader.jetstream().subscribe(EVENTS, stream="GOALS", ordered_consumer=True, cb=take)
            async with _react(broker, folder, TIMED.format(path=str(times))):
                # The plugin's process takes a moment to start; that is not what is measured.
                await publisher.request(subject_of(made[0]), made[0], timeout=10)
                await until(times.exists)
                sent: dict[str, int] = {}
                for document in made[1:]:
                    sent[msgspec.json.decode(document)["id"]] = time.time_ns()
                    await publisher.request(subject_of(document), document, timeout=10)
                    await asyncio.sleep(IDLE_S)
                await until(lambda: times.exists() and times.read_text().count("\n") == len(made))
            await reader.close()
            await publisher.close()
        plugin = {id_: int(at) for id_, at in (line.split() for line in times.read_text().splitlines())}
    for title, took in (
        ("published to a bare consumer", [bare[id_] - at for id_, at in sent.items()]),
        ("published to the plugin's handler", [plugin[id_] - at for id_, at in sent.items()]),
        ("added by the host", [plugin[id_] - bare[id_] for id_ in sent]),
    ):
        ordered = sorted(one / 1e6 for one in took)
        median, p99 = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
        report(f"  {title:<34} median {median:6.2f} ms   p99 {p99:6.2f} ms")


def run(report: Report) -> None:
    """Print the table of the plugin host."""
    made = documents(COUNT, GOALS)
    size = sum(map(len, made)) / len(made)
    report(f"plugins: {COUNT:,} events of {size:.0f} bytes, {ROUNDS} rounds")
    asyncio.run(_throughput(report, made))
    asyncio.run(_latency(report, documents(SINGLE, SINGLE // 10)))


if __name__ == "__main__":
    run(print)
