"""A measure says what will count as evidence: it is defined, gets another target, or counts no longer."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from milepost.decide.checks import blank, reason_given, within
from milepost.decide.goal import clock
from milepost.decide.goal.children import finder
from milepost.decide.goal.progress import results
from milepost.decide.goal.roles import PARTY, asked_open
from milepost.decide.goal.tally import KEEP, YES_OR_NO, judged, tally_of
from milepost.decide.goal.terms import raised, with_revision
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts.commands.goal import DefineMeasure, RetireMeasure, ReviseTarget
from milepost_contracts.events.goal import MeasureDefined, MeasureRetired, TargetRevised
from milepost_contracts.types import Measure

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal

# What a member would mean for another kind nobody could say, so nobody may write it there.
_KINDS_WITH: Mapping[str, frozenset[str]] = {
    "period": frozenset({"consecutive", "recurring"}),
    "periods_required": frozenset({"recurring"}),
    "samples_min": frozenset({"average"}),
    "delta_mode": frozenset({"delta"}),
    "scale": frozenset({"average", "delta"}),
}
_KEPT_BY_PERIOD = frozenset({"period", "periods_required"})
# What readings already mean depends on these; a target is revised, which keeps the old one in sight.
_FIXED_BY_READINGS = ("kind", "unit", "direction", "period", "delta_mode", "scale", "target", "baseline")


@decides(DefineMeasure)
def define_measure(case: Case) -> list[Change]:
    """Define a measure, anew as long as that changes no meaning of its readings; a retired one counts again."""
    command: DefineMeasure = case.command
    goal = asked_open(case, PARTY)
    members = {name: getattr(command, name) for name in Measure.__struct_fields__}
    definition = Measure(**members)
    if goal.measures.get(command.measure) == definition:
        return []
    check_measure(case, definition)
    fresh = command.measure not in goal.measures
    within(case, len(goal.measures) + fresh, "measures", "measure")
    _check_fixed(case, goal, definition)
    _check_reason(case, goal)
    told = {person for person in definition.sources if person not in goal.people and person not in goal.contributors}
    if told:
        case.reasons.warn(
            "not_of_goal", "A source that is neither party nor contributor can record nothing: add it.", "sources"
        )
    return [case.change(MeasureDefined(definition=definition, reason=command.reason, **raised(goal, command.actor)))]


@decides(ReviseTarget)
def revise_target(case: Case) -> list[Change]:
    """Change a measure's target, and its baseline where one is given."""
    command: ReviseTarget = case.command
    goal = asked_open(case, PARTY)
    measure = counting(case, goal, command.measure)
    if measure is None:
        return []
    baseline = measure.baseline if command.baseline is None else command.baseline
    if Decimal(command.target) == Decimal(measure.target) and _same(baseline, measure.baseline):
        return []
    check_measure(case, msgspec.structs.replace(measure, target=command.target, baseline=baseline))
    _check_reason(case, goal)
    revised = TargetRevised(
        measure=command.measure,
        old=measure.target,
        new=command.target,
        old_baseline=measure.baseline,
        new_baseline=command.baseline,
        reason=command.reason,
        **raised(goal, command.actor),
    )
    return [case.change(msgspec.structs.replace(revised, progress=progress_after(case, _with_target(goal, revised))))]


@decides(RetireMeasure)
def retire_measure(case: Case) -> list[Change]:
    """Let a measure count no longer."""
    command: RetireMeasure = case.command
    goal = asked_open(case, PARTY)
    if command.measure in goal.retired or counting(case, goal, command.measure) is None:
        return []
    _check_reason(case, goal)
    event = MeasureRetired(
        measure=command.measure,
        reason=command.reason,
        progress=progress_after(case, _without(goal, command.measure)),
        **raised(goal, command.actor),
    )
    return [case.change(event)]


def check_measure(case: Case, measure: Measure, field: str = "") -> None:
    """Refuse a definition that no reading could ever fulfil, or that says what its kind does not know.

    *field* stands before the names of the members, for definitions within other commands (`terms.measures.0.`).
    """
    reasons = case.reasons
    reasons.unless(not blank(measure.name), "name_missing", "Give the measure a name.", f"{field}name")
    reasons.unless(Decimal(measure.weight) > 0, "weight_invalid", "A weight is more than 0.", f"{field}weight")
    within(case, len(measure.sources), "items", f"{field}sources")
    foreign = [name for name in _KINDS_WITH if getattr(measure, name) is not None and not _knows(measure, name)]
    for name in foreign:
        message = f"A measure of kind {measure.kind} and direction {measure.direction} knows no {name}: leave it out."
        reasons.refuse("not_for_kind", message, f"{field}{name}", kind=measure.kind, direction=measure.direction)
    if measure.kind in ("consecutive", "recurring"):
        message = "Say in which period: day, week, month, quarter or year."
        reasons.unless(measure.period, "period_missing", message, f"{field}period")
    if measure.kind == "recurring":
        message = "Say in how many periods the target is to be reached."
        reasons.unless(measure.periods_required, "periods_required_missing", message, f"{field}periods_required")
    if measure.kind in YES_OR_NO:
        _check_yes_or_no(case, measure, field)
    else:
        _check_target(case, measure, field)
    if measure.scale is not None and "scale" not in foreign:
        _check_scale(case, measure, field)


def _knows(measure: Measure, member: str) -> bool:
    return measure.kind in _KINDS_WITH[member] or (
        member in _KEPT_BY_PERIOD and measure.direction in KEEP and measure.kind not in YES_OR_NO
    )


def _check_yes_or_no(case: Case, measure: Measure, field: str) -> None:
    target, reasons = Decimal(measure.target), case.reasons
    message = "What is answered by yes or no can only increase."
    reasons.unless(measure.direction == "increase", "direction_not_for_kind", message, f"{field}direction")
    message = "This kind of measure begins at no, or at no hit: leave the baseline out."
    reasons.unless(measure.baseline is None, "not_for_kind", message, f"{field}baseline", kind=measure.kind)
    if measure.kind == "binary":
        reasons.unless(target == 1, "target_invalid", "The target of a yes is 1.", f"{field}target")
    else:
        whole = target >= 1 and target == target.to_integral_value()
        message = "The target is how many hits in a row: a whole number from 1."
        reasons.unless(whole, "target_invalid", message, f"{field}target")


def _check_target(case: Case, measure: Measure, field: str) -> None:
    reasons, target = case.reasons, Decimal(measure.target)
    if measure.delta_mode == "percent" and measure.baseline is not None:
        message = "Nothing is a percentage of 0: give another baseline, or measure in points."
        reasons.unless(Decimal(measure.baseline), "baseline_zero", message, f"{field}baseline")
    if measure.direction in KEEP:
        return
    up = measure.direction == "increase"
    if measure.kind == "delta" and measure.delta_mode:
        # The target is a change here; a decrease may be said as 10 or as -10.
        target, start = target if up else -abs(target), Decimal(0)
    elif measure.baseline is None and measure.kind in ("average", "delta"):
        return  # where it begins is not known yet
    else:
        start = Decimal(measure.baseline or 0)
    if target == start:
        message = "The target is where the measure begins: set another target or baseline."
        reasons.refuse("baseline_is_target", message, f"{field}target")
    elif (target > start) != up:
        message = f"To {measure.direction} it, the target has to lie {'above' if up else 'below'} where it begins."
        reasons.refuse("target_behind_baseline", message, f"{field}target")


def _check_scale(case: Case, measure: Measure, field: str) -> None:
    scale, reasons = measure.scale or [], case.reasons
    within(case, len(scale), "items", f"{field}scale")
    message = "A scale has at least two words, from the lowest to the highest, each once."
    reasons.unless(len(scale) >= 2 and len(set(scale)) == len(scale), "scale_invalid", message, f"{field}scale")  # noqa: PLR2004  the sentence says it
    last = len(scale) - 1
    message = f"Words of a scale count from 0: nothing on this one is below 0 or above {last}."
    places = {"baseline": measure.baseline, "target": None if measure.delta_mode else measure.target}
    for name, place in places.items():
        reasons.unless(place is None or 0 <= Decimal(place) <= last, "off_scale", message, f"{field}{name}")


def _check_fixed(case: Case, goal: Goal, definition: Measure) -> None:
    """Refuse to change what the readings there are mean."""
    before = goal.measures.get(definition.measure) or goal.retired.get(definition.measure)
    if before is None or not has_readings(goal, definition.measure):
        return
    for name in _FIXED_BY_READINGS:
        old, new = getattr(before, name), getattr(definition, name)
        case.reasons.unless(
            _same(old, new) if name in ("target", "baseline") else old == new,
            "measure_has_readings",
            "There are readings already: revise the target, or retire this measure and define another.",
            name,
        )


def _check_reason(case: Case, goal: Goal) -> None:
    """Metrics of what was once agreed are adjusted with a reason."""
    if goal.ever_agreed:
        reason_given(case, case.command.reason)


def has_readings(goal: Goal, measure: str) -> bool:
    """Whether a reading of *measure* stands."""
    tally = goal.tallies.get(measure)
    return tally is not None and tally.count > 0


def counting(case: Case, goal: Goal, measure: str) -> Measure | None:
    """Return the measure; refuses `measure_retired` and `measure_unknown`."""
    found = goal.measures.get(measure)
    if found is None and measure in goal.retired:
        case.reasons.refuse("measure_retired", "This measure counts no longer: define it anew first.", "measure")
    elif found is None:
        case.reasons.refuse("measure_unknown", "This goal has no such measure.", "measure")
    return found


def _same(one: str | None, other: str | None) -> bool:
    return one == other or (one is not None and other is not None and Decimal(one) == Decimal(other))


def progress_after(case: Case, goal: Goal) -> str | None:
    """Return the progress of *goal* as an event would leave it."""
    return results(goal, today=clock.today(goal, case.now), child=finder(case, goal))[1]


@evolves(MeasureDefined)
def measure_defined(state: Goal, event: MeasureDefined, _recorded: Recorded) -> Goal:
    """Let the measure count; readings of an earlier definition are read by this one."""
    definition, tallies = event.definition, state.tallies
    if has_readings(state, definition.measure) and not _read_alike(state, definition):
        mine = (reading for reading in state.readings.values() if reading.measure == definition.measure)
        tally = tally_of(definition, (reading for reading in mine if not reading.struck))
        tallies = tallies.insert(definition.measure, tally)
    state = msgspec.structs.replace(
        state,
        measures=state.measures.insert(definition.measure, definition),
        retired=state.retired.discard(definition.measure),
        tallies=tallies,
    )
    return with_revision(state, event)


@evolves(TargetRevised)
def target_revised(state: Goal, event: TargetRevised, _recorded: Recorded) -> Goal:
    """Set the target, and the baseline where there is a new one."""
    return with_revision(_with_target(state, event), event)


@evolves(MeasureRetired)
def measure_retired(state: Goal, event: MeasureRetired, _recorded: Recorded) -> Goal:
    """Let the measure count no longer; its readings stay."""
    return with_revision(_without(state, event.measure), event)


def _read_alike(goal: Goal, definition: Measure) -> bool:
    """Whether readings enter the tally of *definition* as they did before it."""
    before = goal.measures.get(definition.measure) or goal.retired.get(definition.measure)
    return before is not None and all(getattr(before, name) == getattr(definition, name) for name in _FIXED_BY_READINGS)


def _with_target(goal: Goal, event: TargetRevised) -> Goal:
    measure = goal.measures.get(event.measure)
    if measure is None:
        return goal
    baseline = measure.baseline if event.new_baseline is None else event.new_baseline
    measure = msgspec.structs.replace(measure, target=event.new, baseline=baseline)
    tally = goal.tallies.get(event.measure)
    return msgspec.structs.replace(
        goal,
        measures=goal.measures.insert(event.measure, measure),
        tallies=goal.tallies.insert(event.measure, judged(tally, measure)) if tally else goal.tallies,
    )


def _without(goal: Goal, measure: str) -> Goal:
    definition = goal.measures.get(measure)
    if definition is None:
        return goal
    return msgspec.structs.replace(
        goal, measures=goal.measures.remove(measure), retired=goal.retired.insert(measure, definition)
    )
