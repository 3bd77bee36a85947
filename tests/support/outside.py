"""Consumers from outside: the published examples as processes, and the stream and journal that they read from."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from milepost import roles
from milepost.broker import EmbeddedBroker
from milepost_contracts import subjects
from milepost_contracts.envelope import CONTENT_TYPE, decode
from milepost_contracts.queries import DerivedKey, EventsAfter, EventsAfterAnswer, Keys, KeysAnswer
from milepost_contracts.strict import strict
from tests.support.nats import make_streams
from tests.support.node import EXAMPLES, node, packages

NAME, TENANT = "reporting", "acme"
REFILL_S_MAX = 10  # the ids of before a purge are forgotten by then, or never
GENERATION = "milepost_generation"
REFILL_WINDOW_S = 0.1  # the server's shortest; while it is longer, the same ids would be taken for duplicates
END_S_MAX = 60  # a consumer that is not done with a few hundred events by then hangs


class Ended(NamedTuple):
    """What became of a run: its exit status, what it printed as events, and what it said."""

    status: int
    events: list[dict[str, Any]]
    said: str


class Outside:
    """One of the example consumers, let in by the operator, with a bookmark of its own."""

    def __init__(self, kind: str, broker: EmbeddedBroker, folder: Path, *, tenant: str = TENANT) -> None:
        """Take `python` or `javascript`; skips where node or its packages cannot be had."""
        self._tenant = tenant
        if kind == "javascript":
            packages()
            self._program = [node(), str(EXAMPLES / "consumer.mjs")]
        else:
            self._program = [sys.executable, str(EXAMPLES / "consumer.py")]
        self.bookmark = folder / "bookmark"
        self._broker = broker

    def command(self, *more: str) -> list[str]:
        """Return the command line, with *more* options."""
        seed = roles.seed_path(self._broker.directory, NAME)
        where = ["--server", self._broker.url, "--name", NAME, "--tenant", self._tenant, "--nkey", str(seed)]
        return [*self._program, *where, "--bookmark", str(self.bookmark), *more]

    async def once(self, *more: str, keys: Path | None = EXAMPLES / "keys.json") -> Ended:
        """Run it until it has read everything."""
        options = ["--once", *(["--keys", str(keys)] if keys else []), *more]
        process = await asyncio.create_subprocess_exec(
            *self.command(*options), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), END_S_MAX)
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode is not None
        return Ended(process.returncode, [json.loads(line) for line in out.splitlines()], err.decode())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Running]:
        """Run it without an end, and kill it afterwards where it still runs."""
        process = await asyncio.create_subprocess_exec(
            *self.command("--keys", str(EXAMPLES / "keys.json")), stdout=asyncio.subprocess.PIPE
        )
        try:
            yield Running(process)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


class Running:
    """A consumer that goes on reading."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Take the process."""
        self._process = process

    async def next(self, count: int) -> list[int]:
        """Return the sequences of the next *count* events that it prints."""
        out = self._process.stdout
        assert out is not None
        lines = [await asyncio.wait_for(out.readline(), END_S_MAX) for _ in range(count)]
        return [json.loads(line)["sequence"] for line in lines]

    async def kill(self) -> list[int]:
        """Kill it as a crash would, and return the sequences that it had printed and nobody had read yet."""
        self._process.kill()
        out, _ = await self._process.communicate()
        return [json.loads(line)["sequence"] for line in out.splitlines() if line.endswith(b"}")]


class Stream:
    """GOALS, written as publish writes it."""

    def __init__(self, client: Client) -> None:
        """Take a connection in publish's role."""
        self._client = client
        self._js: JetStreamContext = client.jetstream()

    async def publish(self, documents: Iterable[bytes], *, sent: str = "") -> None:
        """Publish *documents* in order; with *sent* as ones that the broker does not tell from new ones."""
        for document in documents:
            event = decode(document)
            subject = subjects.event(event.tenant, event.aggregate, event.aggregate_id, event.name)
            headers = {"Nats-Msg-Id": event.id + sent, "Content-Type": CONTENT_TYPE}
            async with asyncio.timeout(REFILL_S_MAX):
                # After a purge an id is remembered a moment longer; when it is forgotten nobody tells.
                while (await self._js.publish(subject, document, headers=headers)).duplicate:  # noqa: ASYNC110  see above
                    await asyncio.sleep(REFILL_WINDOW_S / 10)

    async def refill(self, documents: Iterable[bytes]) -> None:
        """Purge the stream and publish *documents* anew, as a refill does: another generation, the same bytes."""
        await self._api("PURGE", {})
        window = (await self._mark(REFILL_WINDOW_S))["duplicate_window"]
        await self.publish(documents)
        await self._mark(window / 1e9, raised=0)

    async def _mark(self, window_s: float, raised: int = 1) -> dict[str, Any]:
        """Raise the generation and set the window in which ids are remembered; return the settings as they were."""
        config = (await self._api("INFO", {}))["config"]
        generation = int(config["metadata"][GENERATION]) + raised
        metadata = config["metadata"] | {GENERATION: str(generation)}
        await self._api("UPDATE", config | {"metadata": metadata, "duplicate_window": round(window_s * 1e9)})
        return dict(config)

    async def _api(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        subject = f"$JS.API.STREAM.{verb}.{subjects.STREAM}"
        reply = await self._client.request(subject, json.dumps(body).encode() if body else b"")
        answer: dict[str, Any] = json.loads(reply.data)
        assert "error" not in answer, answer["error"]
        return answer


@asynccontextmanager
async def stream_of(broker: EmbeddedBroker) -> AsyncIterator[Stream]:
    """Give the stream of *broker* for writing."""
    client = await nats.connect(**broker.options("publish"))
    try:
        yield Stream(client)
    finally:
        await client.close()


def let_in(broker: EmbeddedBroker, tenant: str = TENANT) -> None:
    """Enter the consumer, as an operator does."""
    roles.add_consumer(broker.directory, NAME, tenant, commands=True)
    roles.prepare(broker.directory)
    broker.reload()


async def lose(broker: EmbeddedBroker) -> None:
    """Lose everything that the broker stored, and make the streams anew, empty."""
    await broker.stop()
    shutil.rmtree(broker.directory / "jetstream")
    await broker.start()
    await make_streams(broker)


@asynccontextmanager
async def journal_answers(
    broker: EmbeddedBroker, documents: Sequence[bytes], keys: dict[str, str | None] | None = None
) -> AsyncIterator[list[str]]:
    """Answer `events_after` from *documents* and `keys` from *keys*, in replay's role; give what was asked so far."""
    asked: list[str] = []
    client = await nats.connect(**broker.options("replay"))

    async def answer(message: Msg) -> None:
        _, _, _, tenant, caller, name = message.subject.split(".")
        asked.append(name)
        # Only a query that the real journal's side would take is answered.
        kind = {"events_after": EventsAfter, "keys": Keys}[name]
        msgspec.json.decode(message.data, type=strict(kind))
        query = msgspec.json.decode(message.data, type=kind)
        assert (tenant, caller, query.actor) == (TENANT, NAME, f"service:{NAME}")
        body: EventsAfterAnswer | KeysAnswer
        if isinstance(query, EventsAfter):
            page = [document for document in documents if decode(document).number > query.sequence][: query.limit]
            body = EventsAfterAnswer(events=[msgspec.Raw(document) for document in page])
        else:
            wanted = query.kids if isinstance(query, Keys) else []
            body = KeysAnswer(keys=[DerivedKey(kid=kid, key=key) for kid, key in (keys or {}).items() if kid in wanted])
        await message.respond(msgspec.json.encode(body))

    for name in ("events_after", "keys"):
        await client.subscribe(f"goals.query.v1.*.*.{name}", cb=answer)
    await client.flush()
    try:
        yield asked
    finally:
        await client.close()
