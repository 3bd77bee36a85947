"""An aggregate as it was at a point in time, words opened as its reader may see them, and where a goal stood then."""

from __future__ import annotations

from typing import Any

from milepost.decide import Ref
from milepost.replay import fields
from milepost.replay.desk import Desk, Told
from milepost.replay.entitlement import PLUGIN_HOST
from milepost.replay.histories import members_of
from milepost.replay.looking import Cut, Looking
from milepost.replay.paging import PAGE_BYTES_MAX, cursor_of, fitting, invalid_cursor, position
from milepost.replay.story import Known, Story
from milepost.replay.words import shown
from milepost_contracts.answers import Problem, Refused
from milepost_contracts.plugin import Permissions
from milepost_contracts.queries import AsOf, AsOfAnswer
from milepost_contracts.queries.moments import instant_text
from milepost_contracts.queries.shown import Unread


def as_of(desk: Desk, tenant: str, query: AsOf, reader: str) -> Told:
    """Answer *query*; refused for what is not there or may not be read, and for a point that is not reached."""
    ref = (query.aggregate, query.id)
    details: dict[str, Any] = {"aggregate": query.aggregate, "id": query.id}
    if query.words:
        details["words"] = query.words  # patterns of a manifest: what is opened is recorded as keys are
    if not desk.may_read(tenant, reader, ref):
        return desk.unknown(query.aggregate), details
    looking = Looking(desk, tenant, reader)
    cut = _cut(looking, query, ref)
    if isinstance(cut, Refused):
        return cut, details
    if query.words is not None or reader == PLUGIN_HOST:
        return _for_plugin(desk, tenant, query, cut), details
    story = looking.story(ref, cut.sequence)
    known, last = story.newest(until=cut.until), story.last(until=cut.until)
    if known.state is None or last is None:
        return not_begun(desk, tenant, ref, story if cut.effective else None), details
    try:
        after = position(query.cursor, "as_of")
    except ValueError:
        return invalid_cursor(), details
    state, left_out, following = _state(known, story, query, after)
    unread: list[Unread] = []
    answer = AsOfAnswer(
        sequence=f"{last.sequence:016d}",
        next=following,
        aggregate=query.aggregate,
        id=query.id,
        version=last.version,
        at=cut.instant,
        state=shown(state, story.words, unread, "/state"),
        standing=looking.standing(ref, known, cut),
        unread=unread,
        left_out=left_out,
    )
    return answer, details


def not_begun(desk: Desk, tenant: str, ref: Ref, story: Story | None = None) -> Refused:
    """Return the refusal of a point at which *ref* did not exist yet; by occurred time as *story* tells it."""
    first = desk.journal.load(tenant, ref, 0, 1)
    if not first:
        return desk.unknown(ref[0])
    began = f"it began as s{first[0].sequence}, recorded {first[0].time}"
    if story is not None and story.stored:
        began = f"its beginning counts from {instant_text(story.counts_from[0])}"
    return Refused(errors=[Problem(code="not_begun", field="at", message=f"It was not there yet: {began}.")])


def _cut(looking: Looking, query: AsOf, ref: Ref) -> Cut | Refused:
    if query.version is not None and query.at is not None:
        message = "Give a version or a point in time, not both."
        return Refused(errors=[Problem(code="moment_twice", field="version", message=message)])
    moment, field = (query.at or "now", "at") if query.version is None else (f"v{query.version}", "version")
    return looking.cut(ref, moment, effective=query.effective, known_at=query.known_at, field=field)


def _state(known: Known, story: Story, query: AsOf, after: int | None) -> tuple[dict[str, Any], list[str], str | None]:
    """Return the members to show, the names of those that do not fit, and the cursor of a page of a single one."""
    state = fields.tree(known, only=query.fields)
    following = None
    if len(query.fields) == 1 and isinstance(items := state.get(query.fields[0]), dict):
        begin = after or 0
        page = list(items.items())[begin : begin + query.limit]
        if begin + len(page) < len(items):
            following = cursor_of("as_of", begin + len(page))
        state = {query.fields[0]: dict(page)}
    state, left_out = fitting(state, PAGE_BYTES_MAX)
    return story.words.opened(state), left_out, following


def _for_plugin(desk: Desk, tenant: str, query: AsOf, cut: Cut) -> AsOfAnswer | Refused:
    """Answer for a plugin: what its manifest permits is opened, everything else stays sealed."""
    ref = (query.aggregate, query.id)
    if query.effective:
        message = "Plugins are told what was recorded: leave `effective` out."
        return Refused(errors=[Problem(code="effective_unknown", field="effective", message=message)])
    version = query.version or desk.journal.version_at(tenant, ref, cut.sequence)
    opened = False if query.words is None else Permissions(words=tuple(query.words))
    state, version, sequence, words = desk.histories.as_of(tenant, ref, version, opened=opened)
    if state is None:
        return not_begun(desk, tenant, ref)
    return AsOfAnswer(
        sequence=sequence, aggregate=query.aggregate, id=query.id, version=version, state=members_of(state),
        opened=words,
    )  # fmt: skip
