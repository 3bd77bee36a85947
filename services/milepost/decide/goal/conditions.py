"""What several commands on a goal are held against alike: owners, dates, scores, what would lie after a deadline."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

from milepost.decide.goal.clock import date_in
from milepost.decide.kernel import Case

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal
    from milepost.decide.programme.state import Cycle

LEARNING = frozenset({"skill", "knowledge"})


def owner_stands(case: Case, owner: str, accountable: str | None) -> None:
    """Refuse an owner that does not exist or has ended, and a shared goal for which nobody is accountable."""
    reasons = case.reasons
    kind, _, holder_id = owner.partition(":")
    if kind == "user":
        message = "A person's own goal has nobody else who is accountable: leave this out."
        reasons.unless(accountable in (None, owner), "accountable_not_wanted", message, "accountable")
        return
    holder = case.frame.get((kind, holder_id))
    if holder is None and kind == "mentorship":
        reasons.refuse("mentorship_unknown", "There is no mentorship with this id in this tenant.", "owner")
    elif holder is None:
        reasons.refuse("programme_unknown", "There is no programme with this id in this tenant.", "owner")
    elif kind == "mentorship":
        message = "This mentorship has not begun or has ended: it can own no goal."
        reasons.unless(holder.state == "active", "mentorship_not_active", message, "owner", state=holder.state)
    else:
        reasons.unless(holder.state == "open", "programme_closed", "This programme has ended.", "owner")
    if accountable is None:
        message = "A shared goal wants one person who is accountable for it: name that person."
        reasons.refuse("accountable_missing", message, "accountable")
    elif kind == "mentorship" and holder is not None:
        message = "Who is accountable for a mentorship's goal is one of its parties."
        reasons.unless(accountable in holder.parties, "accountable_not_a_party", message, "accountable")


def check_start(case: Case, start_on: dt.date | None, deadline: dt.date | None, field: str) -> None:
    """Refuse `start_after_deadline`."""
    ordered = start_on is None or deadline is None or start_on <= deadline
    message = "A goal starts before its deadline: change one of the two."
    case.reasons.unless(ordered, "start_after_deadline", message, field, start_on=start_on, deadline=deadline)


def warn_past(case: Case, deadline: dt.date | None, field: str, zone: str) -> None:
    """Warn `backdated` of a deadline that is past already."""
    if deadline is not None and deadline < date_in(zone, case.now):
        case.reasons.warn("backdated", "This deadline is past already.", field)


def check_once(case: Case, named: list[str], code: str, field: str) -> None:
    """Refuse *code* where something is named twice."""
    twice = sorted({name for name in named if named.count(name) > 1})
    case.reasons.unless(not twice, code, "Name each one once.", field, twice=twice)


def check_score(case: Case, result: str | None, score: str | None) -> None:
    """Refuse a score outside 0 to 1, and any where the result is `abandoned`."""
    if score is not None:
        within = 0 <= Decimal(score) <= 1
        case.reasons.unless(within, "score_out_of_range", "A score is a number from 0 to 1.", "score")
        message = "An abandoned goal has no score: leave it out, or give another result."
        case.reasons.unless(result != "abandoned", "score_of_abandoned", message, "score")


def check_stranded(case: Case, goal: Goal, deadline: dt.date, field: str) -> None:
    """Refuse `milestone_stranded` and `action_stranded`, listing what is open and due after *deadline*."""
    for kind, things in (("milestone", goal.milestones), ("action", goal.actions)):
        late = sorted(
            (thing.due_on, id_)
            for id_, thing in things.items()
            if thing.open and thing.due_on and thing.due_on > deadline
        )
        case.reasons.unless(
            not late,
            "milestone_stranded" if kind == "milestone" else "action_stranded",
            f"Open {kind}s would be due after the deadline: reschedule, complete or drop them first.",
            field,
            **{f"{kind}s": [{kind: id_, "due_on": due_on} for due_on, id_ in late]},
        )


def cycle_of(case: Case, programme_id: str | None, cycle_id: str | None) -> Cycle | None:
    """Return the cycle that a goal is in, None where it is in none."""
    if programme_id is None or cycle_id is None:
        return None
    programme = case.frame.get(("programme", programme_id))
    cycle: Cycle | None = programme.cycles.get(cycle_id) if programme is not None else None
    return cycle


def outside(cycle: Cycle | None, deadline: dt.date | None) -> bool:
    """Whether *deadline* lies outside *cycle*, where there are both."""
    return cycle is not None and deadline is not None and not cycle.starts_on <= deadline <= cycle.ends_on


def warn_outcome(case: Case, focus: str | None, *, laddered: bool) -> None:
    """Warn `outcome_framed` of a goal framed on a career step, unless learning goals ladder up to it."""
    if focus == "career" and not laddered:
        message = "A promotion or another career step is an outcome: name the skill that leads to it, or align one."
        case.reasons.warn("outcome_framed", message, "focus")
