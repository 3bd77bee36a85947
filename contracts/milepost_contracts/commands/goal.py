"""Commands on a goal: from starter goal to closing."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

from msgspec import Meta

from milepost_contracts.commands.base import Command
from milepost_contracts.types import (
    Agreement,
    Cadence,
    Code,
    ContributorRole,
    Criterion,
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
    Key,
    Line,
    Link,
    MeasureKind,
    Origin,
    OwnerRef,
    Party,
    Period,
    PersonRef,
    PrivateText,
    ReasonCode,
    ResourceKind,
    Result,
    RubricRef,
    TemplateRef,
    Terms,
    TermsChange,
    Text,
    Trigger,
    Visibility,
    Waiver,
    Zone,
)

Priority: TypeAlias = Annotated[int, Meta(ge=1, le=5)]
Revision: TypeAlias = Annotated[int, Meta(ge=1)]


class GoalCommand(Command, frozen=True, kw_only=True):
    """A command on a goal."""

    AGGREGATE: ClassVar[str] = "goal"


class CreateGoal(GoalCommand, frozen=True, kw_only=True):
    """Bring a starter goal; vague text is welcome."""

    title: Line
    owner: OwnerRef
    accountable: PersonRef | None = None
    kind: GoalKind = "smart"
    focus: Focus | None = None
    description: Text | None = None
    priority: Priority | None = None
    horizon: Horizon | None = None
    time_zone: Zone = "UTC"
    start_on: Day | None = None
    deadline: Day | None = None
    visibility: Visibility = "private"
    template: TemplateRef | None = None
    external_ref: Key | None = None
    tags: list[Line] = []


class ImportGoal(GoalCommand, frozen=True, kw_only=True):
    """Bring a goal from another system or tenant as it was on `as_of`; a closed one with how it ended, if known."""

    origin: Origin
    as_of: Day
    state: GoalState
    terms: Terms
    agreements: list[Agreement] = []
    result: Result | None = None
    score: DecimalText | None = None
    closed_on: Day | None = None


class PlaceGoal(GoalCommand, frozen=True, kw_only=True):
    """Place a goal into a mentorship, programme or cycle; `parties` are all of its parties there."""

    mentorship: Id | None = None
    programme: Id | None = None
    cycle: Id | None = None
    parties: list[Party]
    reason: Text | None = None


class RefineGoal(GoalCommand, frozen=True, kw_only=True):
    """Put terms into better words."""

    changes: TermsChange
    trigger: Trigger
    editorial: bool = False
    reason: Text | None = None


class SetDeadline(GoalCommand, frozen=True, kw_only=True):
    """Give a goal its first deadline."""

    new: Day
    reason: Text | None = None


class ShiftDeadline(GoalCommand, frozen=True, kw_only=True):
    """Move the deadline; `override` allows a date outside the cycle."""

    new: Day
    reason: Text
    reason_code: ReasonCode
    override: bool = False


class SetSchedule(GoalCommand, frozen=True, kw_only=True):
    """Set time zone, start and cadence; a member that is absent stays as it is."""

    time_zone: Zone | None = None
    start_on: Day | None = None
    cadence: Cadence | None = None


class DefineMeasure(GoalCommand, frozen=True, kw_only=True):
    """Define a measure, or define it anew before its first reading."""

    measure: Id
    name: Line
    kind: MeasureKind
    direction: Direction
    unit: Code
    target: DecimalText
    baseline: DecimalText | None = None
    weight: DecimalText = "1"
    period: Period | None = None
    periods_required: Annotated[int, Meta(ge=1, le=1000)] | None = None
    samples_min: Annotated[int, Meta(ge=1, le=1000)] | None = None
    delta_mode: DeltaMode | None = None
    scale: list[Code] | None = None
    sources: list[PersonRef] = []
    reason: Text | None = None


class ReviseTarget(GoalCommand, frozen=True, kw_only=True):
    """Change a measure's target, and its baseline where given."""

    measure: Id
    target: DecimalText
    baseline: DecimalText | None = None
    reason: Text | None = None


class RetireMeasure(GoalCommand, frozen=True, kw_only=True):
    """Let a measure count no longer."""

    measure: Id
    reason: Text | None = None


class EvaluateGoal(GoalCommand, frozen=True, kw_only=True):
    """Hold the present terms against a rubric; without one, the programme's or the standard SMART rubric."""

    rubric: RubricRef | None = None
    criteria: list[Criterion]
    trigger: Trigger | None = None


class ProposeGoal(GoalCommand, frozen=True, kw_only=True):
    """Propose the terms of `revision`, which is one's own yes."""

    revision: Revision
    note: Text | None = None


class AgreeGoal(GoalCommand, frozen=True, kw_only=True):
    """Say yes to `revision`."""

    revision: Revision
    note: Text | None = None


class DeclineGoal(GoalCommand, frozen=True, kw_only=True):
    """Say no to the proposal."""

    reason: Text | None = None


class WithdrawAgreement(GoalCommand, frozen=True, kw_only=True):
    """Take one's yes back."""

    reason: Text | None = None


class ActivateGoal(GoalCommand, frozen=True, kw_only=True):
    """Begin work on the agreed `revision`."""

    revision: Revision
    waivers: list[Waiver] = []


class RecordProgress(GoalCommand, frozen=True, kw_only=True):
    """Record a reading; exactly one of `reading` and `step`."""

    measure: Id
    reading: DecimalText | bool | None = None
    step: Code | None = None
    on: Day
    source: PersonRef | None = None
    evidence: list[Link] = []
    note: Text | None = None


class CorrectProgress(GoalCommand, frozen=True, kw_only=True):
    """Put the reading of event `corrects` right, or strike it."""

    corrects: Id
    reading: DecimalText | bool | None = None
    step: Code | None = None
    on: Day | None = None
    strike: bool = False
    reason: Text


class HoldCheckIn(GoalCommand, frozen=True, kw_only=True):
    """Record a talk about the goal."""

    check_in: Id
    held_on: Day
    attendees: list[PersonRef]
    session: Id | None = None
    progress: DecimalText | None = None
    confidence: int | None = None
    obstacles: list[Text] = []
    adjustments: list[Text] = []
    wins: list[Text] = []
    next_step: Text | None = None
    help_wanted: Text | None = None
    next_on: Day | None = None


class AmendCheckIn(GoalCommand, frozen=True, kw_only=True):
    """Replace members of a check-in; absent ones stay."""

    check_in: Id
    reason: Text | None = None
    held_on: Day | None = None
    attendees: list[PersonRef] | None = None
    progress: DecimalText | None = None
    confidence: int | None = None
    obstacles: list[Text] | None = None
    adjustments: list[Text] | None = None
    wins: list[Text] | None = None
    next_step: Text | None = None
    help_wanted: Text | None = None
    next_on: Day | None = None


class VoidCheckIn(GoalCommand, frozen=True, kw_only=True):
    """Say that a check-in did not happen."""

    check_in: Id
    reason: Text


class AcknowledgeCheckIn(GoalCommand, frozen=True, kw_only=True):
    """Say that one has seen another's check-in."""

    check_in: Id
    note: Text | None = None


class RaiseObstacle(GoalCommand, frozen=True, kw_only=True):
    """Name what stands in the way."""

    obstacle: Id
    title: Line
    description: Text | None = None


class ResolveObstacle(GoalCommand, frozen=True, kw_only=True):
    """Say that it stands there no longer."""

    obstacle: Id
    resolution: Text | None = None


class AddMilestone(GoalCommand, frozen=True, kw_only=True):
    """Add a dated checkpoint."""

    milestone: Id
    title: Line
    due_on: Day
    reason: Text | None = None


class RescheduleMilestone(GoalCommand, frozen=True, kw_only=True):
    """Give a checkpoint another date."""

    milestone: Id
    new: Day
    reason: Text | None = None


class HitMilestone(GoalCommand, frozen=True, kw_only=True):
    """Say that a checkpoint was reached."""

    milestone: Id
    hit_on: Day
    evidence: list[Link] = []


class RetractMilestoneHit(GoalCommand, frozen=True, kw_only=True):
    """Say that the hit was a mistake."""

    milestone: Id
    reason: Text


class DropMilestone(GoalCommand, frozen=True, kw_only=True):
    """Drop a checkpoint."""

    milestone: Id
    reason: Text | None = None


class AddAction(GoalCommand, frozen=True, kw_only=True):
    """Add a short-term task."""

    action: Id
    title: Line
    due_on: Day | None = None
    assignee: PersonRef | None = None


class CompleteAction(GoalCommand, frozen=True, kw_only=True):
    """Say that a task is done."""

    action: Id
    completed_on: Day
    note: Text | None = None


class ReopenAction(GoalCommand, frozen=True, kw_only=True):
    """Say that a task is not done after all."""

    action: Id
    reason: Text | None = None


class DropAction(GoalCommand, frozen=True, kw_only=True):
    """Drop a task."""

    action: Id
    reason: Text | None = None


class SetHealth(GoalCommand, frozen=True, kw_only=True):
    """Override the derived health until the end of `until`."""

    health: Health
    reason: Text
    until: Day


class AlignGoal(GoalCommand, frozen=True, kw_only=True):
    """Let the goal serve `parent` with a weight in (0, 1]."""

    parent: Id
    weight: DecimalText


class UnalignGoal(GoalCommand, frozen=True, kw_only=True):
    """Let the goal serve `parent` no longer."""

    parent: Id
    reason: Text | None = None


class TransferOwnership(GoalCommand, frozen=True, kw_only=True):
    """Give the goal to another owner."""

    owner: OwnerRef
    accountable: PersonRef | None = None
    reason: Text | None = None


class AddParty(GoalCommand, frozen=True, kw_only=True):
    """Add a person who agrees and checks in."""

    party: Party
    reason: Text | None = None


class RemoveParty(GoalCommand, frozen=True, kw_only=True):
    """Remove a party."""

    party: PersonRef
    reason: Text | None = None


class ReplaceParty(GoalCommand, frozen=True, kw_only=True):
    """Put one person in another's place."""

    old: PersonRef
    new: Party
    reason: Text | None = None


class AddContributor(GoalCommand, frozen=True, kw_only=True):
    """Add a person who may give feedback."""

    ref: PersonRef
    role: ContributorRole


class RemoveContributor(GoalCommand, frozen=True, kw_only=True):
    """Remove a contributor."""

    ref: PersonRef
    reason: Text | None = None


class ChangeVisibility(GoalCommand, frozen=True, kw_only=True):
    """Change who may see the goal from now on."""

    visibility: Visibility
    reason: Text | None = None


class PauseGoal(GoalCommand, frozen=True, kw_only=True):
    """Let work rest."""

    reason: Text
    until: Day | None = None


class ResumeGoal(GoalCommand, frozen=True, kw_only=True):
    """Let work go on, under the same checks as activation."""

    revision: Revision | None = None
    waivers: list[Waiver] = []


class CloseGoal(GoalCommand, frozen=True, kw_only=True):
    """End the goal."""

    result: Result
    closed_on: Day
    score: DecimalText | None = None
    justification: Text | None = None
    retrospective: Text | None = None


class AmendClosure(GoalCommand, frozen=True, kw_only=True):
    """Put the closing right; absent members stay."""

    result: Result | None = None
    score: DecimalText | None = None
    justification: Text | None = None
    retrospective: Text | None = None
    reason: Text


class ReopenGoal(GoalCommand, frozen=True, kw_only=True):
    """Make a closed goal active again, under the same checks as activation."""

    reason: Text
    revision: Revision | None = None
    waivers: list[Waiver] = []


class ArchiveGoal(GoalCommand, frozen=True, kw_only=True):
    """Take a closed goal off the lists."""

    reason: Text | None = None


class CarryGoalOver(GoalCommand, frozen=True, kw_only=True):
    """Let the goal go on in another, open cycle of its programme."""

    cycle: Id
    reason: Text


class AttachResource(GoalCommand, frozen=True, kw_only=True):
    """Attach a book, course, tool ..."""

    resource: Id
    kind: ResourceKind
    title: Line
    url: Link | None = None


class GiveFeedback(GoalCommand, frozen=True, kw_only=True):
    """Give feedback on the goal."""

    feedback: Id
    text: Text
    rating: Annotated[int, Meta(ge=1, le=5)] | None = None
    about: PersonRef | None = None
    milestone: Id | None = None
    check_in: Id | None = None


class RetractFeedback(GoalCommand, frozen=True, kw_only=True):
    """Take one's own feedback back."""

    feedback: Id
    reason: Text | None = None


class RecordReflection(GoalCommand, frozen=True, kw_only=True):
    """Write a diary entry that its author alone reads."""

    reflection: Id
    text: PrivateText


class PostComment(GoalCommand, frozen=True, kw_only=True):
    """Remark on the goal."""

    comment: Id
    text: Text
    reply_to: Id | None = None


class TagGoal(GoalCommand, frozen=True, kw_only=True):
    """Put labels on and take them off."""

    add: list[Line] = []
    remove: list[Line] = []
