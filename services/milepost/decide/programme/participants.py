"""People take part in a programme, in a role, until they leave."""

from __future__ import annotations

import msgspec

from milepost.decide.kernel import Recorded, evolves
from milepost.decide.programme.state import Programme
from milepost_contracts.events import programme as events


@evolves(events.ParticipantEnrolled)
def participant_enrolled(state: Programme, event: events.ParticipantEnrolled, _recorded: Recorded) -> Programme:
    """Give the role; the role `admin` comes and goes with the right to run the programme."""
    admins = state.admins
    if event.role == "admin":
        admins |= {event.participant}
    elif state.participants.get(event.participant) == "admin":
        admins -= {event.participant}
    participants = state.participants.insert(event.participant, event.role)
    return msgspec.structs.replace(state, admins=admins, participants=participants)


@evolves(events.ParticipantWithdrawn)
def participant_withdrawn(state: Programme, event: events.ParticipantWithdrawn, _recorded: Recorded) -> Programme:
    """Take the person out, as an admin too."""
    return msgspec.structs.replace(
        state,
        admins=state.admins - {event.participant},
        participants=state.participants.discard(event.participant),
    )
