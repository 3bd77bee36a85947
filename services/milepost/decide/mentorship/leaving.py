"""A person leaves a mentorship, or another takes the place, and every open goal of that person is provided for."""

from __future__ import annotations

import msgspec

from milepost.decide.checks import reason_given
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost.decide.mentorship.asking import asked_active
from milepost.decide.mentorship.beginning import check_format
from milepost.decide.mentorship.disposing import dispose
from milepost.decide.mentorship.state import Mentorship
from milepost_contracts.commands import mentorship as commands
from milepost_contracts.events import mentorship as events

# A circle begins with three, but does not break when one of them leaves.
CIRCLE_LEFT_MIN = 2


@decides(commands.ReplaceParty)
def replace_party(case: Case) -> list[Change]:
    """Put one person in another's place, or give a party another role.

    The new person takes over what is kept: as the owner where the old one was the owner, else as a party.
    """
    mentorship, command = asked_active(case, admins=True), case.command
    old, new = command.old, command.new
    if mentorship.parties.get(new.ref) == new.role and old == new.ref:
        return []
    present = _check_present(case, mentorship, old, "old")
    reason_given(case, command.reason)
    message = "The new person is a party already: remove the other one instead."
    case.reasons.unless(old == new.ref or new.ref not in mentorship.parties, "party_already_present", message, "new")
    roles = [role for ref, role in mentorship.parties.items() if ref != old]
    check_format(case, mentorship.format, [*roles, new.role], "new", circle_min=CIRCLE_LEFT_MIN)
    replaced = events.PartyReplaced(old=old, new=new, goals=command.goals, reason=command.reason)
    return [case.change(replaced), *(dispose(case, old, new) if present else [])]


@evolves(events.PartyReplaced)
def party_replaced(state: Mentorship, event: events.PartyReplaced, _recorded: Recorded) -> Mentorship:
    """Put the new party in the old one's place; what was agreed by the old one is not the new one's."""
    gone = {event.old} - {event.new.ref}
    return msgspec.structs.replace(
        state,
        parties=state.parties.discard(event.old).insert(event.new.ref, event.new.role),
        expectations_agreed=state.expectations_agreed - gone,
    )


@decides(commands.RemoveParty)
def remove_party(case: Case) -> list[Change]:
    """Let a person leave; a mentorship of two is cancelled instead, or the person replaced."""
    mentorship, command = asked_active(case, admins=True), case.command
    present = _check_present(case, mentorship, command.party, "party")
    reason_given(case, command.reason)
    roles = [role for ref, role in mentorship.parties.items() if ref != command.party]
    check_format(case, mentorship.format, roles, "party", circle_min=CIRCLE_LEFT_MIN)
    removed = events.PartyRemoved(party=command.party, goals=command.goals, reason=command.reason)
    return [case.change(removed), *(dispose(case, command.party, None) if present else [])]


def _check_present(case: Case, mentorship: Mentorship, person: str, field: str) -> bool:
    message = "This person is no party of the mentorship."
    return case.reasons.unless(person in mentorship.parties, "party_not_present", message, field)


@evolves(events.PartyRemoved)
def party_removed(state: Mentorship, event: events.PartyRemoved, _recorded: Recorded) -> Mentorship:
    """Take the person out."""
    return msgspec.structs.replace(
        state,
        parties=state.parties.discard(event.party),
        expectations_agreed=state.expectations_agreed - {event.party},
    )
