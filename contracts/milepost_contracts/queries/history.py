"""What an aggregate's past is asked for, and how it is told: who did what, when, why, and what it changed."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from msgspec import Meta

from milepost_contracts.queries.base import Answer, Query
from milepost_contracts.queries.moments import Moment
from milepost_contracts.queries.shown import Shown, Unread, Words
from milepost_contracts.types import (
    ActorRef,
    Aggregate,
    Code,
    Day,
    DecimalText,
    Health,
    Id,
    Instant,
    MeasureResult,
    Name,
    PersonRef,
)

# A member of the state, dotted: `deadline`, `measures`, `milestones.0199...`, `milestones.0199....due_on`.
Field: TypeAlias = Annotated[str, Meta(min_length=1, max_length=400)]
# Enough for every kind of event, person and field that one question narrows to.
Names: TypeAlias = Annotated[list[Annotated[str, Meta(min_length=1, max_length=200)]], Meta(max_length=200)]


class Standing(Shown, frozen=True, kw_only=True):
    """Where a goal stood at a moment, as it would have been told then on the day `today` in the goal's zone.

    `progress` and `expected` are 0 to 1; `health` is what held, `derived` what the clock says. A goal that was closed
    has no health.
    """

    today: Day
    progress: DecimalText | None = None
    expected: DecimalText | None = None
    health: Health = "unknown"
    derived: Health = "unknown"
    health_set: bool = False
    measures: list[MeasureResult] = []
    next_check_in_on: Day | None = None
    check_in_overdue_since: Day | None = None
    check_ins_missed: int = 0
    streak: int = 0


class FieldChange(Shown, frozen=True, kw_only=True):
    """One member of the state and what became of it; `before` is null for what was added, `after` for what was removed.

    `title`: what the milestone, measure ... is called that the field belongs to.
    """

    field: Field
    change: Annotated[str, Meta(extra_json_schema={"x-known": ["changed", "added", "removed"]})] = "changed"
    before: Any = None
    after: Any = None
    title: Words = None


class PluginNamed(Shown, frozen=True, kw_only=True):
    """The plugin that acted, and its version then."""

    name: Name
    version: str


class HistoryEntry(Shown, frozen=True, kw_only=True):
    """One event: who, what, when, why, what caused it, and what it made of the state.

    `sentence` says it in words. `recorded` is the server's time; `occurred` what was claimed, where something was;
    `on` the day that the event itself tells of; `counts_from` the instant from which it counts by occurred time (see
    AsOf.effective). `command` is the command that caused it, `correlation` what that belonged to. `data` are the
    event's own members as stored, words opened. `changes` compare the state before and after it. `left_out`: members of
    the state, or of this entry, that would not fit into one message.
    """

    sequence: str
    version: int
    event: Id
    type: str
    name: str
    sentence: str
    actor: ActorRef
    on_behalf_of: PersonRef | None = None
    authenticated: str | None = None
    plugin: PluginNamed | None = None
    recorded: Instant
    occurred: Instant | None = None
    on: Day | None = None
    counts_from: Instant
    reason: Words = None
    reason_code: Code | None = None
    trigger: Code | None = None
    command: str | None = None
    correlation: str | None = None
    revision: int | None = None
    voided: list[PersonRef] = []
    data: dict[str, Any] = {}
    changes: list[FieldChange] = []
    state: dict[str, Any] | None = None
    standing: Standing | None = None
    left_out: list[str] = []


class PastAnswer(Answer, frozen=True, kw_only=True, omit_defaults=False, tag="answered"):
    """About an aggregate's past; `unread` names the words in it that are null although somebody wrote them.

    `title`: what it is called at the last point that the answer tells of.
    """

    aggregate: Aggregate
    id: Id
    title: Words = None
    unread: list[Unread] = []


class HistoryAnswer(PastAnswer, frozen=True, kw_only=True, tag="answered"):
    """A page of entries; `version` is the newest there is, whatever the page shows."""

    version: int
    entries: list[HistoryEntry] = []


class History(Query, frozen=True, kw_only=True):
    """What happened to an aggregate, newest first or (`oldest_first`) as it came.

    `events`: names such as `deadline_shifted` or whole types. `actors`: people, services, plugins with or without
    version, acting or acted for. `fields`: members whose change is wanted, `milestones` meaning all below it. `since`
    and `until`, both inclusive: by recorded time, with `by` occurred by the instant from which an event counts.
    `caused_by`: a command or correlation. `state`: tell the state and standing after each event too.
    """

    ANSWER: ClassVar[type[Answer]] = HistoryAnswer

    aggregate: Aggregate = "goal"
    id: Id
    events: Names = []
    actors: Names = []
    fields: Names = []
    since: Moment | None = None
    until: Moment | None = None
    by: Literal["recorded", "occurred"] = "recorded"
    caused_by: Id | None = None
    oldest_first: bool = False
    state: bool = False


class DiffPoint(Shown, frozen=True, kw_only=True):
    """One end of a comparison: the version then (0: it did not exist yet), the instant, and where a goal stood."""

    version: int
    sequence: str
    at: Instant
    standing: Standing | None = None


class DiffAnswer(PastAnswer, frozen=True, kw_only=True, tag="answered"):
    """What differs between two points, and the events between them in order; both in one list of pages.

    On the first page come the changes; `events_between` is how many events there are in all.
    """

    a: DiffPoint
    b: DiffPoint
    changes: list[FieldChange] = []
    entries: list[HistoryEntry] = []
    events_between: int = 0


class Diff(Query, frozen=True, kw_only=True):
    """What changed in an aggregate from `a` to `b`, any two points in time.

    `effective`: by occurred time, as known at `known_at` (absent: now), see AsOf. `fields` narrows the changes.
    """

    ANSWER: ClassVar[type[Answer]] = DiffAnswer

    aggregate: Aggregate = "goal"
    id: Id
    a: Moment
    b: Moment = "now"
    effective: bool = False
    known_at: Moment | None = None
    fields: Names = []
