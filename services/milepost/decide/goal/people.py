"""Whose goal it is: ownership, parties and contributors change, and who may see it."""

from __future__ import annotations

from msgspec.structs import replace

from milepost.decide.checks import reason_given, within
from milepost.decide.goal.conditions import owner_stands
from milepost.decide.goal.key_areas import check_room, joined, left, mentorship_of
from milepost.decide.goal.placing import check_owner_in
from milepost.decide.goal.roles import ADMIN, OWNER, asked, asked_open
from milepost.decide.goal.state import Goal, drop, put
from milepost.decide.goal.terms import raised, with_revision
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts.commands import goal as commands
from milepost_contracts.events import goal as events


@decides(commands.TransferOwnership)
def transfer_ownership(case: Case) -> list[Change]:
    """Give the goal to another owner; its key area counts under the new owner's cap from then on."""
    command, goal = case.command, asked_open(case, OWNER, ADMIN)
    accountable = command.accountable if command.accountable != command.owner else None
    if (command.owner, accountable) == (goal.owner, goal.accountable):
        return []
    if goal.ever_agreed:
        reason_given(case, command.reason)
    owner_stands(case, command.owner, accountable)
    transferred = events.OwnershipTransferred(
        old=goal.owner,
        new=command.owner,
        old_accountable=goal.accountable,
        new_accountable=accountable,
        reason=command.reason,
        **raised(goal, command.actor),
    )
    mentorship = mentorship_of(case, goal)
    if mentorship is None or command.owner == goal.owner:
        return [case.change(transferred)]
    check_owner_in(case, mentorship, command.owner, "owner")
    if goal.state == "active":
        check_room(case, mentorship, goal, command.owner)
    return [case.change(transferred), *left(mentorship, goal), *joined(mentorship, goal, command.owner)]


@evolves(events.OwnershipTransferred)
def ownership_transferred(goal: Goal, event: events.OwnershipTransferred, _recorded: Recorded) -> Goal:
    """Set the owner and who is accountable."""
    return with_revision(replace(goal, owner=event.new, accountable=event.new_accountable), event)


@decides(commands.AddParty)
def add_party(case: Case) -> list[Change]:
    """Let one more person agree and check in."""
    command, goal = case.command, asked_open(case, OWNER, ADMIN)
    party = command.party
    if goal.parties.get(party.ref) == party.role:
        return []
    message = "This person is a party with another role: replace the party by itself to change the role."
    case.reasons.unless(party.ref not in goal.parties, "party_already_present", message, "party")
    if goal.ever_agreed:
        reason_given(case, command.reason)
    within(case, len(goal.parties) + 1, "parties", "party")
    _check_in_mentorship(case, goal, party.ref, "party")
    added = events.PartyAdded(party=party, reason=command.reason, **raised(goal, command.actor))
    return [case.change(added)]


@decides(commands.RemoveParty)
def remove_party(case: Case) -> list[Change]:
    """Let a party go."""
    command, goal = case.command, asked_open(case, OWNER, ADMIN)
    _check_leaves(case, goal, command.party, "party")
    if goal.ever_agreed:
        reason_given(case, command.reason)
    removed = events.PartyRemoved(party=command.party, reason=command.reason, **raised(goal, command.actor))
    return [case.change(removed)]


@decides(commands.ReplaceParty)
def replace_party(case: Case) -> list[Change]:
    """Put one person in another's place, or give a party another role."""
    command, goal = case.command, asked_open(case, OWNER, ADMIN)
    new = command.new
    if command.old == new.ref:
        if goal.parties.get(new.ref) == new.role:
            return []
        message = "This person is no party of the goal."
        case.reasons.unless(command.old in goal.parties, "party_not_present", message, "old")
    else:
        _check_leaves(case, goal, command.old, "old")
        message = "The new person is a party already: remove the other one instead."
        case.reasons.unless(new.ref not in goal.parties, "party_already_present", message, "new")
        _check_in_mentorship(case, goal, new.ref, "new")
    if goal.ever_agreed:
        reason_given(case, command.reason)
    replaced = events.PartyReplaced(old=command.old, new=new, reason=command.reason, **raised(goal, command.actor))
    return [case.change(replaced)]


def _check_leaves(case: Case, goal: Goal, person: str, field: str) -> None:
    """Refuse the leaving of who is no party, or without whom the goal would have no owner."""
    if person in (goal.owner, goal.accountable):
        message = "A goal keeps an owner: transfer the ownership first."
        case.reasons.refuse("owner_needed", message, field)
    else:
        message = "This person is no party of the goal."
        case.reasons.unless(person in goal.parties, "party_not_present", message, field)


def _check_in_mentorship(case: Case, goal: Goal, person: str, field: str) -> None:
    mentorship = mentorship_of(case, goal)
    message = "The parties of a goal are parties of its mentorship: add this person there, or as a contributor here."
    present = mentorship is None or person in mentorship.parties
    case.reasons.unless(present, "party_not_in_mentorship", message, field, parties=[person])


@evolves(events.PartyAdded, events.PartyRemoved, events.PartyReplaced)
def parties_changed(
    goal: Goal, event: events.PartyAdded | events.PartyRemoved | events.PartyReplaced, _recorded: Recorded
) -> Goal:
    """Take persons out and in."""
    parties = goal.parties
    if isinstance(event, events.PartyRemoved):
        parties = parties.discard(event.party)
    elif isinstance(event, events.PartyReplaced):
        parties = parties.discard(event.old).insert(event.new.ref, event.new.role)
    else:
        parties = parties.insert(event.party.ref, event.party.role)
    return with_revision(replace(goal, parties=parties), event)


@decides(commands.AddContributor)
def add_contributor(case: Case) -> list[Change]:
    """Let a person give feedback, or give one who does another role."""
    command, goal = case.command, asked_open(case, OWNER, ADMIN)
    if goal.contributors.get(command.ref) == command.role:
        return []
    more = command.ref not in goal.contributors
    within(case, len(goal.contributors) + more, "contributors", "ref")
    return [case.change(events.ContributorAdded(ref=command.ref, role=command.role))]


@evolves(events.ContributorAdded)
def contributor_added(goal: Goal, event: events.ContributorAdded, _recorded: Recorded) -> Goal:
    """Take the person in."""
    return put(goal, "contributors", event.ref, event.role)


@decides(commands.RemoveContributor)
def remove_contributor(case: Case) -> list[Change]:
    """Let a contributor go."""
    command, goal = case.command, asked_open(case, OWNER, ADMIN)
    message = "This person is no contributor of the goal."
    case.reasons.unless(command.ref in goal.contributors, "contributor_not_present", message, "ref")
    return [case.change(events.ContributorRemoved(ref=command.ref, reason=command.reason))]


@evolves(events.ContributorRemoved)
def contributor_removed(goal: Goal, event: events.ContributorRemoved, _recorded: Recorded) -> Goal:
    """Take the person out."""
    return drop(goal, "contributors", event.ref)


@decides(commands.ChangeVisibility)
def change_visibility(case: Case) -> list[Change]:
    """Let more or fewer people see the goal from now on; a closed goal's too."""
    command, goal = case.command, asked(case, OWNER, ADMIN)
    if command.visibility == goal.visibility:
        return []
    if command.visibility == "programme" and goal.programme is None:
        message = "The goal is in no programme yet: until it is, its parties alone see it."
        case.reasons.warn("no_programme", message, "visibility")
    changed = events.VisibilityChanged(old=goal.visibility, new=command.visibility, reason=command.reason)
    return [case.change(changed)]


@evolves(events.VisibilityChanged)
def visibility_changed(goal: Goal, event: events.VisibilityChanged, _recorded: Recorded) -> Goal:
    """Set it."""
    return replace(goal, visibility=event.new)
