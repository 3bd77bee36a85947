"""What the tests of the journal append: small real events of goals and mentorships."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence

import msgspec
import psycopg
import uuid_utils

from milepost.journal import Append, Attributes, Reader, Ref, Wanted
from milepost_contracts import events

ACTOR = "user:0199c0de-0000-7000-8000-0000000000aa"


def new_id() -> str:
    """Return a new UUID of version 7."""
    return str(uuid_utils.uuid7())


def goal() -> Ref:
    """Return the reference of a goal that does not exist yet."""
    return ("goal", new_id())


def mentorship() -> Ref:
    """Return the reference of a mentorship that does not exist yet."""
    return ("mentorship", new_id())


def wanted(ref: Ref, text: str = "enc:v1:AAAA:BBBB", **changed: str) -> Wanted:
    """Return an event that fits the aggregate of *ref*."""
    event: events.Event = (
        events.goal.CommentPosted(comment=new_id(), text=text)
        if ref[0] == "goal"
        else events.mentorship.KeyAreaOpened(goal=new_id(), owner=ACTOR)
    )
    return Wanted(ref[0], ref[1], event.TAG, new_id(), msgspec.json.encode(event), **changed)


def append(
    reads: Mapping[Ref, int],
    *writes: Ref,
    tenant: str = "acme",
    command: str = "",
    answer: bytes | None = None,
    built_on: Sequence[Append] = (),
    redecide: Callable[[Reader], Append | None] | None = None,
) -> Append:
    """Return the wish of a command that read *reads* and writes one event for each of *writes* (all that it read)."""
    events_of = writes or tuple(reads)
    target = events_of[0]
    return Append(
        tenant=tenant,
        command=command or f"{target[0]}/{target[1]}/{new_id()}",
        reads=reads,
        events=[wanted(ref) for ref in events_of],
        attributes=Attributes(actor=ACTOR, authnby="jwt"),
        answer=answer,
        built_on=built_on,
        redecide=redecide,
    )


def run_sql(url: str, statement: str) -> None:
    """Run *statement* behind the back of who keeps its rows at *url*."""
    if url.startswith("sqlite:"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.execute(statement)
        connection.close()
    else:
        with psycopg.connect(url) as linked:
            linked.execute(statement)
