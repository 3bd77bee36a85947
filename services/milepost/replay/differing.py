"""Two points of an aggregate's past are compared: what differs, where a goal stood, and the events between them."""

from __future__ import annotations

from typing import NamedTuple

from milepost.decide import Ref
from milepost.replay import fields
from milepost.replay.desk import Desk, Told
from milepost.replay.fields import Changed
from milepost.replay.history import concerns
from milepost.replay.looking import Cut, Looking, readable
from milepost.replay.paging import PAGE_BYTES_MAX, bounded, cursor_of, invalid_cursor, position, size
from milepost.replay.story import Known, Story
from milepost.replay.telling import Telling, told
from milepost_contracts.answers import Refused
from milepost_contracts.queries.history import Diff, DiffAnswer, DiffPoint, FieldChange, HistoryEntry


def diff(desk: Desk, tenant: str, query: Diff, reader: str) -> Told:
    """Answer *query*; a point before the beginning is compared as nothing."""
    ref = (query.aggregate, query.id)
    details = {"aggregate": query.aggregate, "id": query.id}
    if not desk.may_read(tenant, reader, ref):
        return desk.unknown(query.aggregate), details
    looking = Looking(desk, tenant, reader)
    cuts: list[Cut] = []
    for field, moment in (("a", query.a), ("b", query.b)):
        cut = looking.cut(ref, moment, effective=query.effective, known_at=query.known_at, field=field)
        if isinstance(cut, Refused):
            return cut, details
        cuts.append(cut)
    story = looking.story(ref, max(cut.sequence for cut in cuts))
    if not story.stored and not desk.journal.head(tenant, ref):
        return desk.unknown(query.aggregate), details
    try:
        after = position(query.cursor, "diff") or 0
    except ValueError:
        return invalid_cursor(), details
    a, b = (_End(looking, ref, story, cut) for cut in cuts)
    changes = [
        one for one in fields.changes(a.known, b.known, story.words) if not query.fields or concerns(one, query.fields)
    ]
    places = _between(story, *cuts)
    page = _page(story, changes, places, after, query.limit)
    answer = DiffAnswer(
        sequence=f"{desk.newest(tenant):016d}",
        next=cursor_of("diff", page.next) if page.next is not None else None,
        aggregate=query.aggregate,
        id=query.id,
        title=story.words.opened(fields.title_of(b.known) or fields.title_of(a.known)),
        a=a.point,
        b=b.point,
        changes=page.changes,
        entries=page.entries,
        events_between=len(places),
    )
    return readable(answer, story.words), details


class _End:
    """What is known at one of the two points."""

    def __init__(self, looking: Looking, ref: Ref, story: Story, cut: Cut) -> None:
        known = [one for one in story.stored if one.sequence <= cut.sequence]
        part = Story(ref, known, story.words)
        self.known: Known = part.newest(until=cut.until)
        last = part.last(until=cut.until) if self.known.state is not None else None
        self.point = DiffPoint(
            version=last.version if last else 0,
            sequence=f"{last.sequence if last else 0:016d}",
            at=cut.instant,
            standing=looking.standing(ref, self.known, cut),
        )


def _between(story: Story, a: Cut, b: Cut) -> list[int]:
    """Return the places of the events that came after the earlier point and not after the later one."""
    if a.effective:
        low, high = sorted((a.instant, b.instant))
        return [place for place, instant in enumerate(story.counts_from) if low < instant <= high]
    first, last = sorted((a.sequence, b.sequence))
    return [place for place, one in enumerate(story.stored) if first < one.sequence <= last]


class _Page(NamedTuple):
    changes: list[FieldChange]
    entries: list[HistoryEntry]
    next: int | None


def _page(story: Story, changes: list[Changed], places: list[int], after: int, limit: int) -> _Page:
    """Return a page of changes and then events; *after* counts both."""
    page = _Page(told(changes[after : after + limit]), [], None)
    left = PAGE_BYTES_MAX
    for count, one in enumerate(page.changes, 1):
        left -= size(one)
        if left < 0 and count > 1:
            return _Page(page.changes[: count - 1], [], after + count - 1)
    taken = after + len(page.changes)
    if taken < len(changes):
        return page._replace(next=taken)
    if not (rest := places[taken - len(changes) :]):
        return page
    telling = Telling(story)
    for place in rest:
        if len(page.changes) + len(page.entries) == limit:
            return page._replace(next=taken)
        entry = bounded(telling.entry(place, telling.changes(place)), PAGE_BYTES_MAX)
        left -= size(entry)
        if left < 0 and taken > after:
            return page._replace(next=taken)
        page.entries.append(entry)
        taken += 1
    return page
