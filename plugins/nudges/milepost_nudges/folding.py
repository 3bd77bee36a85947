"""An event of a goal changes what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.events import goal as events
from milepost_contracts.plugin import Delivered
from milepost_nudges import erased
from milepost_nudges.clock import day_in
from milepost_nudges.kept import CheckIn, Goal
from milepost_nudges.progress import Measure, Reading

RUNNING = ("active", "paused")
# A check-in may be dated up to two days after today in the goal's zone (today at UTC+14), so the last day that counts
# is among the latest three.
HELD_KEPT = 3


class At(NamedTuple):
    """An event on its way into what is kept: its goal's id and where check-ins, readings and children are."""

    id: str
    event: Delivered
    context: Context


_Fold = Callable[[Goal, Any, At], None]
_FOLDS: dict[str, _Fold] = {}


def folded(goal: Goal | None, event: Delivered, context: Context) -> Goal | None:
    """Return what is kept of a goal after *event*, None of one whose beginning was never seen."""
    at = At(event.aggregate_id, event, context)
    data = event.data
    if isinstance(data, events.Created | events.Imported):
        goal = Goal(version=event.version)
    if goal is None:
        return None
    before = (goal.asks, goal.revision, goal.state, goal.deadline)
    goal.version = event.version
    if event.actor.startswith("user:"):
        goal.active = max(event.occurred, goal.active or event.occurred)
    if event.context is not None:
        _belong(goal, event.context, context)
    if (fold := _FOLDS.get(type(data).TAG)) is not None:
        fold(goal, data, at)
    if goal.asks and before[:2] != (True, goal.revision):
        goal.asked = event.occurred
    if before[2:] != (goal.state, goal.deadline):
        goal.deadline_known = day_in(goal.zone, event.recorded)
    return goal


def _folds(*kinds: type[Any]) -> Callable[[_Fold], _Fold]:
    def register(fold: _Fold) -> _Fold:
        _FOLDS.update({kind.TAG: fold for kind in kinds})
        return fold

    return register


def _belong(goal: Goal, told: Any, context: Context) -> None:
    """Take over whose goal it is and where it belongs; somebody who was erased is nobody any more."""
    owner = told.owner if told.owner.startswith("user:") else told.accountable or ""
    parties = {party.ref: party.role for party in told.parties}
    # Who is known here was not erased: forgetting takes such people out. Events go on naming them.
    new = {owner, *parties} - goal.people - {""}
    lost = {person for person in new if erased.is_gone(context, person)}
    goal.owner = "" if owner in lost else owner
    goal.parties = {person: role for person, role in parties.items() if person not in lost}
    goal.mentorship, goal.programme = told.mentorship, told.programme


def _revised(goal: Goal, event: Any, *, editorial: bool = False) -> None:
    """Bring the goal to the revision of *event*: voided yeses are gone, and those of people who left."""
    if event.revision == goal.revision:
        return
    goal.revision = event.revision
    gone = {*event.voided, *(goal.yes.keys() - goal.people)}
    goal.yes = {person: event.revision for person in goal.yes if person not in gone}
    if not editorial:
        everybody = all(person in goal.yes for person in goal.people)
        goal.agreed = goal.agreed and everybody
        if goal.state in RUNNING:
            goal.agreement_open = not everybody
    if goal.state == "proposed":
        goal.state = "drafted"  # terms that changed under a proposal are another proposal


# Terms


@_folds(events.Created)
def _created(goal: Goal, event: events.Created, _at: At) -> None:
    goal.zone, goal.start, goal.deadline = event.time_zone, event.start_on, event.deadline
    goal.revision = event.revision


@_folds(events.Imported)
def _imported(goal: Goal, event: events.Imported, _at: At) -> None:
    terms = event.terms
    goal.zone, goal.start, goal.deadline = terms.time_zone, terms.start_on, terms.deadline
    goal.state, goal.revision = event.state, event.revision
    goal.measures = {measure.measure: _measure(measure) for measure in terms.measures}
    goal.progress = "0" if goal.measures else None
    goal.yes = {agreement.party: event.revision for agreement in event.agreements if agreement.party in goal.people}
    everybody = all(person in goal.yes for person in goal.people)
    goal.agreed = bool(goal.yes) and everybody
    if event.state in (*RUNNING, "closed"):
        goal.activated = min(terms.start_on or event.as_of, event.as_of)
    if event.state in RUNNING:
        goal.agreement_open = not everybody
    if event.state == "paused":
        goal.pauses = [(event.as_of, None)]
    if event.state == "closed":
        goal.closed = event.closed_on or event.as_of


@_folds(
    events.Placed,
    events.OwnershipTransferred,
    events.PartyAdded,
    events.PartyRemoved,
    events.PartyReplaced,
)
def _people_changed(goal: Goal, event: Any, _at: At) -> None:
    _revised(goal, event)


@_folds(events.Refined)
def _refined(goal: Goal, event: events.Refined, _at: At) -> None:
    source = event.after.progress_from
    if source is not msgspec.UNSET and source != goal.progress_from:
        goal.progress_from, goal.moving = source, True
    _revised(goal, event, editorial=event.editorial)


@_folds(events.DeadlineSet, events.DeadlineShifted)
def _deadline(goal: Goal, event: Any, _at: At) -> None:
    goal.deadline = event.new
    _revised(goal, event)


@_folds(events.ScheduleSet)
def _schedule(goal: Goal, event: events.ScheduleSet, _at: At) -> None:
    after = event.after
    goal.zone, goal.start, goal.cadence = after.time_zone, after.start_on, after.cadence


# Measures and progress


@_folds(events.MeasureDefined)
def _measure_defined(goal: Goal, event: events.MeasureDefined, _at: At) -> None:
    goal.measures[event.definition.measure] = _measure(event.definition)
    if goal.read:
        goal.moving = True  # the event does not tell what the new weights make of the goal's progress
    else:
        goal.progress = "0"
    _revised(goal, event)


@_folds(events.TargetRevised)
def _target_revised(goal: Goal, event: events.TargetRevised, _at: At) -> None:
    if (measure := goal.measures.get(event.measure)) is not None:
        measure.target = event.new
        if event.new_baseline is not None:
            measure.baseline = event.new_baseline
    _told(goal, event.progress)
    _revised(goal, event)


@_folds(events.MeasureRetired)
def _measure_retired(goal: Goal, event: events.MeasureRetired, _at: At) -> None:
    if (measure := goal.measures.get(event.measure)) is not None:
        measure.retired = True
    _told(goal, event.progress)
    _revised(goal, event)


@_folds(events.ProgressRecorded)
def _progress_recorded(goal: Goal, event: events.ProgressRecorded, at: At) -> None:
    reading = Reading(event.measure, event.on, at.event.sequence, event.reading, event.step)
    at.context.state.set(f"reading/{at.id}/{at.event.id}", reading)
    goal.read = True
    _told(goal, event.progress)


@_folds(events.ProgressCorrected)
def _progress_corrected(goal: Goal, event: events.ProgressCorrected, at: At) -> None:
    key = f"reading/{at.id}/{event.corrects}"
    reading: Reading | None = at.context.state.get(key, Reading)
    if reading is not None:
        reading.struck = event.strike
        if event.after is not None:
            reading.value, reading.step = event.after.reading, event.after.step
            reading.on = event.after.on or reading.on
        at.context.state.set(key, reading)
    _told(goal, event.progress)


@_folds(events.HealthSet)
def _health_set(goal: Goal, event: events.HealthSet, _at: At) -> None:
    goal.override = (event.health, event.until)


@_folds(events.Aligned)
def _aligned(goal: Goal, event: events.Aligned, _at: At) -> None:
    goal.parents = sorted({*goal.parents, event.parent})


@_folds(events.Unaligned)
def _unaligned(goal: Goal, event: events.Unaligned, _at: At) -> None:
    goal.parents = [parent for parent in goal.parents if parent != event.parent]


@_folds(events.ChildAligned)
def _child_aligned(_goal: Goal, event: events.ChildAligned, at: At) -> None:
    at.context.state.set(f"child/{at.id}/{event.child}", event.weight)


@_folds(events.ChildUnaligned)
def _child_unaligned(_goal: Goal, event: events.ChildUnaligned, at: At) -> None:
    at.context.state.delete(f"child/{at.id}/{event.child}")


# States and agreement


@_folds(events.Proposed, events.Agreed)
def _yes(goal: Goal, event: Any, _at: At) -> None:
    if isinstance(event, events.Proposed):
        goal.state = "proposed"
    goal.yes[event.party] = event.revision
    goal.agreed = event.complete
    goal.agreement_open = goal.agreement_open and not event.complete


@_folds(events.Declined)
def _declined(goal: Goal, event: events.Declined, _at: At) -> None:
    goal.yes.pop(event.party, None)
    goal.agreed, goal.state = False, "drafted"


@_folds(events.AgreementWithdrawn)
def _withdrawn(goal: Goal, event: events.AgreementWithdrawn, _at: At) -> None:
    goal.yes.pop(event.party, None)
    goal.agreed = False
    goal.agreement_open = goal.agreement_open or event.open


@_folds(events.Activated)
def _activated(goal: Goal, event: events.Activated, _at: At) -> None:
    goal.state, goal.agreement_open, goal.activated = "active", False, event.activated_on


@_folds(events.Paused)
def _paused(goal: Goal, event: events.Paused, _at: At) -> None:
    goal.state = "paused"
    goal.pauses.append((event.paused_on, None))


@_folds(events.Resumed)
def _resumed(goal: Goal, event: events.Resumed, _at: At) -> None:
    goal.state, goal.agreement_open = "active", False
    _unpause(goal, event.resumed_on)


@_folds(events.Closed)
def _closed(goal: Goal, event: events.Closed, _at: At) -> None:
    goal.state, goal.agreement_open, goal.closed = "closed", False, event.closed_on
    if event.progress is not None:
        goal.progress, goal.moving = event.progress, False


@_folds(events.Reopened)
def _reopened(goal: Goal, event: events.Reopened, _at: At) -> None:
    if not _unpause(goal, event.reopened_on) and goal.closed is not None:
        goal.pauses.append((goal.closed, event.reopened_on))  # while it was closed its clock stood still
    goal.state, goal.agreement_open, goal.closed = "active", False, None
    goal.activated = goal.activated or event.reopened_on


# Check-ins


@_folds(events.CheckInHeld)
def _held(goal: Goal, event: events.CheckInHeld, at: At) -> None:
    check_in = CheckIn(event.held_on, at.event.sequence, event.next_on)
    at.context.state.set(f"held/{at.id}/{event.check_in}", check_in)
    _latest(goal, at)


@_folds(events.CheckInAmended)
def _amended(goal: Goal, event: events.CheckInAmended, at: At) -> None:
    key = f"held/{at.id}/{event.check_in}"
    check_in: CheckIn | None = at.context.state.get(key, CheckIn)
    if check_in is not None:
        check_in.on, check_in.next_on = event.held_on or check_in.on, event.next_on or check_in.next_on
        at.context.state.set(key, check_in)
        _latest(goal, at)


@_folds(events.CheckInVoided)
def _voided(goal: Goal, event: events.CheckInVoided, at: At) -> None:
    at.context.state.delete(f"held/{at.id}/{event.check_in}")
    _latest(goal, at)


def _latest(goal: Goal, at: At) -> None:
    found = [check_in for _, check_in in at.context.state.items(f"held/{at.id}/", CheckIn)]
    goal.held = sorted({check_in.on for check_in in found})[-HELD_KEPT:]
    last = max(found, key=lambda check_in: (check_in.on, check_in.number), default=None)
    goal.next_on = last.next_on if last and last.next_on and last.next_on > last.on else None


def _told(goal: Goal, progress: str | None) -> None:
    """Take over the progress that an event tells; that of a run may end without one."""
    goal.progress = progress
    goal.moving = any(measure.kind == "consecutive" and not measure.retired for measure in goal.measures.values())


def _measure(told: Any) -> Measure:
    return Measure(**{name: getattr(told, name) for name in Measure.__struct_fields__ if name != "retired"})


def _unpause(goal: Goal, on: Any) -> bool:
    """End the rest that has no end yet; returns whether there was one."""
    if not goal.pauses or goal.pauses[-1][1] is not None:
        return False
    goal.pauses[-1] = (goal.pauses[-1][0], on)
    return True
