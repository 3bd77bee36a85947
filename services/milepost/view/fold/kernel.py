"""An event of the stream is opened up once, and the function that folds it into rows is found by its type."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar

from milepost.view.rows import CardRow, DetailRow, Layer, MentorshipRow, ProgrammeRow, TenantRow, Words
from milepost_contracts.envelope import Envelope, EnvelopeError, decode
from milepost_contracts.events import Event

Key = tuple[str, str]
"""An aggregate of one kind: (tenant, id)."""
EntryKey = tuple[str, str, str, str]
"""(tenant, goal, kind, id) of an entry."""


class At:
    """An event and where it stands: everything that folding needs, decoded once."""

    __slots__ = ("data", "envelope", "event", "key", "kind", "number", "tag", "tenant")

    def __init__(self, envelope: Envelope, event: Event | None) -> None:
        """Take the envelope and its event in the newest form; None where the tag is unknown here."""
        self.envelope = envelope
        self.event = event
        self.tenant = envelope.tenant
        self.number = int(envelope.sequence)
        self.tag = envelope.type
        self.kind, _, id_ = envelope.subject.partition("/")
        self.key: Key = (envelope.tenant, id_)
        self.data = envelope.data

    @property
    def occurred(self) -> str:
        """When it happened, in UTC: as claimed, else as recorded. Real life is told late, so figures go by this."""
        return self.envelope.occurredat or self.envelope.time

    @property
    def occurred_on(self) -> str:
        """The day (UTC) on which it happened."""
        return self.occurred[:10]

    @property
    def moment(self) -> dt.datetime:
        """When it happened."""
        return dt.datetime.fromisoformat(self.occurred)

    def words(self, value: object, pointer: str) -> Words | None:
        """Return the words *value* of the member at *pointer*, None where there are none.

        The place in the newest form is the one in the form that was stored: upcasts never move words.
        """
        return Words(value, self.envelope.id, pointer) if isinstance(value, str) else None

    def listed(self, values: list[str], pointer: str) -> list[Words]:
        """Return the words of every item of the list at *pointer*."""
        return [Words(value, self.envelope.id, f"{pointer}/{place}") for place, value in enumerate(values)]

    def layer(self) -> Layer:
        """Return the event as a layer of an entry."""
        return Layer(self.tag, self.envelope.id, self.envelope.actor, self.envelope.time, bytes(self.data))


class GoalRows:
    """A goal's rows in memory; `refs` are the rows of goal_of as they are stored."""

    __slots__ = ("card", "context", "detail", "refs")

    def __init__(self, card: CardRow, detail: DetailRow, refs: dict[str, str]) -> None:
        """Take what was stored."""
        self.card = card
        self.detail = detail
        self.refs = refs
        self.context: Any = None


class EntryRows:
    """An entry in memory."""

    __slots__ = ("author", "layers", "number")

    def __init__(self, number: int, author: str, layers: list[Layer]) -> None:
        """Take the sequence of its first event, who that was by, and all its layers."""
        self.number = number
        self.author = author
        self.layers = layers


Target = GoalRows | MentorshipRow | ProgrammeRow | TenantRow
_F = TypeVar("_F", bound=Callable[..., None])
FOLDS: dict[type[Event], Callable[[Any, Any, At], None]] = {}
# Events that open or extend an entry of a goal: kind, and the entry's id.
ENTRIES: dict[type[Event], tuple[str, Callable[[Any, At], str], bool]] = {}


def folds(*events: type[Event]) -> Callable[[_F], _F]:
    """Register the function `(rows, event, at)` that folds *events* into an aggregate's rows."""

    def register(function: _F) -> _F:
        for event in events:
            assert event not in FOLDS, event  # noqa: S101  a programming error at import
            FOLDS[event] = function
        return function

    return register


def open_envelope(document: bytes) -> Envelope:
    """Return the envelope of *document*; raises EnvelopeError `invalid_event` for what is no event of the stream."""
    envelope = decode(document)
    if not (envelope.sequence.isascii() and envelope.sequence.isdigit() and envelope.version > 0):
        raise EnvelopeError("invalid_event", f"{envelope.id} has no sequence and version")
    return envelope


def open_event(envelope: Envelope) -> At:
    """Return the event in *envelope*; one whose tag is unknown here is None. Raises EnvelopeError `invalid_event`."""
    try:
        return At(envelope, envelope.event())
    except EnvelopeError as error:
        if error.code == "unknown_event":
            return At(envelope, None)
        raise
