"""An aggregate's events are followed one after the other: each makes a state of the one before, and all are kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from milepost.decide import Ref, evolve
from milepost.evolving import recorded
from milepost.journal import Stored
from milepost.replay import effective, said
from milepost.replay.said import Said
from milepost.replay.words import Words
from milepost_contracts.envelope import convert_members
from milepost_contracts.events import Event, goal

# A label is taken off by its words, and the same words are sealed anew each time: these have to be opened to be
# followed, where labels were taken off at all.
_LABELLING = frozenset({goal.Created.TAG, goal.Imported.TAG, goal.Tagged.TAG})


class Known(NamedTuple):
    """What is known of an aggregate at a point: its state (None: it does not exist), and what was said beside it."""

    state: Any = None
    said: Said = said.NOTHING


UNKNOWN = Known()


class Story:
    """The events of *ref* up to a point, each decoded once, and what they made of it one by one.

    Words stay sealed in the states; *words* opens what is shown of them.
    """

    def __init__(self, ref: Ref, stored: Sequence[Stored], words: Words) -> None:
        """Take the events in order."""
        self.ref = ref
        self.stored = stored
        self.words = words

    @cached_property
    def events(self) -> list[Event]:
        """Every event in its newest form."""
        labelled = any(one.tag == goal.Tagged.TAG for one in self.stored)
        return [
            convert_members(one.tag, self.words.members(place)) if labelled and one.tag in _LABELLING else one.event()
            for place, one in enumerate(self.stored)
        ]

    @cached_property
    def counts_from(self) -> list[dt.datetime]:
        """The instant from which each event counts by occurred time, as known by all of these events."""
        return effective.counts_from((one.envelope, event) for one, event in zip(self.stored, self.events, strict=True))

    def followed(self) -> Iterator[Known]:
        """Yield what is known after each event."""
        known = UNKNOWN
        for place in range(len(self.stored)):
            known = self._after(known, place)
            yield known

    def newest(self, *, until: dt.datetime | None = None) -> Known:
        """Return what all events make; with *until* those that count by then, in the order they were recorded.

        In that order because what was decided later on the same matter goes before, whatever time was claimed for it:
        of everything that counts by now, it is the state as it is now.
        """
        known = UNKNOWN
        for place in range(len(self.stored)):
            if until is None or self.counts_from[place] <= until:
                known = self._after(known, place)
        return known

    def last(self, *, until: dt.datetime | None = None) -> Stored | None:
        """Return the last event, with *until* the last that counts by then; None where there is none."""
        for place in range(len(self.stored) - 1, -1, -1):
            if until is None or self.counts_from[place] <= until:
                return self.stored[place]
        return None

    def _after(self, known: Known, place: int) -> Known:
        stored, event = self.stored[place], self.events[place]
        state = evolve(known.state, recorded(self.ref, stored.envelope, event))
        if state is None:
            return UNKNOWN
        return Known(state, said.after(known.said, event, stored.event_id))
