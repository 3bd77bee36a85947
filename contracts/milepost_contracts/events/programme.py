"""Events of a programme: the organisation's frame around its goals."""

from __future__ import annotations

from typing import ClassVar

from milepost_contracts.events.base import Event
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


class ProgrammeEvent(Event, frozen=True, kw_only=True):
    """An event of a programme."""

    AGGREGATE: ClassVar[str] = "programme"


class Created(ProgrammeEvent, frozen=True, kw_only=True):
    """A programme began; its admins run it."""

    title: Line
    description: Text | None = None
    admins: list[PersonRef]
    cap: int | None = None
    cadence: Cadence | None = None


class RubricSet(ProgrammeEvent, frozen=True, kw_only=True):
    """The checklist that its goals are evaluated with."""

    rubric: Rubric


class CadenceSet(ProgrammeEvent, frozen=True, kw_only=True):
    """How often its goals are checked in on, where a goal says nothing else."""

    before: Cadence | None = None
    after: Cadence


class CapSet(ProgrammeEvent, frozen=True, kw_only=True):
    """How many active goals an owner may have in each of its mentorships, where one says nothing else."""

    old: int | None = None
    new: int


class TemplatePublished(ProgrammeEvent, frozen=True, kw_only=True):
    """A goal to start from; `{{name}}` in its texts is a placeholder."""

    template: Id
    version: int
    title: Line
    description: Text | None = None
    kind: GoalKind = "smart"
    focus: Focus | None = None
    horizon: Horizon | None = None
    measures: list[Measure] = []


class TemplateRetired(ProgrammeEvent, frozen=True, kw_only=True):
    """The template is offered no longer."""

    template: Id
    reason: Text | None = None


class ParticipantEnrolled(ProgrammeEvent, frozen=True, kw_only=True):
    """A person takes part; `role`: mentee, mentor, peer, member or admin."""

    participant: PersonRef
    role: ParticipantRole


class ParticipantWithdrawn(ProgrammeEvent, frozen=True, kw_only=True):
    """A person left the programme."""

    participant: PersonRef
    reason: Text | None = None


class CyclePlanned(ProgrammeEvent, frozen=True, kw_only=True):
    """A period of the programme was planned."""

    cycle: Id
    title: Line
    starts_on: Day
    ends_on: Day


class CycleOpened(ProgrammeEvent, frozen=True, kw_only=True):
    """The period runs."""

    cycle: Id


class CycleClosed(ProgrammeEvent, frozen=True, kw_only=True):
    """The period ended; its goals stay as they are."""

    cycle: Id


class SurveyRecorded(ProgrammeEvent, frozen=True, kw_only=True):
    """The figures of a survey; never a single person's answers."""

    survey: Id
    title: Line
    held_on: Day
    cycle: Id | None = None
    invited: int
    answered: int
    scores: list[SurveyScore] = []


class CostRecorded(ProgrammeEvent, frozen=True, kw_only=True):
    """What the programme cost."""

    cost: Id
    amount: DecimalText
    currency: Code
    on: Day
    note: Text | None = None


class BenefitRecorded(ProgrammeEvent, frozen=True, kw_only=True):
    """What the programme brought."""

    benefit: Id
    amount: DecimalText
    currency: Code
    on: Day
    note: Text | None = None


class Closed(ProgrammeEvent, frozen=True, kw_only=True):
    """The programme ended."""

    closed_on: Day
    reason: Text | None = None
