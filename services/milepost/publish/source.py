"""What publish reads: events in the order of their commits, as milepost.journal gives them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import ParamSpec, Protocol, TypeVar

from milepost_contracts import subjects

P = ParamSpec("P")
T = TypeVar("T")


class Entry(Protocol):
    """One event of the journal. `document` is its one form; `position` grows in commit order, gaps are allowed."""

    position: int
    tenant: str
    sequence: int
    ref: tuple[str, str]
    tag: str
    event_id: str
    document: bytes


class Head(Protocol):
    """The end of one tenant's events."""

    @property
    def sequence(self) -> int:
        """The last one."""
        ...


class Source(Protocol):
    """The journal, for reading. Calls block, threads may share it; milepost.journal.JournalError is raised by all."""

    def after(self, position: int, limit: int) -> Sequence[Entry]:
        """Return at most *limit* events after *position*, in order."""
        ...

    def at(self, tenant: str, sequence: int) -> Entry | None:
        """Return the event with this sequence of the tenant, None where there is none."""
        ...

    def nth_after(self, position: int, count: int) -> int | None:
        """Return the position of the *count*-th event after *position*, None where there are fewer."""
        ...

    def count_after(self, position: int) -> int:
        """Return how many events there are after *position*."""
        ...

    def last_position(self) -> int:
        """Return the position of the newest event; 0: there is none."""
        ...

    def heads(self) -> Mapping[str, Head]:
        """Return the head of every tenant."""
        ...


def subject_of(entry: Entry) -> str:
    """Return the subject that *entry* travels on: its tag without aggregate and version, so that `.v2` stays there."""
    return subjects.event(entry.tenant, *entry.ref, entry.tag.split(".")[1])


def count_to(source: Source, position: int) -> int:
    """Return how many events there are up to *position*."""
    return source.count_after(0) - source.count_after(position)


async def reading(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return `call(...)`, run in a thread; a cancelled caller waits for its end: the journal may be closed then."""
    thread = asyncio.ensure_future(asyncio.to_thread(call, *args, **kwargs))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        await asyncio.wait([thread])
        raise
