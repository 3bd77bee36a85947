"""A goal is about to be closed: where its closing would count, it is held against the rule that closings have a score.

Goals are held against the configuration as they are, not as their numbers were entered last: a rule that came today
holds today.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Refusal, Reviewed
from milepost_okr import mapping
from milepost_okr.goals import Goal, Goals
from milepost_okr.history import Closed
from milepost_okr.noting import day_in
from milepost_okr.plan import Plan

MISSING = "score_missing"


@hook
def review(command: Reviewed, context: Context) -> Refusal | None:
    """Refuse to close a goal without a score that would be graded by it; what is abandoned has none."""
    result, score = command.fields["result"], command.fields.get("score")
    if not context.config.require_score or result == "abandoned" or score is not None:
        return None
    goals = Goals(context)
    goal = goals.get(command.id)
    if goal is None:
        return None
    closed = Closed(
        day=msgspec.convert(command.fields["closed_on"], dt.date),
        recorded=day_in(goal.head.zone, context.now),
        seq=max((entry.seq for entry in goal.frame), default=0) + 1,
        result=result,
        score=None,
    )
    plan: Plan = context.config.plan(context.tenant)
    key = next(graded(goal, closed, goals, plan), None)
    if key is None:
        return None
    message = (
        f"This goal counts for {key!r}: close it with a score from 0 to 1 that says how far it got, or as abandoned."
    )
    return Refusal(code=MISSING, message=message, field="score")


def graded(goal: Goal, closed: Closed, goals: Goals, plan: Plan) -> Iterator[str]:
    """Yield the objectives and key results for which *goal* would count by *closed*, were it closed so."""
    here = mapping.subject(goal, (*goal.frame, closed), goals, plan)
    cycles = {one.cycle: one for one in here.cycles}
    for key in mapping.merged(part.mapped(here, plan) for part in mapping.PARTS):
        one = cycles[plan.nodes[key].cycle]
        # Where the goal has left the cycle, or grading is over, the closing changes nothing and needs no score.
        if one.frame.closing(one.at.graded) is closed:
            yield key
