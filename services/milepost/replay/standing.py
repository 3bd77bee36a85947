"""Where a goal stood at a moment: progress, health and check-ins are worked out for that day, not for today."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from milepost.decide import Ref
from milepost.decide.cadence import standing as kept
from milepost.decide.goal import clock
from milepost.decide.goal.health import derived, expected
from milepost.decide.goal.progress import results, share_text
from milepost_contracts.queries.history import Standing

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal
    from milepost_contracts.types import Cadence

# Finds another aggregate as it was at the same moment.
Find = Callable[[Ref], Any]


def standing(goal: Goal, instant: dt.datetime, find: Find, *, closed_at: str | None = None) -> Standing:
    """Return where *goal* stood at *instant*; *find* gives its children, mentorship and programme as they were then.

    closed_at: the progress of a goal that has ended, as its closing told it; None: it is worked out.
    """
    today = clock.today(goal, instant)
    measures, progress = results(goal, today=today, child=lambda ref: find(("goal", ref)))
    held = kept(
        _cadence(goal, find),
        [one.held_on for one in goal.check_ins.values() if not one.voided],
        today,
        since=goal.activated_on if goal.state != "drafted" else None,
        until=goal.closure.closed_on if goal.closure is not None and not goal.open else None,
        pauses=goal.pauses,
        agreed=_agreed(goal),
    )
    told = Standing(
        today=today,
        progress=closed_at if closed_at is not None and not goal.open else progress,
        measures=measures,
        next_check_in_on=held.next_due if goal.state == "active" else None,
        check_in_overdue_since=held.overdue_since if goal.state == "active" else None,
        check_ins_missed=held.missed if goal.state == "active" else 0,
        streak=held.streak,
    )
    return _with_health(told, goal, today)


def _with_health(told: Standing, goal: Goal, today: dt.date) -> Standing:
    if not goal.open:
        return told
    # The clock of a goal that nobody has begun to work on does not run, whatever start was planned.
    start = (goal.start_on or goal.activated_on) if goal.activated_on else None
    share = None
    if start is not None and goal.deadline is not None:
        share = share_text(expected(start, goal.deadline, today, goal.pauses))
    plain = derived(told.progress, start, goal.deadline, today, goal.pauses)
    override = goal.health[0] if goal.health is not None and today <= goal.health[1] else None
    return msgspec.structs.replace(
        told, expected=share, derived=plain, health=override or plain, health_set=override is not None
    )


def _cadence(goal: Goal, find: Find) -> Cadence | None:
    """Return the rhythm of check-ins: the goal's own, else its mentorship's, else its programme's."""
    if goal.cadence is not None:
        return goal.cadence
    for kind, id_ in (("mentorship", goal.mentorship), ("programme", goal.programme)):
        frame = find((kind, id_)) if id_ else None
        if frame is not None and frame.cadence is not None:
            cadence: Cadence = frame.cadence
            return cadence
    return None


def _agreed(goal: Goal) -> dt.date | None:
    """Return the next date that was settled at the last check-in, where it is after it."""
    standing_ones = [one for one in goal.check_ins.values() if not one.voided]
    last = max(standing_ones, key=lambda one: one.held_on, default=None)
    return last.next_on if last is not None and last.next_on and last.next_on > last.held_on else None
