"""What the tests of publish append, and what they find on the stream."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

import psycopg
import pytest
from nats.aio.client import Client

from milepost.journal import Append, Attributes, Journal
from milepost.publish import Publisher
from milepost.publish.jetstream import JetStream
from milepost.publish.relay import Relay
from milepost.publish.source import subject_of
from milepost_contracts.commands.tenant import RecordRefill
from milepost_contracts.subjects import EVENTS, STREAM
from tests.journal.wishes import ACTOR, append, goal, new_id, wanted
from tests.support.waiting import until

TENANTS = ("acme", "globex", "acme")

both_databases = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)


class Publish(Protocol):
    """Start a publisher on the test's journal and broker."""

    async def __call__(
        self, record: Callable[[str, RecordRefill], Awaitable[str]] | None = None, *, poll_s: float = 0.05
    ) -> Publisher:
        """Return it; it runs."""
        ...


class Recorded:
    """Stands in for accept: keeps the commands that record refills, and answers as it is told to."""

    def __init__(self, *answers: str | Exception) -> None:
        """Take the first answers, one a call; afterwards everything is recorded."""
        self.commands: list[tuple[str, RecordRefill]] = []
        self._answers = list(answers)

    async def __call__(self, tenant: str, command: RecordRefill) -> str:
        """Keep *command*."""
        self.commands.append((tenant, command))
        answer = self._answers.pop(0) if self._answers else ""
        if isinstance(answer, Exception):
            raise answer
        return answer


class Copy(NamedTuple):
    """An event as it must be on the stream."""

    subject: str
    id: str
    document: bytes


def fill(journal: Journal, count: int) -> None:
    """Append *count* events, of two tenants by turns."""
    for begin in range(0, count, 500):
        here = range(begin, min(begin + 500, count))
        journal.append([append({goal(): 0}, tenant=TENANTS[number % len(TENANTS)]) for number in here])


def large(size: int) -> Append:
    """Return the wish for one event of *size* bytes and a little more."""
    ref = goal()
    event = wanted(ref, "enc:v1:AAAA:" + "x" * size)
    return Append("acme", f"goal/{ref[1]}/{new_id()}", {ref: 0}, [event], Attributes(actor=ACTOR))


def in_journal(journal: Journal) -> list[Copy]:
    """Return every event of the journal in order, as it must be on the stream."""
    entries = journal.after(0, 1_000_000)
    return [Copy(subject_of(entry), entry.event_id, entry.document) for entry in entries]


async def on_stream(client: Client) -> list[Copy]:
    """Return every message of the stream in order, by another reader than the product's."""
    held = (await JetStream(client, STREAM).info()).state.messages
    reader = await client.jetstream().subscribe(EVENTS, stream=STREAM, ordered_consumer=True)
    copies = []
    for _ in range(held):
        message = await reader.next_msg(timeout=5)
        headers = message.headers or {}
        assert headers["Content-Type"] == "application/cloudevents+json"
        copies.append(Copy(message.subject, headers["Nats-Msg-Id"], message.data))
    await reader.unsubscribe()
    return copies


async def publish_all(client: Client, journal: Journal) -> None:
    """Publish what is in the journal, once, by a relay that has ended afterwards."""
    relay = Relay(JetStream(client, STREAM), journal, replicas=1)
    place, _ = await relay.resume()
    while entries := await relay.following(place):
        place = await relay.publish(place, entries)
    await relay.forget()


async def caught_up(publisher: Publisher, journal: Journal) -> None:
    """Wait until the relay has published everything that is in the journal now."""
    head = journal.last_position()

    async def there() -> bool:
        status = await publisher.status()
        return status.state == "running" and status.position >= head

    await until(there)


async def published(publisher: Publisher, *, more: int) -> None:
    """Wait until the relay has published *more* events than now."""
    wanted = (await publisher.status()).published + more

    async def there() -> bool:
        return (await publisher.status()).published >= wanted

    await until(there)


async def halted(publisher: Publisher) -> str:
    """Wait until the relay has halted and return the code."""

    async def there() -> bool:
        return (await publisher.status()).halt is not None

    await until(there)
    halt = (await publisher.status()).halt
    assert halt is not None
    return halt.code


def restore_older(url: str, position: int) -> None:
    """Bring the database back to where it was at *position*, as a backup from then would."""
    statement = f"DELETE FROM stored_events WHERE {{}} > {position}"
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.execute(statement.format("rowid"))
        connection.commit()
        connection.close()
    else:
        with psycopg.connect(url) as server:
            server.execute(statement.format("notification_id").encode())


async def remove_last(client: Client, count: int) -> None:
    """Delete the stream's last *count* messages, which only its administrator could: the last sequence stays."""
    stream = JetStream(client, STREAM)
    for _ in range(count):
        last = await stream.last(EVENTS)
        assert last is not None
        answer = await client.request(
            f"$JS.API.STREAM.PURGE.{STREAM}", b'{"filter":"%s"}' % last.subject.encode(), timeout=5
        )
        assert b'"purged":1' in answer.data.replace(b" ", b"")
