"""Commands on a programme."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from milepost_contracts.commands.base import Command
from milepost_contracts.types import (
    Cadence,
    Code,
    Day,
    DecimalText,
    Focus,
    GoalKind,
    Horizon,
    Id,
    Line,
    Measure,
    ParticipantRole,
    PersonRef,
    Rubric,
    SurveyScore,
    Text,
)


class ProgrammeCommand(Command, frozen=True, kw_only=True):
    """A command on a programme."""

    AGGREGATE: ClassVar[str] = "programme"


class Create(ProgrammeCommand, frozen=True, kw_only=True):
    """Begin a programme; without `admins` the asker runs it."""

    title: Line
    description: Text | None = None
    admins: list[PersonRef] = []
    cap: Annotated[int, Meta(ge=1, le=100)] | None = None
    cadence: Cadence | None = None


class SetRubric(ProgrammeCommand, frozen=True, kw_only=True):
    """Set the checklist that goals are evaluated with."""

    rubric: Rubric


class SetCadence(ProgrammeCommand, frozen=True, kw_only=True):
    """Set how often goals are checked in on."""

    cadence: Cadence


class SetCap(ProgrammeCommand, frozen=True, kw_only=True):
    """Set how many active goals an owner may have in a mentorship."""

    cap: Annotated[int, Meta(ge=1, le=100)]


class PublishTemplate(ProgrammeCommand, frozen=True, kw_only=True):
    """Publish a goal to start from, or its next version."""

    template: Id
    version: Annotated[int, Meta(ge=1)]
    title: Line
    description: Text | None = None
    kind: GoalKind = "smart"
    focus: Focus | None = None
    horizon: Horizon | None = None
    measures: list[Measure] = []


class RetireTemplate(ProgrammeCommand, frozen=True, kw_only=True):
    """Offer a template no longer."""

    template: Id
    reason: Text | None = None


class EnrolParticipant(ProgrammeCommand, frozen=True, kw_only=True):
    """Let a person take part."""

    participant: PersonRef
    role: ParticipantRole


class WithdrawParticipant(ProgrammeCommand, frozen=True, kw_only=True):
    """Let a person leave."""

    participant: PersonRef
    reason: Text | None = None


class PlanCycle(ProgrammeCommand, frozen=True, kw_only=True):
    """Plan a period."""

    cycle: Id
    title: Line
    starts_on: Day
    ends_on: Day


class OpenCycle(ProgrammeCommand, frozen=True, kw_only=True):
    """Open a planned period."""

    cycle: Id


class CloseCycle(ProgrammeCommand, frozen=True, kw_only=True):
    """Close an open period; its goals stay as they are."""

    cycle: Id


class RecordSurvey(ProgrammeCommand, frozen=True, kw_only=True):
    """Record the figures of a survey."""

    survey: Id
    title: Line
    held_on: Day
    cycle: Id | None = None
    invited: Annotated[int, Meta(ge=0)]
    answered: Annotated[int, Meta(ge=0)]
    scores: list[SurveyScore] = []


class RecordCost(ProgrammeCommand, frozen=True, kw_only=True):
    """Record what the programme cost."""

    cost: Id
    amount: DecimalText
    currency: Code
    on: Day
    note: Text | None = None


class RecordBenefit(ProgrammeCommand, frozen=True, kw_only=True):
    """Record what the programme brought."""

    benefit: Id
    amount: DecimalText
    currency: Code
    on: Day
    note: Text | None = None


class Close(ProgrammeCommand, frozen=True, kw_only=True):
    """End the programme."""

    reason: Text | None = None
