"""A programme begins, sets the frame for its goals, and ends."""

from __future__ import annotations

import msgspec

from milepost.decide.checks import cadence_whole, permit, stepped_on, title_given, within
from milepost.decide.goal.rubrics import BUILT_IN
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost.decide.programme.asking import asked, asked_open
from milepost.decide.programme.state import Programme
from milepost.decide.tenant import has_role, is_service
from milepost_contracts.commands import programme as commands
from milepost_contracts.events import programme as events


@decides(commands.Create)
def create(case: Case) -> list[Change]:
    """Begin a programme: a matter of the organisation, so an admin of the tenant or a service does it."""
    command, programme, reasons = case.command, case.state, case.reasons
    actor = command.actor
    permit(case, is_service(actor) or has_role(case.frame, actor, "admin"), "an admin of the tenant or a service")
    admins = sorted(set(command.admins)) or ([actor] if actor.startswith("user:") else [])
    created = events.Created(
        title=command.title,
        description=command.description,
        admins=admins,
        cap=command.cap,
        cadence=command.cadence,
    )
    if programme is not None:
        reasons.unless(
            programme.created == created,
            "programme_id_taken",
            "Another programme has this id: choose a new one.",
            "id",
        )
        return []
    title_given(case, command.title)
    reasons.unless(admins, "admins_missing", "Name a person who runs the programme: a service cannot.", "admins")
    within(case, len(admins), "items", "admins")
    cadence_whole(case, command.cadence)
    return [case.change(created)]


@evolves(events.Created)
def created(_state: Programme | None, event: events.Created, recorded: Recorded) -> Programme:
    """Begin a programme."""
    return Programme(
        id=recorded.aggregate_id,
        created=event,
        admins=frozenset(event.admins),
        cap=event.cap,
        cadence=event.cadence,
    )


@decides(commands.SetRubric)
def set_rubric(case: Case) -> list[Change]:
    """Set the checklist; a released version of a rubric stays what it was."""
    programme, rubric, reasons = asked_open(case), case.command.rubric, case.reasons
    if programme.rubric == rubric:
        return []
    reasons.unless(rubric.criteria, "criteria_missing", "A rubric has at least one criterion.", "rubric")
    reasons.unless(
        len(set(rubric.criteria)) == len(rubric.criteria), "criterion_twice", "Name each criterion once.", "rubric"
    )
    within(case, len(rubric.criteria), "items", "rubric")
    # Every tenant has the built-in ones: their versions mean the same everywhere.
    known = programme.rubrics.get(rubric.id) or BUILT_IN.get(rubric.id)
    # Going back to a rubric that was set before is no new version of it.
    if known is not None and known != rubric:
        reasons.unless(
            rubric.version > known.version,
            "version_not_rising",
            "This rubric has this version or a later one already: give the next.",
            "rubric",
            latest=known.version,
        )
    return [case.change(events.RubricSet(rubric=rubric))]


@evolves(events.RubricSet)
def rubric_set(state: Programme, event: events.RubricSet, _recorded: Recorded) -> Programme:
    """Evaluate with this rubric from now on."""
    rubric = event.rubric
    return msgspec.structs.replace(state, rubric=rubric, rubrics=state.rubrics.insert(rubric.id, rubric))


@decides(commands.SetCadence)
def set_cadence(case: Case) -> list[Change]:
    """Set how often goals are checked in on, where they say nothing else."""
    programme, cadence = asked_open(case), case.command.cadence
    if not cadence_whole(case, cadence) or cadence == programme.cadence:
        return []
    return [case.change(events.CadenceSet(before=programme.cadence, after=cadence))]


@evolves(events.CadenceSet)
def cadence_set(state: Programme, event: events.CadenceSet, _recorded: Recorded) -> Programme:
    """Set how often goals are checked in on."""
    return msgspec.structs.replace(state, cadence=event.after)


@decides(commands.SetCap)
def set_cap(case: Case) -> list[Change]:
    """Set how many active goals an owner may have in a mentorship; goals that are active already stay so."""
    programme, cap = asked_open(case), case.command.cap
    return [] if cap == programme.cap else [case.change(events.CapSet(old=programme.cap, new=cap))]


@evolves(events.CapSet)
def cap_set(state: Programme, event: events.CapSet, _recorded: Recorded) -> Programme:
    """Set the cap of its mentorships."""
    return msgspec.structs.replace(state, cap=event.new)


@decides(commands.Close)
def close(case: Case) -> list[Change]:
    """End the programme; its goals and mentorships go on. A period that still runs is closed first."""
    programme = asked(case)
    if programme.state == "closed":
        return []
    active = sorted(id_ for id_, cycle in programme.cycles.items() if cycle.state == "active")
    case.reasons.unless(
        not active, "cycles_open", "Periods of this programme still run: close them first.", "id", cycles=active
    )
    return [case.change(events.Closed(closed_on=stepped_on(case), reason=case.command.reason))]


@evolves(events.Closed)
def closed(state: Programme, _event: events.Closed, _recorded: Recorded) -> Programme:
    """End the programme."""
    return msgspec.structs.replace(state, state="closed")
