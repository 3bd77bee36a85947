"""What the parties of a mentorship settle among themselves: expectations, purpose, cadence, cap and quorum."""

from __future__ import annotations

import msgspec

from milepost.decide.kernel import Recorded, evolves
from milepost.decide.mentorship.state import Mentorship
from milepost_contracts.events import mentorship as events


@evolves(events.ExpectationsAgreed)
def expectations_agreed(state: Mentorship, event: events.ExpectationsAgreed, _recorded: Recorded) -> Mentorship:
    """Note the yes; other expectations than before have only their writer's."""
    same = event.expectations == state.expectations
    return msgspec.structs.replace(
        state,
        expectations=event.expectations,
        expectations_agreed=(state.expectations_agreed if same else frozenset()) | {event.party},
    )


@evolves(events.PurposeSet)
def purpose_set(state: Mentorship, event: events.PurposeSet, _recorded: Recorded) -> Mentorship:
    """Set what it is for."""
    return msgspec.structs.replace(state, purpose=event.purpose)


@evolves(events.CadenceSet)
def cadence_set(state: Mentorship, event: events.CadenceSet, _recorded: Recorded) -> Mentorship:
    """Set how often its parties meet."""
    return msgspec.structs.replace(state, cadence=event.after)


@evolves(events.CapSet)
def cap_set(state: Mentorship, event: events.CapSet, _recorded: Recorded) -> Mentorship:
    """Set its own cap, which stands before the programme's."""
    return msgspec.structs.replace(state, cap=event.new)


@evolves(events.QuorumSet)
def quorum_set(state: Mentorship, event: events.QuorumSet, _recorded: Recorded) -> Mentorship:
    """Set whose yes a goal needs."""
    return msgspec.structs.replace(state, quorum=event.new)
