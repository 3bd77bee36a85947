"""A talk about the goal is recorded, amended, voided, and seen by the others."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from milepost.decide.checks import reason_given, within
from milepost.decide.goal.occurring import occurred, stepped
from milepost.decide.goal.roles import PARTY, asked
from milepost.decide.goal.state import CheckIn, put
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts.commands.goal import AcknowledgeCheckIn, AmendCheckIn, HoldCheckIn, VoidCheckIn
from milepost_contracts.events.goal import CheckInAcknowledged, CheckInAmended, CheckInHeld, CheckInVoided

if TYPE_CHECKING:
    import datetime as dt

    from milepost.decide.goal.state import Goal

CONFIDENCE_MAX = 10
_LISTS = ("attendees", "obstacles", "adjustments", "wins")
_AMENDED = tuple(name for name in CheckInAmended.__struct_fields__ if name not in ("context", "check_in", "reason"))


@decides(HoldCheckIn)
def hold_check_in(case: Case) -> list[Change]:
    """Record a talk; work that is still a draft has nothing to be talked about in this way."""
    command: HoldCheckIn = case.command
    goal = asked(case, PARTY)
    message = "This goal is a draft: propose it first, or refine it together."
    case.reasons.unless(goal.state != "drafted", "goal_drafted", message, "id", state=goal.state)
    message = "A check-in with this id is there already: choose another id, or amend that one."
    case.reasons.unless(command.check_in not in goal.check_ins, "check_in_id_taken", message, "check_in")
    _check(case, goal, command.held_on, command.next_on)
    told = {name: getattr(command, name) for name in (*_AMENDED, "check_in", "session")}
    return [case.change(CheckInHeld(**told))]


@decides(AmendCheckIn)
def amend_check_in(case: Case) -> list[Change]:
    """Replace members of a check-in; the original event stays."""
    command: AmendCheckIn = case.command
    goal = asked(case, PARTY)
    held = _standing(case, goal)
    if held is None:
        return []
    # What the state does not keep (words, progress) cannot be compared and is taken as a change.
    before = {"attendees": list(held.attendees), "held_on": held.held_on, "next_on": held.next_on}
    before["confidence"] = held.confidence
    given = {name: getattr(command, name) for name in _AMENDED}
    told = {name: value for name, value in given.items() if value is not None and value != before.get(name)}
    if not told:
        return []
    _check(case, goal, command.held_on or held.held_on, command.next_on or held.next_on)
    return [case.change(CheckInAmended(check_in=command.check_in, reason=command.reason, **told))]


@decides(VoidCheckIn)
def void_check_in(case: Case) -> list[Change]:
    """Say that a check-in did not happen."""
    command: VoidCheckIn = case.command
    goal = asked(case, PARTY)
    reason_given(case, command.reason)
    held = goal.check_ins.get(command.check_in)
    if held is not None and held.voided:
        return []
    _standing(case, goal)
    return [case.change(CheckInVoided(check_in=command.check_in, reason=command.reason))]


@decides(AcknowledgeCheckIn)
def acknowledge_check_in(case: Case) -> list[Change]:
    """Say that one has seen what another recorded."""
    command: AcknowledgeCheckIn = case.command
    goal = asked(case, PARTY)
    held = _standing(case, goal)
    if held is None or command.actor in held.acknowledged_by:
        return []
    stepped(case, goal)
    message = "Whoever recorded a check-in has seen it: another party acknowledges it."
    case.reasons.unless(held.recorded_by != command.actor, "own_check_in", message, "check_in")
    return [case.change(CheckInAcknowledged(check_in=command.check_in, party=command.actor, note=command.note))]


def _standing(case: Case, goal: Goal) -> CheckIn | None:
    """Return the check-in; refuses `check_in_unknown` and `check_in_voided`."""
    held = goal.check_ins.get(case.command.check_in)
    if held is None:
        case.reasons.refuse("check_in_unknown", "This goal has no such check-in.", "check_in")
        return None
    message = "This check-in was voided: record the talk anew."
    return held if case.reasons.unless(not held.voided, "check_in_voided", message, "check_in") else None


def _check(case: Case, goal: Goal, held_on: dt.date, next_on: dt.date | None) -> None:
    """Refuse what no check-in can say; members that an amendment leaves out are not looked at."""
    command, reasons = case.command, case.reasons
    if command.held_on is not None:
        occurred(case, goal, held_on, "held_on")
    if command.attendees is not None:
        reasons.unless(command.attendees, "attendees_missing", "Name at least one person who was there.", "attendees")
        if any(person not in goal.people and person not in goal.contributors for person in command.attendees):
            message = "Somebody who was there is neither party nor contributor of this goal."
            reasons.warn("not_of_goal", message, "attendees")
    for name in _LISTS:
        within(case, len(getattr(command, name) or ()), "items", name)
    if command.progress is not None:
        whole = 0 <= Decimal(command.progress) <= 1
        reasons.unless(whole, "progress_out_of_range", "Progress is a number from 0 to 1.", "progress")
    if command.confidence is not None:
        whole = 0 <= command.confidence <= CONFIDENCE_MAX
        message = f"Confidence is a whole number from 0 to {CONFIDENCE_MAX}."
        reasons.unless(whole, "confidence_out_of_range", message, "confidence")
    message = "The next check-in comes after this one."
    reasons.unless(next_on is None or next_on > held_on, "next_on_not_after", message, "next_on")


@evolves(CheckInHeld)
def check_in_held(state: Goal, event: CheckInHeld, recorded: Recorded) -> Goal:
    """Keep when it was, who was there, and who recorded it."""
    held = CheckIn(
        held_on=event.held_on,
        recorded_by=recorded.actor,
        attendees=tuple(event.attendees),
        confidence=event.confidence,
        next_on=event.next_on,
    )
    return put(state, "check_ins", event.check_in, held)


@evolves(CheckInAmended)
def check_in_amended(state: Goal, event: CheckInAmended, _recorded: Recorded) -> Goal:
    """Replace what the event has."""
    held = state.check_ins.get(event.check_in)
    if held is None:
        return state
    amended = msgspec.structs.replace(
        held,
        held_on=event.held_on or held.held_on,
        attendees=held.attendees if event.attendees is None else tuple(event.attendees),
        confidence=held.confidence if event.confidence is None else event.confidence,
        next_on=event.next_on or held.next_on,
    )
    return put(state, "check_ins", event.check_in, amended)


@evolves(CheckInVoided)
def check_in_voided(state: Goal, event: CheckInVoided, _recorded: Recorded) -> Goal:
    """Let it count no longer."""
    held = state.check_ins.get(event.check_in)
    if held is None:
        return state
    return put(state, "check_ins", event.check_in, msgspec.structs.replace(held, voided=True))


@evolves(CheckInAcknowledged)
def check_in_acknowledged(state: Goal, event: CheckInAcknowledged, _recorded: Recorded) -> Goal:
    """Note who has seen it."""
    held = state.check_ins.get(event.check_in)
    if held is None:
        return state
    seen = msgspec.structs.replace(held, acknowledged_by=held.acknowledged_by | {event.party})
    return put(state, "check_ins", event.check_in, seen)
