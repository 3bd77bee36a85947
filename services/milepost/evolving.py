"""A stored event becomes what evolve takes: one way for accept, which decides next, and replay, which looks back."""

from __future__ import annotations

import datetime as dt

from milepost.decide import Recorded, Ref
from milepost_contracts.envelope import Envelope
from milepost_contracts.events import Event


def recorded(ref: Ref, envelope: Envelope, event: Event) -> Recorded:
    """Return the event of *envelope*, an event of the aggregate *ref*; *event* is its data, words opened or not."""
    occurred = dt.datetime.fromisoformat(envelope.occurredat) if envelope.occurredat else None
    return Recorded(event, envelope.id, envelope.actor, dt.datetime.fromisoformat(envelope.time), occurred, ref[1])
