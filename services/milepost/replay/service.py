"""The bus side of replay: queries, each answered from the journal and told in one log line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec
from faststream.nats import NatsBroker

from milepost.asking import Asker
from milepost.intake import QueryDecoder, parse_subject, subscribed
from milepost.journal import JournalError
from milepost.replay.access import access
from milepost.replay.activity import Activity
from milepost.replay.asof import as_of
from milepost.replay.bringing import events_after
from milepost.replay.desk import Desk, Told, reader_of
from milepost.replay.differing import diff
from milepost.replay.entitlement import Entitlement
from milepost.replay.erasure import certificate, due_for_erasure, erasure
from milepost.replay.evolution import evolution
from milepost.replay.explaining import explain
from milepost.replay.export.answering import export
from milepost.replay.export.scoping import Searches
from milepost.replay.histories import Histories
from milepost.replay.history import history
from milepost.replay.proving import proof
from milepost.replay.recording import READ, RECORDED_S, Ask, Recorder
from milepost.replay.unlocking import keys
from milepost_contracts.answers import Failed, Invalid, Problem, Refused
from milepost_contracts.queries import (
    Access,
    AsOf,
    Certificate,
    Diff,
    DueForErasure,
    Erasure,
    EventsAfter,
    Evolution,
    Explain,
    Export,
    History,
    Keys,
    Query,
    QueryAnswer,
)
from milepost_contracts.queries.proofs import Proof

if TYPE_CHECKING:
    from faststream.nats import NatsMessage
    from structlog.typing import FilteringBoundLogger

    from milepost.decide import Ref
    from milepost.journal import Journal, KeyStore
    from milepost.replay.tree import Logs
    from milepost_contracts.answers import Answer
    from milepost_contracts.commands import Command

ANSWERS: dict[type[Query], Callable[[Desk, str, Any, str], Told]] = {
    Access: access,
    AsOf: as_of,
    Certificate: certificate,
    Diff: diff,
    DueForErasure: due_for_erasure,
    Erasure: erasure,
    EventsAfter: events_after,
    Evolution: evolution,
    Explain: explain,
    Export: export,
    History: history,
    Keys: keys,
    Proof: proof,
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
        reasons_required: bool = False,
        ask: Ask | None = None,
        logs: Logs | None = None,
    ) -> None:
        """Take the broker (not connected yet), what is read, the gateways and the logger.

        reasons_required: who reads by a role says why. ask: how accept is asked to record a reading; None: on the bus.
        logs: what proves events; None: nothing does here.
        """
        self._broker = broker
        self._log = log
        self._decoder = QueryDecoder(tuple(ANSWERS), gateways)
        histories = Histories(journal, keys)
        self._desk = Desk(
            journal,
            keys,
            histories,
            Entitlement(histories.newest),
            logs=logs,
            activity=Activity(journal),
            searches=Searches(journal),
        )
        self._recorder = Recorder(
            self._desk, ask or self._ask, reasons_required=reasons_required, log=log, clock=self._desk.clock
        )
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
            answer = await self._recorded(raw.subject, tenant, query, answer, details.pop(READ, None))
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

    async def _recorded(
        self, subject: str, tenant: str, query: Query, answer: QueryAnswer, read: Iterable[Ref] | None
    ) -> QueryAnswer:
        """Return *answer* once it is recorded who is about to get it, or what is said instead."""
        asked = parse_subject(subject)
        assert asked is not None  # noqa: S101  it was decoded
        try:
            return await self._recorder.answered(tenant, asked.caller, query, answer, read)
        except Exception as error:  # noqa: BLE001  nothing leaves unrecorded, whatever defect recording meets
            return self._failed(tenant, query, error)

    async def _ask(self, tenant: str, command: Command) -> Answer:
        return await Asker(self._broker.connection, "replay", patience_s=RECORDED_S).command(tenant, command)

    def _answer(self, tenant: str, query: Query) -> Told:
        try:
            return self.answer(tenant, query)
        except Exception as error:  # noqa: BLE001  whoever asks is answered, whatever defect a question meets
            return self._failed(tenant, query, error), {}

    def _failed(self, tenant: str, query: Query, error: Exception) -> Failed:
        if isinstance(error, JournalError):
            message = "The journal or the key store does not answer; ask again."
            return Failed(errors=[Problem(code=error.code, message=message)])
        self._log.error("defect", query=type(query).__name__, tenant=tenant, exc_info=error)
        message = "This question met a defect; it was logged."
        return Failed(errors=[Problem(code="internal_error", message=message)], retry=False)

    def answer(self, tenant: str, query: Query) -> Told:
        """Return the answer to *query*, and what the log line says of it beside the usual."""
        if query.min_sequence and (late := self._desk.not_yet(tenant, int(query.min_sequence))):
            return late, {}
        if not isinstance(query, EventsAfter):  # in which words stay sealed: it needs no key store
            self._desk.keys.renew()
        return ANSWERS[type(query)](self._desk, tenant, query, reader_of(query))
