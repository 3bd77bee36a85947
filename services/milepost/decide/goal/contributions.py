"""What people add to a goal, closed ones included: resources, feedback, reflections, comments and tags."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

import msgspec

from milepost.decide.checks import blank, within
from milepost.decide.goal.links import check_link
from milepost.decide.goal.roles import CONTRIBUTOR, PARTY, asked, existing
from milepost.decide.goal.state import Feedback, put
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts.commands import goal as commands
from milepost_contracts.events import goal as events

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal


@decides(commands.AttachResource)
def attach_resource(case: Case) -> list[Change]:
    """Attach a book, course or tool; it is written in the newest form."""
    command: commands.AttachResource = case.command
    goal = asked(case, PARTY, CONTRIBUTOR)
    _fresh(case, goal.resources, command.resource, "resource_id_taken", "resource")
    case.reasons.unless(not blank(command.title), "title_missing", "Give the resource a title.", "title")
    if command.url is not None:
        check_link(case, command.url, "url")
    told = {name: getattr(command, name) for name in ("resource", "kind", "title", "url")}
    return [case.change(events.ResourceAttachedV2(**told))]


@decides(commands.GiveFeedback)
def give_feedback(case: Case) -> list[Change]:
    """Give feedback on the goal, a milestone or a check-in of it."""
    command: commands.GiveFeedback = case.command
    goal, reasons = asked(case, PARTY, CONTRIBUTOR), case.reasons
    _fresh(case, goal.feedback, command.feedback, "feedback_id_taken", "feedback")
    _says(case, command.text)
    known = command.milestone is None or command.milestone in goal.milestones
    reasons.unless(known, "milestone_unknown", "This goal has no such milestone.", "milestone")
    known = command.check_in is None or command.check_in in goal.check_ins
    reasons.unless(known, "check_in_unknown", "This goal has no such check-in.", "check_in")
    told = {name: getattr(command, name) for name in ("feedback", "text", "rating", "about", "milestone", "check_in")}
    return [case.change(events.FeedbackGiven(**told))]


@decides(commands.RetractFeedback)
def retract_feedback(case: Case) -> list[Change]:
    """Take one's own feedback back, also as one who has left the goal since."""
    command: commands.RetractFeedback = case.command
    goal = existing(case)
    given = goal.feedback.get(command.feedback)
    if given is None or given.author != command.actor:
        asked(case, PARTY, CONTRIBUTOR)  # a stranger learns no more than that
    if given is None:
        case.reasons.refuse("feedback_unknown", "This goal has no such feedback.", "feedback")
        return []
    message = "Only who gave the feedback takes it back."
    case.reasons.unless(given.author == command.actor, "not_author", message, "feedback")
    if given.retracted:
        return []
    event = events.FeedbackRetracted(feedback=command.feedback, feedback_event=given.event, reason=command.reason)
    return [case.change(event)]


@decides(commands.RecordReflection)
def record_reflection(case: Case) -> list[Change]:
    """Write a diary entry that its author alone reads."""
    command: commands.RecordReflection = case.command
    goal = asked(case, PARTY, CONTRIBUTOR)
    _fresh(case, goal.reflections, command.reflection, "reflection_id_taken", "reflection")
    _says(case, command.text)
    event = events.ReflectionRecorded(reflection=command.reflection, author=command.actor, text=command.text)
    return [case.change(event)]


@decides(commands.PostComment)
def post_comment(case: Case) -> list[Change]:
    """Remark on the goal, or on a remark."""
    command: commands.PostComment = case.command
    goal = asked(case, PARTY, CONTRIBUTOR)
    _fresh(case, goal.comments, command.comment, "comment_id_taken", "comment")
    _says(case, command.text)
    known = command.reply_to is None or command.reply_to in goal.comments
    case.reasons.unless(known, "comment_unknown", "This goal has no such comment to reply to.", "reply_to")
    return [case.change(events.CommentPosted(comment=command.comment, text=command.text, reply_to=command.reply_to))]


@decides(commands.TagGoal)
def tag_goal(case: Case) -> list[Change]:
    """Put labels on and take them off."""
    command: commands.TagGoal = case.command
    goal, reasons = asked(case, PARTY, CONTRIBUTOR), case.reasons
    reasons.unless(not any(blank(tag) for tag in command.add), "tag_empty", "A tag has at least one letter.", "add")
    both = set(command.add) & set(command.remove)
    reasons.unless(not both, "tag_added_and_removed", "Either put a tag on or take it off.", "remove")
    added = [tag for tag in dict.fromkeys(command.add) if tag not in goal.tags]
    removed = [tag for tag in dict.fromkeys(command.remove) if tag in goal.tags]
    if added:
        within(case, len(goal.tags) + len(added) - len(removed), "tags", "add")
    if not added and not removed:
        return []
    return [case.change(events.Tagged(added=added, removed=removed))]


def _fresh(case: Case, there: Container[str], id_: str, code: str, field: str) -> None:
    case.reasons.unless(id_ not in there, code, f"A {field} with this id is there already: choose another id.", field)


def _says(case: Case, text: str) -> None:
    case.reasons.unless(not blank(text), "text_missing", "Write something.", "text")


@evolves(events.ResourceAttached, events.ResourceAttachedV2)
def resource_attached(
    state: Goal, event: events.ResourceAttached | events.ResourceAttachedV2, _recorded: Recorded
) -> Goal:
    """Remember that it is there."""
    return put(state, "resources", event.resource, value=True)


@evolves(events.FeedbackGiven)
def feedback_given(state: Goal, event: events.FeedbackGiven, recorded: Recorded) -> Goal:
    """Remember whose it is and in which event it stands."""
    return put(state, "feedback", event.feedback, Feedback(author=recorded.actor, event=recorded.id))


@evolves(events.FeedbackRetracted)
def feedback_retracted(state: Goal, event: events.FeedbackRetracted, _recorded: Recorded) -> Goal:
    """Let it count no longer."""
    given = state.feedback.get(event.feedback)
    if given is None:
        return state
    return put(state, "feedback", event.feedback, msgspec.structs.replace(given, retracted=True))


@evolves(events.ReflectionRecorded)
def reflection_recorded(state: Goal, event: events.ReflectionRecorded, _recorded: Recorded) -> Goal:
    """Remember whose entry it is."""
    return put(state, "reflections", event.reflection, event.author)


@evolves(events.CommentPosted)
def comment_posted(state: Goal, event: events.CommentPosted, recorded: Recorded) -> Goal:
    """Remember who wrote it."""
    return put(state, "comments", event.comment, recorded.actor)


@evolves(events.Tagged)
def tagged(state: Goal, event: events.Tagged, _recorded: Recorded) -> Goal:
    """Put labels on and take them off."""
    return msgspec.structs.replace(state, tags=(state.tags | frozenset(event.added)) - frozenset(event.removed))
