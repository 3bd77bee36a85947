"""How fast events get from the journal to the stream, against raw batches of the same bytes, and how soon when idle."""

from __future__ import annotations

import asyncio
import secrets
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import nats
import psycopg
from nats.aio.client import Client

from milepost.broker import EmbeddedBroker
from milepost.journal import Append, Attributes, Journal
from milepost.logs import configure
from milepost.publish import Publisher
from milepost.publish.jetstream import JetStream
from milepost.publish.relay import BATCH_EVENTS
from milepost.publish.source import subject_of
from milepost_contracts.envelope import CONTENT_TYPE
from milepost_contracts.subjects import EVENTS, HINT, STREAM
from tests.journal.wishes import ACTOR, goal, new_id, wanted
from tests.publish.events import Recorded
from tests.support.nats import make_streams
from tests.support.postgres import server
from tests.support.waiting import until

Report = Callable[[str], None]

COUNT = 30_000
ROUNDS = 3
WORDS_OCTETS = 390  # the documents are then some 950 bytes, as a usual event's
LATENCIES = 300
PAUSE_S = 0.01  # between events: the road is idle again, and the whole takes seconds
WANTED = 0.7
LATENCY_WANTED_MS = 50


def _append() -> Append:
    ref = goal()
    event = wanted(ref, "enc:v1:AAAA:" + "x" * WORDS_OCTETS)
    return Append("acme", f"goal/{ref[1]}/{new_id()}", {ref: 0}, [event], Attributes(actor=ACTOR))


@contextmanager
def _databases(folder: Path) -> Iterator[dict[str, str]]:
    name = f"bench_{secrets.token_hex(8)}"
    with psycopg.connect(server().url("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        yield {"sqlite": f"sqlite:///{folder / 'journal.db'}", "postgresql": server().url(name)}
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@asynccontextmanager
async def _broker() -> AsyncIterator[tuple[EmbeddedBroker, Client]]:
    with tempfile.TemporaryDirectory(prefix="milepost-bench-") as folder:
        async with EmbeddedBroker(Path(folder) / "broker") as broker:
            await make_streams(broker)
            client = await nats.connect(**broker.options("publish"))
            yield broker, client
            await client.close()


async def _floor(rows: Sequence[tuple[str, str, bytes]]) -> float:
    """Return the seconds for *rows* (subject, id, document) in raw atomic batches, from memory."""
    async with _broker() as (_, client):
        began = time.perf_counter()
        for begin in range(0, len(rows), BATCH_EVENTS):
            page = rows[begin : begin + BATCH_EVENTS]
            batch = secrets.token_hex(12)
            for number, (subject, event_id, document) in enumerate(page, start=1):
                headers = {
                    "Nats-Batch-Id": batch,
                    "Nats-Batch-Sequence": str(number),
                    "Nats-Msg-Id": event_id,
                    "Content-Type": CONTENT_TYPE,
                }
                if number == len(page):
                    answer = await client.request(subject, document, 10, headers=headers | {"Nats-Batch-Commit": "1"})
                    assert b'"count":' in answer.data, answer.data
                elif number == 1:
                    assert (await client.request(subject, document, 10, headers=headers)).data == b""
                else:
                    await client.publish(subject, document, headers=headers)
        return time.perf_counter() - began


async def _ours(url: str, count: int) -> float:
    """Return the seconds for the relay to bring a journal of *count* events to an empty stream."""
    async with _broker() as (_, client):
        with Journal(url, writes=False) as journal:
            began = time.perf_counter()
            running = asyncio.create_task(Publisher(client, journal, Recorded()).run())
            stream = JetStream(client, STREAM)

            async def there() -> bool:
                return (await stream.info()).state.messages >= count

            await until(there)
            took = time.perf_counter() - began
            running.cancel()
            await asyncio.wait([running])
            return took


async def _latencies(url: str) -> list[float]:
    """Return the milliseconds from each commit to a reader of the stream, one event at a time."""
    took = []
    async with _broker() as (broker, client):
        with Journal(url) as journal, Journal(url, writes=False) as reading:
            publisher = Publisher(client, reading, Recorded())
            running = asyncio.create_task(publisher.run())
            reader = await nats.connect(**broker.options("cli"))
            accept = await nats.connect(**broker.options("accept"))
            events = await reader.jetstream().subscribe(EVENTS, stream=STREAM, ordered_consumer=True)
            for _ in range(journal.count_after(0)):
                await events.next_msg(timeout=60)
            for _ in range(LATENCIES):
                await asyncio.sleep(PAUSE_S)
                await asyncio.to_thread(journal.append, [_append()])
                committed = time.perf_counter()
                await accept.publish(HINT, b"")
                await events.next_msg(timeout=10)
                took.append((time.perf_counter() - committed) * 1000)
            running.cancel()
            await asyncio.wait([running])
            await reader.close()
            await accept.close()
    return sorted(took)


def run(report: Report) -> None:
    """Print throughput against the floor and idle latency, for both databases."""
    configure(level="error")  # a line a batch would stand in the table
    with tempfile.TemporaryDirectory(prefix="milepost-bench-") as folder, _databases(Path(folder)) as urls:
        for name, url in urls.items():
            with Journal(url) as journal:
                for _ in range(COUNT // 500):
                    journal.append([_append() for _ in range(500)])
                rows = [(subject_of(entry), entry.event_id, entry.document) for entry in journal.after(0, COUNT)]
            if name == "sqlite":
                size = sum(len(document) for _, _, document in rows) / len(rows)
                report(f"Relay: {COUNT:,} events of {size:.0f} bytes, batches of {BATCH_EVENTS}; medians of {ROUNDS}")
            floors, ours = [], []
            for _ in range(ROUNDS):  # in turns, so that whatever else the machine does meets both
                floors.append(asyncio.run(_floor(rows)))
                ours.append(asyncio.run(_ours(url, COUNT)))
            floor, our = (COUNT / statistics.median(seconds) for seconds in (floors, ours))
            report(
                f"  {name:<10} raw batches {floor:>8,.0f}/s  relay {our:>8,.0f}/s  "
                f"ratio {our / floor:.2f} (wanted: {WANTED})"
            )
            took = asyncio.run(_latencies(url))
            median, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
            report(
                f"  {name:<10} commit to bus, idle: median {median:.1f} ms, p99 {p99:.1f} ms "
                f"(wanted: p99 {LATENCY_WANTED_MS} ms)"
            )


if __name__ == "__main__":
    run(print)
