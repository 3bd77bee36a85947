"""What only the journal can answer: events the stream no longer has, keys, an aggregate as it was."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from milepost_contracts.queries.base import Answer, Query
from milepost_contracts.queries.history import Names, Standing
from milepost_contracts.queries.moments import Moment
from milepost_contracts.queries.shown import Unread
from milepost_contracts.types import Aggregate, Id, Instant, Value, WordsPattern


class EventsAfterAnswer(Answer, frozen=True, kw_only=True, tag="answered"):
    """Events of the tenant in order, each as its exact document; `more`: ask again after the last one."""

    events: list[msgspec.Raw] = []
    more: bool = False


class EventsAfter(Query, frozen=True, kw_only=True):
    """What the stream no longer has: the tenant's events after `sequence` (0: from the beginning), from the journal."""

    ANSWER: ClassVar[type[Answer]] = EventsAfterAnswer

    sequence: Annotated[int, Meta(ge=0)] = 0


class DerivedKey(Value, frozen=True, kw_only=True):
    """A derived key: `key` is 32 bytes in base64url without padding; None where the words were erased."""

    kid: str
    key: str | None = None


class KeysAnswer(Answer, frozen=True, kw_only=True, tag="answered"):
    """The keys that the asker is entitled to; kids that are not in it are unknown or not for the asker."""

    keys: list[DerivedKey] = []


class Keys(Query, frozen=True, kw_only=True):
    """Keys that open sealed words, per aggregate and audience, by role and visibility. Asking is recorded."""

    ANSWER: ClassVar[type[Answer]] = KeysAnswer

    kids: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=1000)]


class AsOfAnswer(Answer, frozen=True, kw_only=True, omit_defaults=False, tag="answered"):
    """The aggregate as it was after `version`, words opened where the asker may read them, else null and in `unread`.

    `at`: the instant that `standing` tells of. `left_out`: members of the state that would not fit into one message;
    ask for each with `fields`. `opened`: where certain `words` were asked for, those that are in the state, in which
    the others stay sealed.
    """

    aggregate: Aggregate
    id: Id
    version: int
    at: Instant | None = None
    state: dict[str, Any] = {}
    standing: Standing | None = None
    unread: list[Unread] = []
    left_out: list[str] = []
    opened: list[str] = []


class AsOf(Query, frozen=True, kw_only=True):
    """An aggregate as it was at a point in time (absent: as it is), and where a goal stood then.

    `at`: by recorded time. `effective`: by occurred time, which is what had happened until `at`, as it was known at
    `known_at` (absent: now): what was recorded late counts from when it happened, a correction from when what it
    corrects happened. `version` is the same as `at: v7`. `fields`: these members of the state alone; of a single one
    that is a map, a page. `words`: of which events what is opened, as a plugin's manifest permits it (absent: all that
    the asker may read, for the plugin host, which asks for itself, none).
    """

    ANSWER: ClassVar[type[Answer]] = AsOfAnswer

    aggregate: Aggregate = "goal"
    id: Id
    at: Moment | None = None
    effective: bool = False
    known_at: Moment | None = None
    fields: Names = []
    version: Annotated[int, Meta(ge=1)] | None = None
    words: list[WordsPattern] | None = None
