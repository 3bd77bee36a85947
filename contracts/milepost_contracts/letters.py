"""An event that a plugin could not take is told of in a dead letter: a reference to it and why, no words of anybody.

It goes to `goals.dead.v1.{tenant}.{plugin}`, into the stream GOALS_DEAD, in the envelope of facts. It is taken out of
the stream when its event has been dealt with, and its place is taken by another with the same `id` when its event was
tried again in vain: of two the later counts.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from milepost_contracts.envelope import Envelope, EnvelopeError
from milepost_contracts.types import Id, Instant, Name, Value

TAG = "consumer.event_parked.v1"
TIMER = "timer"  # in the place of a type: it was no event, but an instant that the plugin had asked for


class EventParked(Value, frozen=True, kw_only=True):
    """An event that was put aside for a plugin; the envelope's `subject` says to what it happened.

    `event` is its id, `type` its type (`timer` for a timer), `sequence` its place in the tenant, 16 digits, absent for
    a timer. `code` says why, `hook` and `place` where in the plugin; `attempts`: how often it was tried, `since` when
    it was put aside for the first time.
    """

    plugin: Name
    event: Id
    type: str
    sequence: Annotated[str, Meta(pattern=r"^([0-9]{16})?(?!\n)$")] = ""
    code: str
    hook: str = ""
    place: str = ""
    attempts: Annotated[int, Meta(ge=0)]
    since: Instant


_decoder = msgspec.json.Decoder(EventParked)


def parked(envelope: Envelope) -> EventParked:
    """Return what a dead letter says; raises EnvelopeError for what is none. Ignores unknown members."""
    if envelope.type != TAG:
        raise EnvelopeError("unknown_event", f"{envelope.type} is no dead letter")
    try:
        return _decoder.decode(envelope.data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise EnvelopeError("invalid_event", f"data does not fit {TAG}: {error}") from error
