"""What goals look like in answers."""

from __future__ import annotations

from milepost_contracts.queries.entries import (
    CheckInShown,
    CommentShown,
    FeedbackShown,
    ObstacleShown,
    ReadingShown,
    ReflectionShown,
    ResourceShown,
)
from milepost_contracts.queries.shown import Shown, Words
from milepost_contracts.types import (
    ActorRef,
    Cadence,
    Code,
    Contributor,
    Day,
    DecimalText,
    DeltaMode,
    Direction,
    Focus,
    GoalKind,
    GoalState,
    Health,
    Horizon,
    Id,
    Instant,
    Key,
    MeasureKind,
    MeasureResult,
    Origin,
    OwnerRef,
    Party,
    Period,
    PersonRef,
    ProgressFrom,
    Result,
    RubricRef,
    Visibility,
    WaivableCheck,
    Zone,
)


class GoalCard(Shown, frozen=True, kw_only=True):
    """A goal in a list. `progress` and `expected` are 0 to 1; health is told for today, an override included."""

    id: Id
    version: int
    title: Words = None
    kind: GoalKind = "smart"
    state: GoalState
    archived: bool = False
    visibility: Visibility = "private"
    owner: OwnerRef
    accountable: PersonRef | None = None
    parties: list[Party] = []
    mentorship: Id | None = None
    programme: Id | None = None
    cycle: Id | None = None
    focus: Focus | None = None
    priority: int | None = None
    horizon: Horizon | None = None
    deadline: Day | None = None
    progress: DecimalText | None = None
    expected: DecimalText | None = None
    health: Health = "unknown"
    health_set: bool = False
    revision: int = 0
    agreement_open: bool = False
    next_check_in_on: Day | None = None
    result: Result | None = None
    score: DecimalText | None = None


class AgreementShown(Shown, frozen=True, kw_only=True):
    """A party's yes: to which revision, and the day it was given; null where an import does not tell it."""

    party: PersonRef
    revision: int
    on: Day | None = None


class MeasureShown(Shown, frozen=True, kw_only=True):
    """A measure and where it stands; `current`: decimal text, boolean, or a word of the scale in `step`."""

    measure: Id
    name: Words = None
    kind: MeasureKind
    direction: Direction
    unit: Code
    target: DecimalText
    baseline: DecimalText | None = None
    weight: DecimalText = "1"
    period: Period | None = None
    periods_required: int | None = None
    samples_min: int | None = None
    delta_mode: DeltaMode | None = None
    scale: list[Code] | None = None
    sources: list[PersonRef] = []
    retired: bool = False
    current: DecimalText | bool | None = None
    step: Code | None = None
    progress: DecimalText | None = None
    met: bool = False
    readings: int = 0
    last_on: Day | None = None


class MilestoneShown(Shown, frozen=True, kw_only=True):
    """A checkpoint; open, hit or dropped."""

    milestone: Id
    title: Words = None
    due_on: Day
    hit_on: Day | None = None
    evidence: list[Words] = []
    dropped: bool = False
    overdue: bool = False


class ActionShown(Shown, frozen=True, kw_only=True):
    """A task; open, done or dropped."""

    action: Id
    title: Words = None
    due_on: Day | None = None
    assignee: PersonRef | None = None
    completed_on: Day | None = None
    note: Words = None
    dropped: bool = False
    overdue: bool = False


class CriterionShown(Shown, frozen=True, kw_only=True):
    """One line of the last evaluation."""

    criterion: Key
    met: bool
    note: Words = None


class EvaluationShown(Shown, frozen=True, kw_only=True):
    """The last evaluation: of which revision, by whom; `outdated`: the terms changed since."""

    rubric: RubricRef
    revision: int
    passed: bool
    by: ActorRef
    recorded: Instant
    outdated: bool = False
    criteria: list[CriterionShown] = []


class HealthShown(Shown, frozen=True, kw_only=True):
    """Health today: what is derived, and what a person set instead until the end of `until`."""

    health: Health
    derived: Health
    set_by: ActorRef | None = None
    until: Day | None = None
    reason: Words = None


class PauseShown(Shown, frozen=True, kw_only=True):
    """A rest: its days, and until when it was meant."""

    paused_on: Day
    resumed_on: Day | None = None
    until: Day | None = None
    reason: Words = None


class WaiverShown(Shown, frozen=True, kw_only=True):
    """A check that was set aside when work began."""

    check: WaivableCheck
    reason: Words = None


class ClosureShown(Shown, frozen=True, kw_only=True):
    """How the goal ended, as amended."""

    result: Result
    closed_on: Day
    score: DecimalText | None = None
    justification: Words = None
    retrospective: Words = None
    measures: list[MeasureResult] = []
    amended: bool = False


class SlipShown(Shown, frozen=True, kw_only=True):
    """A move of the deadline."""

    old: Day
    new: Day
    days: int
    reason_code: str
    reason: Words = None


class AlignedShown(Shown, frozen=True, kw_only=True):
    """A goal at the other end of an alignment; title and state are null where the asker may not see it."""

    goal: Id
    weight: DecimalText
    title: Words = None
    state: GoalState | None = None
    progress: DecimalText | None = None


class TemplateShown(Shown, frozen=True, kw_only=True):
    """The template that a goal was created from."""

    programme: Id
    id: Id
    version: int


class GoalDetail(GoalCard, frozen=True, kw_only=True):
    """Everything about a goal; lists of entries hold one page, newest first.

    `created` is when it was brought, as claimed; of an imported goal, when the day began that it is told of. `changed`
    is when its newest event was recorded. `cadence` is the one that holds: the goal's own, else its mentorship's, else
    its programme's.
    """

    description: Words = None
    created: Instant
    changed: Instant
    time_zone: Zone = "UTC"
    start_on: Day | None = None
    activated_on: Day | None = None
    cadence: Cadence | None = None
    progress_from: ProgressFrom = "measures"
    external_ref: Key | None = None
    tags: list[Words] = []
    template: TemplateShown | None = None
    origin: Origin | None = None
    terms_hash: str = ""
    contributors: list[Contributor] = []
    agreements: list[AgreementShown] = []
    waiting_for: list[PersonRef] = []
    roles: list[str] = []
    evaluation: EvaluationShown | None = None
    waivers: list[WaiverShown] = []
    measures: list[MeasureShown] = []
    milestones: list[MilestoneShown] = []
    actions: list[ActionShown] = []
    health_today: HealthShown
    pauses: list[PauseShown] = []
    deadline_shifts: list[SlipShown] = []
    parents: list[AlignedShown] = []
    children: list[AlignedShown] = []
    closure: ClosureShown | None = None
    readings: list[ReadingShown] = []
    check_ins: list[CheckInShown] = []
    obstacles: list[ObstacleShown] = []
    resources: list[ResourceShown] = []
    feedback: list[FeedbackShown] = []
    comments: list[CommentShown] = []
    reflections: list[ReflectionShown] = []
