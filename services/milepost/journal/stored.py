"""An event that has its place: how a stored row becomes an event again, strictly, naming no Python path."""

from __future__ import annotations

from typing import Any

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, Notification, StoredEvent

from milepost.journal.errors import JournalCorrupt
from milepost_contracts.envelope import Envelope, EnvelopeError, decode
from milepost_contracts.events import Event


class Stored(msgspec.Struct, kw_only=True, gc=False):
    """An event in the journal; `document` is its one form, byte for byte.

    position: its place in the whole journal, growing in commit order, gaps allowed and never filled late; 0 where it
        was read through its aggregate (`load`), which tells none.
    sequence: dense per tenant; version: dense per aggregate from 1; ref: (aggregate, aggregate id).
    """

    tenant: str
    ref: tuple[str, str]
    version: int
    tag: str
    sequence: int
    event_id: str
    document: bytes
    position: int = 0
    parsed: Envelope | None = None

    def __repr__(self) -> str:
        return f"<Stored {self.tag} {self.tenant}/{'/'.join(self.ref)} v{self.version} #{self.sequence}>"

    @property
    def envelope(self) -> Envelope:
        """The document, parsed once."""
        if self.parsed is None:
            self.parsed = decode(self.document)
        return self.parsed

    def event(self) -> Event:
        """Return `data` as its newest Struct, words still sealed; raises EnvelopeError for an unknown tag."""
        return self.envelope.event()

    @property
    def time(self) -> str:
        """When it was recorded, UTC, e.g. `2026-03-01T09:30:00.123456Z`; never backward in a tenant."""
        return self.envelope.time

    @property
    def originator_id(self) -> str:
        """`{tenant}/{aggregate}/{id}`, as eventsourcing knows it."""
        return f"{self.tenant}/{self.ref[0]}/{self.ref[1]}"

    @property
    def originator_version(self) -> int:
        """`version`, as eventsourcing knows it."""
        return self.version


class DocumentMapper(Mapper[str]):
    """Reads documents with the contracts' typed decoder; the topic is the tag, the state is the document.

    Raises JournalCorrupt for a row that is no event or does not fit its document.
    """

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        """Return the row of a Stored."""
        if not isinstance(domain_event, Stored):
            raise TypeError(f"{type(domain_event).__name__} is no event of this journal")
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.version,
            topic=domain_event.tag,
            state=domain_event.document,
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Stored:
        """Return the Stored of a row, with its position where the row has one."""
        try:
            envelope = decode(stored_event.state)
        except EnvelopeError as error:
            raise JournalCorrupt(f"{_place(stored_event)}: {error}") from error
        if (
            stored_event.originator_id != f"{envelope.tenant}/{envelope.subject}"
            or stored_event.originator_version != envelope.version
            or stored_event.topic != envelope.type
        ):
            raise JournalCorrupt(f"{_place(stored_event)}: the document is that of another event")
        return Stored(
            position=stored_event.id if isinstance(stored_event, Notification) else 0,
            tenant=envelope.tenant,
            ref=(envelope.aggregate, envelope.aggregate_id),
            version=envelope.version,
            tag=envelope.type,
            sequence=envelope.number,
            event_id=envelope.id,
            document=stored_event.state,
            parsed=envelope,
        )


def _place(row: StoredEvent) -> str:
    return f"{row.originator_id} version {row.originator_version} ({row.topic})"


def mapper(factory: Any) -> DocumentMapper:
    """Return the mapper that eventsourcing's *factory* makes."""
    made = factory.mapper(mapper_class=DocumentMapper)
    assert isinstance(made, DocumentMapper)  # noqa: S101  narrows the factory's generic
    return made
