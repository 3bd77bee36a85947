"""Commands on a mentorship."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from milepost_contracts.commands.base import Command
from milepost_contracts.types import (
    Cadence,
    Day,
    GoalDisposition,
    Id,
    Line,
    Link,
    MentorshipFormat,
    Party,
    PersonRef,
    PrivateText,
    Quorum,
    ResourceKind,
    Text,
)


class MentorshipCommand(Command, frozen=True, kw_only=True):
    """A command on a mentorship."""

    AGGREGATE: ClassVar[str] = "mentorship"


class Request(MentorshipCommand, frozen=True, kw_only=True):
    """Ask for a mentorship with others."""

    parties: list[Party]
    format: MentorshipFormat
    purpose: Text | None = None
    programme: Id | None = None
    cadence: Cadence | None = None


class Accept(MentorshipCommand, frozen=True, kw_only=True):
    """Accept a mentorship that another requested."""


class Reject(MentorshipCommand, frozen=True, kw_only=True):
    """Refuse it."""

    reason: Text | None = None


class AgreeExpectations(MentorshipCommand, frozen=True, kw_only=True):
    """Write down what the parties expect of each other."""

    expectations: Text


class SetPurpose(MentorshipCommand, frozen=True, kw_only=True):
    """Say what the mentorship is for."""

    purpose: Text


class SetCadence(MentorshipCommand, frozen=True, kw_only=True):
    """Say how often its parties meet."""

    cadence: Cadence


class SetCap(MentorshipCommand, frozen=True, kw_only=True):
    """Say how many active goals an owner may have here."""

    cap: Annotated[int, Meta(ge=1, le=100)]


class SetQuorum(MentorshipCommand, frozen=True, kw_only=True):
    """Say whose yes a goal needs."""

    quorum: Quorum


class HoldSession(MentorshipCommand, frozen=True, kw_only=True):
    """Record a meeting; a session without goals is legal."""

    session: Id
    held_on: Day
    attendees: list[PersonRef]
    notes: Text | None = None
    goals: list[Id] = []
    next_on: Day | None = None


class ReplaceParty(MentorshipCommand, frozen=True, kw_only=True):
    """Put one person in another's place and say what becomes of each open goal."""

    old: PersonRef
    new: Party
    goals: list[GoalDisposition] = []
    reason: Text


class RemoveParty(MentorshipCommand, frozen=True, kw_only=True):
    """Let a person leave and say what becomes of each open goal."""

    party: PersonRef
    goals: list[GoalDisposition] = []
    reason: Text


class Complete(MentorshipCommand, frozen=True, kw_only=True):
    """End the mentorship."""

    completed_on: Day
    retrospective: Text | None = None


class Cancel(MentorshipCommand, frozen=True, kw_only=True):
    """End the mentorship early."""

    reason: Text


class RecordReflection(MentorshipCommand, frozen=True, kw_only=True):
    """Write a diary entry that its author alone reads."""

    reflection: Id
    text: PrivateText


class AttachResource(MentorshipCommand, frozen=True, kw_only=True):
    """Attach a book, course, tool ..."""

    resource: Id
    kind: ResourceKind
    title: Line
    url: Link | None = None
