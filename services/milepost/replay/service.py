"""The bus side of replay: queries, each answered from the journal and told in one log line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from faststream.nats import NatsBroker

from milepost.intake import QueryDecoder, subscribed
from milepost.journal import JournalError
from milepost.replay.asof import as_of
from milepost.replay.bringing import events_after
from milepost.replay.desk import Desk, Told, reader_of
from milepost.replay.entitlement import Entitlement
from milepost.replay.histories import Histories
from milepost.replay.unlocking import keys
from milepost_contracts.answers import Failed, Invalid, Problem, Refused
from milepost_contracts.queries import AsOf, EventsAfter, Keys, Query, QueryAnswer

if TYPE_CHECKING:
    from faststream.nats import NatsMessage
    from structlog.typing import FilteringBoundLogger

    from milepost.journal import Journal, KeyStore

ANSWERS: dict[type[Query], Callable[[Desk, str, Any, str], Told]] = {
    AsOf: as_of,
    EventsAfter: events_after,
    Keys: keys,
}
"""(what is read, tenant, query, who reads it) -> the answer, and what the log line says of it beside the usual."""
QUEUE = "replay"
WORKERS = 4  # of each query at once: a long one delays no short one, and the disk serves no more than that


class ReplayService:
    """Subscribes to the journal's queries and answers them."""

    def __init__(
        self,
        broker: NatsBroker,
        journal: Journal,
        keys: KeyStore,
        *,
        gateways: frozenset[str],
        log: FilteringBoundLogger,
    ) -> None:
        """Take the broker (not connected yet), what is read, the gateways and the logger."""
        self._broker = broker
        self._log = log
        self._decoder = QueryDecoder(tuple(ANSWERS), gateways)
        histories = Histories(journal, keys)
        self._desk = Desk(journal, keys, histories, Entitlement(histories.newest))
        for query in ANSWERS:
            subject = f"goals.query.v1.*.*.{query.NAME}"
            broker.subscriber(subject, queue=QUEUE, no_reply=True, decoder=self._decode, max_workers=WORKERS)(
                self._handle
            )

    async def start(self) -> None:
        """Begin to answer; returns when the broker knows the subscriptions."""
        await self._broker.start()
        await subscribed(self._broker.connection)

    async def stop(self) -> None:
        """Answer what was begun, then leave."""
        await self._broker.stop()

    async def _decode(self, message: NatsMessage) -> Any:
        return message.raw_message, self._decoder.decode(message.raw_message.subject, message.raw_message.data)

    async def _handle(self, incoming: Any) -> None:
        raw, decoded = incoming
        began = time.monotonic()
        details: dict[str, Any] = {}
        if isinstance(decoded, Invalid | Refused):
            answer: QueryAnswer = decoded
            tenant, actor = "", ""
        else:
            tenant, query = decoded
            actor = query.actor
            answer, details = await asyncio.to_thread(self._answer, tenant, query)
        if raw.reply:
            # Not raw.respond: it would send the asker's own headers back, and those may be any size and form.
            await self._broker.connection.publish(raw.reply, msgspec.json.encode(answer))
        self._log.info(
            "query",
            query=raw.subject.rpartition(".")[2],
            tenant=tenant,
            actor=actor,
            answer=answer.__struct_config__.tag,
            ms=round((time.monotonic() - began) * 1000, 2),
            **details,
        )

    def _answer(self, tenant: str, query: Query) -> Told:
        try:
            return self.answer(tenant, query)
        except JournalError as error:
            message = "The journal or the key store does not answer; ask again."
            return Failed(errors=[Problem(code=error.code, message=message)]), {}
        except Exception:  # noqa: BLE001  whoever asks is answered, whatever defect a question meets
            self._log.exception("defect", query=type(query).__name__, tenant=tenant)
            message = "This question met a defect; it was logged."
            return Failed(errors=[Problem(code="internal_error", message=message)], retry=False), {}

    def answer(self, tenant: str, query: Query) -> Told:
        """Return the answer to *query*, and what the log line says of it beside the usual."""
        if query.min_sequence and (late := self._desk.not_yet(tenant, int(query.min_sequence))):
            return late, {}
        return ANSWERS[type(query)](self._desk, tenant, query, reader_of(query))
