"""A goal is kept: its head under one key, its history in logs, and what its readings have come to.

`g/BUCKET/GOAL` the head, `h/GOAL/LOG/N` the history, `v/GOAL/CYCLE` the views, `n/GOAL` what the children of a goal
have come to together, `c/CYCLE` the days of a programme's cycle; see forgetting for what is kept of people.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from milepost_contracts.context import Context, State
from milepost_contracts.plugin import Delivered
from milepost_okr import forgetting, history
from milepost_okr.history import AnyEntry
from milepost_okr.logs import Log
from milepost_okr.noting import Head, noted
from milepost_okr.views import View, Views

BUCKET_CHARS = 3  # 4,096 buckets: a hundred thousand goals are 25 in each


class Goal:
    """A goal that is read as far as it is needed."""

    def __init__(self, state: State, id_: str, head: Head) -> None:
        """Take where it is kept, and what it is."""
        self.id = id_
        self.head = head
        self._state = state
        self._logs = {name: Log(state, f"h/{id_}/{name}", head.parts.get(name, 0)) for name in _LOGS}
        self.frame = self._logs["frame"]
        self.readings = self._logs["readings"]
        self.talks = self._logs["talks"]
        self.sums = self._logs["sums"]

    @functools.cached_property
    def views(self) -> Views:
        """What its readings had come to with the event before."""
        found = {cycle: self._state.get(self._view_key(cycle), View) for cycle in self.head.views}
        return Views(found, self.head.newest)

    def _view_key(self, cycle: str) -> str:
        return f"v/{self.id}/{cycle}"

    def add(self, entries: Iterable[AnyEntry]) -> None:
        """Let the history go on."""
        for entry in entries:
            self._logs[_log(entry)].add(entry)

    def keep(self, views: Views) -> None:
        """Keep what has changed."""
        for log in self._logs.values():
            log.keep()
        for cycle in {*self.views.of, *views.of}:
            if (view := views.of.get(cycle)) is None:
                self._state.delete(self._view_key(cycle))
            elif view != self.views.of.get(cycle):
                self._state.set(self._view_key(cycle), view)
        parts = {name: log.parts for name, log in self._logs.items() if log.parts}
        self.head = replace(self.head, parts=parts, views=tuple(sorted(views.of)), newest=views.newest)
        self._state.set(head_key(self.id), self.head)


_LOGS = ("frame", "readings", "talks", "sums")


def _log(entry: AnyEntry) -> str:
    match entry:
        case history.Read() | history.Fixed():
            return "readings"
        case history.Talked() | history.Amended() | history.Voided():
            return "talks"
        case history.Summed():
            return "sums"
    return "frame"


class Sums(Struct, frozen=True):
    """What the children of a goal that have any progress have come to: exact sums."""

    weights: str = "0"
    total: str = "0"


class Goals:
    """Reads and keeps goals in one turn."""

    def __init__(self, context: Context) -> None:
        """Take where they are kept."""
        self._state = context.state
        self.dates = functools.cache(self._dates)
        self.reference = functools.cache(self._reference)
        self.gone = functools.cache(functools.partial(forgetting.gone, context.state))

    def get(self, id_: str) -> Goal | None:
        """Return the goal, None where nothing is known of it."""
        head = self._state.get(head_key(id_), Head)
        return None if head is None else Goal(self._state, id_, head)

    def after(self, event: Delivered) -> tuple[Goal, list[AnyEntry]]:
        """Return the goal of *event* as it is after it, and the entries that it comes to; they are not added yet.

        An event that was taken before comes to nothing.
        """
        goal = self.get(event.aggregate_id) or Goal(self._state, event.aggregate_id, Head())
        if event.version <= goal.head.version:
            return goal, []
        goal.head, entries = noted(goal.head, event, self.gone)
        return goal, entries

    def bucket(self, number: int) -> Iterator[str]:
        """Yield the ids of the goals in one of `BUCKETS` buckets."""
        prefix = f"g/{number:0{BUCKET_CHARS}x}/"
        for key, _ in self._state.items(prefix):
            yield key.removeprefix(prefix)

    def first(self, most: int) -> list[str]:
        """Return the ids of *most* goals, or of all where there are fewer, without reading very many more."""
        found: list[str] = []
        for digit in "0123456789abcdef":
            found += [key.rpartition("/")[2] for key, _ in self._state.items(f"g/{digit}")]
            if len(found) >= most:
                break
        return found[:most]

    def sums(self, id_: str) -> Sums:
        """Return what the children of a goal have come to."""
        return self._state.get(f"n/{id_}", Sums, Sums())  # type: ignore[no-any-return]  # State.get is untyped

    def put_sums(self, id_: str, sums: Sums) -> None:
        """Keep what the children of a goal have come to."""
        self._state.set(f"n/{id_}", sums)

    def put_dates(self, cycle: str, first: dt.date, last: dt.date) -> None:
        """Keep the days of a programme's cycle."""
        self._state.set(f"c/{cycle}", (first, last))

    def _dates(self, cycle: str) -> tuple[dt.date, dt.date] | None:
        found: tuple[dt.date, dt.date] | None = self._state.get(f"c/{cycle}", tuple[dt.date, dt.date])
        return found

    def _reference(self, id_: str) -> str | None:
        head: Head | None = self._state.get(head_key(id_), Head)
        return None if head is None else head.reference


BUCKETS = 16**BUCKET_CHARS


def head_key(id_: str) -> str:
    """Return where a goal's head is kept: ids begin with their time, so the end tells them apart."""
    return f"g/{id_[-BUCKET_CHARS:]}/{id_}"
