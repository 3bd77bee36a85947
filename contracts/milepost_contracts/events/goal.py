"""Events of a goal: from a starter goal to its closing, and what was said and done on the way."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from milepost_contracts.events.base import GoalEvent, TermsEvent
from milepost_contracts.types import (
    ActorRef,
    Agreement,
    Code,
    ContributorRole,
    Criterion,
    Day,
    DecimalText,
    Focus,
    GoalKind,
    GoalState,
    Health,
    Horizon,
    Id,
    Key,
    Line,
    Link,
    Measure,
    MeasureResult,
    Origin,
    OwnerRef,
    Party,
    PersonRef,
    Placing,
    PrivateText,
    Reading,
    ReasonCode,
    ResourceKind,
    Result,
    RubricRef,
    Schedule,
    SeenAt,
    TemplateRef,
    Terms,
    TermsChange,
    Text,
    Trigger,
    Visibility,
    Waiver,
    Warned,
    Zone,
)

Confidence = Annotated[int, Meta(ge=0, le=10)]


class Created(TermsEvent, frozen=True, kw_only=True):
    """A starter goal was brought; vague text is welcome."""

    title: Line
    owner: OwnerRef
    accountable: PersonRef | None = None
    kind: GoalKind = "smart"
    focus: Focus | None = None
    description: Text | None = None
    priority: int | None = None
    horizon: Horizon | None = None
    time_zone: Zone = "UTC"
    start_on: Day | None = None
    deadline: Day | None = None
    visibility: Visibility = "private"
    template: TemplateRef | None = None
    external_ref: Key | None = None
    tags: list[Line] = []


class Imported(TermsEvent, frozen=True, kw_only=True):
    """A goal from another system or tenant came in as it was on `as_of`; a closed one with how it ended, if known."""

    origin: Origin
    as_of: Day
    state: GoalState
    terms: Terms
    agreements: list[Agreement] = []
    result: Result | None = None
    score: DecimalText | None = None
    closed_on: Day | None = None


class Placed(TermsEvent, frozen=True, kw_only=True):
    """The goal was placed into a mentorship, programme or cycle; `before` and `after` give all of it."""

    before: Placing
    after: Placing
    reason: Text | None = None


class Refined(TermsEvent, frozen=True, kw_only=True):
    """Terms were put into better words; `editorial` voids nobody's yes."""

    before: TermsChange
    after: TermsChange
    trigger: Trigger
    editorial: bool = False
    reason: Text | None = None


class DeadlineSet(TermsEvent, frozen=True, kw_only=True):
    """The goal got its first deadline."""

    new: Day
    reason: Text | None = None


class DeadlineShifted(TermsEvent, frozen=True, kw_only=True):
    """The deadline moved by `days` (negative: earlier)."""

    old: Day
    new: Day
    days: int
    reason: Text
    reason_code: ReasonCode
    override: bool = False


class ScheduleSet(GoalEvent, frozen=True, kw_only=True):
    """Time zone, start or cadence changed."""

    before: Schedule
    after: Schedule


class MeasureDefined(TermsEvent, frozen=True, kw_only=True):
    """A measure was defined, or defined anew before its first reading."""

    definition: Measure
    reason: Text | None = None


class TargetRevised(TermsEvent, frozen=True, kw_only=True):
    """A measure's target (and baseline, where given) changed."""

    measure: Id
    old: DecimalText
    new: DecimalText
    old_baseline: DecimalText | None = None
    new_baseline: DecimalText | None = None
    reason: Text | None = None
    progress: DecimalText | None = None


class MeasureRetired(TermsEvent, frozen=True, kw_only=True):
    """A measure counts no longer; its readings stay."""

    measure: Id
    reason: Text | None = None
    progress: DecimalText | None = None


class Evaluated(GoalEvent, frozen=True, kw_only=True):
    """The terms of `revision` were held against a rubric."""

    rubric: RubricRef
    criteria: list[Criterion]
    passed: bool
    revision: int
    trigger: Trigger | None = None


class Proposed(GoalEvent, frozen=True, kw_only=True):
    """A party proposed the terms of `revision`, which is that party's yes."""

    party: PersonRef
    revision: int
    terms_hash: str = ""
    complete: bool = False
    note: Text | None = None


class Agreed(GoalEvent, frozen=True, kw_only=True):
    """A party said yes to `revision`; `complete`: the quorum has agreed."""

    party: PersonRef
    revision: int
    terms_hash: str = ""
    complete: bool = False
    note: Text | None = None


class Declined(GoalEvent, frozen=True, kw_only=True):
    """A party said no; the goal is a draft again."""

    party: PersonRef
    revision: int
    reason: Text | None = None


class AgreementWithdrawn(GoalEvent, frozen=True, kw_only=True):
    """A party took its yes back; `open`: the goal goes on without its quorum's agreement."""

    party: PersonRef
    revision: int
    open: bool = False
    reason: Text | None = None


class Activated(GoalEvent, frozen=True, kw_only=True):
    """Work began; `frame` is what the decision read, at which version."""

    revision: int
    activated_on: Day
    waivers: list[Waiver] = []
    frame: list[SeenAt] = []
    warnings: list[Warned] = []


class ProgressRecorded(GoalEvent, frozen=True, kw_only=True):
    """A reading of a measure; `current` and `progress` (of the goal, 0 to 1) are after it."""

    measure: Id
    reading: DecimalText | bool | None = None
    step: Code | None = None
    on: Day
    source: PersonRef | None = None
    evidence: list[Link] = []
    note: Text | None = None
    current: DecimalText | bool | None = None
    progress: DecimalText | None = None


class ProgressCorrected(GoalEvent, frozen=True, kw_only=True):
    """A reading was put right, or struck; the original event stays."""

    corrects: Id
    measure: Id
    before: Reading
    after: Reading | None = None
    strike: bool = False
    reason: Text
    current: DecimalText | bool | None = None
    progress: DecimalText | None = None


class CheckInHeld(GoalEvent, frozen=True, kw_only=True):
    """A dated talk about the goal; `progress` and `confidence` as the talkers see them."""

    check_in: Id
    held_on: Day
    attendees: list[PersonRef]
    session: Id | None = None
    progress: DecimalText | None = None
    confidence: Confidence | None = None
    obstacles: list[Text] = []
    adjustments: list[Text] = []
    wins: list[Text] = []
    next_step: Text | None = None
    help_wanted: Text | None = None
    next_on: Day | None = None


class CheckInAmended(GoalEvent, frozen=True, kw_only=True):
    """Members that are present replace those of the check-in; the original event stays."""

    check_in: Id
    reason: Text | None = None
    held_on: Day | None = None
    attendees: list[PersonRef] | None = None
    progress: DecimalText | None = None
    confidence: Confidence | None = None
    obstacles: list[Text] | None = None
    adjustments: list[Text] | None = None
    wins: list[Text] | None = None
    next_step: Text | None = None
    help_wanted: Text | None = None
    next_on: Day | None = None


class CheckInVoided(GoalEvent, frozen=True, kw_only=True):
    """The check-in did not happen."""

    check_in: Id
    reason: Text


class CheckInAcknowledged(GoalEvent, frozen=True, kw_only=True):
    """Another party saw the check-in."""

    check_in: Id
    party: PersonRef
    note: Text | None = None


class ObstacleRaised(GoalEvent, frozen=True, kw_only=True):
    """Something stands in the way."""

    obstacle: Id
    title: Line
    description: Text | None = None


class ObstacleResolved(GoalEvent, frozen=True, kw_only=True):
    """It does no longer."""

    obstacle: Id
    resolution: Text | None = None


class MilestoneAdded(GoalEvent, frozen=True, kw_only=True):
    """A dated checkpoint was added."""

    milestone: Id
    title: Line
    due_on: Day
    reason: Text | None = None


class MilestoneRescheduled(GoalEvent, frozen=True, kw_only=True):
    """A checkpoint got another date."""

    milestone: Id
    old: Day
    new: Day
    reason: Text | None = None


class MilestoneHit(GoalEvent, frozen=True, kw_only=True):
    """A checkpoint was reached; `ordinal` counts the goal's hits from 1, retracted ones left out."""

    milestone: Id
    hit_on: Day
    title: Line
    due_on: Day
    ordinal: int
    evidence: list[Link] = []


class MilestoneHitRetracted(GoalEvent, frozen=True, kw_only=True):
    """The hit was a mistake."""

    milestone: Id
    hit_event: Id
    reason: Text


class MilestoneDropped(GoalEvent, frozen=True, kw_only=True):
    """The checkpoint is no longer wanted."""

    milestone: Id
    reason: Text | None = None


class ActionAdded(GoalEvent, frozen=True, kw_only=True):
    """A short-term task was added."""

    action: Id
    title: Line
    due_on: Day | None = None
    assignee: PersonRef | None = None


class ActionCompleted(GoalEvent, frozen=True, kw_only=True):
    """The task is done."""

    action: Id
    completed_on: Day
    note: Text | None = None


class ActionReopened(GoalEvent, frozen=True, kw_only=True):
    """The task is not done after all."""

    action: Id
    reason: Text | None = None


class ActionDropped(GoalEvent, frozen=True, kw_only=True):
    """The task is no longer wanted."""

    action: Id
    reason: Text | None = None


class HealthSet(GoalEvent, frozen=True, kw_only=True):
    """A person overrides the derived health until the end of `until`."""

    health: Health
    reason: Text
    until: Day


class Aligned(GoalEvent, frozen=True, kw_only=True):
    """The goal serves `parent` with `weight` in (0, 1]."""

    parent: Id
    weight: DecimalText
    frame: list[SeenAt] = []


class Unaligned(GoalEvent, frozen=True, kw_only=True):
    """The goal serves `parent` no longer."""

    parent: Id
    reason: Text | None = None


class ChildAligned(GoalEvent, frozen=True, kw_only=True):
    """Told to the parent: `child` serves it."""

    child: Id
    weight: DecimalText


class ChildUnaligned(GoalEvent, frozen=True, kw_only=True):
    """Told to the parent: `child` serves it no longer."""

    child: Id


class OwnershipTransferred(TermsEvent, frozen=True, kw_only=True):
    """The goal has another owner."""

    old: OwnerRef
    new: OwnerRef
    old_accountable: PersonRef | None = None
    new_accountable: PersonRef | None = None
    reason: Text | None = None


class PartyAdded(TermsEvent, frozen=True, kw_only=True):
    """A person agrees and checks in from now on."""

    party: Party
    reason: Text | None = None


class PartyRemoved(TermsEvent, frozen=True, kw_only=True):
    """A person is a party no longer."""

    party: PersonRef
    reason: Text | None = None


class PartyReplaced(TermsEvent, frozen=True, kw_only=True):
    """One person took another's place."""

    old: PersonRef
    new: Party
    reason: Text | None = None


class ContributorAdded(GoalEvent, frozen=True, kw_only=True):
    """A person may give feedback, and readings where a measure lists that person."""

    ref: PersonRef
    role: ContributorRole


class ContributorRemoved(GoalEvent, frozen=True, kw_only=True):
    """A person contributes no longer."""

    ref: PersonRef
    reason: Text | None = None


class VisibilityChanged(GoalEvent, frozen=True, kw_only=True):
    """Who may see the goal from now on; nothing already sent is altered."""

    old: Visibility
    new: Visibility
    reason: Text | None = None


class Paused(GoalEvent, frozen=True, kw_only=True):
    """Work rests and the clock of expected progress stops."""

    paused_on: Day
    reason: Text
    until: Day | None = None


class Resumed(GoalEvent, frozen=True, kw_only=True):
    """Work goes on."""

    resumed_on: Day
    revision: int
    waivers: list[Waiver] = []
    frame: list[SeenAt] = []
    warnings: list[Warned] = []


class Closed(GoalEvent, frozen=True, kw_only=True):
    """The goal ended; `measures` are final."""

    result: Result
    closed_on: Day
    score: DecimalText | None = None
    justification: Text | None = None
    retrospective: Text | None = None
    measures: list[MeasureResult] = []
    progress: DecimalText | None = None


class ClosureAmended(GoalEvent, frozen=True, kw_only=True):
    """The closing was put right: `before` in old members, present new members replace."""

    old_result: Result
    new_result: Result
    old_score: DecimalText | None = None
    new_score: DecimalText | None = None
    retrospective: Text | None = None
    justification: Text | None = None
    reason: Text


class Reopened(GoalEvent, frozen=True, kw_only=True):
    """A closed goal is active again."""

    reopened_on: Day
    revision: int
    reason: Text
    waivers: list[Waiver] = []
    frame: list[SeenAt] = []
    warnings: list[Warned] = []


class Archived(GoalEvent, frozen=True, kw_only=True):
    """A closed goal left the lists."""

    reason: Text | None = None


class CarriedOver(GoalEvent, frozen=True, kw_only=True):
    """The goal goes on in another cycle."""

    old: Id | None = None
    new: Id
    reason: Text


class ResourceAttached(GoalEvent, frozen=True, kw_only=True):
    """A book, course or tool for the goal (first form: the kind was called `type`)."""

    resource: Id
    type: ResourceKind
    title: Line
    url: Link | None = None


class ResourceAttachedV2(GoalEvent, frozen=True, kw_only=True):
    """A book, course, tool ... for the goal."""

    resource: Id
    kind: ResourceKind
    title: Line
    url: Link | None = None


class FeedbackGiven(GoalEvent, frozen=True, kw_only=True):
    """Feedback on the goal; `rating` 1 to 5."""

    feedback: Id
    text: Text
    rating: Annotated[int, Meta(ge=1, le=5)] | None = None
    about: PersonRef | None = None
    milestone: Id | None = None
    check_in: Id | None = None


class FeedbackRetracted(GoalEvent, frozen=True, kw_only=True):
    """Its author took it back."""

    feedback: Id
    feedback_event: Id
    reason: Text | None = None


class ReflectionRecorded(GoalEvent, frozen=True, kw_only=True):
    """A diary entry that its author alone reads."""

    reflection: Id
    author: ActorRef
    text: PrivateText


class CommentPosted(GoalEvent, frozen=True, kw_only=True):
    """A remark on the goal."""

    comment: Id
    text: Text
    reply_to: Id | None = None


class Tagged(GoalEvent, frozen=True, kw_only=True):
    """Labels were put on and taken off."""

    added: list[Line] = []
    removed: list[Line] = []
