"""Events of a mentorship: its parties, its frame for deciding, and the goals and key areas it holds."""

from __future__ import annotations

from typing import ClassVar

from milepost_contracts.events.base import Event
from milepost_contracts.types import (
    ActorRef,
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


class MentorshipEvent(Event, frozen=True, kw_only=True):
    """An event of a mentorship."""

    AGGREGATE: ClassVar[str] = "mentorship"


class Requested(MentorshipEvent, frozen=True, kw_only=True):
    """A person asked for a mentorship with the others."""

    requester: PersonRef
    parties: list[Party]
    format: MentorshipFormat
    purpose: Text | None = None
    programme: Id | None = None
    cadence: Cadence | None = None


class Accepted(MentorshipEvent, frozen=True, kw_only=True):
    """A party other than the requester accepted; `complete`: all have."""

    party: PersonRef
    complete: bool = True


class Rejected(MentorshipEvent, frozen=True, kw_only=True):
    """A party refused; the mentorship does not begin."""

    party: PersonRef
    reason: Text | None = None


class ExpectationsAgreed(MentorshipEvent, frozen=True, kw_only=True):
    """A party wrote down or said yes to what the parties expect of each other."""

    party: PersonRef
    expectations: Text


class PurposeSet(MentorshipEvent, frozen=True, kw_only=True):
    """What the mentorship is for."""

    purpose: Text


class CadenceSet(MentorshipEvent, frozen=True, kw_only=True):
    """How often its parties meet."""

    before: Cadence | None = None
    after: Cadence


class CapSet(MentorshipEvent, frozen=True, kw_only=True):
    """How many active goals an owner may have here."""

    old: int
    new: int


class QuorumSet(MentorshipEvent, frozen=True, kw_only=True):
    """Whose yes a goal needs: all, majority or owner_plus_one."""

    old: Quorum
    new: Quorum


class SessionHeld(MentorshipEvent, frozen=True, kw_only=True):
    """The parties met; a session without goals is legal."""

    session: Id
    held_on: Day
    attendees: list[PersonRef]
    notes: Text | None = None
    goals: list[Id] = []
    next_on: Day | None = None


class PartyReplaced(MentorshipEvent, frozen=True, kw_only=True):
    """One person took another's place; `goals` says what became of each open goal."""

    old: PersonRef
    new: Party
    goals: list[GoalDisposition] = []
    reason: Text


class PartyRemoved(MentorshipEvent, frozen=True, kw_only=True):
    """A person left; `goals` says what became of each open goal."""

    party: PersonRef
    goals: list[GoalDisposition] = []
    reason: Text


class Completed(MentorshipEvent, frozen=True, kw_only=True):
    """The mentorship reached its end."""

    completed_on: Day
    retrospective: Text | None = None


class Cancelled(MentorshipEvent, frozen=True, kw_only=True):
    """The mentorship ended early."""

    cancelled_on: Day
    reason: Text


class ReflectionRecorded(MentorshipEvent, frozen=True, kw_only=True):
    """A diary entry that its author alone reads."""

    reflection: Id
    author: ActorRef
    text: PrivateText


class ResourceAttached(MentorshipEvent, frozen=True, kw_only=True):
    """A book, course, tool ... for the mentorship."""

    resource: Id
    kind: ResourceKind
    title: Line
    url: Link | None = None


class KeyAreaOpened(MentorshipEvent, frozen=True, kw_only=True):
    """A goal became active: it takes one place under its owner's cap."""

    goal: Id
    owner: str


class KeyAreaReleased(MentorshipEvent, frozen=True, kw_only=True):
    """An active goal gave its place back."""

    goal: Id
    owner: str


class GoalJoined(MentorshipEvent, frozen=True, kw_only=True):
    """An open goal was placed here."""

    goal: Id
    owner: str


class GoalLeft(MentorshipEvent, frozen=True, kw_only=True):
    """A goal was closed or placed elsewhere."""

    goal: Id
