"""What is stored of a plugin, as it is read: status, outbox entries, parked events, timers, counts."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal, NamedTuple

import msgspec

from milepost_contracts.keeping import Kind
from milepost_contracts.plugin import Grant, Mode, Replay

CODE_CHARS_MAX = 100  # a code is a word or a few
EffectState = Literal["waiting", "sent", "suppressed", "dead"]
FactState = Literal["waiting", "published", "suppressed"]


class Position(NamedTuple):
    """Where reading resumes: the stream's generation and the sequence of its last message that was read."""

    generation: int
    stream_sequence: int


class Moved(Exception):  # noqa: N818  no error: read the status again
    """Another copy wrote: what this one had read is no longer true, and nothing of its turns was kept."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How a plugin stands: where, in which mode, whether it is paused, what it took so far (times in ms)."""

    position: Position = Position(0, 0)
    mode: Mode = "live"
    replay_until: int = 0  # the stream sequence at which the replay (or dry run) of history ends; 0: none
    paused: str = ""  # why it does not run: `by_hand`, `failing` ...; empty: it runs
    why: str = ""
    disabled: bool = False
    version: str = ""  # of the plugin that wrote last
    started: bool = False  # a start position was ever set
    since: str = ""  # of tenants whose events never came, only what was recorded after this counts; empty: all of it
    handled: int = 0
    failed: int = 0
    ms_total: float = 0.0
    ms_max: float = 0.0


class Timer(NamedTuple):
    """An instant that a plugin asked for."""

    tenant: str
    key: str
    at: dt.datetime


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be done outside, as it stands; `number` is its place in order, and the cursor of lists.

    due: when it is to be tried next. at: since when it is in its `state`. dry: a dry run listed it. attempts: in all;
    tries: since it was asked for, or for the last time asked for anew. changed: how often other content came under its
    key (the first stayed). arguments, document: None where they were dropped, see `trim`.
    """

    key: str
    number: int
    state: EffectState
    kind: Kind
    name: str
    tenant: str
    cause: str
    due: dt.datetime
    at: dt.datetime
    dry: bool
    attempts: int
    tries: int
    last_code: str
    changed: int
    arguments: dict[str, Any] | None
    document: bytes | None


class Waiting(NamedTuple):
    """A fact that is to be published: its id, subject and exact document."""

    id: str
    subject: str
    document: bytes


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A fact as it stands; `number` is its place in order, and the cursor of lists.

    changed: how often other content came under its id (the first stayed). document: None once it is published.
    """

    id: str
    number: int
    state: FactState
    subject: str
    changed: int
    document: bytes | None


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A grant with its tenant; `number` is its place in order, and the cursor of lists; dry: as a dry run has it."""

    number: int
    tenant: str
    grant: Grant
    dry: bool


class Replaying(msgspec.Struct, frozen=True, kw_only=True):
    """Past events that come again; `next` is the sequence of the one that comes next, after `replay.last` none does."""

    number: int
    tenant: str
    replay: Replay
    next: int


class ToPark(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is put aside for a plugin, and why; texts hold no words of people.

    A timer is put aside as aggregate `timer` with its key for an id, and as document a `Firing`.
    """

    tenant: str
    sequence: int
    event_id: str
    aggregate: str
    aggregate_id: str
    document: bytes
    code: str
    hook: str = ""
    error: str = ""
    place: str = ""
    attempts: int = 0
    mode: Mode = "live"  # how it counted when it was put aside: history stays history


class Parked(ToPark, frozen=True, kw_only=True):
    """An event that was put aside; `number` is its place in order, and the cursor of lists."""

    number: int
    since: dt.datetime
    tried: dt.datetime

    @property
    def version(self) -> str:
        """Which writing of its row this is: another after every attempt, and where it is parked anew."""
        return version(self.number, self.attempts, text(self.tried))


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How much is stored of a plugin."""

    parked: int
    waiting: int  # effects and commands, as the next four
    sent: int
    suppressed: int
    dead: int
    changed: int  # keys under which other content came
    facts_waiting: int
    facts_published: int
    facts_suppressed: int
    timers: int
    timers_listed: int
    keys: int
    grants: int
    replays: int  # that are not done


def version(number: int, attempts: int, tried: str) -> str:
    """Return how a writing of a parked event's row is told from others; *tried* is as `text` has it."""
    return f"{number}.{attempts}.{tried}"


def text(at: dt.datetime) -> str:
    """Return an aware instant as text that sorts as time does in both databases."""
    return f"{at.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def instant(written: str) -> dt.datetime:
    """Return the instant that `text` wrote."""
    return dt.datetime.fromisoformat(written)


def plain(words: str, most: int = CODE_CHARS_MAX) -> str:
    """Return *words* as any database takes them, at the most *most* characters."""
    return words[:most].replace("\0", "").encode(errors="replace").decode()
