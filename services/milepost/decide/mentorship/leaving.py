"""A person leaves a mentorship, or another takes the place, and every open goal of that person is provided for."""

from __future__ import annotations

import msgspec

from milepost.decide.kernel import Recorded, evolves
from milepost.decide.mentorship.state import Mentorship
from milepost_contracts.events import mentorship as events


@evolves(events.PartyReplaced)
def party_replaced(state: Mentorship, event: events.PartyReplaced, _recorded: Recorded) -> Mentorship:
    """Put the new party in the old one's place; what was agreed by the old one is not the new one's."""
    return msgspec.structs.replace(
        state,
        parties=state.parties.discard(event.old).insert(event.new.ref, event.new.role),
        expectations_agreed=state.expectations_agreed - {event.old},
    )


@evolves(events.PartyRemoved)
def party_removed(state: Mentorship, event: events.PartyRemoved, _recorded: Recorded) -> Mentorship:
    """Take the person out."""
    return msgspec.structs.replace(
        state,
        parties=state.parties.discard(event.party),
        expectations_agreed=state.expectations_agreed - {event.party},
    )
