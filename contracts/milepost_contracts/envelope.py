"""The one form of an event: a CloudEvents 1.0 document, byte for byte the same in journal, stream, tree and export."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from milepost_contracts.events import EVENTS, Event
from milepost_contracts.types import ACTOR_PATTERN, ID_PATTERN, NAME_PATTERN, PERSON_PATTERN
from milepost_contracts.upcasts import UPCASTS, upcast

CONTENT_TYPE = "application/cloudevents+json"
SCHEMA_PREFIX = "urn:milepost:schema:"
TIME_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"


class EnvelopeError(ValueError):
    """A document that is no event of ours; `code` is `invalid_event` or `unknown_event`."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable *code* beside the message."""
        super().__init__(message)
        self.code = code


def _shown(pattern: str | None = None, **keywords: str) -> Meta:
    """Describe an attribute in the schema without checking it on every read: what is stored was checked."""
    return Meta(extra_json_schema=({"pattern": pattern} if pattern else {}) | keywords)


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event's document. `data` stays as its exact bytes; optional attributes are absent, never null.

    `sequence` is dense per tenant (16 digits), `version` dense per aggregate; facts of plugins have neither.
    """

    specversion: Literal["1.0"]
    id: Annotated[str, _shown(ID_PATTERN)]
    source: Annotated[str, _shown(r"^/milepost/")]
    type: Annotated[str, _shown(r"^[a-z0-9_-]+\.[a-z0-9_-]+\.v[1-9][0-9]*$")]
    subject: Annotated[str, _shown(rf"^[a-z]+/{ID_PATTERN.removeprefix('^')}")]
    time: Annotated[str, _shown(TIME_PATTERN, format="date-time")]
    datacontenttype: Literal["application/json"]
    dataschema: Annotated[str, _shown(rf"^{SCHEMA_PREFIX}")]
    tenant: Annotated[str, _shown(NAME_PATTERN)]
    version: Annotated[int, Meta(ge=0)] = 0
    # Checked on every read, unlike the others, because readers count with it.
    sequence: Annotated[str, Meta(pattern=r"^([0-9]{16})?(?!\n)$")] = ""
    actor: Annotated[str, _shown(ACTOR_PATTERN)]
    onbehalfof: Annotated[str, _shown(PERSON_PATTERN)] = ""
    authnby: str = ""
    correlationid: str = ""
    causationid: str = ""
    commandhash: str = ""
    occurredat: Annotated[str, _shown(TIME_PATTERN, format="date-time")] = ""
    traceparent: str = ""
    data: Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object"})]

    @property
    def aggregate(self) -> str:
        """`goal`, `mentorship`, `programme`, `person` or `tenant`."""
        return self.subject.partition("/")[0]

    @property
    def aggregate_id(self) -> str:
        """The UUID of the aggregate."""
        return self.subject.partition("/")[2]

    @property
    def name(self) -> str:
        """The event's name, the last token of its subject on the bus: `milestone_hit` of `goal.milestone_hit.v1`."""
        return self.type.split(".")[1] if self.type.count(".") > 1 else self.type

    @property
    def number(self) -> int:
        """`sequence` as a number; 0 where there is none."""
        return int(self.sequence or 0)

    def event(self) -> Event:
        """Return `data` as its newest Struct, upcast where it was stored in an older form; words stay sealed.

        Raises EnvelopeError `unknown_event` for a type that these contracts do not know, `invalid_event` for data
        that does not fit its type.
        """
        return decode_data(self.type, self.data)


# Nesting beyond what the decoder takes ends in RecursionError, bytes that are no UTF-8 in UnicodeDecodeError.
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Envelope)
_members_decoder = msgspec.json.Decoder(dict[str, Any])
_data_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    tag: msgspec.json.Decoder(event) for tag, event in EVENTS.items()
}


def decode(document: bytes) -> Envelope:
    """Return the envelope of a *document*; raises EnvelopeError `invalid_event`.

    Unknown attributes are ignored; `data` is looked into only by `Envelope.event` and by `sealing.open_data`.
    """
    try:
        return _decoder.decode(document)
    except _UNREADABLE as error:
        raise EnvelopeError("invalid_event", f"not an event of Milepost: {error}") from error


def encode(envelope: Envelope) -> bytes:
    """Return the document of *envelope*: one line, attributes in the order above, `data` as the bytes it holds."""
    return _encoder.encode(envelope)


def decode_members(data: bytes | msgspec.Raw) -> dict[str, Any]:
    """Return `data` as its members, as they are stored; raises EnvelopeError `invalid_event`."""
    try:
        return _members_decoder.decode(data)
    except _UNREADABLE as error:
        raise EnvelopeError("invalid_event", f"data is no JSON object: {error}") from error


def decode_data(tag: str, data: bytes | msgspec.Raw) -> Event:
    """Return the event in *data* stored under *tag*, upcast to its newest form; raises EnvelopeError."""
    if tag in UPCASTS:
        return convert_members(tag, decode_members(data))
    if (decoder := _data_decoders.get(tag)) is None:
        raise EnvelopeError("unknown_event", f"{tag} is unknown to this version of the contracts")
    try:
        event = decoder.decode(data)
    except _UNREADABLE as error:
        raise EnvelopeError("invalid_event", f"data does not fit {tag}: {error}") from error
    assert isinstance(event, Event)  # noqa: S101  narrows the decoder's Any
    return event


def convert_members(tag: str, members: dict[str, Any]) -> Event:
    """Return *members*, stored under *tag* and perhaps opened, as the event's newest Struct; raises EnvelopeError."""
    if tag not in EVENTS:
        raise EnvelopeError("unknown_event", f"{tag} is unknown to this version of the contracts")
    try:
        newest, members = upcast(tag, members)
        return msgspec.convert(members, EVENTS[newest])
    except KeyError as error:
        raise EnvelopeError("invalid_event", f"data does not fit {tag}: {error} is missing") from error
    except _UNREADABLE as error:
        raise EnvelopeError("invalid_event", f"data does not fit {tag}: {error}") from error
