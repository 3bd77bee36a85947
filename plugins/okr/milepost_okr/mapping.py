"""For which objectives and key results a goal counts: by rules, and by whom it serves; each is a part of the plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, ObjectiveMapping
from milepost_okr.counting import Seen, seen
from milepost_okr.frame import Frame
from milepost_okr.goals import Goal, Goals
from milepost_okr.history import Framed, Moment, Place
from milepost_okr.plan import Plan, exact
from milepost_okr.stays import Stay, stays

if TYPE_CHECKING:
    from milepost_okr.config import Criteria


class InCycle(NamedTuple):
    """A goal as it stands for one cycle: what it was there, and up to when it counts."""

    cycle: str
    frame: Frame
    at: Seen
    place: Place
    before: Moment  # up to where it belonged to the cycle


class Subject(NamedTuple):
    """A goal that is held against the plan, and how the goals that it serves are called elsewhere."""

    goal: Goal
    frame: Frame
    cycles: list[InCycle]
    references: Callable[[str], str | None]


def subject(goal: Goal, entries: Iterable[Framed], goals: Goals, plan: Plan) -> Subject:
    """Return *goal*, of whose frame *entries* tell, as it stands for each cycle in which it counted or counts."""
    told = list(entries)
    frame = Frame(told)
    found: list[InCycle] = []
    for cycle, stay in sorted(stays(frame, plan, goals.dates).items()):
        if plan.scoring.closed_cycles == "frozen":
            known = Frame(told, recorded_until=plan.closes_on(cycle))
            one = _in_cycle(known, stays(known, plan, goals.dates).get(cycle), plan, cycle)
        else:
            one = _in_cycle(frame, stay, plan, cycle)
        if one is not None:
            found.append(one)
    return Subject(goal, frame, found, goals.reference)


def _in_cycle(frame: Frame, stay: Stay | None, plan: Plan, cycle: str) -> InCycle | None:
    at = seen(frame, stay, plan, cycle) if stay is not None else None
    if stay is None or at is None:
        return None
    before = max(at.window.before, (stay.since[0], stay.since[1] + 1))
    return InCycle(cycle, frame, at, frame.place(before), before)


def merged(parts: Iterable[Iterable[ObjectiveMapping]]) -> dict[str, Decimal]:
    """Return the weight for each objective or key result; where two name the same one, the first counts."""
    found: dict[str, Decimal] = {}
    for part in parts:
        for one in part:
            found.setdefault(one.to, exact(one.weight))
    return found


class Rules:
    """Goals that meet a rule's criteria count for what it names."""

    def mapped(self, subject: Subject, plan: Plan) -> list[ObjectiveMapping]:
        """Return what *subject* counts for by rules."""
        return [
            ObjectiveMapping(to=rule.to, weight=rule.weight)
            for one in subject.cycles
            for rule in plan.rules[one.cycle]
            if _meant(rule, rule.to, subject.goal, one, plan)
        ]

    @hook
    def map_objectives(self, event: Delivered, context: Context) -> list[ObjectiveMapping]:
        """See the hook; events of other aggregates count for nothing."""
        return _mapped(self, event, context)


class Alignments:
    """Goals that serve one of the parents that are named count, with the weight of their alignment."""

    def mapped(self, subject: Subject, plan: Plan) -> list[ObjectiveMapping]:
        """Return what *subject* counts for by whom it serves; the heaviest alignment, where there are several."""
        found: list[ObjectiveMapping] = []
        for one in subject.cycles:
            if not plan.alignments[one.cycle]:
                continue
            served = _served(one.frame.parents(one.before), subject.references)
            for alignment in plan.alignments[one.cycle]:
                weights = [served[parent] for parent in alignment.parents if parent in served]
                if weights and _meant(alignment, alignment.to, subject.goal, one, plan):
                    found.append(ObjectiveMapping(to=alignment.to, weight=float(max(weights))))
        return found

    @hook
    def map_objectives(self, event: Delivered, context: Context) -> list[ObjectiveMapping]:
        """See the hook; events of other aggregates count for nothing."""
        return _mapped(self, event, context)


PARTS = (Rules(), Alignments())


def _mapped(part: Rules | Alignments, event: Delivered, context: Context) -> list[ObjectiveMapping]:
    if event.aggregate != "goal":
        return []
    plan: Plan = context.config.plan(context.tenant)
    goals = Goals(context)
    goal, entries = goals.after(event)
    framed = (entry for entry in entries if isinstance(entry, Framed))
    return part.mapped(subject(goal, (*goal.frame, *framed), goals, plan), plan)


def _served(parents: Mapping[str, str], references: Callable[[str], str | None]) -> dict[str, Decimal]:
    """Return the weights by everything that a goal may be named by: its id, and its reference elsewhere."""
    found: dict[str, Decimal] = {}
    for id_, weight in parents.items():
        for name in (id_, references(id_)):
            if name is not None:
                found[name] = max(found.get(name, Decimal(0)), Decimal(weight))
    return found


def _meant(criteria: Criteria, to: str, goal: Goal, one: InCycle, plan: Plan) -> bool:
    place = one.place
    programme = plan.objectives[plan.nodes[to].objective].programme
    if programme is not None and place.programme != programme:
        return False
    own = {
        "goals": goal.id,
        "owners": place.owner,
        "programmes": place.programme,
        "mentorships": place.mentorship,
        "kinds": place.kind,
        "focus": place.focus,
    }
    return all(not (wanted := getattr(criteria, name)) or value in wanted for name, value in own.items()) and (
        not criteria.external_refs or any(_fits(pattern, goal.head.reference) for pattern in criteria.external_refs)
    )


def _fits(pattern: str, reference: str | None) -> bool:
    if reference is None:
        return False
    return reference.startswith(pattern[:-1]) if pattern.endswith("*") else reference == pattern
