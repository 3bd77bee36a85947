"""One question looks back: at an aggregate and at what it depends on, all as they were at the same point."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from milepost.decide import Ref
from milepost.replay.entitlement import PLUGIN_HOST
from milepost.replay.said import CLOSURE
from milepost.replay.standing import Find, standing
from milepost.replay.story import Known, Story
from milepost.replay.words import Words, shown
from milepost_contracts.answers import Problem, Refused
from milepost_contracts.queries.history import Standing
from milepost_contracts.queries.shown import Unread

if TYPE_CHECKING:
    from milepost.replay.desk import Desk

A = TypeVar("A", bound=msgspec.Struct)


class Cut(NamedTuple):
    """A point to look at: what is known there are the events up to the tenant's `sequence`.

    instant: for which progress and health are told. effective: of what is known, what counts by that instant.
    """

    sequence: int
    instant: dt.datetime
    effective: bool = False

    @property
    def until(self) -> dt.datetime | None:
        """The instant until which events have to count; None: all that are known do."""
        return self.instant if self.effective else None


class Looking:
    """Reads for one question of *reader* in *tenant*; every aggregate is read once for each point."""

    def __init__(self, desk: Desk, tenant: str, reader: str) -> None:
        """Take where it is read, and who reads."""
        self._desk = desk
        self._tenant = tenant
        self._reader = reader
        self._found: dict[tuple[Ref, Cut], Any] = {}

    def cut(
        self, ref: Ref, moment: str, *, effective: bool = False, known_at: str | None = None, field: str = "at"
    ) -> Cut | Refused:
        """Return the point that *moment* is; by occurred time with *effective*, as known at *known_at* (None: now)."""
        if known_at is not None and not effective:
            message = "What was known when is asked together with occurred time: set `effective` too."
            return Refused(errors=[Problem(code="known_at_alone", field="known_at", message=message)])
        then = self._desk.then(self._tenant, ref, moment, field)
        if isinstance(then, Refused) or not effective:
            return then if isinstance(then, Refused) else Cut(then.sequence, then.instant)
        known = self._desk.then(self._tenant, ref, known_at or "now", "known_at")
        return known if isinstance(known, Refused) else Cut(known.sequence, then.instant, effective=True)

    def story(self, ref: Ref, sequence: int) -> Story:
        """Return the events of *ref* up to *sequence*."""
        stored = self._desk.histories.events(self._tenant, ref, sequence)
        words = Words(
            self._desk.keys, self._tenant, ref, stored, reader=self._reader, opens=self._reader != PLUGIN_HOST
        )
        return Story(ref, stored, words)

    def finder(self, cut: Cut) -> Find:
        """Return a way to find other aggregates as they were at *cut*, words sealed."""

        def find(ref: Ref) -> Any:
            if (ref, cut) not in self._found:
                story = self.story(ref, cut.sequence)
                self._found[ref, cut] = story.newest(until=cut.until).state
            return self._found[ref, cut]

        return find

    def standing(self, ref: Ref, known: Known, cut: Cut) -> Standing | None:
        """Return where a goal stood at *cut*; None for what is no goal, or was not there."""
        if ref[0] != "goal" or known.state is None:
            return None
        closed_at = (known.said.get(CLOSURE) or {}).get("progress")
        return standing(known.state, cut.instant, self.finder(cut), closed_at=closed_at)


def readable(answer: A, words: Words) -> A:
    """Return *answer* (with a member `unread`) in which words that cannot be read are null and named."""
    if not words.unread:
        return answer
    unread: list[Unread] = []
    members = shown(msgspec.to_builtins(answer), words, unread)
    members["unread"] = msgspec.to_builtins(unread)
    return msgspec.convert(members, type(answer))
