"""The state of a goal: what its events have made of it, as far as deciding needs to know."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from rpds import HashTrieMap

from milepost.decide.goal.tally import Tally
from milepost_contracts.types import Cadence, Measure, MeasureResult, Origin, RubricRef, TemplateRef


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A reading as it stands after corrections. `value`: decimal text, boolean, or a scale's word in `step`."""

    event: str  # id of the event that recorded it
    version: int  # its order among the goal's readings: ties on `on` go to the later one
    measure: str
    on: dt.date
    value: str | bool | None = None
    step: str | None = None
    struck: bool = False
    recorded_by: str = ""


class CheckIn(msgspec.Struct, frozen=True, kw_only=True):
    """A check-in: when, who was there, who recorded it, who has acknowledged it."""

    held_on: dt.date
    recorded_by: str
    attendees: tuple[str, ...] = ()
    confidence: int | None = None
    next_on: dt.date | None = None
    acknowledged_by: frozenset[str] = frozenset()
    voided: bool = False


class Milestone(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint; `hit_event` is the id of the event of its standing hit."""

    title: str
    due_on: dt.date
    hit_on: dt.date | None = None
    hit_event: str | None = None
    dropped: bool = False

    @property
    def open(self) -> bool:
        """Neither hit nor dropped."""
        return self.hit_on is None and not self.dropped


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """A short-term task."""

    title: str
    due_on: dt.date | None = None
    assignee: str | None = None
    completed_on: dt.date | None = None
    dropped: bool = False

    @property
    def open(self) -> bool:
        """Neither done nor dropped."""
        return self.completed_on is None and not self.dropped


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """Who gave it, in which event, and whether it was taken back."""

    author: str
    event: str
    retracted: bool = False


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The last evaluation: of which revision, by which rubric, passed or not."""

    revision: int
    passed: bool
    rubric: RubricRef


class Closure(msgspec.Struct, frozen=True, kw_only=True):
    """How the goal ended."""

    result: str
    closed_on: dt.date
    score: str | None = None
    measures: tuple[MeasureResult, ...] = ()


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """A goal after its events so far; maps are persistent, so older states stay as they were."""

    id: str
    owner: str
    title: str = ""
    description: str | None = None
    kind: str = "smart"
    focus: str | None = None
    priority: int | None = None
    horizon: str | None = None
    accountable: str | None = None
    parties: HashTrieMap[str, str] = HashTrieMap()  # person -> role
    contributors: HashTrieMap[str, str] = HashTrieMap()  # person -> role
    deadline: dt.date | None = None
    time_zone: str = "UTC"
    start_on: dt.date | None = None
    cadence: Cadence | None = None
    measures: HashTrieMap[str, Measure] = HashTrieMap()
    retired: HashTrieMap[str, Measure] = HashTrieMap()
    progress_from: str = "measures"
    visibility: str = "private"
    tags: frozenset[str] = frozenset()
    external_ref: str | None = None
    template: TemplateRef | None = None
    origin: Origin | None = None
    mentorship: str | None = None
    programme: str | None = None
    cycle: str | None = None

    state: str = "drafted"
    archived: bool = False
    revision: int = 0
    terms_hash: str = ""
    agreements: HashTrieMap[str, int] = HashTrieMap()  # person -> revision that person said yes to
    agreement_open: bool = False  # active, but its quorum's yes was voided or withdrawn
    ever_agreed: bool = False  # once agreed, changing terms and placing want a reason
    evaluation: Evaluation | None = None

    readings: HashTrieMap[str, Reading] = HashTrieMap()  # by id of the recording event
    tallies: HashTrieMap[str, Tally] = HashTrieMap()  # by measure: its readings as arithmetic wants them
    check_ins: HashTrieMap[str, CheckIn] = HashTrieMap()
    obstacles: HashTrieMap[str, bool] = HashTrieMap()  # -> resolved
    milestones: HashTrieMap[str, Milestone] = HashTrieMap()
    actions: HashTrieMap[str, Action] = HashTrieMap()
    feedback: HashTrieMap[str, Feedback] = HashTrieMap()
    reflections: HashTrieMap[str, str] = HashTrieMap()  # -> author
    resources: HashTrieMap[str, bool] = HashTrieMap()
    comments: HashTrieMap[str, str] = HashTrieMap()  # -> author
    parents: HashTrieMap[str, str] = HashTrieMap()  # goal -> weight
    children: HashTrieMap[str, str] = HashTrieMap()  # goal -> weight

    created_on: dt.date | None = None
    activated_on: dt.date | None = None
    pauses: tuple[tuple[dt.date, dt.date | None], ...] = ()
    health: tuple[str, dt.date] | None = None  # (override, until)
    closure: Closure | None = None

    @property
    def open(self) -> bool:
        """Not closed."""
        return self.state != "closed"

    @property
    def people(self) -> frozenset[str]:
        """The owner or the accountable person, and the parties."""
        mine = self.owner if self.owner.startswith("user:") else self.accountable
        return frozenset(self.parties) | ({mine} if mine else frozenset())


def put(goal: Goal, collection: str, key: str, value: Any) -> Goal:
    """Return *goal* with `collection[key] = value`."""
    return msgspec.structs.replace(goal, **{collection: getattr(goal, collection).insert(key, value)})


def drop(goal: Goal, collection: str, key: str) -> Goal:
    """Return *goal* without `collection[key]`; unchanged where it is not there."""
    return msgspec.structs.replace(goal, **{collection: getattr(goal, collection).discard(key)})
