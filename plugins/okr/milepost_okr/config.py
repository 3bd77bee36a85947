"""What an operator writes in `okr.toml`: cycles, objectives with key results, which goals count for them, and how."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from milepost_contracts.types import Id, Key, Name, OwnerRef
from milepost_okr.plan import Plan

# A weight of 0 would list what does not count; leave it out instead.
Weight = Annotated[float, Meta(gt=0, le=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
NodeKey = Annotated[
    str, Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}(?!\n)$", description="a-z, 0-9, _ . and -, at most 63")
]
Title = Annotated[str, Meta(max_length=200)]
Kind = Literal["aspirational", "committed"]

CYCLES_MAX = 200  # fifty years of quarters; a goal is held against each of them
OBJECTIVES_MAX = 2_000  # ten years of fifty teams with one a quarter; the whole tree is read to answer
KEY_RESULTS_MAX = 20  # of one objective; the usual advice is three to five
RULES_MAX = 5_000  # each goal is held against those of its cycles
DEPTH_MAX = 10  # company to person is four or five; each level is scored again with every reading


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the file: a member that is misspelt is an error."""


class Cycle(_Section, frozen=True, kw_only=True):
    """A period that objectives belong to; both days are in it.

    programme_cycles: ids of the cycles of programmes that are this one; left out: those that lie within its dates.
    """

    key: NodeKey
    title: Title = ""
    starts_on: dt.date
    ends_on: dt.date
    programme_cycles: tuple[Id, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what ends before it starts."""
        if self.ends_on < self.starts_on:
            raise ValueError(f"cycle {self.key}: it ends before it starts")


class KeyResult(_Section, frozen=True, kw_only=True):
    """What an objective is measured by.

    kind, target, yellow: as for the objective that it belongs to, unless said here.
    """

    key: NodeKey
    title: Title = ""
    owner: Title = ""
    weight: Weight = 1.0
    kind: Kind | None = None
    target: Share | None = None
    yellow: Share | None = None


class Objective(_Section, frozen=True, kw_only=True):
    """What is to be true at the end of its cycle.

    parent: the objective that it counts for, with `weight`. programme: only goals of this programme count for it.
    tenant: whose it is; left out: of every tenant. goals_weight: of the goals that count for the objective itself.
    target: the score from which it is green; yellow: the one from which it is yellow.
    """

    key: NodeKey
    title: Title = ""
    owner: Title = ""
    cycle: NodeKey
    kind: Kind = "aspirational"
    tenant: Name | None = None
    programme: Id | None = None
    parent: NodeKey | None = None
    weight: Weight = 1.0
    goals_weight: Weight = 1.0
    target: Share | None = None
    yellow: Share | None = None
    key_results: Annotated[tuple[KeyResult, ...], Meta(max_length=KEY_RESULTS_MAX)] = ()


class Criteria(_Section, frozen=True, kw_only=True):
    """Which goals are meant: those for which every list that is given has the goal's own; a `*` ends a reference."""

    goals: tuple[Id, ...] = ()
    owners: tuple[OwnerRef, ...] = ()
    programmes: tuple[Id, ...] = ()
    mentorships: tuple[Id, ...] = ()
    kinds: tuple[str, ...] = ()
    focus: tuple[str, ...] = ()
    external_refs: tuple[Key, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether every goal is meant."""
        return not any(getattr(self, name) for name in CRITERIA)


CRITERIA = Criteria.__struct_fields__


class Rule(Criteria, frozen=True, kw_only=True):
    """Goals that meet the criteria count for the objective or key result `to`, each with `weight`."""

    to: NodeKey
    weight: Weight = 1.0

    def __post_init__(self) -> None:
        """Refuse a rule that would take in every goal there is."""
        if self.empty:
            raise ValueError(f"the rule for {self.to} names no goals: give at least one of {', '.join(CRITERIA)}")


class Alignment(Criteria, frozen=True, kw_only=True):
    """Goals that are aligned to one of `parents` count for `to`, each with the weight of its alignment.

    parents: ids of goals, or references that goals carry (`initiative:GROWTH`). Criteria narrow down, if given.
    """

    to: NodeKey
    parents: Annotated[tuple[Key, ...], Meta(min_length=1)]


class Scoring(_Section, frozen=True, kw_only=True):
    """How goals become numbers; README.md says what each choice means."""

    counts_by: Literal["placed_or_dates", "placed", "dates"] = "placed_or_dates"
    date: Literal["deadline", "closing"] = "deadline"
    counts_from: Literal["activated", "created"] = "activated"
    without_progress: Literal["left_out", "zero"] = "left_out"
    without_score: Literal["left_out", "zero"] = "left_out"
    abandoned: Literal["progress", "zero", "left_out"] = "progress"
    carried_over: Literal["rest", "whole"] = "rest"
    closed_cycles: Literal["corrected", "frozen"] = "corrected"
    # The days after a cycle in which goals are closed for it: grading takes place when the period is over.
    grading_days: Annotated[int, Meta(ge=0, le=366)] = 14


class Edges(_Section, frozen=True, kw_only=True):
    """The scores from which a band begins; what is below `yellow` is red."""

    yellow: Share
    green: Share

    def __post_init__(self) -> None:
        """Refuse bands in the wrong order."""
        if self.yellow > self.green:
            raise ValueError("yellow begins above green")


class Bands(_Section, frozen=True, kw_only=True):
    """The usual grading: README.md names the sources."""

    aspirational: Edges = Edges(yellow=0.4, green=0.7)
    committed: Edges = Edges(yellow=0.7, green=1.0)


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """All of `okr.toml`; `dict` because the plans made of it are kept with it.

    require_score: a goal that counts is not closed without a score. Off by default: whoever is asked about a command
    can hold it up, so nobody's goals are closed otherwise than before unless an operator wants it.
    """

    require_score: bool = False
    cycles: Annotated[tuple[Cycle, ...], Meta(max_length=CYCLES_MAX)] = ()
    objectives: Annotated[tuple[Objective, ...], Meta(max_length=OBJECTIVES_MAX)] = ()
    rules: Annotated[tuple[Rule, ...], Meta(max_length=RULES_MAX)] = ()
    alignments: Annotated[tuple[Alignment, ...], Meta(max_length=RULES_MAX)] = ()
    scoring: Scoring = Scoring()
    bands: Bands = Bands()

    def __post_init__(self) -> None:
        """Refuse what does not fit together, by name."""
        _once("cycle", (cycle.key for cycle in self.cycles))
        own = [objective.key for objective in self.objectives]
        keys = own + [result.key for objective in self.objectives for result in objective.key_results]
        _once("objective or key result", keys)
        cycles, objectives = {cycle.key for cycle in self.cycles}, {one.key: one for one in self.objectives}
        for objective in self.objectives:
            _known(f"objective {objective.key}", "cycle", objective.cycle, cycles)
            _check_parents(objective, objectives)
            self.edges(objective, objective)
            for result in objective.key_results:
                self.edges(objective, result)
        named = [(f"rule {number}", rule.to) for number, rule in enumerate(self.rules, start=1)]
        named += [(f"alignment {number}", one.to) for number, one in enumerate(self.alignments, start=1)]
        known = set(keys)
        for name, to in named:
            _known(name, "objective or key result", to, known)

    def edges(self, objective: Objective, node: Objective | KeyResult) -> Edges:
        """Return where the bands of *node* begin, *objective* or a key result of it; raises ValueError."""
        kind = node.kind or objective.kind
        usual: Edges = getattr(self.bands, kind)
        above = objective if kind == objective.kind else None
        green = _first(node.target, above.target if above else None, usual.green)
        yellow = _first(node.yellow, above.yellow if above else None, usual.yellow)
        if yellow > green:
            raise ValueError(f"{node.key}: yellow begins at {yellow}, above its target {green}")
        return Edges(yellow=yellow, green=green)

    def plan(self, tenant: str) -> Plan:
        """Return what concerns *tenant*, laid out for looking up."""
        if (found := self._plans.get(tenant)) is None:
            found = self._plans[tenant] = Plan(self, tenant)
        return found

    @functools.cached_property
    def _plans(self) -> dict[str, Plan]:
        return {}


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)


def _once(what: str, keys: Iterable[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise ValueError(f"there are two of {what} {key!r}: each key names one")
        seen.add(key)


def _known(where: str, what: str, key: str, known: Iterable[str]) -> None:
    if key not in known:
        raise ValueError(f"{where}: there is no {what} {key!r}")


def _check_parents(objective: Objective, objectives: dict[str, Objective]) -> None:
    """Refuse a parent that is not there, another tenant's, the objective itself, or too far up."""
    way = [objective.key]
    while (parent := objectives[way[-1]].parent) is not None:
        _known(f"objective {way[-1]}", "objective", parent, objectives)
        if parent in way:
            raise ValueError(f"objective {objective.key} comes to count for itself: {' -> '.join([*way, parent])}")
        if objectives[parent].tenant not in (None, objectives[way[-1]].tenant):
            raise ValueError(f"objective {way[-1]}: {parent} belongs to another tenant")
        way.append(parent)
        if len(way) > DEPTH_MAX:
            raise ValueError(f"objective {objective.key}: more than {DEPTH_MAX} levels")
