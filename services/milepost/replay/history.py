"""The history of an aggregate: its events as they are told, narrowed and in pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from milepost.decide import Ref
from milepost.replay import fields
from milepost.replay.desk import Desk, Told
from milepost.replay.fields import Changed
from milepost.replay.looking import Cut, Looking, readable
from milepost.replay.moments import last_until
from milepost.replay.paging import (
    PAGE_BYTES_MAX,
    STATE_BYTES_MAX,
    bounded,
    cursor_of,
    fitting,
    invalid_cursor,
    position,
    size,
)
from milepost.replay.story import Story
from milepost.replay.telling import Telling
from milepost_contracts.answers import Problem, Refused
from milepost_contracts.envelope import Envelope
from milepost_contracts.queries.history import History, HistoryAnswer, HistoryEntry
from milepost_contracts.queries.moments import MomentError, parse_moment

_ALWAYS = dt.datetime.max.replace(tzinfo=dt.UTC)
_NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)


def history(desk: Desk, tenant: str, query: History, reader: str) -> Told:
    """Answer *query*; refused for what is not there or may not be read."""
    ref = (query.aggregate, query.id)
    details = {"aggregate": query.aggregate, "id": query.id}
    if not desk.may_read(tenant, reader, ref):
        return desk.unknown(query.aggregate), details
    newest = desk.newest(tenant)
    looking = Looking(desk, tenant, reader)
    story = looking.story(ref, newest)
    if not story.stored:
        return desk.unknown(query.aggregate), details
    wanted = _wanted(desk, tenant, ref, query, newest)
    if isinstance(wanted, Refused):
        return wanted, details
    try:
        after = position(query.cursor, "history")
    except ValueError:
        return invalid_cursor(), details
    telling = Telling(story)
    entries, following = _page(looking, telling, query, wanted, after)
    answer = HistoryAnswer(
        sequence=f"{newest:016d}",
        next=following,
        aggregate=query.aggregate,
        id=query.id,
        title=story.words.opened(fields.title_of(telling.known[-1])),
        version=story.stored[-1].version,
        entries=entries,
    )
    return readable(answer, story.words), details


Wanted = Callable[[Envelope, dt.datetime], bool]
"""(event, the instant it counts from) -> whether it is asked for."""


def _page(
    looking: Looking, telling: Telling, query: History, wanted: Wanted, after: int | None
) -> tuple[list[HistoryEntry], str | None]:
    """Return the entries after version *after*, and the cursor of the next page; only those that are told are made."""
    story = telling.story
    entries: list[HistoryEntry] = []
    left = PAGE_BYTES_MAX
    for place in _places(story, after, oldest_first=query.oldest_first):
        if not wanted(story.stored[place].envelope, story.counts_from[place]):
            continue
        changes = telling.changes(place)
        if query.fields and not any(concerns(one, query.fields) for one in changes):
            continue
        entry = telling.entry(place, changes)
        if query.state:
            entry = _with_state(looking, telling, place, entry)
        entry = bounded(entry, PAGE_BYTES_MAX)
        left -= size(entry)
        if len(entries) == query.limit or (entries and left < 0):
            return entries, cursor_of("history", entries[-1].version)
        entries.append(entry)
    return entries, None


def _places(story: Story, after: int | None, *, oldest_first: bool) -> Iterator[int]:
    versions = [stored.version for stored in story.stored]
    if oldest_first:
        return (place for place, version in enumerate(versions) if after is None or version > after)
    places = range(len(versions) - 1, -1, -1)
    return (place for place in places if after is None or versions[place] < after)


def concerns(change: Changed, names: list[str]) -> bool:
    """Whether *change* is of one of the members *names*, or below one."""
    return any(change.field == name or change.field.startswith(f"{name}.") for name in names)


def _with_state(looking: Looking, telling: Telling, place: int, entry: HistoryEntry) -> HistoryEntry:
    """Return *entry* with the state after it and where a goal stood then."""
    story, known = telling.story, telling.after(place)
    state, left_out = fitting(fields.tree(known), STATE_BYTES_MAX)
    cut = Cut(story.stored[place].sequence, entry.recorded)
    return msgspec.structs.replace(
        entry, state=story.words.opened(state), left_out=left_out, standing=looking.standing(story.ref, known, cut)
    )


class _Span(NamedTuple):
    """What lies between two points, both included."""

    first: int
    last: int
    begins: dt.datetime
    ends: dt.datetime


def _wanted(desk: Desk, tenant: str, ref: Ref, query: History, newest: int) -> Wanted | Refused:
    """Return what tells whether an event is asked for."""
    span = _span(desk, tenant, ref, query, newest)
    if isinstance(span, Refused):
        return span
    names = {name.removeprefix(f"{query.aggregate}.").replace("-", "_") for name in query.events}
    actors = set(query.actors)

    def wanted(envelope: Envelope, counts_from: dt.datetime) -> bool:
        if query.by == "occurred":
            within = span.begins <= counts_from <= span.ends
        else:
            within = span.first <= envelope.number <= span.last
        named = {envelope.name, envelope.type.removeprefix(f"{query.aggregate}.")}
        who = {envelope.actor, envelope.actor.partition("@")[0], envelope.onbehalfof}
        return (
            within
            and (not names or bool(names & named))
            and (not actors or bool(actors & who))
            and query.caused_by in (None, envelope.causationid, envelope.correlationid)
        )

    return wanted


def _span(desk: Desk, tenant: str, ref: Ref, query: History, newest: int) -> _Span | Refused:
    begin = _end(desk, tenant, ref, query.since, newest, field="since")
    end = _end(desk, tenant, ref, query.until, newest, field="until")
    if isinstance(begin, Refused):
        return begin
    if isinstance(end, Refused):
        return end
    return _Span(begin[0], end[0], begin[1], end[1])


def _end(
    desk: Desk, tenant: str, ref: Ref, moment: str | None, newest: int, *, field: str
) -> tuple[int, dt.datetime] | Refused:
    """Return the first (since) or last (until) sequence and instant that are within."""
    since = field == "since"
    if moment is None:
        return (0, _NEVER) if since else (newest, _ALWAYS)
    try:
        point = parse_moment(moment)
    except MomentError as error:
        return Refused(errors=[Problem(code="moment_unknown", field=field, message=f"{error}.")])
    instant = point.instant
    if point.day is not None:
        begins = dt.datetime.combine(point.day, dt.time(), dt.UTC)
        instant = begins if since else begins + (dt.timedelta(days=1) - dt.timedelta.resolution)
    if instant is None:
        then = desk.then(tenant, ref, moment, field)
        return then if isinstance(then, Refused) else (then.sequence, then.instant)
    # What is not yet is no reason to refuse here: nothing of it can be found.
    if since:
        return last_until(desk.journal, tenant, instant - dt.timedelta.resolution, newest) + 1, instant
    return last_until(desk.journal, tenant, instant, newest), instant
