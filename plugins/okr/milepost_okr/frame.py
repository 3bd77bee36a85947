"""Where a goal belonged, whom it served, what its terms were and how it ended, at any moment of its past."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from milepost_okr import history
from milepost_okr.history import Framed, Moment, Place


class Frame:
    """What is known of a goal but its readings and check-ins; every `before` is exclusive, NEVER asks for all of it."""

    def __init__(self, entries: Iterable[Framed], *, recorded_until: dt.date | None = None) -> None:
        """Read *entries*, those that were recorded after *recorded_until* left out."""
        self.places: list[history.Stood] = []
        self.life: list[history.Begun | history.Closed] = []
        self._alignments: list[history.Aligned] = []
        self._terms: list[Framed] = []
        self.last: dt.date | None = None  # when the newest of them was told
        for entry in entries:
            if recorded_until is None or entry.recorded <= recorded_until:
                self._take(entry)
                self.last = entry.recorded

    def _take(self, entry: Framed) -> None:
        match entry:
            case history.Stood():
                self.places.append(entry)
            case history.Aligned():
                self._alignments.append(entry)
            case history.Begun() | history.Closed():
                self.life.append(entry)
            case history.Settled(result=result, score=score):
                self._settle(result, score)
            case _:
                self._terms.append(entry)

    def _settle(self, result: str, score: str | None) -> None:
        """Put the last closing right where it stands."""
        for place in reversed(range(len(self.life))):
            closed = self.life[place]
            if isinstance(closed, history.Closed):
                self.life[place] = replace(closed, result=result, score=score)
                return

    def place(self, before: Moment) -> Place:
        """Return where the goal belonged and what it was, before a moment."""
        changes: dict[str, str | None] = {}
        for stood in self.places:
            if stood.moment < before:
                changes |= stood.changes
        return msgspec.convert(changes, Place)

    def parents(self, before: Moment) -> dict[str, str]:
        """Return whom the goal served, with the weights."""
        found: dict[str, str] = {}
        for entry in self._alignments:
            if entry.moment >= before:
                continue
            if entry.weight is None:
                found.pop(entry.parent, None)
            else:
                found[entry.parent] = entry.weight
        return found

    def begun(self, before: Moment) -> bool:
        """Whether work had begun."""
        return any(isinstance(step, history.Begun) for step in self.life if step.moment < before)

    def closing(self, before: Moment) -> history.Closed | None:
        """Return how the goal had ended; None: it was open."""
        steps = [step for step in self.life if step.moment < before]
        last = steps[-1] if steps else None
        return last if isinstance(last, history.Closed) else None

    def from_children(self, before: Moment) -> bool:
        """Whether the goal took its progress from its children."""
        told = [term for term in self._terms if isinstance(term, history.Source) and term.moment < before]
        return bool(told) and told[-1].children

    def measures(self, before: Moment) -> dict[str, history.Defined]:
        """Return the measures that counted, as they were defined and revised, by their ids."""
        found: dict[str, history.Defined] = {}
        for entry in self._terms:
            if entry.moment >= before:
                continue
            match entry:
                case history.Defined(measure=measure):
                    found[measure] = entry
                case history.Retired(measure=measure):
                    found.pop(measure, None)
                case history.Revised(measure=measure) if measure in found:
                    old = found[measure]
                    baseline = old.baseline if entry.baseline is None else entry.baseline
                    found[measure] = replace(old, target=entry.target, baseline=baseline)
        return found
