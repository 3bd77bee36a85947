"""The bus side of accept: requests are decoded and queued; answers go out when their batch is committed."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from faststream.nats import NatsBroker

from milepost.accept.crossing import Far
from milepost.accept.deciding import Ticket, failed
from milepost.accept.decoding import Decoded, Decoder
from milepost.intake import subscribed
from milepost_contracts.answers import Accepted, Answer, Invalid

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from structlog.typing import FilteringBoundLogger

    from milepost.accept.committer import Committer
    from milepost.accept.reviewing import Reviews

COMMANDS = "goals.command.v1.*.*.*.*"
QUEUE = "accept"  # several accept processes share the subject; one of them takes each command
# How long a command may be decided again before it is answered `failed, retry`: callers wait 5 s as a rule.
PATIENCE_S = 4.0


class Rate:
    """A token bucket per tenant: *per_s* commands a second, as many at once."""

    __slots__ = ("_buckets", "_per_s")

    def __init__(self, per_s: float) -> None:
        """Take the rate in commands per second; 0 means no limit."""
        self._per_s = per_s
        self._buckets: dict[str, tuple[float, float]] = {}

    def allows(self, tenant: str, now: float) -> bool:
        """Whether *tenant* may send one more at monotonic time *now*, in seconds."""
        if not self._per_s:
            return True
        tokens, then = self._buckets.get(tenant, (self._per_s, now))
        tokens = min(self._per_s, tokens + (now - then) * self._per_s)
        self._buckets[tenant] = (max(tokens - 1, 0.0), now)
        return tokens >= 1


class AcceptService:
    """Subscribes to commands and answers each of them exactly once."""

    def __init__(
        self,
        broker: NatsBroker,
        committer: Committer | Far,
        decoder: Decoder,
        *,
        log: FilteringBoundLogger,
        reviews: Reviews,
        rate_per_s: float = 0,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Take the broker (not connected yet), what commits, decodes and reviews, and the rate limit per tenant."""
        self._broker = broker
        self._committer = committer
        self._decoder = decoder
        self._log = log
        self._reviews = reviews
        self._reviewed = reviews.commands
        self._rate = Rate(rate_per_s)
        self._patience_s = patience_s
        self._answers: deque[tuple[Ticket, Msg, Answer]] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._woken = False
        self._loop: asyncio.AbstractEventLoop | None = None
        # FastStream keeps connection, subscription and their ends. What it does around each message (scopes, contexts,
        # middlewares) takes 40 us, a third of what a command costs in all, and nothing here uses it: commands are
        # taken where they arrive. Taking only queues, because a subscriber takes one message at a time, and one that
        # awaited its commit would make batches of one.
        self._subscriber = broker.subscriber(COMMANDS, queue=QUEUE, no_reply=True)
        self._subscriber(self._take)
        setattr(self._subscriber, "consume", self._take)  # noqa: B010  told above; not meant to be assigned

    async def start(self) -> None:
        """Begin to take commands; returns when the broker knows the subscription."""
        self._loop = asyncio.get_running_loop()
        self._committer.start()
        self._sending = asyncio.create_task(self._send())
        self._reviews.start(await self._broker.connect(), self._committer.submit)
        await self._broker.start()
        await subscribed(self._broker.connection)

    async def stop(self) -> None:
        """Take no more; commit and answer what was accepted, answer the rest `failed, retry`."""
        subscription, self._subscriber.subscription = self._subscriber.subscription, None
        if subscription is None:
            return
        await subscription.drain()  # type: ignore[no-untyped-call]  # nats-py leaves it out; what has arrived is taken
        await self._reviews.stop()
        if isinstance(self._committer, Far):
            await self._committer.settled()
        else:
            await asyncio.to_thread(self._committer.stop)
        await asyncio.sleep(0)  # what was handed over for a review at the last moment is answered in the loop's turn
        self._answers.append(_END)
        self._wake.set()
        if self._sending is not None:
            await self._sending
        await self._broker.stop()

    async def _take(self, raw: Msg) -> None:
        decoded = self._decoder.decode(raw.subject, raw.data, raw.headers)
        received = time.monotonic()
        if not isinstance(decoded, Decoded):
            self._log.info(
                "command",
                subject=raw.subject,
                answer="invalid" if isinstance(decoded, Invalid) else "refused",
                codes=[problem.code for problem in decoded.errors],
            )
            await self._answer(raw, decoded)
        elif not self._rate.allows(decoded.tenant, received):
            await self._answer(raw, failed("rate_limited", "This tenant sends more commands than it may; slow down."))
        else:
            ticket = Ticket(decoded, partial(self._reply, raw), received, received + self._patience_s)
            if type(decoded.command) in self._reviewed:
                ticket.review = self._reviews.ask
            self._committer.submit(ticket)

    def _reply(self, raw: Msg, ticket: Ticket, answer: Answer) -> None:
        """Queue *answer* for sending; called by the committer's thread, a whole batch in a row."""
        self._answers.append((ticket, raw, answer))
        if not self._woken and self._loop is not None:
            # Waking the loop costs a system call: once is enough for all that are sent before it looks.
            self._woken = True
            self._loop.call_soon_threadsafe(self._wake.set)

    async def _send(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._woken = False  # before looking: what comes from now on wakes again
            while self._answers:
                item = self._answers.popleft()
                if item is _END:
                    return
                ticket, raw, answer = item
                await self._answer(raw, answer)
                self._report(ticket, answer)

    async def _answer(self, raw: Msg, answer: Answer) -> None:
        """Send *answer* to who asked; one that cannot be sent, whatever for, must not keep the others from theirs."""
        if not raw.reply:  # a command sent without a reply subject is decided all the same
            return
        try:
            # Not raw.respond: it would send the asker's own headers back, and those may be any size and form.
            await self._broker.connection.publish(raw.reply, msgspec.json.encode(answer))
        except Exception as error:  # noqa: BLE001  nats-py raises many kinds: too large, buffer full, closed ...
            self._log.warning("not_answered", error=type(error).__name__)

    def _report(self, ticket: Ticket, answer: Answer) -> None:
        command = ticket.decoded.command
        self._log.info(
            "command",
            tenant=ticket.decoded.tenant,
            command=f"{command.AGGREGATE}.{command.NAME}",
            id=command.id,
            command_id=command.command_id,
            answer=answer.__struct_config__.tag,
            version=answer.version if isinstance(answer, Accepted) else None,
            codes=None if isinstance(answer, Accepted) else [problem.code for problem in answer.errors],
            attempts=ticket.attempts,
            ms=round((time.monotonic() - ticket.received) * 1000, 2),
        )


_END: Any = object()
