"""What events say beside what deciding needs to know: kept while folding, so that the past is told with its words.

The domain state has of a check-in its day and who was there; what was won, what stood in the way and what comes next
is said in the event alone. Here it is laid beside the state, by collection and item, with what amendments made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from rpds import HashTrieMap

from milepost_contracts.events import Event, goal, mentorship

Place = tuple[str, str]
"""(collection, item) of the state; OWN: members of the state itself."""
Said: TypeAlias = "HashTrieMap[Place, dict[str, Any]]"
NOTHING: Said = HashTrieMap()
OWN: Place = ("", "")
CLOSURE: Place = ("closure", "")

# What a collection of plain values holds, so that its items can have members.
VALUE_OF = {
    "obstacles": "resolved", "resources": "kind", "comments": "author", "reflections": "author", "sessions": "held_on",
}  # fmt: skip


class Saying(NamedTuple):
    """Where what an event says belongs: the collection, the member that names the item, and which members are kept.

    item: "" for a part that there is one of, `event` for the id of the event itself. present: members that are absent
    say nothing (an amendment); otherwise all are set.
    """

    collection: str
    item: str
    members: tuple[str, ...]
    present: bool = False


_TALK = ("progress", "obstacles", "adjustments", "wins", "next_step", "help_wanted")
SAYINGS: dict[type[Event], Saying] = {
    goal.ProgressRecorded: Saying("readings", "event", ("source", "evidence", "note")),
    goal.CheckInHeld: Saying("check_ins", "check_in", ("session", *_TALK)),
    goal.CheckInAmended: Saying("check_ins", "check_in", _TALK, present=True),
    goal.ObstacleRaised: Saying("obstacles", "obstacle", ("title", "description")),
    goal.ObstacleResolved: Saying("obstacles", "obstacle", ("resolution",)),
    goal.MilestoneHit: Saying("milestones", "milestone", ("evidence",)),
    goal.ActionCompleted: Saying("actions", "action", ("note",)),
    goal.Evaluated: Saying("evaluation", "", ("criteria", "trigger")),
    goal.Closed: Saying("closure", "", ("justification", "retrospective", "progress")),
    goal.ClosureAmended: Saying("closure", "", ("justification", "retrospective"), present=True),
    goal.ResourceAttachedV2: Saying("resources", "resource", ("kind", "title", "url")),
    goal.FeedbackGiven: Saying("feedback", "feedback", ("text", "rating", "about", "milestone", "check_in")),
    goal.ReflectionRecorded: Saying("reflections", "reflection", ("text",)),
    goal.CommentPosted: Saying("comments", "comment", ("text", "reply_to")),
    mentorship.SessionHeld: Saying("sessions", "session", ("attendees", "notes", "goals", "next_on")),
    mentorship.ResourceAttached: Saying("resources", "resource", ("kind", "title", "url")),
    mentorship.ReflectionRecorded: Saying("reflections", "reflection", ("text",)),
}
# Collections of whose items something is said; "" stands for the state itself.
SPOKEN_OF = frozenset({saying.collection for saying in SAYINGS.values()} | {""})
# Of the state itself: event -> (member, how it is taken from the event).
_OWN: dict[type[Event], tuple[str, Callable[[Any], Any]]] = {
    goal.HealthSet: ("health_reason", lambda event: event.reason),
    goal.Paused: ("pause_reason", lambda event: event.reason),
    goal.Activated: ("waivers", lambda event: event.waivers),
    goal.Resumed: ("waivers", lambda event: event.waivers),
    goal.Reopened: ("waivers", lambda event: event.waivers),
    mentorship.Completed: ("retrospective", lambda event: event.retrospective),
}


def after(said: Said, event: Event, event_id: str) -> Said:
    """Return what is said once *event*, whose id is *event_id*, has said its part too."""
    if isinstance(event, goal.ProgressRecorded | goal.ProgressCorrected) and CLOSURE in said:
        # What was made of the goal at its closing holds no longer: it is worked out from the readings again.
        said = said.insert(CLOSURE, said[CLOSURE] | {"progress": None})
    saying = SAYINGS.get(type(event))
    if saying is not None:
        item = event_id if saying.item == "event" else getattr(event, saying.item) if saying.item else ""
        place = (saying.collection, item)
        return said.insert(place, (said.get(place) or {}) | dict(_told(saying, event)))
    if isinstance(event, goal.FeedbackRetracted):  # it keeps its place and loses what was said
        place = ("feedback", event.feedback)
        return said.insert(place, (said.get(place) or {}) | {"text": None, "rating": None})
    if isinstance(event, goal.MilestoneHitRetracted):  # what was said of a hit that was none goes with it
        return said.discard(("milestones", event.milestone))
    if isinstance(event, goal.ActionReopened):
        return said.discard(("actions", event.action))
    if (own := _OWN.get(type(event))) is not None:
        return said.insert(OWN, (said.get(OWN) or {}) | {own[0]: own[1](event)})
    return said


def _told(saying: Saying, event: Event) -> Iterable[tuple[str, Any]]:
    for name in saying.members:
        value = getattr(event, name)
        if value is not None or not saying.present:
            yield name, value
