"""The one form of an event: a CloudEvents 1.0 document, byte for byte the same in journal, stream, tree and export."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from milepost_contracts.events import EVENTS, Event

CONTENT_TYPE = "application/cloudevents+json"
SCHEMA_PREFIX = "urn:milepost:schema:"


class EnvelopeError(ValueError):
    """A document that is no event of ours; `code` is `invalid_event` or `unknown_event`."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable *code* beside the message."""
        super().__init__(message)
        self.code = code


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event's document. `data` stays as its exact bytes; optional attributes are absent, never null.

    `sequence` is dense per tenant (16 digits), `version` dense per aggregate; facts of plugins have neither.
    """

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: Literal["application/json"]
    dataschema: str
    tenant: str
    version: int = 0
    sequence: str = ""
    actor: str
    onbehalfof: str = ""
    authnby: str = ""
    correlationid: str = ""
    causationid: str = ""
    commandhash: str = ""
    occurredat: str = ""
    traceparent: str = ""
    data: msgspec.Raw

    @property
    def aggregate(self) -> str:
        """`goal`, `mentorship`, `programme`, `person` or `tenant`."""
        return self.subject.partition("/")[0]

    @property
    def aggregate_id(self) -> str:
        """The UUID of the aggregate."""
        return self.subject.partition("/")[2]

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


_decoder = msgspec.json.Decoder(Envelope)
_data_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    tag: msgspec.json.Decoder(event) for tag, event in EVENTS.items()
}


def decode(document: bytes) -> Envelope:
    """Return the envelope of a *document*; raises EnvelopeError `invalid_event`."""
    try:
        return _decoder.decode(document)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise EnvelopeError("invalid_event", f"not an event of Milepost: {error}") from error


def decode_data(tag: str, data: bytes | msgspec.Raw) -> Event:
    """Return the event in *data* stored under *tag*, upcast to its newest form; raises EnvelopeError."""
    from milepost_contracts.upcasts import UPCASTS, upcast

    try:
        if tag in UPCASTS:
            tag, members = upcast(tag, msgspec.json.decode(data))
            event = msgspec.convert(members, EVENTS[tag])
        else:
            event = _data_decoders[tag].decode(data)
    except KeyError:
        raise EnvelopeError("unknown_event", f"{tag} is unknown to this version of the contracts") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise EnvelopeError("invalid_event", f"data does not fit {tag}: {error}") from error
    assert isinstance(event, Event)  # noqa: S101  narrows the decoder's Any
    return event
