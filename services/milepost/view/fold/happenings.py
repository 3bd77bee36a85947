"""What happens on the way of a goal: readings, check-ins, milestones, actions, and what is said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from milepost.view.fold.goal import told
from milepost.view.fold.kernel import ENTRIES, At, GoalRows, folds
from milepost.view.rows import ActionRow, HeldRow, MilestoneRow
from milepost_contracts.events import Event, GoalEvent
from milepost_contracts.events import goal as events

if TYPE_CHECKING:
    from collections.abc import Callable


READING, CHECK_IN, OBSTACLE, RESOURCE = "reading", "check_in", "obstacle", "resource"
FEEDBACK, COMMENT, REFLECTION = "feedback", "comment", "reflection"


def _entry(
    kind: str, id_of: Callable[[Any, At], str], *opening: type[Event], later: tuple[type[Event], ...] = ()
) -> None:
    for event in opening:
        ENTRIES[event] = (kind, id_of, True)
    for event in later:
        ENTRIES[event] = (kind, id_of, False)


_entry(READING, lambda _event, at: at.envelope.id, events.ProgressRecorded)
_entry(READING, lambda event, _at: event.corrects, later=(events.ProgressCorrected,))
_entry(
    CHECK_IN,
    lambda event, _at: event.check_in,
    events.CheckInHeld,
    later=(events.CheckInAmended, events.CheckInVoided, events.CheckInAcknowledged),
)
_entry(OBSTACLE, lambda event, _at: event.obstacle, events.ObstacleRaised, later=(events.ObstacleResolved,))
_entry(RESOURCE, lambda event, _at: event.resource, events.ResourceAttachedV2)
_entry(FEEDBACK, lambda event, _at: event.feedback, events.FeedbackGiven, later=(events.FeedbackRetracted,))
_entry(COMMENT, lambda event, _at: event.comment, events.CommentPosted)
_entry(REFLECTION, lambda event, _at: event.reflection, events.ReflectionRecorded)


@folds(events.ProgressRecorded)
def progress_recorded(goal: GoalRows, event: events.ProgressRecorded, _at: At) -> None:
    """Count the reading and keep the progress that the event tells."""
    if (measure := goal.detail.measures.get(event.measure)) is not None:
        measure.readings += 1
    told(goal, event.progress)


@folds(events.ProgressCorrected)
def progress_corrected(goal: GoalRows, event: events.ProgressCorrected, _at: At) -> None:
    """Keep the progress that the event tells."""
    if event.strike and (measure := goal.detail.measures.get(event.measure)) is not None:
        measure.readings -= 1
    told(goal, event.progress)


@folds(events.CheckInHeld)
def check_in_held(goal: GoalRows, event: events.CheckInHeld, at: At) -> None:
    """Keep when it was and who was there."""
    goal.detail.held[event.check_in] = HeldRow(
        number=at.number,
        held_on=event.held_on,
        by=at.envelope.actor,
        attendees=event.attendees,
        next_on=event.next_on,
    )
    _last_held(goal)


@folds(events.CheckInAmended)
def check_in_amended(goal: GoalRows, event: events.CheckInAmended, _at: At) -> None:
    """Replace the members that are present."""
    if (held := goal.detail.held.get(event.check_in)) is None:
        return
    held.held_on = event.held_on or held.held_on
    held.attendees = held.attendees if event.attendees is None else event.attendees
    held.next_on = event.next_on or held.next_on
    _last_held(goal)


@folds(events.CheckInVoided)
def check_in_voided(goal: GoalRows, event: events.CheckInVoided, _at: At) -> None:
    """Let it count no longer."""
    if (held := goal.detail.held.get(event.check_in)) is not None:
        held.voided = True
        _last_held(goal)


@folds(events.CheckInAcknowledged)
def check_in_acknowledged(goal: GoalRows, event: events.CheckInAcknowledged, _at: At) -> None:
    """Note who saw it."""
    held = goal.detail.held.get(event.check_in)
    if held is not None and event.party not in held.acknowledged:
        held.acknowledged.append(event.party)


def _last_held(goal: GoalRows) -> None:
    standing = [held for held in goal.detail.held.values() if not held.voided]
    last = max(standing, key=lambda held: (held.held_on, held.number), default=None)
    goal.card.check_ins = len(standing)
    goal.card.last_held_on = last.held_on if last else None
    goal.card.next_on = last.next_on if last else None


@folds(events.MilestoneAdded)
def milestone_added(goal: GoalRows, event: events.MilestoneAdded, at: At) -> None:
    """Add a checkpoint."""
    goal.detail.milestones[event.milestone] = MilestoneRow(title=at.words(event.title, "/title"), due_on=event.due_on)


@folds(events.MilestoneRescheduled)
def milestone_rescheduled(goal: GoalRows, event: events.MilestoneRescheduled, _at: At) -> None:
    """Set its date."""
    if (milestone := goal.detail.milestones.get(event.milestone)) is not None:
        milestone.due_on = event.new


@folds(events.MilestoneHit)
def milestone_hit(goal: GoalRows, event: events.MilestoneHit, at: At) -> None:
    """Mark it as reached."""
    if (milestone := goal.detail.milestones.get(event.milestone)) is not None:
        milestone.hit_on = event.hit_on
        milestone.evidence = at.listed(event.evidence, "/evidence")


@folds(events.MilestoneHitRetracted)
def milestone_hit_retracted(goal: GoalRows, event: events.MilestoneHitRetracted, _at: At) -> None:
    """Mark it as open again."""
    if (milestone := goal.detail.milestones.get(event.milestone)) is not None:
        milestone.hit_on, milestone.evidence = None, []


@folds(events.MilestoneDropped)
def milestone_dropped(goal: GoalRows, event: events.MilestoneDropped, _at: At) -> None:
    """Drop it."""
    if (milestone := goal.detail.milestones.get(event.milestone)) is not None:
        milestone.dropped = True


@folds(events.ActionAdded)
def action_added(goal: GoalRows, event: events.ActionAdded, at: At) -> None:
    """Add a task."""
    goal.detail.actions[event.action] = ActionRow(
        title=at.words(event.title, "/title"), due_on=event.due_on, assignee=event.assignee
    )


@folds(events.ActionCompleted)
def action_completed(goal: GoalRows, event: events.ActionCompleted, at: At) -> None:
    """Mark it as done."""
    if (action := goal.detail.actions.get(event.action)) is not None:
        action.completed_on, action.note = event.completed_on, at.words(event.note, "/note")


@folds(events.ActionReopened)
def action_reopened(goal: GoalRows, event: events.ActionReopened, _at: At) -> None:
    """Mark it as open again."""
    if (action := goal.detail.actions.get(event.action)) is not None:
        action.completed_on = action.note = None


@folds(events.ActionDropped)
def action_dropped(goal: GoalRows, event: events.ActionDropped, _at: At) -> None:
    """Drop it."""
    if (action := goal.detail.actions.get(event.action)) is not None:
        action.dropped = True


@folds(events.FeedbackGiven)
def feedback_given(goal: GoalRows, _event: events.FeedbackGiven, _at: At) -> None:
    """Count it; what was said is an entry."""
    goal.card.feedback += 1


@folds(events.FeedbackRetracted)
def feedback_retracted(goal: GoalRows, _event: events.FeedbackRetracted, _at: At) -> None:
    """Count it no longer."""
    goal.card.feedback -= 1


@folds(
    events.ObstacleRaised,
    events.ObstacleResolved,
    events.ResourceAttachedV2,
    events.CommentPosted,
    events.ReflectionRecorded,
)
def said(_goal: GoalRows, _event: GoalEvent, _at: At) -> None:
    """Leave the goal's rows as they are: the entry has it all."""
