"""What a tenant's objectives look like, laid out so that a goal finds at once what it may count for."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from milepost_okr.config import Alignment, Config, Cycle, Edges, KeyResult, Objective, Rule, Scoring

# Raised when the arithmetic or the layout of the state changes: then everything is worked out anew.
MODEL = 1

Dates = Callable[[str], tuple[dt.date, dt.date] | None]
"""Finds the first and the last day of a programme's cycle by its id."""


class Node(NamedTuple):
    """An objective or a key result: what goals count for, and what is scored."""

    key: str
    said: Objective | KeyResult
    objective: str  # itself, or the one that it belongs to
    cycle: str
    kind: str
    edges: Edges
    weight: Decimal

    @property
    def is_objective(self) -> bool:
        """Whether it is no key result."""
        return self.key == self.objective


def exact(number: float) -> Decimal:
    """Return the decimal that somebody wrote as *number*."""
    return Decimal(repr(number))


def plain(number: float) -> str:
    """Return the decimal that somebody wrote as *number*, as text."""
    return format(exact(number).normalize(), "f")


class Plan:
    """The objectives of one tenant, and the goals that are meant."""

    def __init__(self, config: Config, tenant: str) -> None:
        """Take from *config* what concerns *tenant*."""
        self.scoring: Scoring = config.scoring
        self.cycles: dict[str, Cycle] = {cycle.key: cycle for cycle in config.cycles}
        self.objectives: dict[str, Objective] = {
            one.key: one for one in config.objectives if one.tenant in (None, tenant)
        }
        self.nodes: dict[str, Node] = {}
        self.children: dict[str, list[str]] = {key: [] for key in self.objectives}
        for one in self.objectives.values():
            if one.parent is not None:
                self.children[one.parent].append(one.key)
            found: list[Objective | KeyResult] = [one, *one.key_results]
            for said in found:
                edges = config.edges(one, said)
                kind = said.kind or one.kind
                self.nodes[said.key] = Node(said.key, said, one.key, one.cycle, kind, edges, exact(said.weight))
        self.rules: dict[str, list[Rule]] = {key: [] for key in self.cycles}
        self.alignments: dict[str, list[Alignment]] = {key: [] for key in self.cycles}
        for rule in config.rules:
            if rule.to in self.nodes:
                self.rules[self.nodes[rule.to].cycle].append(rule)
        for alignment in config.alignments:
            if alignment.to in self.nodes:
                self.alignments[self.nodes[alignment.to].cycle].append(alignment)
        counting = msgspec.structs.replace(config, require_score=False)  # it changes no number
        said_all = msgspec.json.encode([MODEL, counting, tenant])
        self.fingerprint = hashlib.sha256(said_all).hexdigest()[:16]

    @functools.cached_property
    def upward(self) -> list[str]:
        """The objectives, each after those that count for it."""
        return sorted(self.objectives, key=lambda key: -len(self.line(key)))

    def line(self, objective: str) -> list[str]:
        """Return *objective* and all that it counts for, upward."""
        found = [objective]
        while (parent := self.objectives[found[-1]].parent) is not None:
            found.append(parent)
        return found

    def used(self) -> Iterator[Cycle]:
        """Yield the cycles that any objective belongs to."""
        wanted = {one.cycle for one in self.objectives.values()}
        return (cycle for cycle in self.cycles.values() if cycle.key in wanted)

    def closes_on(self, cycle: str) -> dt.date:
        """Return the last day on which goals are closed for *cycle*."""
        return self.cycles[cycle].ends_on + dt.timedelta(days=self.scoring.grading_days)

    def counts_in(self, placed: str | None, day: dt.date | None, dates: Dates) -> frozenset[str]:
        """Return the cycles in which a goal counts that is placed in a programme's cycle *placed*.

        day: its deadline or the day of its closing, as the scoring says; it decides where no cycle is that programme's.
        """
        by, found = self.scoring.counts_by, frozenset[str]()
        if placed is not None and by != "dates":
            found = frozenset(cycle.key for cycle in self.used() if _is(cycle, placed, dates))
        if not found and day is not None and by != "placed":
            found = frozenset(cycle.key for cycle in self.used() if cycle.starts_on <= day <= cycle.ends_on)
        return found


def _is(cycle: Cycle, placed: str, dates: Dates) -> bool:
    """Whether a programme's cycle is *cycle*: one of those that it lists, or, where it lists none, within its dates."""
    if cycle.programme_cycles:
        return placed in cycle.programme_cycles
    lasts = dates(placed)
    return lasts is not None and cycle.starts_on <= lasts[0] and lasts[1] <= cycle.ends_on
