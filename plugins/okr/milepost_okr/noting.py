"""An event adds to its goal's history: which entries it becomes, on which day, and what the goal is from then on."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec.structs import replace

from milepost_contracts.events import Context
from milepost_contracts.events import goal as events
from milepost_contracts.plugin import Delivered
from milepost_contracts.types import Measure, Reading
from milepost_okr import history
from milepost_okr.history import AnyEntry, Moment, Place, Stood

UNKNOWN = "unknown"  # the result of a goal that was closed elsewhere, nobody knows how
ERASED = "erased"  # stands for a person who was

Gone = Callable[[str], bool]
"""Says whether a person was erased."""


class Head(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a goal is now.

    version: of the newest event that was taken. place: where it belongs. parents: whom it serves, with
    the weights. progress: of now, as its parents take it. counts: the keys of what it counts for. parts: how many
    its logs have. views: the cycles that it has a view of; newest: the newest reading of each measure.
    """

    version: int = 0
    zone: str = "UTC"
    reference: str | None = None
    people: tuple[str, ...] = ()
    place: Place = Place()
    parents: dict[str, str] = {}
    children: bool = False
    progress: str | None = None
    counts: tuple[str, ...] = ()
    parts: dict[str, int] = {}
    views: tuple[str, ...] = ()
    newest: dict[str, Moment] = {}


def noted(head: Head, event: Delivered, gone: Gone) -> tuple[Head, list[AnyEntry]]:
    """Return what a goal is after *event*, and what its history gains; of a person who is *gone* nothing is noted."""
    data = event.data
    zone = getattr(data, "time_zone", None) if isinstance(data, events.Created) else None
    match data:
        case events.Imported(terms=terms):
            zone = terms.time_zone
            head = replace(head, reference=terms.external_ref)
        case events.Created(external_ref=reference):
            head = replace(head, reference=reference)
        case events.ScheduleSet(after=after):
            zone = after.time_zone
    head = replace(head, version=event.version, zone=zone or head.zone)
    occurred, recorded = (day_in(head.zone, moment) for moment in (event.occurred, event.recorded))
    entries = list(_entries(data, event, (occurred, recorded, event.sequence), gone))
    head = _changed(head, data)
    if changes := _stood(head.place, event, gone):
        # What comes from elsewhere has been there since the day that its importer names.
        day = data.as_of if isinstance(data, events.Imported) else occurred
        entries.insert(0, Stood(day, recorded, event.sequence, msgspec.to_builtins(changes)))
        head = replace(head, place=replace(head.place, **changes))
    people = head.people if event.context is None else _people(event.context, gone)
    return replace(head, people=people), entries


def day_in(zone: str, moment: dt.datetime) -> dt.date:
    """Return the date of *moment* in *zone*; an unknown zone counts as UTC."""
    return moment.astimezone(_zone(zone) or dt.UTC).date()


# There are about 600 zones; what people mistype must not fill the memory.
@functools.lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: `America` is a folder, no zone
        return None


def _changed(head: Head, data: Any) -> Head:
    match data:
        case events.Aligned(parent=parent, weight=weight):
            return replace(head, parents=head.parents | {parent: weight})
        case events.Unaligned(parent=parent):
            return replace(head, parents={id_: weight for id_, weight in head.parents.items() if id_ != parent})
        case events.Refined(after=after) if after.progress_from is not msgspec.UNSET:
            return replace(head, children=after.progress_from == "children")
    return head


def _stood(before: Place, event: Delivered, gone: Gone) -> dict[str, Any]:
    """Return the members of `Place` that *event* sets to something else; the three of placing go together."""
    data, context = event.data, event.context
    members: dict[str, Any] = {}
    match data:
        case events.Created() | events.Imported():
            terms = data.terms if isinstance(data, events.Imported) else data
            members |= {name: getattr(terms, name) for name in ("kind", "focus", "owner", "deadline")}
        case events.Refined(after=after):
            told = {name: getattr(after, name) for name in ("kind", "focus")}
            members |= {name: value for name, value in told.items() if value is not msgspec.UNSET}
        case events.DeadlineSet(new=new) | events.DeadlineShifted(new=new):
            members["deadline"] = new
    if context is not None:
        members["owner"] = context.owner
    if "owner" in members and gone(members["owner"]):
        members["owner"] = ERASED
    if context is not None:
        placing = {name: getattr(context, name) for name in ("programme", "mentorship", "cycle")}
        if placing != {name: getattr(before, name) for name in placing}:
            return {name: value for name, value in members.items() if value != getattr(before, name)} | placing
    return {name: value for name, value in members.items() if value != getattr(before, name)}


def _people(context: Context, gone: Gone) -> tuple[str, ...]:
    found = {party.ref for party in context.parties} | {context.owner, context.accountable}
    return tuple(sorted(ref for ref in found if ref is not None and ref.startswith("user:") and not gone(ref)))


_Days = tuple[dt.date, dt.date, int]
"""The head of an entry: when it happened, when it was told, the event's sequence."""


def _entries(data: Any, event: Delivered, head: _Days, gone: Gone) -> Iterator[AnyEntry]:
    yield from _of_terms(data, head)
    yield from _of_readings(data, event, head)
    yield from _of_check_ins(data, ERASED if gone(event.actor) else event.actor, head)
    yield from _of_life(data, head)


def _of_terms(data: Any, head: _Days) -> Iterator[AnyEntry]:
    match data:
        case events.Refined(after=after) if after.progress_from is not msgspec.UNSET:
            yield history.Source(*head, after.progress_from == "children")
        case events.Aligned(parent=parent, weight=weight):
            yield history.Aligned(*head, parent, weight)
        case events.Unaligned(parent=parent):
            yield history.Aligned(*head, parent, None)
        case events.MeasureDefined(definition=definition):
            yield defined(definition, head)
        case events.TargetRevised(measure=measure):
            yield history.Revised(*head, measure, data.new, data.new_baseline)
        case events.MeasureRetired(measure=measure):
            yield history.Retired(*head, measure)


def _of_readings(data: Any, event: Delivered, head: _Days) -> Iterator[AnyEntry]:
    match data:
        case events.ProgressRecorded(on=on):
            yield history.Read(on, *head[1:], event.id, data.measure, data.reading, data.step)
        case events.ProgressCorrected(corrects=corrects):
            after = data.after or Reading()
            yield history.Fixed(*head, corrects, data.strike, after.reading, after.step, after.on)


def _of_check_ins(data: Any, by: str, head: _Days) -> Iterator[AnyEntry]:
    match data:
        case events.CheckInHeld(held_on=held_on):
            yield history.Talked(held_on, *head[1:], data.check_in, by, data.confidence)
        case events.CheckInAmended(confidence=confidence, held_on=held_on) if confidence is not None or held_on:
            yield history.Amended(*head, data.check_in, by, confidence, held_on)
        case events.CheckInVoided(check_in=check_in):
            yield history.Voided(*head, check_in)


def _of_life(data: Any, head: _Days) -> Iterator[AnyEntry]:
    match data:
        case events.Imported():
            yield from _imported(data, head)
        case events.Activated(activated_on=on) | events.Reopened(reopened_on=on):
            yield history.Begun(on, *head[1:])
        case events.Closed(closed_on=on):
            yield history.Closed(on, *head[1:], data.result, data.score)
        case events.ClosureAmended():
            yield history.Settled(*head, data.new_result, data.new_score)


def _imported(data: events.Imported, head: _Days) -> Iterator[AnyEntry]:
    """Yield what is known of a goal that began elsewhere, on the days on which it happened there."""
    _, recorded, seq = head
    for measure in data.terms.measures:
        yield defined(measure, (data.as_of, recorded, seq))
    if data.state in ("active", "paused", "closed"):
        yield history.Begun(min(data.terms.start_on or data.as_of, data.as_of), recorded, seq)
    if data.state == "closed":
        yield history.Closed(data.closed_on or data.as_of, recorded, seq, data.result or UNKNOWN, data.score)


def defined(measure: Measure, head: _Days) -> history.Defined:
    """Return *measure* without its words and people."""
    members = {name: getattr(measure, name) for name in history.Defined.__struct_fields__[3:]}
    if measure.scale is not None:
        members["scale"] = tuple(measure.scale)
    return history.Defined(*head, **members)
