"""What a goal's readings and check-ins come to within a window of its past: kept, so that a new one costs little.

Only what comes late, is corrected or has other terms is worked out anew, from all of the goal's readings.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple, Protocol

import msgspec
from msgspec.structs import replace

from milepost_okr import history, measures
from milepost_okr.frame import Frame
from milepost_okr.history import NEVER, AnyEntry, Measured, Moment, Spoken, Summed
from milepost_okr.measures import EMPTY, Tally, Value, tally_of

Tallies = dict[str, Tally]
NOTHING: Moment = (dt.date.min, 0)


class Window(msgspec.Struct, frozen=True):
    """What counts: what happened before `before`, and what of that came after `anew`.

    recorded_until: what was told later does not count; None: everything does.
    """

    before: Moment = NEVER
    anew: Moment | None = None
    recorded_until: dt.date | None = None

    def knows(self, recorded: dt.date) -> bool:
        """Whether what was told on a day counts."""
        return self.recorded_until is None or recorded <= self.recorded_until


class View(msgspec.Struct, frozen=True, omit_defaults=True):
    """What there is in a window: the tallies of its measures at its end and where it begins anew.

    last: when the newest of all entries was told, the day of its end at the latest. confidence: of the latest check-in
    that told one.
    """

    window: Window
    last: dt.date | None = None
    end: Tallies = {}
    anew: Tallies = {}
    confidence: int | None = None


class Views(NamedTuple):
    """The views of a goal by cycle (`""`: of now), and the newest reading of each measure."""

    of: dict[str, View]
    newest: dict[str, Moment]


NONE = Views({}, {})


class Logs(Protocol):
    """The history of a goal, read when it is needed."""

    @property
    def readings(self) -> Iterable[Measured]:
        """Its readings and what was put right in them."""

    @property
    def talks(self) -> Iterable[Spoken]:
        """Its check-ins and what was put right in them."""


class _Reading(NamedTuple):
    measure: str
    value: Value
    struck: bool = False


Windows = Mapping[str, tuple[Window, Frame]]
"""What is asked for by cycle, each with the goal's frame as far as it counts there."""


def renewed(views: Views, windows: Windows, entries: Iterable[AnyEntry], logs: Logs) -> Views:
    """Return the views for *windows* after *entries* were added: from those that there are, as far as they hold."""
    for entry in entries:
        views = _after(views, entry, windows, logs)
    kept = {cycle: view for cycle, view in views.of.items() if cycle in windows and view.window == windows[cycle][0]}
    missing = {cycle: asked for cycle, asked in windows.items() if cycle not in kept}
    if not missing:
        return Views(kept, views.newest)
    fresh = _made(missing, logs)
    return Views(kept | fresh.of, fresh.newest)


def _after(views: Views, entry: AnyEntry, windows: Windows, logs: Logs) -> Views:
    """Return the views that still hold after *entry*."""
    match entry:
        case history.Read():
            newest = views.newest.get(entry.measure)
            if newest is not None and entry.moment < newest:
                return NONE
            found = {
                cycle: _read(view, entry, windows[cycle][1]) for cycle, view in views.of.items() if cycle in windows
            }
            return Views(found, views.newest | {entry.measure: entry.moment})
        case history.Fixed() | history.Defined() | history.Revised() | history.Retired() | history.Source():
            return NONE
        case history.Talked() | history.Amended() | history.Voided():
            talks = list(logs.talks)
            told = {cycle: _told(view, entry) for cycle, view in views.of.items()}
            found = {cycle: replace(view, confidence=_confidence(talks, view.window)) for cycle, view in told.items()}
            return Views(found, views.newest)
    return Views({cycle: _told(view, entry) for cycle, view in views.of.items()}, views.newest)


def _told(view: View, entry: AnyEntry) -> View:
    """Return *view* with another newest entry; after its end it needs to know no better, and stays as it is."""
    known = view.window.knows(entry.recorded) and not isinstance(entry, Summed)
    return replace(view, last=_last(view.window, entry.recorded)) if known else view


def _last(window: Window, recorded: dt.date | None) -> dt.date | None:
    return recorded and min(recorded, window.before[0])


def _read(view: View, entry: history.Read, frame: Frame) -> View:
    window = view.window
    if not window.knows(entry.recorded):
        return view
    value = Value(entry.day, entry.seq, entry.value, entry.step)
    end = _with(view.end, frame, window.before, entry.measure, value)
    anew = view.anew if window.anew is None else _with(view.anew, frame, window.anew, entry.measure, value)
    return replace(view, last=_last(window, entry.recorded), end=end, anew=anew)


def _with(tallies: Tallies, frame: Frame, before: Moment, key: str, value: Value) -> Tallies:
    measure = frame.measures(before).get(key) if (value.on, value.order) < before else None
    return tallies if measure is None else tallies | {key: tallies.get(key, EMPTY).entered(measure, value)}


def _made(windows: Windows, logs: Logs) -> Views:
    """Return the views for *windows* from everything that is known of the goal."""
    readings, talks = list(logs.readings), list(logs.talks)
    newest: dict[str, Moment] = {}
    for entry in readings:
        if isinstance(entry, history.Read):
            newest[entry.measure] = max(newest.get(entry.measure, NOTHING), entry.moment)
    for reading in _standing(readings, Window()).values():
        moment = (reading.value.on, reading.value.order)
        newest[reading.measure] = max(newest.get(reading.measure, NOTHING), moment)
    found: dict[str, View] = {}
    for cycle, (window, frame) in windows.items():
        standing = [one for one in _standing(readings, window).values() if not one.struck]
        told = [entry.recorded for entry in (*readings, *talks) if window.knows(entry.recorded)]
        found[cycle] = View(
            window=window,
            last=_last(window, max([*told, *([frame.last] if frame.last else [])], default=None)),
            end=_tallies(frame, standing, window.before),
            anew={} if window.anew is None else _tallies(frame, standing, window.anew),
            confidence=_confidence(talks, window),
        )
    return Views(found, newest)


def _standing(readings: list[Measured], window: Window) -> dict[str, _Reading]:
    """Return the readings as they stand after all corrections that count, by the events that recorded them."""
    found: dict[str, _Reading] = {}
    for entry in readings:
        if not window.knows(entry.recorded):
            continue
        if isinstance(entry, history.Read):
            value = Value(entry.day, entry.seq, entry.value, entry.step)
            found[entry.event] = _Reading(entry.measure, value)
        elif (before := found.get(entry.event)) is not None:
            value = before.value
            if not entry.struck:
                value = Value(entry.on or value.on, value.order, entry.value, entry.step)
            found[entry.event] = before._replace(struck=entry.struck, value=value)
    return found


def _tallies(frame: Frame, readings: list[_Reading], before: Moment) -> Tallies:
    values: dict[str, list[Value]] = {}
    for one in readings:
        if (one.value.on, one.value.order) < before:
            values.setdefault(one.measure, []).append(one.value)
    return {key: tally_of(measure, values[key]) for key, measure in frame.measures(before).items() if key in values}


def _confidence(talks: list[Spoken], window: Window) -> int | None:
    """Return the confidence that the latest check-in in *window* told that told any."""
    found: dict[str, tuple[Moment, int | None]] = {}
    for entry in talks:
        if not window.knows(entry.recorded):
            continue
        if isinstance(entry, history.Talked):
            found[entry.check_in] = entry.moment, entry.confidence
        elif isinstance(entry, history.Voided):
            found.pop(entry.check_in, None)
        elif (before := found.get(entry.check_in)) is not None:
            moment = (entry.held_on or before[0][0], before[0][1])
            found[entry.check_in] = moment, before[1] if entry.confidence is None else entry.confidence
    since = window.anew or NOTHING
    told = [(when, one) for when, one in found.values() if one is not None and since <= when < window.before]
    return max(told)[1] if told else None


def progress(
    tallies: Tallies, frame: Frame, before: Moment, today: dt.date | None, sums: Iterable[Summed]
) -> str | None:
    """Return a goal's progress, 0 to 1 with nine places, before a moment; None: it had no measure.

    sums: what its children came to, of a goal that takes its progress from them. Their past is theirs: what had been
    told by that moment counts.
    """
    if frame.from_children(before):
        told = [one for one in sums if before == NEVER or (one.recorded, one.seq) < before]
        return told[-1].progress if told else None
    share = measures.weighted(
        (Decimal(one.weight), measures.progress(one, tallies.get(key, EMPTY), today))
        for key, one in sorted(frame.measures(before).items())
    )
    return None if share is None else measures.share_text(share)
