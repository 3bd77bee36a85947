"""Reads a tenant's events from the bus, proves that it missed none, and prints them with their words opened.

    python consumer.py --server nats://127.0.0.1:4222 --name reporting --tenant acme --nkey reporting.nk --once

Copy it and put your own work into `do`: it runs in the transaction that moves the bookmark, so that a crash neither
loses nor doubles anything. Needs milepost-contracts and nats-py. Exit status 3: events are missing or altered.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sqlite3
import sys
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from milepost_contracts import subjects
from milepost_contracts.envelope import Envelope, decode
from milepost_contracts.queries import EventsAfter, EventsAfterAnswer, Keys, KeysAnswer, Query
from milepost_contracts.sealing import SealError, SealingKey, kids, open_data
from milepost_contracts.upcasts import upcast

BATCH = 500  # events a transaction: one write to the disk for all of them
IDLE_S = 1.0  # after this long without an event the consumer is asked whether it is still there
ASK_S = 10.0  # a query that is not answered by then failed

# `event` is the work of this example. The bookmark is the highest sequence per tenant; `place` only says where to
# resume reading: the stream sequence of the event taken last, and its id to see whether the stream is still the same.
TABLES = """
CREATE TABLE IF NOT EXISTS event (
    tenant TEXT, sequence INTEGER, id TEXT UNIQUE, line TEXT, PRIMARY KEY (tenant, sequence)
);
CREATE TABLE IF NOT EXISTS bookmark (tenant TEXT PRIMARY KEY, sequence INTEGER);
CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY CHECK (one = 1), stream_sequence INTEGER, id TEXT);
"""

Place: TypeAlias = tuple[int, str]


class Missed(Exception):  # noqa: N818  the sentence reads: an event was missed
    """Events are missing or not what they were: nobody may go on as if nothing had happened."""


class Reader:
    """One tenant's events in order, in a database together with how far they were read."""

    def __init__(self, nc: Client, db: sqlite3.Connection, options: argparse.Namespace) -> None:
        """Take a connection to the bus and a database; makes the tables."""
        self.nc, self.js, self.db = nc, nc.jetstream(), db
        self.tenant, self.name, self.ask_keys, self.once = options.tenant, options.name, options.ask_keys, options.once
        self.keys = keys_in(Path(options.keys).read_bytes()) if options.keys else {}
        self.asked: set[str] = set()
        db.executescript(TABLES)

    async def run(self) -> None:
        """Read for ever, or with `--once` until nothing is left."""
        while True:
            try:
                if await self.read_from(self.place()):
                    return
            except nats.errors.Error as error:  # nats-py reconnects by itself; a consumer may be gone meanwhile
                print(f"the broker: {error!r}; beginning again", file=sys.stderr)
                await asyncio.sleep(IDLE_S)

    async def read_from(self, place: Place) -> bool:
        """Read on after *place*; returns whether everything was read, otherwise reading must begin again."""
        consumer = await self.js.add_consumer(stream=subjects.STREAM, config=await self.fresh(place[0]))
        if place[0] > 1 and not consumer.num_pending:
            self.forget_place()  # the stream does not reach so far: it was lost, and is filled again from the beginning
            return False
        subscription = await self.js.pull_subscribe_bind(consumer=self.name, stream=subjects.STREAM)
        delivered, left = 0, consumer.num_pending
        try:
            while left or not self.once:
                messages = await fetch(subscription)
                with self.db:  # one transaction: committed whole, or not at all
                    for message in messages:
                        delivered += 1
                        seen, left = message.metadata.sequence, message.metadata.num_pending
                        if seen.consumer != delivered or (seen.stream == place[0] and not self.same(message, place[1])):
                            return False
                        await self.take(decode(message.data), seen.stream)
                if not messages:
                    info = await self.js.consumer_info(subjects.STREAM, self.name)
                    if info.delivered is None or info.delivered.consumer_seq != delivered:
                        return False  # sent, but never received: the connection broke in between
        finally:
            await subscription.unsubscribe()
        return True

    async def fresh(self, place: int) -> ConsumerConfig:
        """Return a consumer of our own that begins at *place*, the event that we have already, to see that it is it."""
        with contextlib.suppress(NotFoundError):
            await self.js.delete_consumer(subjects.STREAM, self.name)
        return ConsumerConfig(
            name=self.name,
            filter_subject=f"goals.event.v1.{self.tenant}.>",
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=max(place, 1),
            ack_policy=AckPolicy.NONE,  # the bookmark is ours: redelivery would only bring disorder
            mem_storage=True,
            inactive_threshold=300,
        )

    async def take(self, envelope: Envelope, stream_sequence: int) -> None:
        """Take one event: once, in order, and with whatever was missing before it."""
        known = self.known(envelope.tenant)
        if envelope.number > known + 1:
            for earlier in await self.from_journal(envelope.tenant, known, envelope.number):
                await self.do(earlier)
        if envelope.number > known:
            await self.do(envelope)
        else:
            self.must_be_known(envelope)
        self.db.execute("REPLACE INTO place VALUES (1, ?, ?)", (stream_sequence, envelope.id))

    async def do(self, envelope: Envelope) -> None:
        """Do the work for one event: here it is kept and printed. Put your own in its place."""
        tag, members = upcast(envelope.type, await self.opened(envelope))
        shown = {
            "tenant": envelope.tenant,
            "sequence": envelope.number,
            "id": envelope.id,
            "type": tag,
            "data": members,
        }
        line = msgspec.json.encode(shown).decode()
        self.db.execute("INSERT INTO event VALUES (?, ?, ?, ?)", (envelope.tenant, envelope.number, envelope.id, line))
        self.db.execute("REPLACE INTO bookmark VALUES (?, ?)", (envelope.tenant, envelope.number))
        print(line, flush=True)

    async def from_journal(self, tenant: str, known: int, until: int) -> list[Envelope]:
        """Return *tenant*'s events between *known* and *until*, which the stream no longer has; raises Missed."""
        found: list[Envelope] = []
        while known + len(found) + 1 < until:
            after = known + len(found)
            ask = EventsAfter(actor=f"service:{self.name}", sequence=after, limit=min(until - known, BATCH))
            answer = await self.ask(tenant, ask, EventsAfterAnswer)
            page = [decode(document) for document in answer.events][: until - 1 - after]
            if not page or [event.number for event in page] != list(range(after + 1, after + 1 + len(page))):
                raise Missed(f"{tenant}: the journal did not give the events after {after}")
            found += page
        return found

    async def opened(self, envelope: Envelope) -> dict[str, Any]:
        """Return `data` with its words opened where we have the key, `[sealed]` elsewhere."""
        if self.ask_keys and (unknown := kids(envelope.data) - self.keys.keys() - self.asked):
            self.asked |= unknown  # what is not for us, or erased, is asked for once a run
            ask = Keys(actor=f"service:{self.name}", kids=sorted(unknown))
            answer = await self.ask(envelope.tenant, ask, KeysAnswer)
            self.keys |= keys_in(msgspec.json.encode(answer))
        try:
            return open_data(envelope, self.keys, missing="[sealed]")
        except SealError as error:
            raise Missed(str(error)) from error

    async def ask(self, tenant: str, query: Query, kind: type[Any]) -> Any:
        """Return what *query* is answered; raises Missed where it is not."""
        subject = subjects.query(tenant, self.name, query.NAME)
        try:
            reply = await self.nc.request(subject, msgspec.json.encode(query), timeout=ASK_S)
            return msgspec.json.decode(reply.data, type=kind)
        except (NoRespondersError, TimeoutError, msgspec.MsgspecError) as error:
            raise Missed(f"{query.NAME} was not answered: {error!r}") from error

    def known(self, tenant: str) -> int:
        """Return the sequence up to which everything of *tenant* was taken."""
        row = self.db.execute("SELECT sequence FROM bookmark WHERE tenant = ?", (tenant,)).fetchone()
        return row[0] if row else 0

    def must_be_known(self, envelope: Envelope) -> None:
        """Pass over an event that came again, after a refill or a crash; raises Missed when it is another."""
        place = (envelope.tenant, envelope.number)
        row = self.db.execute("SELECT id FROM event WHERE tenant = ? AND sequence = ?", place).fetchone()
        if row != (envelope.id,):
            raise Missed(f"{envelope.tenant} {envelope.number} was {row} and is now {envelope.id}")

    def place(self) -> Place:
        """Return (stream sequence, id) of the event taken last; (0, "") for the beginning."""
        row = self.db.execute("SELECT stream_sequence, id FROM place").fetchone()
        return row or (0, "")

    def forget_place(self) -> None:
        """Read from the beginning next; the bookmark stays, so that what comes again is passed over."""
        with self.db:
            self.db.execute("DELETE FROM place")

    def same(self, message: Msg, event_id: str) -> bool:
        """Return whether *message* is the event taken last; otherwise the stream is another: forget the place."""
        if decode(message.data).id == event_id:
            return True
        self.db.execute("DELETE FROM place")
        return False


async def fetch(subscription: Any) -> list[Msg]:
    """Return what is there by now, or nothing after IDLE_S."""
    try:
        messages: list[Msg] = await subscription.fetch(BATCH, timeout=IDLE_S)
    except TimeoutError:
        return []
    return messages


def keys_in(answer: bytes) -> dict[str, SealingKey]:
    """Return the keys in an *answer* of the query `keys`, or in a file of the same form."""
    entries = msgspec.json.decode(answer).get("keys", [])
    return {
        entry["kid"]: SealingKey.from_text(entry["kid"], entry["key"])
        for entry in entries
        if entry.get("key")  # none: the words were erased
    }


async def main() -> int:
    """Connect, read, and say what was read; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="nats://127.0.0.1:4222")
    parser.add_argument("--name", required=True, help="your consumer's name, as the operator entered it")
    parser.add_argument("--tenant", required=True, help="whose events you may read; * for every tenant's")
    parser.add_argument("--nkey", help="file with the seed of your nkey")
    parser.add_argument("--bookmark", default="bookmark.db", help="the database of rows and bookmark")
    parser.add_argument("--keys", help="file with a saved answer of the query `keys`")
    parser.add_argument("--ask-keys", action="store_true", help="ask for keys, as far as you are entitled to them")
    parser.add_argument("--once", action="store_true", help="end when everything was read")
    options = parser.parse_args()
    # A consumer may listen to its own inboxes alone; it reconnects for ever.
    inbox = f"_INBOX.{options.name}"
    nc = await nats.connect(options.server, nkeys_seed=options.nkey, inbox_prefix=inbox, max_reconnect_attempts=-1)
    db = sqlite3.connect(options.bookmark)
    try:
        await Reader(nc, db, options).run()
        read = [f"{tenant} {sequence}" for tenant, sequence in db.execute("SELECT * FROM bookmark")]
        print(f"missed nothing up to {', '.join(read) or 'the beginning'}", file=sys.stderr)
    except Missed as missed:
        print(f"MISSED: {missed}", file=sys.stderr)
        return 3
    finally:
        db.close()
        await nc.close()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
