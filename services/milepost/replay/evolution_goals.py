"""Where a goal stood at the moment and at the one before, and what its events in between made of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from milepost.decide.goal.agreement import agreed
from milepost.replay.evolution_tracks import Scope, Track
from milepost.replay.looking import Cut, Looking
from milepost.replay.standing import standing
from milepost_contracts.events import Event
from milepost_contracts.events import goal as events
from milepost_contracts.queries.evolution import GoalThen

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal

# What happened, by event; those that need a look at the event or the state are below.
_WHAT: dict[type[Event], str] = {
    events.Refined: "refined",
    events.Proposed: "proposed",
    events.Declined: "declined",
    events.AgreementWithdrawn: "disagreed",
    events.Activated: "activated",
    events.Paused: "paused",
    events.Resumed: "resumed",
    events.Reopened: "reopened",
}
# In the order in which a goal's life goes.
ORDER = (
    "new", "joined", "left", "refined", "re_measured", "proposed", "agreed", "declined", "disagreed", "activated",
    "paused", "resumed", "slipped", "brought_forward", "closed", "abandoned", "reopened",
)  # fmt: skip


def then(looking: Looking, goal: Goal, version: int, cut: Cut, scope: Scope) -> GoalThen:
    """Return where *goal* (words sealed) stood at *cut*."""
    stood = standing(goal, cut.instant, looking.finder(cut))
    return GoalThen(
        inside=scope.inside(goal),
        version=version,
        title=goal.title,
        state=goal.state,
        result=goal.closure.result if goal.closure is not None else None,
        owner=goal.owner,
        mentorship=goal.mentorship,
        programme=goal.programme,
        cycle=goal.cycle,
        deadline=goal.deadline,
        revision=goal.revision,
        agreed=sorted(agreed(goal)),
        agreement_open=goal.agreement_open,
        measures=len(goal.measures),
        progress=stood.progress,
        expected=stood.expected,
        health=stood.health,
    )


def changed(track: Track, scope: Scope) -> list[str]:
    """Return what happened to the goal between the two moments of *track*, each once."""
    if track.since is None:
        return []
    found = set(_between(track))
    was, now = track.before.state, track.then.state
    if was is None and now is not None:
        found.add("new")
    elif scope.inside(was) != scope.inside(now):
        found.add("joined" if scope.inside(now) else "left")
    return [what for what in ORDER if what in found]


def _between(track: Track) -> Iterator[str]:
    for place, event in track.between():
        if (what := _WHAT.get(type(event))) is not None:
            yield what
        match event:
            case events.Agreed() | events.Proposed() if event.complete:
                yield "agreed"
            case events.DeadlineShifted():
                yield "slipped" if event.days > 0 else "brought_forward"
            case events.TargetRevised() | events.MeasureRetired():
                yield "re_measured"
            case events.MeasureDefined() if _once_agreed(track, place):
                yield "re_measured"
            case events.Closed() | events.Imported() if event.result is not None:
                yield "abandoned" if event.result == "abandoned" else "closed"
            case _:
                pass
        if _disagrees(track, place):
            yield "disagreed"


def _once_agreed(track: Track, place: int) -> bool:
    before = track.known[place].state
    return before is not None and before.ever_agreed


def _disagrees(track: Track, place: int) -> bool:
    """Whether the event at *place* left a goal that ran in agreement without it."""
    before, after = track.known[place].state, track.known[place + 1].state
    return after is not None and after.agreement_open and (before is None or not before.agreement_open)
