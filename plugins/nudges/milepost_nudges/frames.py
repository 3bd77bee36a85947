"""Mentorships and programmes: their rhythm holds for goals that have none of their own, and programmes have admins."""

from __future__ import annotations

from typing import Any

from milepost_contracts.context import Context
from milepost_contracts.events import mentorship, programme
from milepost_contracts.plugin import Delivered
from milepost_contracts.types import Cadence
from milepost_nudges import erased
from milepost_nudges.kept import Frame, Goal, frame_of

SUBSCRIPTIONS = (
    "mentorship.requested",
    "mentorship.cadence_set",
    "programme.created",
    "programme.cadence_set",
    "programme.participant_enrolled",
    "programme.participant_withdrawn",
    "programme.closed",
)


def framed(event: Delivered, context: Context) -> bool:
    """Keep what *event* says of a mentorship or programme; returns whether its goals have to be looked at."""
    key = f"{event.aggregate}/{event.aggregate_id}"
    frame: Frame = context.state.get(key, Frame, Frame())
    if event.version <= frame.version:
        return False
    before = (frame.cadence, list(frame.admins), frame.closed)
    frame.version = event.version
    _fold(frame, event.data, context)
    context.state.set(key, frame)
    return before != (frame.cadence, frame.admins, frame.closed)


def _fold(frame: Frame, data: Any, context: Context) -> None:
    match data:
        case mentorship.Requested():
            frame.cadence, frame.programme = data.cadence, data.programme
        case mentorship.CadenceSet() | programme.CadenceSet():
            frame.cadence = data.after
        case programme.Created():
            frame.cadence = data.cadence
            frame.admins = [admin for admin in data.admins if not erased.is_gone(context, admin)]
        case programme.ParticipantEnrolled(participant=person, role="admin"):
            if not erased.is_gone(context, person):
                frame.admins = sorted({*frame.admins, person})
                frame.enrolled = sorted({*frame.enrolled, person})
        case programme.ParticipantEnrolled(participant=person):
            if person in frame.enrolled:
                frame.admins = [admin for admin in frame.admins if admin != person]
                frame.enrolled.remove(person)
        case programme.ParticipantWithdrawn(participant=person):
            frame.admins = [admin for admin in frame.admins if admin != person]
            frame.enrolled = [admin for admin in frame.enrolled if admin != person]
        case _:  # the last of SUBSCRIPTIONS: it is closed
            frame.closed = True


def cadence_of(context: Context, goal: Goal) -> Cadence | None:
    """Return the rhythm of a goal's check-ins: its own, else its mentorship's, else its programme's."""
    if goal.cadence is not None:
        return goal.cadence
    for kind, place in (("mentorship", goal.mentorship), ("programme", goal.programme)):
        frame = frame_of(context, kind, place)
        if frame is not None and frame.cadence is not None:
            return frame.cadence
    return None


def admins_of(context: Context, goal: Goal) -> list[str]:
    """Return who runs the goal's programme; nobody where it has none, or one that is closed."""
    frame = frame_of(context, "programme", goal.programme)
    return [] if frame is None or frame.closed else frame.admins
