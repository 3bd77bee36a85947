"""A mentorship reaches its end, or is given up."""

from __future__ import annotations

import msgspec

from milepost.decide.kernel import Recorded, evolves
from milepost.decide.mentorship.state import Mentorship
from milepost_contracts.events import mentorship as events


@evolves(events.Completed)
def completed(state: Mentorship, event: events.Completed, _recorded: Recorded) -> Mentorship:
    """End it."""
    return msgspec.structs.replace(state, state="completed", ended_on=event.completed_on)


@evolves(events.Cancelled)
def cancelled(state: Mentorship, event: events.Cancelled, _recorded: Recorded) -> Mentorship:
    """End it early."""
    return msgspec.structs.replace(state, state="cancelled", ended_on=event.cancelled_on)
