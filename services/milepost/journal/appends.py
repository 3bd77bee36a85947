"""Here an event is still a wish: what one command wants to append, what it looked at, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Protocol

import msgspec

from milepost.journal.stored import Stored
from milepost_contracts.envelope import SCHEMA_PREFIX
from milepost_contracts.events import EVENTS
from milepost_contracts.subjects import AGGREGATES
from milepost_contracts.types import ID_PATTERN, NAME_PATTERN
from milepost_contracts.upcasts import UPCASTS

Ref = tuple[str, str]
"""(aggregate, aggregate id), e.g. ("goal", "0199...")."""

_is_id = re.compile(ID_PATTERN).match
_is_name = re.compile(NAME_PATTERN).match
_AGGREGATE_OF = {tag: tag.partition(".")[0] for tag in (*EVENTS, *UPCASTS)}
_encode = msgspec.json.Encoder().encode


class Wanted(msgspec.Struct, frozen=True, gc=False):
    """One event that a command wants: `data` is its encoded and sealed JSON object, `event_id` a UUID of version 7.

    `commandhash` is the keyed hash of the command under this event's sealing key; empty: none.
    Raises ValueError for what could not become a document.
    """

    aggregate: str
    id: str
    tag: str
    event_id: str
    data: bytes
    commandhash: str = ""

    def __post_init__(self) -> None:
        """Refuse what could not be read again; here, so that the one who made it is told, not its neighbours."""
        if _AGGREGATE_OF.get(self.tag) != self.aggregate:
            raise ValueError(f"{self.tag!r} is no event of a {self.aggregate} in these contracts")
        if not _is_id(self.id) or not _is_id(self.event_id):
            raise ValueError(f"{self.tag}: an id is not a UUID in lower case")
        if self.data[:1] != b"{" or self.data[-1:] != b"}":
            raise ValueError(f"{self.tag}: data is not a JSON object")


class Attributes(msgspec.Struct, frozen=True, gc=False):
    """The envelope's attributes that all events of one command share; empty means absent."""

    actor: str
    onbehalfof: str = ""
    authnby: str = ""
    correlationid: str = ""
    causationid: str = ""
    occurredat: str = ""
    traceparent: str = ""


class Reader(Protocol):
    """What can be read of aggregates: by `Journal` outside, and inside the append lock by what it hands to redecide."""

    def load(self, tenant: str, ref: Ref, after_version: int = 0) -> list[Stored]:
        """Return the events of *ref* whose version is above *after_version*, in order."""
        ...

    def head(self, tenant: str, ref: Ref) -> int:
        """Return the newest version of *ref*; 0: it does not exist."""
        ...


class Append(msgspec.Struct, eq=False):
    """One command's whole wish; it is kept whole or not at all.

    command: `{aggregate}/{id}/{command_id}` of the command's target aggregate; within a tenant it is kept once.
    reads: every version that deciding looked at, 0 where the aggregate did not exist; the written ones included.
    answer: opaque bytes that `by_command` gives back.
    built_on: appends of this process, not settled when this one was decided, whose events it saw; given to `append`
        earlier, or earlier in the same batch. This one is dropped unless every one of them was kept as it was.
    redecide: called inside the append lock instead of dropping it; decides again from what the reader shows and
        returns what is wanted now (same tenant and command, reads as the reader showed them), or None: nothing. It
        may be called more than once for one append, and the last result counts. What it raises undoes the batch.

    Raises ValueError for what could not be stored.
    """

    tenant: str
    command: str
    reads: Mapping[Ref, int]
    events: Sequence[Wanted]
    attributes: Attributes
    answer: bytes | None = None
    built_on: Sequence[Append] = ()
    redecide: Callable[[Reader], Append | None] | None = None
    # Set by the journal once this append is durable exactly as it stands here.
    kept: bool = False
    # Made here, before the lock: how the command is stored, (originator id, reference, version) of what was read, and
    # the unfinished documents.
    stored_command: str = ""
    keys: list[tuple[str, Ref, int]] = []
    drafts: list[Draft] = []

    def __post_init__(self) -> None:
        """Check and encode everything that does not need the lock."""
        if not _is_name(self.tenant):
            raise ValueError(f"{self.tenant!r} is no tenant")
        if not self.events:
            raise ValueError("an append without events: a command that changes nothing never comes here")
        for event in self.events:
            if (event.aggregate, event.id) not in self.reads:
                raise ValueError(f"{event.aggregate}/{event.id} is written but not among the reads")
        self.stored_command = stored_command(self.command)
        self.keys = [(originator(self.tenant, ref), ref, version) for ref, version in self.reads.items()]
        self.drafts = [_draft(self.tenant, event, self.attributes) for event in self.events]


def originator(tenant: str, ref: Ref) -> str:
    """Return the `originator_id` of an aggregate: `{tenant}/{aggregate}/{id}`; raises ValueError."""
    aggregate, aggregate_id = ref
    if aggregate not in AGGREGATES or not _is_id(aggregate_id):
        raise ValueError(f"{ref!r} is no reference to an aggregate")
    return f"{tenant}/{aggregate}/{aggregate_id}"


def stored_command(command: str) -> str:
    """Return `{command_id}/{aggregate}/{id}` for `{aggregate}/{id}/{command_id}`; raises ValueError.

    The id first, because ids of version 7 grow: new rows then share the last pages of their index, which makes a
    commit of 64 events a third cheaper than with the aggregates first.
    """
    target, _, command_id = command.rpartition("/")
    if not command_id or "/" not in target:
        raise ValueError(f"{command!r} is not of the form AGGREGATE/ID/COMMAND_ID")
    return f"{command_id}/{target}"


class Draft(msgspec.Struct, gc=False):
    """An event's document without what the lock assigns: time, version and sequence."""

    key: str
    ref: Ref
    tag: str
    event_id: str
    before_time: bytes
    after_time: bytes
    after_sequence: bytes

    def document(self, time: bytes, version: int, sequence: int) -> bytes:
        """Return the finished document: the one form that is stored, sent, hashed and exported."""
        return b'%b%b%b%d,"sequence":"%016d",%b' % (
            self.before_time,
            time,
            self.after_time,
            version,
            sequence,
            self.after_sequence,
        )


class _Tail(msgspec.Struct, omit_defaults=True, gc=False):
    """The document's members after `sequence`, in the envelope's order; the encoder escapes what they hold."""

    actor: str
    onbehalfof: str = ""
    authnby: str = ""
    correlationid: str = ""
    causationid: str = ""
    commandhash: str = ""
    occurredat: str = ""
    traceparent: str = ""
    data: msgspec.Raw = msgspec.Raw()


def _draft(tenant: str, event: Wanted, attributes: Attributes) -> Draft:
    # Raises UnicodeEncodeError, a ValueError, for a lone surrogate. Names, tags and ids need no escaping.
    ref = (event.aggregate, event.id)
    start = (
        f'{{"specversion":"1.0","id":"{event.event_id}","source":"/milepost/{tenant}","type":"{event.tag}",'
        f'"subject":"{event.aggregate}/{event.id}","time":"'
    )
    a = attributes
    tail = _Tail(
        a.actor,
        a.onbehalfof,
        a.authnby,
        a.correlationid,
        a.causationid,
        event.commandhash,
        a.occurredat,
        a.traceparent,
        msgspec.Raw(event.data),
    )
    key = f"{tenant}/{event.aggregate}/{event.id}"
    return Draft(key, ref, event.tag, event.event_id, start.encode(), _after_time(tenant, event.tag), _encode(tail)[1:])


@lru_cache(maxsize=4096)  # tenants times tags; a miss costs 1 us
def _after_time(tenant: str, tag: str) -> bytes:
    return (
        f'","datacontenttype":"application/json","dataschema":"{SCHEMA_PREFIX}{tag}","tenant":"{tenant}","version":'
    ).encode()


class Committed(msgspec.Struct, frozen=True):
    """Durable: the events as they were stored, in order, and when, e.g. `2026-03-01T09:30:00.123456Z`."""

    events: list[Stored]
    time: str


class Dropped(msgspec.Struct, frozen=True):
    """Not written. Look for the command, reload `stale` (empty: what it was built on was dropped), decide again.

    `known`: the command was seen to be in the journal or earlier in the batch.
    """

    stale: list[Ref]
    known: bool = False


class Nothing(msgspec.Struct, frozen=True):
    """Decided again inside the lock, the command causes nothing now."""


Outcome = Committed | Dropped | Nothing
