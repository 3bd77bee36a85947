"""A programme's periods are planned, opened and closed; their goals stay as they are."""

from __future__ import annotations

import msgspec

from milepost.decide.checks import title_given
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost.decide.programme.asking import asked_open
from milepost.decide.programme.state import Cycle, Programme
from milepost_contracts.commands import programme as commands
from milepost_contracts.events import programme as events

# Years and semesters are periods; what is longer than this is a date mistyped.
CYCLE_DAYS_MAX = 5 * 366


@decides(commands.PlanCycle)
def plan_cycle(case: Case) -> list[Change]:
    """Plan a period, also one that lies in the past: programmes are brought in as they were."""
    programme, command, reasons = asked_open(case), case.command, case.reasons
    known = programme.cycles.get(command.cycle)
    if known is not None:
        same = (known.title, known.starts_on, known.ends_on) == (command.title, command.starts_on, command.ends_on)
        reasons.unless(same, "cycle_id_taken", "Another period has this id: choose a new one.", "cycle")
        return []
    title_given(case, command.title)
    if reasons.unless(
        command.starts_on <= command.ends_on, "cycle_ends_first", "The period ends before it starts.", "ends_on"
    ):
        reasons.unless(
            (command.ends_on - command.starts_on).days < CYCLE_DAYS_MAX,
            "cycle_too_long",
            "A period lasts five years at the most: check the dates.",
            "ends_on",
            days_max=CYCLE_DAYS_MAX,
        )
    planned = events.CyclePlanned(
        cycle=command.cycle, title=command.title, starts_on=command.starts_on, ends_on=command.ends_on
    )
    return [case.change(planned)]


@evolves(events.CyclePlanned)
def cycle_planned(state: Programme, event: events.CyclePlanned, _recorded: Recorded) -> Programme:
    """Plan the period."""
    cycle = Cycle(title=event.title, starts_on=event.starts_on, ends_on=event.ends_on)
    return msgspec.structs.replace(state, cycles=state.cycles.insert(event.cycle, cycle))


@decides(commands.OpenCycle, commands.CloseCycle)
def move_cycle(case: Case) -> list[Change]:
    """Open a planned period, or close an active one; its goals stay as they are."""
    programme, command, reasons = asked_open(case), case.command, case.reasons
    opening = isinstance(command, commands.OpenCycle)
    cycle = programme.cycles.get(command.cycle)
    if cycle is None:
        reasons.refuse("cycle_unknown", "This programme has no such period.", "cycle")
        return []
    wanted = "planned" if opening else "active"
    reasons.unless(
        cycle.state == wanted,
        "cycle_wrong_state",
        "Only a planned period is opened, and only an active one is closed.",
        "cycle",
        state=cycle.state,
    )
    return [case.change((events.CycleOpened if opening else events.CycleClosed)(cycle=command.cycle))]


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
