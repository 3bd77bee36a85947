"""The process of the view: one task reads the stream into the tables, subscribers answer questions from them."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from faststream.nats import NatsBroker

from milepost.intake import QueryDecoder, subscribed
from milepost.tasks import end
from milepost.view.applying import Applied, Applying, nothing
from milepost.view.asking import WAIT_S, Queries, Seen
from milepost.view.keys import KeyCache, Keys
from milepost.view.reading import EventsAfter, Reading
from milepost.view.sets import Sets
from milepost_contracts.answers import Failed, Invalid, Problem, Refused
from milepost_contracts.queries import VIEW_QUERIES, Query, QueryAnswer

if TYPE_CHECKING:
    from faststream.nats import NatsMessage
    from nats.aio.client import Client
    from structlog.typing import FilteringBoundLogger

QUEUE = "view"  # several view processes share the subject; one of them answers each question
WORKERS = 64  # questions of one kind at once: those that wait for `min_sequence` must not keep the others out
THREADS = 4  # that read tables: the answers are built in Python, so more would only take turns
# Of one answer: the broker's largest message is 1 MiB, and its headers need room too.
ANSWER_BYTES_MAX = 900_000


FAULT = msgspec.json.encode(
    Failed(
        errors=[Problem(code="view_fault", message="This question cannot be answered now; see the log.")], retry=False
    )
)


class Sources(NamedTuple):
    """What only the journal's side has: keys for those who may read, and events that the stream no longer has."""

    keys: Keys
    events_after: EventsAfter


class ViewService:
    """Reads events and answers questions; `halted` says why events are not read, None when they are."""

    def __init__(  # noqa: PLR0913  where everything is wired, each by its name
        self,
        url: str,
        broker: NatsBroker,
        nc: Client,
        *,
        sources: Sources,
        gateways: frozenset[str],
        log: FilteringBoundLogger,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        wait_s: float = WAIT_S,
        at: Callable[[str], None] = nothing,
    ) -> None:
        """Take MILEPOST_VIEW_URL, a broker not connected yet, the connection to read with, and the rest.

        *gateways* may name other actors; *clock* is aware; *wait_s* is the longest wait for `min_sequence`; *at* is
        called at named points, for tests that fail or kill there.
        """
        self._broker = broker
        self._nc = nc
        self._log = log
        self._sets = Sets(url)
        self._seen = Seen()
        self._keys = KeyCache(sources.keys)
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="view-query")
        self.queries = Queries(
            self._sets, self._keys, clock=clock, executor=self._executor, seen=self._seen, wait_s=wait_s
        )
        self._reading = Reading(
            Applying(self._sets, at=at), sources.events_after, log=log, told=self._told, reset=self._began
        )
        self._decoder = QueryDecoder(VIEW_QUERIES.values(), gateways)
        for name in VIEW_QUERIES:
            broker.subscriber(
                f"goals.query.v1.*.*.{name}", queue=QUEUE, no_reply=True, decoder=self._decode, max_workers=WORKERS
            )(self._handle)
        self._task: asyncio.Task[None] | None = None

    @property
    def halted(self) -> str | None:
        """Why events are not read now; None when they are."""
        return self._reading.halted

    async def start(self) -> None:
        """Begin to read and to answer; returns when the broker knows the subscriptions. Raises DatabaseError."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._sets.open)
        self._task = asyncio.create_task(self._reading.run(self._nc))
        await self._broker.start()
        await subscribed(self._broker.connection)

    async def caught_up(self) -> None:
        """Return when everything is read that was in the stream when reading began."""
        await self._reading.caught_up.wait()

    async def stop(self) -> None:
        """Answer what was asked, end the transaction that runs, and leave."""
        await self._broker.stop()
        if self._task is not None:
            await end(self._task)
        await self._reading.close()
        self._executor.shutdown()
        self._sets.close()

    def _told(self, applied: Applied) -> None:
        for tenant in applied.erased:
            self._keys.forget(tenant)
        self._seen.advance(applied.numbers)
        self._log.debug("read", events=applied.events, sequences=applied.numbers)

    def _began(self, numbers: dict[str, int]) -> None:
        for tenant in numbers:
            self._keys.forget(tenant)  # another copy may have read of an erasure meanwhile
        self._seen.begin(numbers)

    async def _decode(self, message: NatsMessage) -> Any:
        raw = message.raw_message
        return raw, self._decoder.decode(raw.subject, raw.data)

    async def _handle(self, incoming: Any) -> None:
        raw, decoded = incoming
        began = time.monotonic()
        tenant, actor = "", ""
        if isinstance(decoded, Invalid | Refused):
            answer: QueryAnswer = decoded
            body = msgspec.json.encode(decoded)
        else:
            tenant, query = decoded
            actor = query.actor
            try:
                answer, body = await self._fitting(tenant, query)
            except Exception:
                # A fault of ours, and not kept quiet: who asked is told, the log has the rest, and it is raised on.
                self._log.exception("query_failed", query=query.NAME, tenant=tenant, actor=actor)
                if raw.reply:
                    await self._broker.connection.publish(raw.reply, FAULT)
                raise
        if raw.reply:
            await self._broker.connection.publish(raw.reply, body)  # not raw.respond: it echoes the asker's headers
        self._log.info(
            "query",
            query=raw.subject.rpartition(".")[2],
            tenant=tenant,
            actor=actor,
            answer=answer.__struct_config__.tag,
            codes=[problem.code for problem in getattr(answer, "errors", [])] or None,
            bytes=len(body),
            ms=round((time.monotonic() - began) * 1000, 2),
        )

    async def _fitting(self, tenant: str, query: Query) -> tuple[QueryAnswer, bytes]:
        """Return the answer and its bytes; a page that no message can hold is made shorter."""
        while True:
            answer = await self.queries.answer(tenant, query)
            body = msgspec.json.encode(answer)
            if len(body) <= ANSWER_BYTES_MAX:
                return answer, body
            if query.limit == 1:
                message = f"The answer has {len(body)} bytes; one message holds {ANSWER_BYTES_MAX}."
                answer = Refused(errors=[Problem(code="answer_too_large", message=message)])
                return answer, msgspec.json.encode(answer)
            query = msgspec.structs.replace(query, limit=max(1, query.limit // 2))
