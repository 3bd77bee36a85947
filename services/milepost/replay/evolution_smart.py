"""From a vague wish to agreed terms: each step that made a starter goal SMART, and how long the way was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from milepost.replay.evolution_slips import days
from milepost.replay.evolution_tracks import Track
from milepost.replay.explaining_around import placed
from milepost_contracts.events import Event
from milepost_contracts.events import goal as events
from milepost_contracts.queries.evolution import CriterionTold, SmartStep, SmartStory

# Of one goal in one answer: more steps than anybody takes before work begins; later ones are counted.
STEPS_MAX = 100


class _Step(NamedTuple):
    place: int
    event: Event
    members: dict[str, Any]  # of the SmartStep, beside what every step has


def smart(track: Track) -> SmartStory | None:
    """Return the goal's way to SMART until the moment of *track*, words sealed; None: it was not there yet."""
    goal = track.then.state
    if goal is None:
        return None
    steps = list(_steps(track))
    told = [step.event for step in steps]
    brought = track.at[0]
    smart_at = _when(track, (place for place, known in enumerate(track.known[1:]) if _is_smart(known.state)))
    proposed = _when(track, (place for place, event in track.events() if isinstance(event, events.Proposed)))
    agreed = _when(track, _agreed(track))
    activated = _when(track, (place for place, event in track.events() if isinstance(event, events.Activated)))
    first = track.story.events[0]
    return SmartStory(
        starter=track.known[1].state.title if track.known[1].state is not None else None,
        title=goal.title,
        from_template=isinstance(first, events.Created) and first.template is not None,
        imported=isinstance(first, events.Imported),
        became_smart=smart_at,
        revisions=goal.revision,
        refinements=sum(isinstance(event, events.Refined) for event in told),
        measures_defined=sum(isinstance(event, events.MeasureDefined) for event in told),
        evaluations=sum(isinstance(event, events.Evaluated) for event in told),
        criteria=_criteria(told),
        brought=brought,
        first_proposed=proposed,
        first_agreed=agreed,
        activated=activated,
        days_to_smart=days(brought, smart_at) if smart_at else None,
        days_to_proposal=days(brought, proposed) if proposed else None,
        days_to_agreement=days(brought, agreed) if agreed else None,
        days_to_activation=days(brought, activated) if activated else None,
        steps=[_told(track, step) for step in steps[:STEPS_MAX]],
        more=len(steps[STEPS_MAX:]),
    )


def _is_smart(goal: Any) -> bool:
    passed = goal is not None and goal.evaluation is not None and goal.evaluation.passed
    return passed and bool(goal.measures) and goal.deadline is not None


def _when(track: Track, places: Iterator[int]) -> Any:
    """Return when the first of *places* happened; None: there is none."""
    return next((track.at[place] for place in places), None)


def _agreed(track: Track) -> Iterator[int]:
    """Yield where the quorum's yes was complete; an import tells whose yes it had, not by which rule."""
    for place, event in track.events():
        if isinstance(event, events.Proposed | events.Agreed) and event.complete:
            yield place


def _steps(track: Track) -> Iterator[_Step]:
    for place, event in track.events():
        members = _members(track, place, event)
        if members is not None:
            yield _Step(place, event, members)


def _members(track: Track, place: int, event: Event) -> dict[str, Any] | None:
    match event:
        case events.Created() | events.Imported():
            state = track.known[place + 1].state
            return {"title": state.title, "deadline": state.deadline} if state is not None else None
        case events.Refined():
            fields = [name for name, value in msgspec.structs.asdict(event.after).items() if value is not msgspec.UNSET]
            title = event.after.title
            return {"fields": fields, "trigger": event.trigger, "title": title if title is not msgspec.UNSET else None}
        case events.DeadlineSet() | events.DeadlineShifted():
            return {"deadline": event.new}
        case events.MeasureDefined():
            return {"measure": event.definition.name, "target": f"{event.definition.target} {event.definition.unit}"}
        case events.TargetRevised():
            measure = _measure(track, place, event.measure)
            return {
                "measure": measure and measure.name,
                "target": f"{event.new} {measure.unit}" if measure else event.new,
            }
        case events.MeasureRetired():
            measure = _measure(track, place, event.measure)
            return {"measure": measure and measure.name}
        case events.Evaluated():
            unmet = [one.criterion for one in event.criteria if not one.met]
            return {"passed": event.passed, "unmet": unmet, "trigger": event.trigger}
        case events.Proposed() | events.Agreed() | events.Declined() | events.AgreementWithdrawn():
            return {"party": event.party}
        case events.Activated():
            return {}
        case _:
            return None


def _measure(track: Track, place: int, measure: str) -> Any:
    before = track.known[place].state
    return before.measures.get(measure) if before is not None else None


def _told(track: Track, step: _Step) -> SmartStep:
    after = track.known[step.place + 1].state
    return SmartStep(
        what=step.event.NAME,
        event=placed(track.story.stored[step.place]),
        on=track.at[step.place],
        revision=after.revision if after is not None else 0,
        **step.members,
    )


def _criteria(told: list[Event]) -> list[CriterionTold]:
    met: dict[str, list[bool]] = {}
    notes: dict[str, str | None] = {}
    for event in told:
        if isinstance(event, events.Evaluated):
            for one in event.criteria:
                met.setdefault(one.criterion, []).append(one.met)
                notes[one.criterion] = one.note or notes.get(one.criterion)
    return [CriterionTold(criterion=name, met=answers, note=notes[name]) for name, answers in met.items()]
