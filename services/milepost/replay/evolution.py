"""All goals of a programme, a mentorship or the tenant as of a moment, and what became of them since an earlier one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import msgspec

from milepost.decide import Ref
from milepost.journal import Journal
from milepost.replay.desk import Desk, Told
from milepost.replay.entitlement import READERS
from milepost.replay.evolution_figures import Counted, figures
from milepost.replay.evolution_goals import changed, then
from milepost.replay.evolution_slips import followed, slips
from milepost.replay.evolution_smart import smart
from milepost.replay.evolution_tracks import Reading, Scope, Track, gathered
from milepost.replay.looking import Cut
from milepost.replay.paging import PAGE_BYTES_MAX, cursor_of, invalid_cursor, position, size
from milepost.replay.words import Words, shown
from milepost_contracts.answers import Problem, Refused
from milepost_contracts.queries.evolution import Evolution, EvolutionAnswer, EvolutionFigures, GoalEvolved
from milepost_contracts.queries.shown import Unread
from milepost_contracts.subjects import tenant_id

# An asker waits five seconds: in that time so many documents are looked through, or so many goals of 15 events each are
# followed, with room to spare. Larger programmes are asked for mentorship by mentorship, or exported.
EVENTS_MAX = 300_000
GOALS_MAX = 3_000
# Figures kept for the next page of the same question; each with the ids of its goals, 200 kB at the most.
KEPT_MAX = 16


class _Question(NamedTuple):
    """What the figures depend on: the same question has the same ones."""

    tenant: str
    scope: Scope
    cut: Cut
    since: Cut | None


class _Found(NamedTuple):
    """The goals that a question is about, in the order in which they were brought, and their figures."""

    goals: list[str]
    figures: EvolutionFigures


# By journal, so that nothing outlives it. What has been is the same whenever it is asked for again.
_kept: WeakKeyDictionary[Journal, OrderedDict[_Question, _Found]] = WeakKeyDictionary()
_keeping = threading.Lock()  # queries are answered in threads


def evolution(desk: Desk, tenant: str, query: Evolution, reader: str) -> Told:
    """Answer *query*, a page of goals and the figures of all; refused for who has no right to either."""
    scope = Scope(query.aggregate, query.id)
    details: dict[str, Any] = {"aggregate": query.aggregate, "id": query.id}
    ref: Ref = (query.aggregate, query.id or tenant_id(tenant))
    if refused := _refused(desk, tenant, query, reader):
        return refused, details
    reading = Reading(desk, tenant, reader)
    # The earlier one first: of a day that goes on, both are now, and now goes on meanwhile.
    since = reading.looking.cut(ref, query.since, effective=query.effective, field="since") if query.since else None
    cut = reading.looking.cut(ref, query.at, effective=query.effective)
    for one in (cut, since):
        if isinstance(one, Refused):
            return one, details
    assert isinstance(cut, Cut)  # noqa: S101  narrowed above
    assert not isinstance(since, Refused)  # noqa: S101  narrowed above
    if since is not None and since.instant > cut.instant:
        message = "The earlier moment is after the other: exchange them."
        return Refused(errors=[Problem(code="moments_exchanged", field="since", message=message)]), details
    try:
        after = position(query.cursor, "evolution")
    except ValueError:
        return invalid_cursor(), details
    found = _found(desk, reading, _question(tenant, scope, query, cut, since))
    if isinstance(found, Refused):
        return found, details
    answer = EvolutionAnswer(
        sequence=f"{cut.sequence:016d}", at=cut.instant, since=since.instant if since else None, figures=found.figures
    )
    return _page(reading, scope, query, (cut, since), found, answer, after or 0, _title(reading, ref, cut)), details


def _refused(desk: Desk, tenant: str, query: Evolution, reader: str) -> Refused | None:
    """Return why *reader* may not have this; None: they may.

    A tenant is for its admins and auditors, a programme for those who run it besides, a mentorship for its parties too.
    """
    if (query.id is None) != (query.aggregate == "tenant"):
        message = "Name the programme or the mentorship by `id`; a tenant needs none."
        return Refused(errors=[Problem(code="scope_not_named", field="id", message=message)])
    directory = desk.histories.newest(tenant, ("tenant", tenant_id(tenant)))
    if directory is not None and READERS & set(directory.roles_of(reader.partition("@")[0])):
        there = query.id is None or desk.histories.newest(tenant, (query.aggregate, query.id)) is not None
        return None if there else desk.unknown(query.aggregate)
    if query.id is None or not desk.entitlement.may_read(tenant, reader, (query.aggregate, query.id)):
        return desk.unknown(query.aggregate)
    state = desk.histories.newest(tenant, (query.aggregate, query.id))
    if query.aggregate == "programme" and reader not in state.admins:
        message = "How a whole programme evolved is for those who run it, and for auditors."
        return Refused(errors=[Problem(code="not_allowed", field="actor", message=message)])
    return None


def _question(tenant: str, scope: Scope, query: Evolution, cut: Cut, since: Cut | None) -> _Question:
    """Return what is kept of *query*: for the next page now is the same moment until a new day can have begun.

    Somewhere one begins every quarter of an hour, and health is told by the day.
    """
    if query.at == "now" and not query.effective:
        instant = cut.instant
        cut = cut._replace(instant=instant.replace(minute=instant.minute // 15 * 15, second=0, microsecond=0))
    return _Question(tenant, scope, cut, since)


def _found(desk: Desk, reading: Reading, question: _Question) -> _Found | Refused:
    with _keeping:
        kept = _kept.setdefault(desk.journal, OrderedDict())
        if (found := kept.get(question)) is not None:
            kept.move_to_end(question)
            return found
    told = _counted(desk, reading, question)
    if isinstance(told, _Found):
        with _keeping:
            kept[question] = told
            if len(kept) > KEPT_MAX:
                kept.popitem(last=False)
    return told


def _counted(desk: Desk, reading: Reading, question: _Question) -> _Found | Refused:
    if question.cut.sequence > EVENTS_MAX:
        return _too_much(f"This tenant has more than {EVENTS_MAX} events")
    ids, documents = gathered(desk.journal, question.tenant, question.scope, question.cut.sequence)
    if len(ids) > GOALS_MAX:
        return _too_much(f"{len(ids)} goals were ever in it, and at most {GOALS_MAX} are followed at once")
    reading.hold(documents or {})
    listed: list[str] = []
    counted: list[Counted] = []
    for id_ in ids:
        track = Track(reading, ("goal", id_), question.cut, question.since, opens=False)
        one = _one(reading, question.scope, track)
        if one is not None and (one.then.inside or (one.before is not None and one.before.inside) or one.slips):
            listed.append(id_)
            counted.append(one)
    return _Found(listed, figures(counted, compared=question.since is not None))


def _too_much(why: str) -> Refused:
    message = f"{why}: ask for its mentorships one by one, or make an export."
    return Refused(errors=[Problem(code="too_much", field="id", message=message)])


def _one(reading: Reading, scope: Scope, track: Track) -> Counted | None:
    """Return all that is told of a goal, words sealed; None: it was not there yet."""
    now = track.then.state
    if now is None:
        return None
    was, version = track.before.state, len(track.story.stored)
    before = None
    if track.since is not None and was is not None:
        before = then(reading.looking, was, track.version_before, track.since, scope)
    agreements = followed(track)
    return Counted(
        then=then(reading.looking, now, track.story.stored[version - 1].version, track.cut, scope),
        before=before,
        changed=changed(track, scope),
        slips=slips(track, scope, agreements),
        smart=smart(track),
    )


def _page(
    reading: Reading, scope: Scope, query: Evolution, cuts: tuple[Cut, Cut | None], found: _Found,
    answer: EvolutionAnswer, start: int, title: tuple[str | None, Words] | None,
) -> EvolutionAnswer:  # fmt: skip
    """Return *answer* with as many goals from *start* on as were asked for and fit, words opened or named."""
    unread: list[Unread] = []
    rows: list[Any] = []
    taken, bytes_left = start, PAGE_BYTES_MAX
    for id_ in found.goals[start : start + query.limit]:
        track = Track(reading, ("goal", id_), *cuts, opens=True)
        row = _row(reading, scope, query, track, id_)
        told: list[Unread] = []
        members = shown(
            track.story.words.opened(msgspec.to_builtins(row)), track.story.words, told, f"/goals/{len(rows)}"
        )
        bytes_left -= size(members) + size(told)
        if rows and bytes_left < 0:
            break
        rows.append(members)
        unread += told
        taken += 1
    named = shown(title[1].opened(title[0]), title[1], unread, "/title") if title is not None else None
    following = cursor_of("evolution", taken) if taken < len(found.goals) else None
    return msgspec.structs.replace(
        answer, title=named, goals=msgspec.convert(rows, list[GoalEvolved]), unread=unread, next=following
    )


def _row(reading: Reading, scope: Scope, query: Evolution, track: Track, id_: str) -> GoalEvolved:
    one = _one(reading, scope, track)
    assert one is not None  # noqa: S101  it was counted
    return GoalEvolved(
        goal=id_, then=one.then, before=one.before, changed=one.changed, slips=one.slips if query.slips else [],
        smart=one.smart if query.smart else None,
    )  # fmt: skip


def _title(reading: Reading, ref: Ref, cut: Cut) -> tuple[str | None, Words] | None:
    """Return what a programme was called then, a mentorship was for, and what opens it."""
    stored = reading.stored(ref, cut.sequence)
    if not stored:
        return None
    story = reading.story(ref, stored, opens=True)
    state = story.newest().state
    if ref[0] == "programme":
        return state.created.title, story.words
    return (state.purpose if ref[0] == "mentorship" else state.title), story.words
