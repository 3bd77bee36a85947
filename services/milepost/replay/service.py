"""The bus side of replay: three queries, each answered from the journal and told in one log line."""

from __future__ import annotations

import asyncio
import time
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import msgspec
from faststream.nats import NatsBroker

from milepost.intake import QueryDecoder, subscribed
from milepost.journal import JournalError
from milepost.replay.entitlement import PLUGIN_HOST, TRUSTED, Entitlement
from milepost.replay.histories import Histories, members_of
from milepost_contracts.answers import Failed, Invalid, Problem, Refused
from milepost_contracts.plugin import Permissions
from milepost_contracts.queries import (
    AsOf,
    AsOfAnswer,
    DerivedKey,
    EventsAfter,
    EventsAfterAnswer,
    Keys,
    KeysAnswer,
    Query,
    QueryAnswer,
)

if TYPE_CHECKING:
    from faststream.nats import NatsMessage
    from structlog.typing import FilteringBoundLogger

    from milepost.journal import Journal, KeyStore

QUERIES: tuple[type[Query], ...] = (AsOf, EventsAfter, Keys)
QUEUE = "replay"
WORKERS = 4  # of each query at once: a long one delays no short one, and the disk serves no more than that
# Of one answer: the broker's largest message is 1 MiB, and the answer's own members need room beside the events.
ANSWER_BYTES_MAX = 900_000


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
        self._journal = journal
        self._keys = keys
        self._log = log
        self._decoder = QueryDecoder(QUERIES, gateways)
        self._histories = Histories(journal, keys)
        self._entitlement = Entitlement(self._histories.newest)
        for query in QUERIES:
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

    def _answer(self, tenant: str, query: Query) -> tuple[QueryAnswer, dict[str, Any]]:
        try:
            return self.answer(tenant, query)
        except JournalError as error:
            message = "The journal or the key store does not answer; ask again."
            return Failed(errors=[Problem(code=error.code, message=message)]), {}
        except Exception:  # noqa: BLE001  whoever asks is answered, whatever defect a question meets
            self._log.exception("defect", query=type(query).__name__, tenant=tenant)
            message = "This question met a defect; it was logged."
            return Failed(errors=[Problem(code="internal_error", message=message)], retry=False), {}

    def answer(self, tenant: str, query: Query) -> tuple[QueryAnswer, dict[str, Any]]:
        """Return the answer to *query*, and what the log line says of it beside the usual."""
        if query.min_sequence and (late := self._not_yet(tenant, int(query.min_sequence))):
            return late, {}
        reader = query.on_behalf_of if query.actor in TRUSTED and query.on_behalf_of else query.actor
        if isinstance(query, EventsAfter):
            return self._events_after(tenant, query), {"after": query.sequence}
        if isinstance(query, Keys):
            return self._give_keys(tenant, query, reader)
        assert isinstance(query, AsOf)  # noqa: S101  the decoder knows no other
        details: dict[str, Any] = {"aggregate": query.aggregate, "id": query.id}
        if query.words:
            details["words"] = query.words  # patterns of a manifest: what is opened is recorded as keys are
        return self._as_of(tenant, query, reader), details

    def _not_yet(self, tenant: str, sequence: int) -> Failed | None:
        newest = self._newest(tenant)
        if newest >= sequence:
            return None
        message = f"The journal of this tenant ends at {newest}; sequence {sequence} is not there."
        return Failed(errors=[Problem(code="not_yet", field="min_sequence", message=message)])

    def _newest(self, tenant: str) -> int:
        head = self._journal.heads().get(tenant)
        return head[0] if head else 0

    def _events_after(self, tenant: str, query: EventsAfter) -> EventsAfterAnswer:
        # Whoever may read the tenant's events on the bus may ask for them here: the words in them stay sealed.
        stored = self._journal.events_after(tenant, query.sequence, query.limit + 1)
        events: list[msgspec.Raw] = []
        size = 0
        for one in stored[: query.limit]:
            size += len(one.document)
            if events and size > ANSWER_BYTES_MAX:
                break
            events.append(msgspec.Raw(one.document))
        last = stored[len(events) - 1].sequence if events else query.sequence
        return EventsAfterAnswer(sequence=f"{last:016d}", events=events, more=len(events) < len(stored))

    def _give_keys(self, tenant: str, query: Keys, reader: str) -> tuple[KeysAnswer, dict[str, Any]]:
        given: list[DerivedKey] = []
        allowed: dict[Any, bool] = {}
        for kid, derived in self._keys.derived(tenant, query.kids).items():
            if derived.ref not in allowed:
                may = reader == PLUGIN_HOST or self._entitlement.may_read(tenant, reader, derived.ref)
                allowed[derived.ref] = may
            entitled = reader == derived.author if derived.audience == "author" else allowed[derived.ref]
            if entitled:
                secret = derived.key.secret if derived.key is not None else None
                given.append(
                    DerivedKey(kid=kid, key=urlsafe_b64encode(secret).rstrip(b"=").decode() if secret else None)
                )
        details = {"reader": reader, "asked": len(query.kids), "given": len(given)}
        return KeysAnswer(sequence=f"{self._newest(tenant):016d}", keys=given), details

    def _as_of(self, tenant: str, query: AsOf, reader: str) -> QueryAnswer:
        ref = (query.aggregate, query.id)
        # What exists and may not be read looks the same as what does not exist.
        unknown = Problem(code=f"{query.aggregate}_unknown", field="id", message="There is none that you may read.")
        if reader != PLUGIN_HOST and not self._entitlement.may_read(tenant, reader, ref):
            return Refused(errors=[unknown])
        opened: bool | Permissions = reader != PLUGIN_HOST
        if query.words is not None:
            opened = Permissions(words=tuple(query.words))
        state, version, sequence, words = self._histories.as_of(tenant, ref, query.version, opened=opened)
        if state is None:
            return Refused(errors=[unknown])
        if query.version is not None and version != query.version:
            message = f"Its newest version is {version}."
            return Refused(errors=[Problem(code="version_unknown", field="version", message=message)])
        return AsOfAnswer(
            sequence=sequence, aggregate=query.aggregate, id=query.id, version=version, state=members_of(state),
            opened=words,
        )  # fmt: skip
