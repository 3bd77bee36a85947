"""What the view answers: a goal, a person's goals and tasks, and what those who run a programme look after."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

import msgspec
from msgspec import Meta

from milepost_contracts.queries.answers import GoalCard, GoalDetail
from milepost_contracts.queries.base import PAGE_MAX, Answer, Query
from milepost_contracts.queries.lists import (
    CycleShown,
    Figures,
    Load,
    MentorshipShown,
    OverdueCheckIn,
    Participant,
    Streak,
    TemplateOffered,
    Todo,
)
from milepost_contracts.queries.shown import ViewAnswer, Words
from milepost_contracts.types import Cadence, GoalState, Health, Id, OwnerRef, PersonRef, Rubric

Grace = Annotated[int, Meta(ge=0, le=60)]
PortfolioRole: TypeAlias = Annotated[
    str, Meta(extra_json_schema={"x-known": ["owner", "accountable", "party", "contributor", "placed"]})
]
MentorshipState: TypeAlias = Annotated[
    str, Meta(extra_json_schema={"x-known": ["requested", "active", "completed", "cancelled", "rejected"]})
]


class GoalAnswer(ViewAnswer, frozen=True, kw_only=True, tag="answered"):
    """One goal; `next` leads to older entries of the same goal."""

    goal: GoalDetail


class Goal(Query, frozen=True, kw_only=True):
    """Everything about a goal, with the newest `limit` of its entries (readings, check-ins, comments ...)."""

    ANSWER: ClassVar[type[Answer]] = GoalAnswer

    id: Id
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = 200


class GoalsAnswer(ViewAnswer, frozen=True, kw_only=True, tag="answered"):
    """A page of goals."""

    goals: list[GoalCard] = []


class GoalsOf(Query, frozen=True, kw_only=True):
    """The portfolio of `of` (absent: the asker): a person's, a mentorship's or a programme's goals.

    A person's are those that the person owns, is accountable for, is a party of or contributes to; `roles` narrows
    that to some of `owner`, `accountable`, `party`, `contributor`. A mentorship's or programme's are `placed` there or
    its own (`owner`). Archived goals come only when asked for.
    """

    ANSWER: ClassVar[type[Answer]] = GoalsAnswer

    of: OwnerRef | None = None
    states: list[GoalState] = []
    roles: list[PortfolioRole] = []
    archived: bool = False


class InboxAnswer(ViewAnswer, frozen=True, kw_only=True, tag="answered"):
    """What waits for the person: dated things first, in order."""

    todos: list[Todo] = []


class Inbox(Query, frozen=True, kw_only=True):
    """What `person` (absent: the asker) has to do, with what falls due within `days`.

    Another's inbox is for the tenant's admins and auditors.
    """

    ANSWER: ClassVar[type[Answer]] = InboxAnswer

    person: PersonRef | None = None
    days: Annotated[int, Meta(ge=0, le=366)] = 7


class ProgrammeAnswer(ViewAnswer, frozen=True, kw_only=True, tag="answered"):
    """A programme; `figures` and `participants` are for those who run it."""

    id: Id
    version: int
    title: Words = None
    description: Words = None
    state: str
    admins: list[PersonRef] = []
    cap: int | None = None
    cadence: Cadence | None = None
    rubric: Rubric | None = None
    cycles: list[CycleShown] = []
    templates: list[TemplateOffered] = []
    participants: list[Participant] = []
    figures: Figures | None = None


class Programme(Query, frozen=True, kw_only=True):
    """A programme's overview; `cycle` narrows the figures to one period's goals."""

    ANSWER: ClassVar[type[Answer]] = ProgrammeAnswer

    id: Id
    cycle: Id | None = None


class Narrowed(Query, frozen=True, kw_only=True):
    """A question about all goals that the asker may see, narrowed to a person, mentorship, programme or cycle."""

    of: PersonRef | None = None
    mentorship: Id | None = None
    programme: Id | None = None
    cycle: Id | None = None


class AtRisk(Narrowed, frozen=True, kw_only=True):
    """Active goals whose health today is one of `health`, by deadline."""

    ANSWER: ClassVar[type[Answer]] = GoalsAnswer

    health: list[Health] = msgspec.field(default_factory=lambda: ["at_risk", "off_track"])


class OverdueCheckInsAnswer(ViewAnswer, frozen=True, kw_only=True, tag="answered"):
    """Check-ins that did not happen in time."""

    check_ins: list[OverdueCheckIn] = []


class OverdueCheckIns(Narrowed, frozen=True, kw_only=True):
    """Active goals whose check-in is more than `grace_days` late, by the goals' deadlines."""

    ANSWER: ClassVar[type[Answer]] = OverdueCheckInsAnswer

    grace_days: Grace = 3


class MentorLoadAnswer(ViewAnswer, frozen=True, kw_only=True, tag="answered"):
    """What rests on whom."""

    mentors: list[Load] = []


class MentorLoad(Query, frozen=True, kw_only=True):
    """What rests on `mentor`; without one on every mentor (of `programme`), as far as the asker oversees them.

    A programme's are for its admins, all for the tenant's admins and auditors; everybody else is told of oneself.
    """

    ANSWER: ClassVar[type[Answer]] = MentorLoadAnswer

    mentor: PersonRef | None = None
    programme: Id | None = None
    grace_days: Grace = 3


class StreaksAnswer(ViewAnswer, frozen=True, kw_only=True, tag="answered"):
    """Streaks, goal by goal."""

    streaks: list[Streak] = []


class Streaks(Query, frozen=True, kw_only=True):
    """Check-ins in a row on the open goals of `of` (absent: the asker), as far as the asker may see them."""

    ANSWER: ClassVar[type[Answer]] = StreaksAnswer

    of: PersonRef | None = None


class Unaligned(Narrowed, frozen=True, kw_only=True):
    """Open goals that serve no other, are served by none and name no `initiative:KEY`, by deadline."""

    ANSWER: ClassVar[type[Answer]] = GoalsAnswer


class MentorshipsAnswer(ViewAnswer, frozen=True, kw_only=True, tag="answered"):
    """A page of mentorships."""

    mentorships: list[MentorshipShown] = []


class Mentorships(Query, frozen=True, kw_only=True):
    """The mentorships of `of` (absent: the asker), or the one called `id`; for its parties and those who run it."""

    ANSWER: ClassVar[type[Answer]] = MentorshipsAnswer

    id: Id | None = None
    of: PersonRef | None = None
    states: list[MentorshipState] = []
