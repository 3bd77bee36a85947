"""A step is planned backward from the deadline: nothing open is due after the goal that it leads to."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from milepost.decide.checks import BACKDATED_AFTER_DAYS
from milepost.decide.goal import clock
from milepost.decide.kernel import Case

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal


def check_due(case: Case, goal: Goal, due_on: dt.date | None, field: str) -> None:
    """Refuse `due_after_deadline`; warn `backdated` of a date long past."""
    if due_on is None:
        return
    message = f"The goal's deadline is {goal.deadline}: choose a day until then, or shift the deadline first."
    before = goal.deadline is None or due_on <= goal.deadline
    case.reasons.unless(before, "due_after_deadline", message, field, deadline=goal.deadline)
    if (clock.today(goal, case.now) - due_on).days > BACKDATED_AFTER_DAYS:
        case.reasons.warn("backdated", f"This was due more than {BACKDATED_AFTER_DAYS} days ago.", field)


def warn_due(case: Case, goal: Goal, due_on: dt.date | None, field: str) -> None:
    """Warn `open_after_deadline` of a step that is open again while the deadline has moved before its date."""
    if due_on is not None and goal.deadline is not None and due_on > goal.deadline:
        message = f"This is open again, and due after the goal's deadline {goal.deadline}: reschedule or drop it."
        case.reasons.warn("open_after_deadline", message, field)
