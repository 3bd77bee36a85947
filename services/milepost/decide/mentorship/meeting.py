"""The parties of a mentorship meet, look back and share what helped: sessions, reflections and resources."""

from __future__ import annotations

from milepost.decide.kernel import Recorded, evolves
from milepost.decide.mentorship.state import Mentorship, put
from milepost_contracts.events import mentorship as events


@evolves(events.SessionHeld)
def session_held(state: Mentorship, event: events.SessionHeld, _recorded: Recorded) -> Mentorship:
    """Remember the day of the session."""
    return put(state, "sessions", event.session, event.held_on)


@evolves(events.ReflectionRecorded)
def reflection_recorded(state: Mentorship, event: events.ReflectionRecorded, _recorded: Recorded) -> Mentorship:
    """Remember whose entry it is."""
    return put(state, "reflections", event.reflection, event.author)


@evolves(events.ResourceAttached)
def resource_attached(state: Mentorship, event: events.ResourceAttached, _recorded: Recorded) -> Mentorship:
    """Remember that it is there."""
    return put(state, "resources", event.resource, event.kind)
