"""A mentorship is requested by one person, and begins when all the others have accepted."""

from __future__ import annotations

import msgspec
from rpds import HashTrieMap

from milepost.decide.kernel import Recorded, evolves
from milepost.decide.mentorship.state import Mentorship
from milepost_contracts.events import mentorship as events


@evolves(events.Requested)
def requested(_state: Mentorship | None, event: events.Requested, recorded: Recorded) -> Mentorship:
    """Begin a mentorship that waits for the others."""
    return Mentorship(
        id=recorded.aggregate_id,
        requester=event.requester,
        parties=HashTrieMap({party.ref: party.role for party in event.parties}),
        format=event.format,
        purpose=event.purpose,
        programme=event.programme,
        cadence=event.cadence,
    )


@evolves(events.Accepted)
def accepted(state: Mentorship, event: events.Accepted, _recorded: Recorded) -> Mentorship:
    """Note the yes; the last one begins the mentorship."""
    return msgspec.structs.replace(
        state, accepted=state.accepted | {event.party}, state="active" if event.complete else state.state
    )


@evolves(events.Rejected)
def rejected(state: Mentorship, _event: events.Rejected, recorded: Recorded) -> Mentorship:
    """End it before it began."""
    return msgspec.structs.replace(state, state="rejected", ended_on=recorded.recorded.date())
