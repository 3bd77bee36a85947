"""A reading of a measure is recorded, put right or struck; the event says what it makes of measure and goal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from milepost.decide.checks import reason_given, within
from milepost.decide.goal import clock
from milepost.decide.goal.children import finder
from milepost.decide.goal.links import check_link
from milepost.decide.goal.measures import counting
from milepost.decide.goal.occurring import occurred
from milepost.decide.goal.progress import after
from milepost.decide.goal.roles import CONTRIBUTOR, IMPORTER, PARTY, asked, roles_in_tenant, roles_of
from milepost.decide.goal.state import Reading
from milepost.decide.goal.tally import EMPTY, KEEP, YES_OR_NO, Tally, with_reading, without_reading
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts import types
from milepost_contracts.commands.goal import CorrectProgress, RecordProgress
from milepost_contracts.events.goal import ProgressCorrected, ProgressRecorded
from milepost_contracts.types import Measure

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal


@decides(RecordProgress)
def record_progress(case: Case) -> list[Change]:
    """Record a reading of a measure that counts."""
    command: RecordProgress = case.command
    goal = asked(case, PARTY, CONTRIBUTOR, IMPORTER)
    occurred(case, goal, command.on, "on")
    within(case, len(command.evidence), "items", "evidence")
    for place, link in enumerate(command.evidence):
        check_link(case, link, f"evidence.{place}")
    measure = counting(case, goal, command.measure)
    if measure is None:
        return []
    source = _source(case, goal, measure)
    needs_baseline = measure.kind == "delta" and (measure.delta_mode or measure.direction not in KEEP)
    case.reasons.unless(
        measure.baseline is not None or not needs_baseline,
        "baseline_missing",
        "Say first where this measure begins: revise its target and give a baseline.",
        "measure",
    )
    reading = Reading(
        event="", version=len(goal.readings) + 1, measure=measure.measure, on=command.on, **_told(command)
    )
    if not _shape(case, measure, reading):
        return []
    event = ProgressRecorded(
        measure=measure.measure,
        reading=command.reading,
        step=command.step,
        on=command.on,
        source=source,
        evidence=command.evidence,
        note=command.note,
        **_after(case, measure, with_reading(goal.tallies.get(measure.measure) or EMPTY, measure, reading)),
    )
    return [case.change(event)]


@decides(CorrectProgress)
def correct_progress(case: Case) -> list[Change]:
    """Put a reading right, strike it, or let a struck one stand again; the event that recorded it stays."""
    command: CorrectProgress = case.command
    goal = asked(case, PARTY, CONTRIBUTOR, IMPORTER)
    reason_given(case, command.reason)
    before = goal.readings.get(command.corrects)
    message = "No reading of this goal was recorded by this event: name the event that recorded it."
    if before is None:
        case.reasons.refuse("reading_unknown", message, "corrects")
        return []
    told = _told(command)
    if command.strike:
        message = "Either strike the reading, or say what it should have been."
        alone = command.on is None and told == _NOTHING
        case.reasons.unless(alone, "strike_alone", message, "strike")
    if not _records_all(case, goal):
        message = "A contributor corrects what that contributor recorded: ask a party."
        case.reasons.unless(before.recorded_by == case.command.actor, "not_author", message, "corrects")
    value = {"value": before.value, "step": before.step} if told == _NOTHING else told
    fixed = msgspec.structs.replace(before, on=command.on or before.on, struck=command.strike, **value)
    if (told == _NOTHING and command.on is None and not command.strike) or fixed == before:
        return []
    if fixed.on != before.on:
        occurred(case, goal, fixed.on, "on")
    measure = _defined(goal, before.measure)
    if measure is None or not (fixed.struck or _shape(case, measure, fixed)):
        return []
    event = ProgressCorrected(
        corrects=command.corrects,
        measure=before.measure,
        before=_as_told(before),
        after=None if fixed.struck else _as_told(fixed),
        strike=fixed.struck,
        reason=command.reason,
        **_after(case, measure, _corrected(goal, measure, before, fixed)),
    )
    return [case.change(event)]


_NOTHING = {"value": None, "step": None}


def _told(command: RecordProgress | CorrectProgress) -> dict[str, Any]:
    return {"value": command.reading, "step": command.step}


def _as_told(reading: Reading) -> types.Reading:
    return types.Reading(reading=reading.value, step=reading.step, on=reading.on)


def _records_all(case: Case, goal: Goal) -> bool:
    """Whether the asker may record whatever the source; a contributor records as a source alone."""
    actor = case.command.actor
    return PARTY in roles_of(goal, actor) or IMPORTER in roles_in_tenant(actor, case.frame)


def _source(case: Case, goal: Goal, measure: Measure) -> str | None:
    """Return whose reading it is; refuses one who is no source of the measure."""
    command: RecordProgress = case.command
    if _records_all(case, goal):
        known = command.source is None or command.source in goal.people or command.source in measure.sources
        message = "This person is no source of the measure: add the person to its sources first."
        case.reasons.unless(known, "source_unlisted", message, "source")
        return command.source
    if command.actor not in measure.sources:
        case.reasons.refuse("not_allowed", "A contributor records readings of measures that list it.", "actor")
    message = "A contributor records nobody's readings but its own."
    case.reasons.unless(command.source in (None, command.actor), "source_unlisted", message, "source")
    return command.actor


def _shape(case: Case, measure: Measure, reading: Reading) -> bool:
    """Refuse a reading that is not what the measure's kind and scale call for; returns whether it is."""
    value, step, reasons = reading.value, reading.step, case.reasons
    if (value is None) == (step is None):
        reasons.refuse("reading_or_step", "Give exactly one: a reading, or a step of the scale.", "reading")
        return False
    if measure.scale is not None:
        message = f"This measure wants one of the steps {', '.join(measure.scale)}."
        return reasons.unless(step in measure.scale, "unit_mismatch", message, "step", scale=measure.scale)
    if measure.kind in YES_OR_NO:
        return reasons.unless(isinstance(value, bool), "unit_mismatch", "This measure wants true or false.", "reading")
    message = f"This measure wants a number ({measure.unit})."
    return reasons.unless(isinstance(value, str), "unit_mismatch", message, "reading", unit=measure.unit)


def _after(case: Case, measure: Measure, tally: Tally) -> dict[str, Any]:
    """Return the members `current` and `progress` of an event that leaves *measure* with *tally*."""
    goal: Goal = case.state
    told = after(goal, measure, tally, today=clock.today(goal, case.now), child=finder(case, goal))
    message = "The sum would have more than 18 digits before the point: choose a larger unit."
    case.reasons.unless(told.fits, "out_of_range", message, "reading")
    return {"current": told.current, "progress": told.progress}


@evolves(ProgressRecorded)
def progress_recorded(state: Goal, event: ProgressRecorded, recorded: Recorded) -> Goal:
    """Keep the reading under the id of its event."""
    reading = Reading(
        event=recorded.id,
        version=len(state.readings) + 1,
        measure=event.measure,
        on=event.on,
        value=event.reading,
        step=event.step,
        recorded_by=recorded.actor,
    )
    measure, tally = _defined(state, reading.measure), state.tallies.get(reading.measure) or EMPTY
    return _kept(state, reading, with_reading(tally, measure, reading) if measure else tally)


@evolves(ProgressCorrected)
def progress_corrected(state: Goal, event: ProgressCorrected, _recorded: Recorded) -> Goal:
    """Let the reading stand as it should have been, or not at all."""
    before = state.readings.get(event.corrects)
    if before is None:
        return state
    fixed = msgspec.structs.replace(before, struck=event.strike)
    if event.after is not None:
        told = event.after
        fixed = msgspec.structs.replace(fixed, value=told.reading, step=told.step, on=told.on or before.on)
    measure, tally = _defined(state, before.measure), state.tallies.get(before.measure) or EMPTY
    return _kept(state, fixed, _corrected(state, measure, before, fixed) if measure else tally)


def _defined(goal: Goal, measure: str) -> Measure | None:
    return goal.measures.get(measure) or goal.retired.get(measure)


def _corrected(goal: Goal, measure: Measure, before: Reading, fixed: Reading) -> Tally:
    """Return the tally of *measure* with *fixed* in place of *before*, as far as they are not struck."""
    tally = goal.tallies.get(measure.measure) or EMPTY
    if not before.struck:
        tally = without_reading(tally, measure, before)
    return tally if fixed.struck else with_reading(tally, measure, fixed)


def _kept(goal: Goal, reading: Reading, tally: Tally) -> Goal:
    """Return *goal* with *reading* as it stands, which *tally* has counted."""
    return msgspec.structs.replace(
        goal,
        readings=goal.readings.insert(reading.event, reading),
        tallies=goal.tallies.insert(reading.measure, tally),
    )
