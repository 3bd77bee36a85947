"""A goal is placed into a mentorship, a programme or a cycle, and carried over into the next cycle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace
from rpds import HashTrieMap

from milepost.decide.checks import reason_given, within
from milepost.decide.goal.conditions import check_once, cycle_of, outside
from milepost.decide.goal.key_areas import check_active, check_room, joined, left, mentorship_of
from milepost.decide.goal.roles import ADMIN, OWNER, PARTY, asked_open
from milepost.decide.goal.state import Goal
from milepost.decide.goal.terms import raised, unchanged, with_revision
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts.commands import goal as commands
from milepost_contracts.events import goal as events
from milepost_contracts.types import Party, Placing

if TYPE_CHECKING:
    from milepost.decide.mentorship.state import Mentorship
    from milepost.decide.programme.state import Programme


@decides(commands.PlaceGoal)
def place_goal(case: Case) -> list[Change]:
    """Place the goal; leaving one mentorship and joining another happen with it, and so do its key areas.

    A mentorship, programme or cycle of another tenant cannot be named: its id is looked up in this one.
    """
    command, goal = case.command, asked_open(case, OWNER, ADMIN)
    mentorship = _mentorship(case)
    programme_id = command.programme or (mentorship.programme if mentorship is not None else None)
    after = Placing(
        mentorship=command.mentorship,
        programme=programme_id,
        cycle=command.cycle,
        parties=sorted(command.parties, key=lambda party: party.ref),
    )
    before = placing_of(goal)
    if after == before:
        return []
    within(case, len(command.parties), "parties", "parties")
    check_once(case, [party.ref for party in command.parties], "party_twice", "parties")
    if goal.ever_agreed:
        reason_given(case, command.reason)
    if after.mentorship != before.mentorship or after.parties != before.parties:
        _check_mentorship(case, goal, mentorship)
    _check_programme(case, goal, after, mentorship)
    same_terms = before.parties == after.parties
    placed = events.Placed(
        before=before,
        after=after,
        reason=command.reason,
        **(unchanged(goal) if same_terms else raised(goal, command.actor)),
    )
    if after.mentorship == before.mentorship:
        return [case.change(placed)]
    moves = left(mentorship_of(case, goal), goal)
    moves += joined(mentorship, goal) if mentorship is not None else []
    return [case.change(placed), *moves]


def placing_of(goal: Goal) -> Placing:
    """Return where *goal* belongs now, its parties in the order of their references."""
    return Placing(
        mentorship=goal.mentorship,
        programme=goal.programme,
        cycle=goal.cycle,
        parties=[Party(ref=ref, role=role) for ref, role in sorted(goal.parties.items())],
    )


def _mentorship(case: Case) -> Mentorship | None:
    if case.command.mentorship is None:
        return None
    mentorship: Mentorship | None = case.frame.get(("mentorship", case.command.mentorship))
    message = "There is no mentorship with this id in this tenant."
    case.reasons.unless(mentorship, "mentorship_unknown", message, "mentorship")
    return mentorship


def _check_mentorship(case: Case, goal: Goal, mentorship: Mentorship | None) -> None:
    """Refuse a mentorship that does not run, is not the owner's or the parties', or has no room for the goal."""
    if mentorship is None:
        return
    reasons = case.reasons
    check_active(case, mentorship, "mentorship")
    strangers = sorted(party.ref for party in case.command.parties if party.ref not in mentorship.parties)
    message = "The parties of a goal are parties of its mentorship: leave the others out."
    reasons.unless(not strangers, "party_not_in_mentorship", message, "parties", parties=strangers)
    others = [party for party in case.command.parties if party.ref not in (goal.owner, goal.accountable)]
    message = "In a mentorship somebody beside the owner agrees to a goal: name at least one other party."
    reasons.unless(others, "party_alone", message, "parties")
    check_owner_in(case, mentorship, goal.owner, "mentorship")
    if goal.state == "active" and goal.mentorship != mentorship.id:
        check_room(case, mentorship, goal, goal.owner)


def check_owner_in(case: Case, mentorship: Mentorship, owner: str, field: str) -> None:
    """Refuse `owner_not_in_mentorship`: the owner is a party of the mentorship, it itself, or its programme."""
    itself = (f"mentorship:{mentorship.id}", f"programme:{mentorship.programme}")
    message = "The owner of a goal is a party of its mentorship: choose another mentorship or owner."
    case.reasons.unless(owner in mentorship.parties or owner in itself, "owner_not_in_mentorship", message, field)


def _check_programme(case: Case, goal: Goal, after: Placing, mentorship: Mentorship | None) -> None:
    """Refuse a programme that does not run or is not the mentorship's, and a cycle that it does not offer."""
    reasons, before = case.reasons, placing_of(goal)
    if mentorship is not None and mentorship.programme not in (None, after.programme):
        message = "The mentorship belongs to another programme: name that one, or none."
        reasons.refuse("programme_mismatch", message, "programme", programme=mentorship.programme)
    if after.programme is None:
        reasons.unless(after.cycle is None, "cycle_without_programme", "A cycle belongs to a programme.", "cycle")
        return
    if (after.programme, after.cycle) == (before.programme, before.cycle):
        return
    programme: Programme | None = case.frame.get(("programme", after.programme))
    if programme is None:
        reasons.refuse("programme_unknown", "There is no programme with this id in this tenant.", "programme")
        return
    reasons.unless(programme.state == "open", "programme_closed", "This programme has ended.", "programme")
    if after.cycle is not None and check_cycle(case, programme, after.cycle, ("planned", "active")):
        warn_outside(case, goal, after.programme, after.cycle)


def check_cycle(case: Case, programme: Programme, cycle_id: str, states: tuple[str, ...]) -> bool:
    """Refuse `cycle_unknown`, and `cycle_not_open` for one in none of *states*; returns whether it will do."""
    cycle = programme.cycles.get(cycle_id)
    if cycle is None:
        return case.reasons.unless(cycle, "cycle_unknown", "The programme has no such cycle.", "cycle")
    message = "This cycle is not open: choose another one, or have it opened."
    return case.reasons.unless(cycle.state in states, "cycle_not_open", message, "cycle", state=cycle.state)


def warn_outside(case: Case, goal: Goal, programme_id: str, cycle_id: str) -> None:
    """Warn of a deadline that the cycle does not contain."""
    if outside(cycle_of(case, programme_id, cycle_id), goal.deadline):
        message = "The goal's deadline lies outside this cycle: shift it, or leave it where it is on purpose."
        case.reasons.warn("deadline_outside_cycle", message, "cycle")


@evolves(events.Placed)
def placed(goal: Goal, event: events.Placed, _recorded: Recorded) -> Goal:
    """Put the goal where it belongs, with its parties there."""
    after = event.after
    goal = replace(
        goal,
        mentorship=after.mentorship,
        programme=after.programme,
        cycle=after.cycle,
        parties=HashTrieMap({party.ref: party.role for party in after.parties}),
    )
    return with_revision(goal, event)


@decides(commands.CarryGoalOver)
def carry_goal_over(case: Case) -> list[Change]:
    """Let the goal go on in another cycle that is open."""
    command, goal = case.command, asked_open(case, PARTY, ADMIN)
    if command.cycle == goal.cycle:
        return []
    reason_given(case, command.reason)
    if goal.programme is None:
        message = "The goal is in no programme: place it into one, with its cycle."
        case.reasons.refuse("cycle_without_programme", message, "cycle")
        return []
    programme = case.frame.get(("programme", goal.programme))
    if programme is not None and check_cycle(case, programme, command.cycle, ("active",)):
        warn_outside(case, goal, goal.programme, command.cycle)
    return [case.change(events.CarriedOver(old=goal.cycle, new=command.cycle, reason=command.reason))]


@evolves(events.CarriedOver)
def carried_over(goal: Goal, event: events.CarriedOver, _recorded: Recorded) -> Goal:
    """Put the goal into the other cycle."""
    return replace(goal, cycle=event.new)
