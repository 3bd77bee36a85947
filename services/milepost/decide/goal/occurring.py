"""What is told of a goal with a date: nothing from the future, and of a closed goal what came before its closing."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from milepost.decide.checks import happened
from milepost.decide.goal import clock
from milepost.decide.kernel import Case

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal


def occurred(case: Case, goal: Goal, on: dt.date, field: str) -> bool:
    """Refuse `in_future` and `goal_closed`, warn `backdated`; returns whether *on* stands."""
    return happened(case, on, field, today=clock.today(goal, case.now)) and before_closing(case, goal, on, field)


def stepped(case: Case, goal: Goal) -> dt.date:
    """Return the day of a step without a date of its own; refuses as `occurred` does."""
    on = clock.stepped_on(case)
    before_closing(case, goal, on, "occurred_at")
    return on


def before_closing(case: Case, goal: Goal, on: dt.date, field: str) -> bool:
    """Refuse `goal_closed` where the goal was closed before *on*; returns whether it was not."""
    if goal.open or goal.closure is None:
        return True
    closed_on = goal.closure.closed_on
    return case.reasons.unless(
        on <= closed_on,
        "goal_closed",
        f"This goal was closed on {closed_on}: only what came before can still be told of it.",
        field,
        state=goal.state,
        closed_on=closed_on,
    )
