"""A programme's periods are planned, opened and closed; their goals stay as they are."""

from __future__ import annotations

import msgspec

from milepost.decide.kernel import Recorded, evolves
from milepost.decide.programme.state import Cycle, Programme
from milepost_contracts.events import programme as events


@evolves(events.CyclePlanned)
def cycle_planned(state: Programme, event: events.CyclePlanned, _recorded: Recorded) -> Programme:
    """Plan the period."""
    cycle = Cycle(starts_on=event.starts_on, ends_on=event.ends_on)
    return msgspec.structs.replace(state, cycles=state.cycles.insert(event.cycle, cycle))


@evolves(events.CycleOpened)
def cycle_opened(state: Programme, event: events.CycleOpened, _recorded: Recorded) -> Programme:
    """Let it run."""
    return _moved(state, event.cycle, "active")


@evolves(events.CycleClosed)
def cycle_closed(state: Programme, event: events.CycleClosed, _recorded: Recorded) -> Programme:
    """End it."""
    return _moved(state, event.cycle, "closed")


def _moved(programme: Programme, cycle: str, state: str) -> Programme:
    known = programme.cycles.get(cycle)
    if known is None:
        return programme
    cycles = programme.cycles.insert(cycle, msgspec.structs.replace(known, state=state))
    return msgspec.structs.replace(programme, cycles=cycles)
