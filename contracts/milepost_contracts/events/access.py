"""Events of the access log: who read what, by which right and why, one log per tenant, reader and day."""

from __future__ import annotations

from typing import ClassVar

from milepost_contracts.events.base import Event
from milepost_contracts.types import AccessKind, ActorRef, Day, Key, Scope, Text


class AccessEvent(Event, frozen=True, kw_only=True):
    """An event of an access log; its id is derived from tenant, reader and day (`subjects.access_id`)."""

    AGGREGATE: ClassVar[str] = "access"


class Recorded(AccessEvent, frozen=True, kw_only=True):
    """Somebody was about to be given what is named here; it is recorded before it is given.

    `day`: of the log, UTC. `via`: the service that asked or speaks for the reader. `kind`: the question that was asked.
    `scopes`: what it was about, `everything`: the whole tenant. `moments`: as of when, or between which two. The same
    by the same reader on the same day is recorded once, unless `reason` differs. It is sealed as the reader's words,
    so that it is erased with the reader and with nobody else; who read what stays.
    """

    reader: ActorRef
    day: Day
    kind: AccessKind
    via: ActorRef | None = None
    scopes: list[Scope] = []
    everything: bool = False
    moments: list[Key] = []
    reason: Text | None = None
