"""Who read what: the access log, told to who may know."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from milepost_contracts.queries.base import Answer, Query
from milepost_contracts.queries.shown import Shown, Unread, Words
from milepost_contracts.types import AccessKind, ActorRef, Aggregate, Day, Id, Instant, Key, Scope


class AccessEntry(Shown, frozen=True, kw_only=True):
    """Somebody was about to be given something; see the event `access.recorded`.

    `scopes`: of a question about one aggregate those that concern it, without any where the reading was of everything.
    """

    sequence: str
    event: Id
    recorded: Instant
    reader: ActorRef
    via: ActorRef | None
    kind: AccessKind
    scopes: list[Scope]
    everything: bool
    moments: list[Key]
    reason: Words


class AccessAnswer(Answer, frozen=True, kw_only=True, omit_defaults=False, tag="answered"):
    """A page of readings, the newest first; it may have fewer than asked for, or none, and a next one."""

    accesses: list[AccessEntry] = []
    unread: list[Unread] = []


class Access(Query, frozen=True, kw_only=True):
    """Who read what: of one aggregate (`id`), by one reader, of some kinds, from `since` to `until` (days, UTC).

    Auditors and admins may ask for all, parties for what is theirs, and everybody for what they read themselves. Of a
    goal also what was read of its programme or its people as a whole is told. Reasons are for auditors, admins and who
    gave them. The same is recorded once a day, so an entry may stand for many readings on its day.
    """

    ANSWER: ClassVar[type[Answer]] = AccessAnswer

    aggregate: Aggregate = "goal"
    id: Id | None = None
    reader: ActorRef | None = None
    kinds: Annotated[list[AccessKind], Meta(max_length=20)] = []
    since: Day | None = None
    until: Day | None = None
