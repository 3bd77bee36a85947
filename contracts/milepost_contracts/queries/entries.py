"""What was said and read about a goal, day by day, as answers show it."""

from __future__ import annotations

from milepost_contracts.queries.shown import Shown, Words
from milepost_contracts.types import (
    ActorRef,
    Code,
    Day,
    DecimalText,
    Id,
    Instant,
    PersonRef,
    ResourceKind,
)


class Entry(Shown, frozen=True, kw_only=True):
    """What was said or read on a day; `sequence` is the event's, `recorded` the server's time."""

    sequence: str
    event: Id
    by: ActorRef
    recorded: Instant


class ReadingShown(Entry, frozen=True, kw_only=True):
    """A reading as it stands after corrections; a struck one counts no longer."""

    measure: Id
    reading: DecimalText | bool | None = None
    step: Code | None = None
    on: Day
    source: PersonRef | None = None
    evidence: list[Words] = []
    note: Words = None
    corrected: bool = False
    struck: bool = False
    reason: Words = None


class AcknowledgementShown(Shown, frozen=True, kw_only=True):
    """Who saw a check-in."""

    party: PersonRef
    note: Words = None


class CheckInShown(Entry, frozen=True, kw_only=True):
    """A check-in as amended; a voided one did not happen."""

    check_in: Id
    held_on: Day
    attendees: list[PersonRef] = []
    session: Id | None = None
    progress: DecimalText | None = None
    confidence: int | None = None
    obstacles: list[Words] = []
    adjustments: list[Words] = []
    wins: list[Words] = []
    next_step: Words = None
    help_wanted: Words = None
    next_on: Day | None = None
    amended: bool = False
    voided: bool = False
    reason: Words = None
    acknowledged: list[AcknowledgementShown] = []


class ObstacleShown(Entry, frozen=True, kw_only=True):
    """What stands in the way, or stood."""

    obstacle: Id
    title: Words = None
    description: Words = None
    resolved: bool = False
    resolution: Words = None


class ResourceShown(Entry, frozen=True, kw_only=True):
    """A book, course, tool ..."""

    resource: Id
    kind: ResourceKind
    title: Words = None
    url: Words = None


class FeedbackShown(Entry, frozen=True, kw_only=True):
    """Feedback, by `by`; retracted feedback keeps its place and loses its text."""

    feedback: Id
    text: Words = None
    rating: int | None = None
    about: PersonRef | None = None
    milestone: Id | None = None
    check_in: Id | None = None
    retracted: bool = False


class CommentShown(Entry, frozen=True, kw_only=True):
    """A remark, by `by`."""

    comment: Id
    text: Words = None
    reply_to: Id | None = None


class ReflectionShown(Entry, frozen=True, kw_only=True):
    """A diary entry; only its author is given any."""

    reflection: Id
    text: Words = None
