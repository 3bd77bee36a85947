"""Events arrive in stream order: an ordered, ack-none consumer that is made anew whenever anything is missing.

Nothing is acknowledged; where to go on is the business of whoever keeps the checkpoint.
"""

from __future__ import annotations

import asyncio
import time
from base64 import b64decode
from typing import Any, NamedTuple

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from milepost_contracts.subjects import EVENTS, STREAM

# The server says so often that it is there; three of these without a word, and the consumer is made anew.
HEARTBEAT_S = 1.0
SILENCE_S = 3 * HEARTBEAT_S
REQUEST_S = 5.0
# The server drops a consumer that nobody listens to, should this process die without a word.
INACTIVE_S = 30.0
NO_STREAM = 10059
NO_MESSAGE = 10037
GENERATION = "milepost_generation"  # in the stream's metadata, where publish keeps it
REFILL = "milepost_refill_to"  # beside it; 0 when the stream is whole
_NO_STATUS = b"NATS/1.0\r\n"
_ACK_TOKENS = 9  # of a reply subject without account and domain; with them two more, and a random one


class StreamState(NamedTuple):
    """What the stream says of itself; *generation* changes whenever it starts anew.

    refilling: it is being filled again, and what is in it is not yet all that there is.
    """

    generation: int
    last_sequence: int
    refilling: bool = False


class Arrived(NamedTuple):
    """Documents in stream order, and the stream sequence of the last one."""

    documents: list[bytes]
    last_sequence: int


class Broken(Exception):  # noqa: N818  no error: make another consumer
    """Something is missing, or the server has gone silent; reading goes on behind the last that was read."""


class NoStream(Exception):  # noqa: N818  no error at first: publish makes it
    """There is no stream yet, or no longer."""


async def stream_state(nc: Client) -> StreamState:
    """Return the state of GOALS; raises NoStream, NatsError, TimeoutError."""
    answer = await _request(nc, f"STREAM.INFO.{STREAM}", {})
    metadata: dict[str, str] = answer["config"].get("metadata") or {}
    generation = metadata.get(GENERATION, "")
    if not generation.isdigit():
        raise NoStream(f"stream {STREAM} has no {GENERATION}: it is not Milepost's")
    refilling = metadata.get(REFILL, "0") != "0"
    return StreamState(int(generation), answer["state"]["last_seq"], refilling)


async def stream_document(nc: Client, sequence: int) -> bytes | None:
    """Return the document at *sequence* of GOALS, None: there is none; raises NoStream, NatsError, TimeoutError."""
    message = await nc.request(f"$JS.API.STREAM.MSG.GET.{STREAM}", b'{"seq":%d}' % sequence, timeout=REQUEST_S)
    answer: dict[str, Any] = msgspec.json.decode(message.data)
    if error := answer.get("error"):
        if error.get("err_code") == NO_MESSAGE:
            return None
        raise NatsError(f"STREAM.MSG.GET: {error.get('err_code')} {error.get('description')}")
    return b64decode(answer["message"]["data"])


class Reader(Client):
    """A connection over which events are read: headers beside a message's content are left unread.

    nats-py takes them apart character by character, in a third of the time that it takes for an event; nothing that we
    read comes in them. A status (flow control, heartbeat, nobody there) stands in the first line, and is still read.
    """

    async def _process_headers(self, headers: bytes | None) -> dict[str, str] | None:
        if headers is None or headers.startswith(_NO_STATUS):
            return None
        found: dict[str, str] | None = await super()._process_headers(headers)
        return found


class Ordered:
    """One consumer, from a stream sequence on, until something breaks."""

    def __init__(self, nc: Client, *, start: int) -> None:
        """Take the connection and the first stream sequence that is wanted."""
        self._nc = nc
        self._start = start
        self._arrived: list[Msg] = []
        self._wake = asyncio.Event()
        self._heard = time.monotonic()
        self._consumer_sequence = 0
        self._last = start - 1
        self._name = ""
        self._subscription: Subscription | None = None

    async def open(self) -> None:
        """Make the consumer; raises NoStream, NatsError, TimeoutError."""
        inbox = self._nc.new_inbox()
        self._subscription = await self._nc.subscribe(inbox, cb=self._take)
        config = {
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": max(1, self._start),
            "deliver_subject": inbox,
            "filter_subject": EVENTS,
            "ack_policy": "none",
            "max_deliver": 1,
            "replay_policy": "instant",
            "flow_control": True,
            "idle_heartbeat": round(HEARTBEAT_S * 1e9),
            "inactive_threshold": round(INACTIVE_S * 1e9),
            "mem_storage": True,
            "num_replicas": 1,
        }
        answer = await _request(self._nc, f"CONSUMER.CREATE.{STREAM}", {"stream_name": STREAM, "config": config})
        self._name = answer["name"]
        self._heard = time.monotonic()

    async def close(self) -> None:
        """End the subscription and the consumer; an unreachable server drops it by itself."""
        if self._subscription is None:
            return
        try:
            await self._subscription.unsubscribe()
            if self._name:
                await _request(self._nc, f"CONSUMER.DELETE.{STREAM}.{self._name}", {})
        except (NatsError, NoStream, TimeoutError):
            return

    async def next(self, limit: int) -> Arrived:
        """Wait for documents and return up to *limit* of them, in order; raises Broken."""
        while True:
            documents: list[bytes] = []
            taken = 0
            for message in self._arrived:
                if len(documents) == limit:
                    break
                taken += 1
                if message.headers and message.headers.get("Status") == "100":
                    await self._control(message)
                else:
                    self._in_order(message)
                    documents.append(message.data)
            del self._arrived[:taken]
            if documents:
                return Arrived(documents, self._last)
            if not self._arrived:
                await self._wait()

    async def _wait(self) -> None:
        self._wake.clear()
        silent = SILENCE_S - (time.monotonic() - self._heard)
        try:
            # Not wait_for: before Python 3.12 it drops a cancellation that comes with what it waits for.
            async with asyncio.timeout(max(silent, 0.01)):
                await self._wake.wait()
        except TimeoutError:
            if time.monotonic() - self._heard >= SILENCE_S:
                raise Broken("the server has gone silent") from None

    async def _take(self, message: Msg) -> None:
        self._heard = time.monotonic()
        self._arrived.append(message)
        self._wake.set()

    def _in_order(self, message: Msg) -> None:
        tokens = message.reply.split(".")
        shift = 0 if len(tokens) == _ACK_TOKENS else 2
        stream_sequence, consumer_sequence = int(tokens[5 + shift]), int(tokens[6 + shift])
        if consumer_sequence != self._consumer_sequence + 1:
            raise Broken(f"consumer sequence {consumer_sequence} came after {self._consumer_sequence}")
        self._consumer_sequence = consumer_sequence
        self._last = stream_sequence

    async def _control(self, message: Msg) -> None:
        headers = message.headers or {}
        if message.reply:  # flow control: the server waits for this before it sends more
            await self._nc.publish(message.reply)
            return
        sent = headers.get("Nats-Last-Consumer")
        if sent is not None and int(sent) != self._consumer_sequence:
            raise Broken(f"the server sent {sent} messages, {self._consumer_sequence} arrived")
        if stalled := headers.get("Nats-Consumer-Stalled"):
            await self._nc.publish(stalled)


async def _request(nc: Client, api: str, body: dict[str, Any]) -> dict[str, Any]:
    message = await nc.request(f"$JS.API.{api}", msgspec.json.encode(body), timeout=REQUEST_S)
    answer: dict[str, Any] = msgspec.json.decode(message.data)
    if error := answer.get("error"):
        if error.get("err_code") == NO_STREAM:
            raise NoStream(f"stream {STREAM} is not there yet")
        raise NatsError(f"{api}: {error.get('err_code')} {error.get('description')}")
    return answer
