"""What the view answers beside goals: what there is to do, programmes and mentorships, figures."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

from milepost_contracts.queries.answers import GoalCard
from milepost_contracts.queries.shown import Shown, Words
from milepost_contracts.types import (
    Cadence,
    Code,
    Day,
    DecimalText,
    Focus,
    GoalKind,
    Horizon,
    Id,
    MentorshipFormat,
    ParticipantRole,
    Party,
    PersonRef,
    Quorum,
    SurveyScore,
)

TodoKind: TypeAlias = Annotated[
    str,
    Meta(
        extra_json_schema={
            "x-known": [
                "propose",
                "agree",
                "agree_again",
                "activate",
                "check_in",
                "acknowledge",
                "milestone",
                "action",
                "close",
                "resume",
                "answer_request",
                "agree_expectations",
            ]
        }
    ),
]


class Todo(Shown, frozen=True, kw_only=True):
    """One thing that waits for a person.

    `subject` is the id of the milestone, action or check-in; `title` is theirs, or else the goal's or the
    mentorship's purpose. `due_on` is a day in the goal's zone; what has none waits since `since`. Overdue: `days_late`
    is above 0.
    """

    kind: TodoKind
    goal: Id | None = None
    mentorship: Id | None = None
    subject: Id | None = None
    title: Words = None
    revision: int | None = None
    due_on: Day | None = None
    since: Day | None = None
    days_late: int = 0


class OverdueCheckIn(Shown, frozen=True, kw_only=True):
    """A goal whose check-in was due on `due_on`; the days are counted after the grace."""

    goal: GoalCard
    due_on: Day
    days_late: int
    last_held_on: Day | None = None


class MeasureRun(Shown, frozen=True, kw_only=True):
    """The present run of a measure that counts hits in a row."""

    measure: Id
    name: Words = None
    current: int = 0
    target: DecimalText


class Streak(Shown, frozen=True, kw_only=True):
    """Check-ins held in a row, none missed: now and at best."""

    goal: Id
    title: Words = None
    current: int = 0
    longest: int = 0
    last_held_on: Day | None = None
    next_check_in_on: Day | None = None
    measures: list[MeasureRun] = []


class Load(Shown, frozen=True, kw_only=True):
    """What rests on one mentor."""

    mentor: PersonRef
    mentorships: int = 0
    mentees: int = 0
    goals_open: int = 0
    goals_active: int = 0
    goals_at_risk: int = 0
    goals_off_track: int = 0
    check_ins_overdue: int = 0
    proposals_waiting: int = 0
    requests_waiting: int = 0
    sessions_last_30_days: int = 0
    last_session_on: Day | None = None


class MentorshipShown(Shown, frozen=True, kw_only=True):
    """A mentorship: who, what for, under which rules, and how many goals it holds."""

    id: Id
    version: int
    state: str
    requester: PersonRef
    parties: list[Party] = []
    accepted: list[PersonRef] = []
    format: MentorshipFormat
    purpose: Words = None
    expectations: dict[PersonRef, Words] = {}
    programme: Id | None = None
    cadence: Cadence | None = None
    cap: int = 3
    quorum: Quorum = "all"
    goals_open: int = 0
    goals_active: int = 0
    sessions: int = 0
    last_session_on: Day | None = None
    next_session_on: Day | None = None
    started_on: Day | None = None
    ended_on: Day | None = None


class CycleShown(Shown, frozen=True, kw_only=True):
    """A period of a programme; `state`: planned, active or closed."""

    cycle: Id
    title: Words = None
    state: str
    starts_on: Day
    ends_on: Day


class TemplateOffered(Shown, frozen=True, kw_only=True):
    """A goal to start from."""

    template: Id
    version: int
    title: Words = None
    kind: GoalKind = "smart"
    focus: Focus | None = None
    horizon: Horizon | None = None
    measures: int = 0
    retired: bool = False


class Participant(Shown, frozen=True, kw_only=True):
    """Who takes part; `withdrawn_on`: left."""

    participant: PersonRef
    role: ParticipantRole
    enrolled_on: Day
    withdrawn_on: Day | None = None


class SurveyShown(Shown, frozen=True, kw_only=True):
    """The figures of a survey; `response` is answered / invited, null when nobody was invited."""

    survey: Id
    title: Words = None
    held_on: Day
    cycle: Id | None = None
    invited: int
    answered: int
    response: DecimalText | None = None
    scores: list[SurveyScore] = []


class Money(Shown, frozen=True, kw_only=True):
    """Recorded sums in one currency; `return_on_investment` is benefit / cost, null where either is missing."""

    currency: Code
    cost: DecimalText | None = None
    benefit: DecimalText | None = None
    return_on_investment: DecimalText | None = None


class TimeToAgreement(Shown, frozen=True, kw_only=True):
    """Days from a goal's creation to the first complete agreement of its parties, as they happened.

    Over goals that have one; those that came agreed from elsewhere do not tell how long it took.
    """

    goals: int = 0
    median_days: DecimalText | None = None
    p90_days: DecimalText | None = None


class DeadlineSlip(Shown, frozen=True, kw_only=True):
    """Deadlines that moved: how often, on how many goals, by how many days in sum, and why."""

    shifts: int = 0
    goals: int = 0
    days: int = 0
    by_reason: dict[str, int] = {}


class Engagement(Shown, frozen=True, kw_only=True):
    """Who takes part in deed: people who did something on a goal in the last 30 days, check-ins, feedback."""

    participants: int = 0
    with_goal: int = 0
    active_last_30_days: int = 0
    check_ins: int = 0
    check_ins_overdue: int = 0
    check_ins_per_goal: DecimalText | None = None
    feedback: int = 0


class Attrition(Shown, frozen=True, kw_only=True):
    """Who left: `rate` is withdrawn / ever enrolled, null when nobody was."""

    enrolled: int = 0
    withdrawn: int = 0
    rate: DecimalText | None = None
    goals_abandoned: int = 0
    mentorships_cancelled: int = 0


class Figures(Shown, frozen=True, kw_only=True):
    """A programme in numbers; for its admins, and the tenant's admins and auditors."""

    goals: int = 0
    funnel: dict[str, int] = {}
    reached: dict[str, int] = {}
    results: dict[str, int] = {}
    health: dict[str, int] = {}
    mean_score: DecimalText | None = None
    time_to_agreement: TimeToAgreement
    deadline_slip: DeadlineSlip
    engagement: Engagement
    attrition: Attrition
    surveys: list[SurveyShown] = []
    money: list[Money] = []
