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
from milepost_contracts.envelope import decode
from milepost_contracts.events import Event

_PAGE = 2_000  # documents read at once, about two megabytes
# Documents held while a question is answered: those of some 4,000 goals; more are read goal by goal, in twice the time.
HELD_BYTES_MAX = 64_000_000
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


class Gathered(NamedTuple):
    """Goals in the order in which they were brought, and the documents of each; None: too many to hold."""

    goals: list[str]
    documents: dict[str, list[bytes]] | None


def gathered(journal: Journal, tenant: str, scope: Scope, sequence: int) -> Gathered:
    """Return the goals that were ever in *scope* up to *sequence*, read in one pass over the tenant's events.

    Documents are looked through as they are stored: where a goal belongs stands in every event of it, and most events
    of a large tenant are of goals elsewhere.
    """
    wanted = f'"{scope.kind}":"{scope.id}"'.encode() if scope.id is not None else b""
    documents: dict[str, list[bytes]] = {}
    within: dict[str, None] = {}
    held = after = 0
    while after < sequence and (page := journal.bare_of(tenant, after, min(_PAGE, sequence - after))):
        for one in page:
            at = one.document.find(_SUBJECT, 0, _HEAD)
            if at < 0:
                continue
            goal = one.document[at + len(_SUBJECT) : at + len(_SUBJECT) + _ID].decode()
            kept = documents.setdefault(goal, [])
            if wanted in one.document:
                within[goal] = None
            held += len(one.document)
            if held <= HELD_BYTES_MAX:
                kept.append(one.document)
        after = page[-1].sequence
    goals = [goal for goal in documents if goal in within]
    if held > HELD_BYTES_MAX:
        return Gathered(goals, None)
    return Gathered(goals, {goal: documents[goal] for goal in goals})


class Reading:
    """Reads goals for one question of *reader* in *tenant*."""

    def __init__(self, desk: Desk, tenant: str, reader: str) -> None:
        """Take where it is read."""
        self._desk = desk
        self._tenant = tenant
        self._reader = reader
        self.looking = Looking(desk, tenant, reader)
        self._held: dict[str, list[bytes]] = {}

    def hold(self, documents: dict[str, list[bytes]]) -> None:
        """Take the documents of goals, so that they are not read again for this question."""
        self._held = documents

    def stored(self, ref: Ref, sequence: int) -> list[Stored]:
        """Return the events of *ref* up to *sequence*, which is that of `hold` where they are held."""
        if ref[0] == "goal" and (held := self._held.get(ref[1])) is not None:
            return [_stored(document) for document in held]
        return self._desk.histories.events(self._tenant, ref, sequence)

    def story(self, ref: Ref, stored: Sequence[Stored], *, opens: bool) -> Story:
        """Return the story of these events of *ref*, its words opened where *opens* and the reader may read them."""
        opens = opens and self._desk.entitlement.may_read(self._tenant, self._reader, ref)
        return Story(ref, stored, Words(self._desk.keys, self._tenant, ref, stored, reader=self._reader, opens=opens))


def _stored(document: bytes) -> Stored:
    envelope = decode(document)
    return Stored(
        tenant=envelope.tenant, ref=(envelope.aggregate, envelope.aggregate_id), version=envelope.version,
        tag=envelope.type, sequence=envelope.number, event_id=envelope.id, document=document, parsed=envelope,
    )  # fmt: skip


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
