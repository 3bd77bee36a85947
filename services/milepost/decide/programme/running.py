"""A programme begins, sets the frame for its goals, and ends."""

from __future__ import annotations

import msgspec

from milepost.decide.kernel import Recorded, evolves
from milepost.decide.programme.state import Programme
from milepost_contracts.events import programme as events


@evolves(events.Created)
def created(_state: Programme | None, event: events.Created, recorded: Recorded) -> Programme:
    """Begin a programme."""
    return Programme(
        id=recorded.aggregate_id,
        title=event.title,
        description=event.description,
        admins=frozenset(event.admins),
        cap=event.cap,
        cadence=event.cadence,
    )


@evolves(events.RubricSet)
def rubric_set(state: Programme, event: events.RubricSet, _recorded: Recorded) -> Programme:
    """Evaluate with this rubric from now on."""
    rubric = event.rubric
    return msgspec.structs.replace(state, rubric=rubric, rubrics=state.rubrics.insert(rubric.id, rubric))


@evolves(events.CadenceSet)
def cadence_set(state: Programme, event: events.CadenceSet, _recorded: Recorded) -> Programme:
    """Set how often goals are checked in on."""
    return msgspec.structs.replace(state, cadence=event.after)


@evolves(events.CapSet)
def cap_set(state: Programme, event: events.CapSet, _recorded: Recorded) -> Programme:
    """Set the cap of its mentorships."""
    return msgspec.structs.replace(state, cap=event.new)


@evolves(events.Closed)
def closed(state: Programme, _event: events.Closed, _recorded: Recorded) -> Programme:
    """End the programme."""
    return msgspec.structs.replace(state, state="closed")
