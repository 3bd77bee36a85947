"""A goal's history, read: corrections are in their places, and any moment of its past can be asked about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from milepost_okr import history, measures
from milepost_okr.history import NEVER, Entry, Moment, Place
from milepost_okr.measures import Value


class _Reading(NamedTuple):
    measure: str
    struck: bool
    value: Value


class Talk(NamedTuple):
    """A check-in as it stands."""

    moment: Moment
    by: str
    confidence: int | None


class Told:
    """What is known of a goal's past; every `before` is exclusive, NEVER asks for all of it."""

    def __init__(self, entries: Iterable[Entry], *, recorded_until: dt.date | None = None) -> None:
        """Read *entries*, those that were recorded after *recorded_until* left out."""
        self.places: list[history.Stood] = []
        self.life: list[history.Begun | history.Closed] = []
        self.last: dt.date | None = None  # when the newest of them was recorded that is the goal's own
        self._alignments: list[history.Aligned] = []
        self._terms: list[Entry] = []
        self._sums: list[history.Summed] = []
        self._readings: dict[str, _Reading] = {}
        self._talks: dict[str, Talk] = {}
        for entry in entries:
            if recorded_until is None or entry.recorded <= recorded_until:
                self._take(entry)
                if not isinstance(entry, history.Summed):
                    self.last = entry.recorded

    def _take(self, entry: Entry) -> None:
        match entry:
            case history.Stood():
                self.places.append(entry)
            case history.Aligned():
                self._alignments.append(entry)
            case history.Summed():
                self._sums.append(entry)
            case history.Begun() | history.Closed():
                self.life.append(entry)
            case history.Settled(result=result, score=score):
                self._settle(result, score)
            case history.Read() | history.Fixed():
                self._read(entry)
            case history.Talked() | history.Amended() | history.Voided():
                self._talk(entry)
            case _:
                self._terms.append(entry)

    def _settle(self, result: str, score: str | None) -> None:
        """Put the last closing right where it stands."""
        for place in reversed(range(len(self.life))):
            closed = self.life[place]
            if isinstance(closed, history.Closed):
                self.life[place] = replace(closed, result=result, score=score)
                return

    def _read(self, entry: history.Read | history.Fixed) -> None:
        if isinstance(entry, history.Read):
            value = Value(entry.day, entry.seq, entry.value, entry.step)
            self._readings[entry.event] = _Reading(entry.measure, struck=False, value=value)
        elif (before := self._readings.get(entry.event)) is not None:
            value = before.value
            if not entry.struck:
                value = Value(entry.on or value.on, value.order, entry.value, entry.step)
            self._readings[entry.event] = before._replace(struck=entry.struck, value=value)

    def _talk(self, entry: history.Talked | history.Amended | history.Voided) -> None:
        before = self._talks.get(entry.check_in)
        if isinstance(entry, history.Talked):
            self._talks[entry.check_in] = Talk(entry.moment, entry.by, entry.confidence)
        elif isinstance(entry, history.Voided):
            self._talks.pop(entry.check_in, None)
        elif before is not None:
            moment = (entry.held_on or before.moment[0], before.moment[1])
            told = before if entry.confidence is None else Talk(moment, entry.by, entry.confidence)
            self._talks[entry.check_in] = told._replace(moment=moment)

    # What can be asked

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

    def confidence(self, since: Moment, before: Moment) -> int | None:
        """Return the confidence that was told in the latest check-in from *since* on that told any."""
        told = [talk for talk in self._talks.values() if since <= talk.moment < before and talk.confidence is not None]
        return max(told).confidence if told else None

    def progress(self, before: Moment, today: dt.date | None) -> str | None:
        """Return the goal's progress, 0 to 1 with nine places; None: it had no measure."""
        definitions: dict[str, history.Defined] = {}
        retired: set[str] = set()
        children = False
        for entry in self._terms:
            if entry.moment >= before:
                continue
            match entry:
                case history.Source():
                    children = entry.children
                case history.Defined():
                    definitions[entry.measure] = entry
                    retired.discard(entry.measure)
                case history.Retired():
                    retired.add(entry.measure)
                case history.Revised() if entry.measure in definitions and entry.measure not in retired:
                    old = definitions[entry.measure]
                    baseline = old.baseline if entry.baseline is None else entry.baseline
                    definitions[entry.measure] = replace(old, target=entry.target, baseline=baseline)
        if children:
            return self._summed(before)
        counting = (one for key, one in sorted(definitions.items()) if key not in retired)
        readings = self._standing(before)
        share = measures.weighted(
            (Decimal(one.weight), measures.progress(one, readings.get(one.measure, ()), today)) for one in counting
        )
        return None if share is None else measures.share_text(share)

    def _standing(self, before: Moment) -> dict[str, list[Value]]:
        found: dict[str, list[Value]] = {}
        for reading in self._readings.values():
            if not reading.struck and (reading.value.on, reading.value.order) < before:
                found.setdefault(reading.measure, []).append(reading.value)
        return found

    def _summed(self, before: Moment) -> str | None:
        """Return what the children had come to by what had been recorded: their past is theirs, not the parent's."""
        told = [one for one in self._sums if before == NEVER or (one.recorded, one.seq) < before]
        return told[-1].progress if told else None


__all__ = ["Talk", "Told"]
