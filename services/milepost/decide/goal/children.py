"""A goal that takes its progress from its children needs them in its frame: they are asked for level by level."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from milepost.decide.kernel import Case

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal


def finder(case: Case, goal: Goal) -> Callable[[str], Goal | None]:
    """Return what finds the goals below *goal* by id, all of them in the frame; raises Missing until they are.

    Only goals whose progress depends on their children are looked below.
    """
    found: dict[str, Goal | None] = {}
    level = [goal]
    while level:
        ids = {ref for one in level if one.progress_from == "children" for ref in one.children} - found.keys()
        case.frame.need(("goal", ref) for ref in sorted(ids))
        fresh = {ref: case.frame.get(("goal", ref)) for ref in ids}
        found |= fresh
        level = [one for one in fresh.values() if one is not None]
    return found.get
