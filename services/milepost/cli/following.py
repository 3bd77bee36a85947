"""A tenant's events are followed live: an ordered, ack-none consumer, and the journal for whatever it did not bring.

The tenant's dense sequence is the proof: the next event is the one after the last, or what lies between is asked of
the journal. So a broker that restarts, a consumer that is lost and a stream that is filled again cost nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from nats.errors import Error as NatsError

from milepost_contracts.envelope import Envelope, decode
from milepost_contracts.subjects import STREAM

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

# The server says so often that the consumer lives; after three of them in silence another one is made.
HEARTBEAT_S = 1.0
SILENCE_S = 3 * HEARTBEAT_S
# The server drops a consumer whose reader died without a word.
INACTIVE_S = 30.0
REQUEST_S = 5.0
PAUSE_S = 0.2  # before trying again what just failed
PAGE = 500  # events asked of the journal at once

# Called with a tenant, a sequence and a limit; returns documents after it, in order. Raises ConnectionError.
EventsAfter = Callable[[str, int, int], Awaitable[list[bytes]]]


class LostError(Exception):
    """The consumer brings nothing any more, or not what it should: another one is made."""


class Following:
    """Follows one tenant; *said* is told when that is interrupted and when it goes on."""

    def __init__(self, nc: Client, tenant: str, events_after: EventsAfter, *, said: Callable[[str], None]) -> None:
        """Take a connection that comes back by itself."""
        self._nc = nc
        self._tenant = tenant
        self._events_after = events_after
        self._said = said

    async def pages(self, after: int) -> AsyncIterator[list[Envelope]]:
        """Yield the events after sequence *after*, in order and each once, as they come; ends only when cancelled."""
        interrupted = False
        while True:
            try:
                async with self._consumer() as live:
                    # The consumer brings only what is new: what came before it is the journal's to tell.
                    page: list[Envelope] = []
                    while True:
                        async for told in self._between(after, page):
                            yield told
                            after = told[-1].number
                        if interrupted:
                            self._said("Going on.")
                        interrupted = False
                        page = await self._next(live)
            except (LostError, NatsError, ConnectionError, OSError, TimeoutError) as error:
                if not interrupted:
                    self._said(f"Interrupted ({str(error) or type(error).__name__}); trying to go on ...")
                interrupted = True
                await asyncio.sleep(PAUSE_S)

    async def _between(self, after: int, page: list[Envelope]) -> AsyncIterator[list[Envelope]]:
        """Yield what came after sequence *after* up to the end of *page*, which may be empty: all there is, then."""
        new = [event for event in page if event.number > after]
        if page and not new:
            return
        if not new or new[0].number > after + 1 or new[-1].number - new[0].number >= len(new):
            async for missed in self._missed(after):
                yield missed
                after = missed[-1].number
            new = [event for event in new if event.number > after]
        if new:
            if new[0].number != after + 1:
                raise LostError("the journal does not have what the stream has")
            yield new

    async def _missed(self, after: int) -> AsyncIterator[list[Envelope]]:
        while documents := await self._events_after(self._tenant, after, PAGE):
            page = [decode(document) for document in documents]
            yield page
            after = page[-1].number

    async def _next(self, live: asyncio.Queue[Msg]) -> list[Envelope]:
        """Wait for messages and return the events in them; raises LostError when the server has gone silent."""
        while True:
            try:
                async with asyncio.timeout(SILENCE_S):
                    messages = [await live.get()]
            except TimeoutError as error:
                raise LostError("the broker has gone silent") from error
            while not live.empty():
                messages.append(live.get_nowait())
            page: list[Envelope] = []
            for message in messages:
                if message.headers and message.headers.get("Status") == "100":
                    await self._controlled(message)
                else:
                    page.append(decode(message.data))
            if page:
                return page

    async def _controlled(self, message: Msg) -> None:
        """Answer flow control, for which the server waits before it sends more; a heartbeat wants no answer."""
        stalled = message.reply or (message.headers or {}).get("Nats-Consumer-Stalled")
        if stalled:
            await self._nc.publish(stalled)

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[asyncio.Queue[Msg]]:
        """Give the queue into which a new consumer's messages come; raises NatsError and LostError."""
        live: asyncio.Queue[Msg] = asyncio.Queue()
        inbox = self._nc.new_inbox()
        subscription = await self._nc.subscribe(inbox, cb=live.put)
        try:
            await self._create(inbox)
            yield live
        finally:
            # Without a listener the server drops the consumer by itself.
            if not self._nc.is_closed:
                await subscription.unsubscribe()

    async def _create(self, inbox: str) -> None:
        config = {
            "deliver_policy": "new",
            "deliver_subject": inbox,
            "filter_subject": f"goals.event.v1.{self._tenant}.>",
            "ack_policy": "none",
            "max_deliver": 1,
            "replay_policy": "instant",
            "flow_control": True,
            "idle_heartbeat": round(HEARTBEAT_S * 1e9),
            "inactive_threshold": round(INACTIVE_S * 1e9),
            "mem_storage": True,
            "num_replicas": 1,
        }
        body = msgspec.json.encode({"stream_name": STREAM, "config": config})
        reply = await self._nc.request(f"$JS.API.CONSUMER.CREATE.{STREAM}", body, timeout=REQUEST_S)
        answer: dict[str, Any] = msgspec.json.decode(reply.data)
        if error := answer.get("error"):
            raise LostError(f"{error.get('description')} ({error.get('err_code')})")
