"""How the goals of a programme, mentorship or tenant evolved: as of a moment, between two, towards SMART, by slips."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, TypeAlias

from msgspec import Meta

from milepost_contracts.queries.base import Answer, Query
from milepost_contracts.queries.explain import EventPlace
from milepost_contracts.queries.moments import Moment
from milepost_contracts.queries.shown import Shown, Unread, Words
from milepost_contracts.types import (
    ActorRef,
    Day,
    DecimalText,
    GoalState,
    Health,
    Id,
    Instant,
    Key,
    OwnerRef,
    PersonRef,
    ReasonCode,
    Result,
    Trigger,
)

What: TypeAlias = Annotated[
    str,
    Meta(
        extra_json_schema={
            "x-known": [
                "new", "joined", "left", "refined", "re_measured", "proposed", "agreed", "declined", "disagreed",
                "activated", "paused", "resumed", "slipped", "brought_forward", "closed", "abandoned", "reopened",
            ]
        }
    ),
]  # fmt: skip


class GoalThen(Shown, frozen=True, kw_only=True):
    """A goal as it stood at a moment; `inside`: whether it belonged to what is asked about, by its placing then.

    `agreed`: whose yes to `revision` held. `progress` and `expected` are 0 to 1.
    """

    inside: bool = True
    version: int
    title: Words = None
    state: GoalState
    result: Result | None = None
    owner: OwnerRef
    mentorship: Id | None = None
    programme: Id | None = None
    cycle: Id | None = None
    deadline: Day | None = None
    revision: int = 0
    agreed: list[PersonRef] = []
    agreement_open: bool = False
    measures: int = 0
    progress: DecimalText | None = None
    expected: DecimalText | None = None
    health: Health = "unknown"


class AgreedAgain(Shown, frozen=True, kw_only=True):
    """A yes that a slip voided; `event` gave it anew, `days` later; null where none did until the moment."""

    party: PersonRef
    event: EventPlace | None = None
    days: DecimalText | None = None


class Slip(Shown, frozen=True, kw_only=True):
    """A move of the deadline: by `days` (negative: earlier), who, when as claimed, why, and what became of yeses."""

    event: EventPlace
    on: Instant
    old: Day
    new: Day
    days: int
    reason_code: ReasonCode
    reason: Words = None
    override: bool = False
    revision: int
    voided: list[AgreedAgain] = []


class CriterionTold(Shown, frozen=True, kw_only=True):
    """A criterion over all evaluations: in order, whether it was met; and the last note on it."""

    criterion: Key
    met: list[bool] = []
    note: Words = None


class SmartStep(Shown, frozen=True, kw_only=True):
    """A step from the starter goal on: `what` is the event's name; members that a step does not have are null.

    `title` is the new title; `measure` is the measure's name and `target` its target with unit; `fields` were refined.
    """

    what: str
    event: EventPlace
    on: Instant
    revision: int
    title: Words = None
    fields: list[str] = []
    trigger: Trigger | None = None
    measure: Words = None
    target: str | None = None
    deadline: Day | None = None
    passed: bool | None = None
    unmet: list[Key] = []
    party: ActorRef | None = None


class SmartStory(Shown, frozen=True, kw_only=True):
    """How a starter goal became SMART: `became_smart` when it first had measures, a deadline and a passed evaluation.

    Days count from when the goal was brought, by the time that was claimed where one was. `first_agreed` is the
    quorum's first complete yes.
    """

    starter: Words = None
    title: Words = None
    from_template: bool = False
    imported: bool = False
    became_smart: Instant | None = None
    revisions: int = 0
    refinements: int = 0
    measures_defined: int = 0
    evaluations: int = 0
    criteria: list[CriterionTold] = []
    brought: Instant
    first_proposed: Instant | None = None
    first_agreed: Instant | None = None
    activated: Instant | None = None
    days_to_smart: DecimalText | None = None
    days_to_proposal: DecimalText | None = None
    days_to_agreement: DecimalText | None = None
    days_to_activation: DecimalText | None = None
    steps: list[SmartStep] = []
    more: int = 0


class GoalEvolved(Shown, frozen=True, kw_only=True):
    """A goal: `then` as of the moment, `before` as of `since` (null: it did not exist), `changed` in between.

    `slips` and `smart` are told where they were asked for.
    """

    goal: Id
    then: GoalThen
    before: GoalThen | None = None
    changed: list[What] = []
    slips: list[Slip] = []
    smart: SmartStory | None = None


class SlipFigures(Shown, frozen=True, kw_only=True):
    """Slips in numbers: `later` and `earlier` moves, of how many goals, days in all, by reason code."""

    later: int = 0
    earlier: int = 0
    goals: int = 0
    days: int = 0
    by_reason: dict[str, int] = {}
    voided: int = 0
    agreed_again: int = 0


class SmartFigures(Shown, frozen=True, kw_only=True):
    """On the way to SMART, in numbers; days are medians over the goals that came so far."""

    brought: int = 0
    smart: int = 0
    agreed: int = 0
    activated: int = 0
    refinements: int = 0
    evaluations: int = 0
    revisions_median: DecimalText | None = None
    days_to_smart: DecimalText | None = None
    days_to_agreement: DecimalText | None = None
    days_to_activation: DecimalText | None = None


class EvolutionFigures(Shown, frozen=True, kw_only=True):
    """All goals in numbers, whatever the page shows; `health` is of active and paused goals, progress a mean."""

    goals: int = 0
    goals_before: int | None = None
    states: dict[str, int] = {}
    results: dict[str, int] = {}
    health: dict[str, int] = {}
    progress: DecimalText | None = None
    changed: dict[str, int] = {}
    slips: SlipFigures = SlipFigures()
    smart: SmartFigures = SmartFigures()


class EvolutionAnswer(Answer, frozen=True, kw_only=True, omit_defaults=False, tag="answered"):
    """A page of goals, in the order in which they were brought, and the figures of all of them.

    `at` and `since` are the instants that the moments were, `sequence` the last event that counts at `at`.
    """

    at: Instant
    since: Instant | None = None
    title: Words = None
    figures: EvolutionFigures
    goals: list[GoalEvolved] = []
    unread: list[Unread] = []


class Evolution(Query, frozen=True, kw_only=True):
    """Goals of a programme, a mentorship or the tenant (without `id`) as of `at`, and what changed after `since`.

    A goal belongs where it was placed then, not where it is now. `effective`: by occurred time, as known now, see AsOf.
    """

    ANSWER: ClassVar[type[Answer]] = EvolutionAnswer

    aggregate: Literal["programme", "mentorship", "tenant"] = "programme"
    id: Id | None = None
    at: Moment = "now"
    since: Moment | None = None
    effective: bool = False
    slips: bool = False
    smart: bool = False
