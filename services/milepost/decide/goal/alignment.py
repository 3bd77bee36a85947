"""A goal serves another one, with a weight; the parent is told, and no goal comes to serve itself."""

from __future__ import annotations

from decimal import Decimal

from milepost.decide.checks import within
from milepost.decide.goal.roles import ADMIN, OWNER, asked, asked_open
from milepost.decide.goal.state import Goal, drop, put
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts.commands import goal as commands
from milepost_contracts.events import goal as events


@decides(commands.AlignGoal)
def align_goal(case: Case) -> list[Change]:
    """Let the goal serve a parent, or serve it with another weight.

    The parent and everything above it is looked up in this tenant, so that no alignment leaves it. Every ancestor
    walked is in the event's frame and checked again when the event is appended: two alignments that would close a
    loop together cannot both be accepted.
    """
    command, goal = case.command, asked_open(case, OWNER, ADMIN)
    if command.parent in goal.parents and Decimal(goal.parents[command.parent]) == Decimal(command.weight):
        return []
    message = "A weight is a number above 0 and at most 1."
    case.reasons.unless(0 < Decimal(command.weight) <= 1, "weight_out_of_range", message, "weight")
    more = command.parent not in goal.parents
    within(case, len(goal.parents) + more, "parents", "parent")
    parent = case.frame.get(("goal", command.parent)) if command.parent != goal.id else goal
    if case.reasons.unless(parent, "parent_unknown", "There is no goal with this id in this tenant.", "parent"):
        message = "The parent is closed: align with an open goal, or reopen it."
        case.reasons.unless(parent.open, "parent_closed", message, "parent")
        _check_loop(case, goal, command.parent)
    aligned = events.Aligned(parent=command.parent, weight=command.weight, frame=case.frame.seen())
    told = events.ChildAligned(child=goal.id, weight=command.weight)
    return [case.change(aligned), Change("goal", command.parent, told)]


def _check_loop(case: Case, goal: Goal, parent: str) -> None:
    """Refuse `alignment_loop` where *goal* is its own ancestor then, with the way; walk up level by level."""
    way: dict[str, str] = {parent: goal.id}  # ancestor -> whom it was reached from
    level = [parent]
    while level and goal.id not in way:
        if not within(case, len(way), "ancestors", "parent"):
            return
        case.frame.need(("goal", ref) for ref in level)
        above = [(ref, case.frame.get(("goal", ref))) for ref in level]
        level = []
        for ref, ancestor in above:
            for next_ in sorted(ancestor.parents) if ancestor is not None else ():
                if next_ not in way:
                    way[next_] = ref
                    level.append(next_)
    if goal.id in way:
        path = [goal.id]
        while (ref := way[path[-1]]) != goal.id:
            path.append(ref)
        message = "This goal is above the parent already, so it would come to serve itself: choose another parent."
        case.reasons.refuse("alignment_loop", message, "parent", path=[goal.id, *reversed(path)])


@evolves(events.Aligned)
def aligned(goal: Goal, event: events.Aligned, _recorded: Recorded) -> Goal:
    """Note the parent."""
    return put(goal, "parents", event.parent, event.weight)


@evolves(events.ChildAligned)
def child_aligned(goal: Goal, event: events.ChildAligned, _recorded: Recorded) -> Goal:
    """Note the child."""
    return put(goal, "children", event.child, event.weight)


@decides(commands.UnalignGoal)
def unalign_goal(case: Case) -> list[Change]:
    """Let the goal serve the parent no longer."""
    command, goal = case.command, asked(case, OWNER, ADMIN)
    if command.parent not in goal.parents:
        return []
    unaligned = case.change(events.Unaligned(parent=command.parent, reason=command.reason))
    if case.frame.get(("goal", command.parent)) is None:
        return [unaligned]
    return [unaligned, Change("goal", command.parent, events.ChildUnaligned(child=goal.id))]


@evolves(events.Unaligned)
def unaligned(goal: Goal, event: events.Unaligned, _recorded: Recorded) -> Goal:
    """Forget the parent."""
    return drop(goal, "parents", event.parent)


@evolves(events.ChildUnaligned)
def child_unaligned(goal: Goal, event: events.ChildUnaligned, _recorded: Recorded) -> Goal:
    """Forget the child."""
    return drop(goal, "children", event.child)
