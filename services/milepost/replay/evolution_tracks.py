"""The events of a scope's goals are found in one pass over the tenant's, and each goal is followed to the moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from milepost.decide import Ref
from milepost.journal import Journal, Stored
from milepost.replay.desk import Desk
from milepost.replay.looking import Cut, Looking
from milepost.replay.story import UNKNOWN, Known, Story
from milepost.replay.words import Words
from milepost_contracts.events import Event

_PAGE = 2_000  # documents read at once, about two megabytes
_SUBJECT = b'"subject":"goal/'
_HEAD = 400  # bytes within which a document's subject begins: what stands before it is short
_ID = 36


class Scope(NamedTuple):
    """What is asked about: `kind` programme, mentorship or tenant, and its id; None: the tenant."""

    kind: str
    id: str | None

    def inside(self, goal: Any) -> bool:
        """Whether *goal*, a state or the context of an event, belongs to it."""
        return goal is not None and (self.id is None or getattr(goal, self.kind) == self.id)


def goals(journal: Journal, tenant: str, scope: Scope, sequence: int) -> list[str]:
    """Return the goals that were ever in *scope* up to *sequence*, in the order in which they were brought.

    Documents are looked through as they are stored: where a goal belongs stands in every event of it, and most events
    of a large tenant are of goals elsewhere.
    """
    wanted = f'"{scope.kind}":"{scope.id}"'.encode() if scope.id is not None else b""
    first: dict[str, int] = {}
    within: set[str] = set()
    after = 0
    while after < sequence and (page := journal.bare_of(tenant, after, _PAGE)):
        for one in page:
            at = one.document.find(_SUBJECT, 0, _HEAD)
            if at < 0 or one.sequence > sequence:
                continue
            goal = one.document[at + len(_SUBJECT) : at + len(_SUBJECT) + _ID].decode()
            first.setdefault(goal, one.sequence)
            if wanted in one.document:
                within.add(goal)
        after = page[-1].sequence
    return sorted(within, key=first.__getitem__)


class Reading:
    """Reads goals for one question of *reader* in *tenant*."""

    def __init__(self, desk: Desk, tenant: str, reader: str) -> None:
        """Take where it is read."""
        self._desk = desk
        self._tenant = tenant
        self._reader = reader
        self.looking = Looking(desk, tenant, reader)

    def stored(self, ref: Ref, sequence: int) -> list[Stored]:
        """Return the events of *ref* up to *sequence*."""
        return self._desk.histories.events(self._tenant, ref, sequence)

    def story(self, ref: Ref, stored: Sequence[Stored], *, opens: bool) -> Story:
        """Return the story of these events of *ref*, its words opened where *opens* and the reader may read them."""
        opens = opens and self._desk.entitlement.may_read(self._tenant, self._reader, ref)
        return Story(ref, stored, Words(self._desk.keys, self._tenant, ref, stored, reader=self._reader, opens=opens))


class Track:
    """A goal's events until a moment, `cut`, followed one by one; `since`: the earlier moment to compare with.

    By occurred time these are the events that count by then, in the order in which they were recorded.
    """

    def __init__(self, reading: Reading, ref: Ref, cut: Cut, since: Cut | None, *, opens: bool) -> None:
        """Read the goal; *opens*: words are wanted, not figures alone."""
        self.ref = ref
        self.cut = cut
        self.since = since
        self._whole = reading.story(ref, reading.stored(ref, cut.sequence), opens=opens)
        self.story = self._whole
        self.at: list[dt.datetime] = self._whole.counts_from
        if cut.until is not None:
            places = [place for place, at in enumerate(self.at) if at <= cut.until]
            if len(places) < len(self.at):
                self.at = [self.at[place] for place in places]
                self.story = reading.story(ref, [self._whole.stored[place] for place in places], opens=opens)

    @cached_property
    def known(self) -> list[Known]:
        """What was known before the first event and after each."""
        return [UNKNOWN, *self.story.followed()]

    @property
    def then(self) -> Known:
        """What was known at `cut`."""
        return self.known[-1]

    @property
    def before(self) -> Known:
        """What was known at `since`; UNKNOWN without one."""
        if self.since is None:
            return UNKNOWN
        if self.since.until is not None:
            return self._whole.newest(until=self.since.until)
        return self.known[sum(stored.sequence <= self.since.sequence for stored in self.story.stored)]

    @property
    def version_before(self) -> int:
        """The version of the last event that counts at `since`; 0: none does."""
        counted = [one.version for place, one in enumerate(self.story.stored) if not self._after_since(place)]
        return counted[-1] if counted else 0

    def events(self) -> Iterator[tuple[int, Event]]:
        """Yield each event until `cut`, with its place."""
        yield from enumerate(self.story.events)

    def between(self) -> Iterator[tuple[int, Event]]:
        """Yield those after `since`, all without one."""
        for place, event in self.events():
            if self._after_since(place):
                yield place, event

    def _after_since(self, place: int) -> bool:
        if self.since is None:
            return True
        if self.since.until is not None:
            return self.at[place] > self.since.until
        return self.story.stored[place].sequence > self.since.sequence
