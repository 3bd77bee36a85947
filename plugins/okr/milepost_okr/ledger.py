"""What a goal brings is entered, sums move by the difference, and what comes to another number is told.

`k/KEY|GOAL` what a goal brings to an objective or key result, `s/KEY` the sums of its goals, `o/KEY` what an objective
has come to, `t/KEY` what was told last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from milepost_contracts.context import Context
from milepost_okr.counting import Part
from milepost_okr.grading import Score, Shown, Total, Weighed, rolled_up, shown
from milepost_okr.plan import Node, Plan, exact, plain

if TYPE_CHECKING:
    from milepost_okr.goals import Goal


class Noted(Struct, frozen=True):
    """What was told last of an objective or key result; in a dry run it was noted, but not said."""

    shown: Shown = Shown()
    said: bool = True


class Ledger:
    """The numbers of one tenant in one turn."""

    def __init__(self, context: Context, plan: Plan) -> None:
        """Take where they are kept."""
        self.plan = plan
        self._context = context
        self._state = context.state
        self._totals: dict[str, Total] = {}  # read or changed in this turn
        self._touched: set[str] = set()

    # Entering

    def enter(self, goal: Goal, parts: Mapping[str, Part]) -> None:
        """Let *goal* bring *parts*, by what it counts for, and nothing else."""
        for key in sorted({*goal.head.counts, *parts}):
            place, new = part_key(key, goal.id), parts.get(key)
            old: Part | None = self._state.get(place, Part)
            if old == new:
                continue
            if new is None:
                self._state.delete(place)
            else:
                self._state.set(place, new)
            total = self.total(key).changed(old, -1).changed(new, 1)
            self._totals[key] = total
            self._touched.add(key)
            if total.goals:
                self._state.set(f"s/{key}", total)
            else:
                self._state.delete(f"s/{key}")
        goal.head = replace(goal.head, counts=tuple(sorted(parts)))

    # Reading

    def total(self, key: str) -> Total:
        """Return the sums of the goals that count for *key*."""
        if (found := self._totals.get(key)) is None:
            found = self._totals[key] = self._state.get(f"s/{key}", Total, Total())
        return found

    def score(self, node: Node) -> Score:
        """Return what *node* has come to; of an objective, as it was when something below it changed last."""
        if not node.is_objective:
            return self.total(node.key).score
        found: Score = self._state.get(f"o/{node.key}", Score, Score())
        return found

    def parts(self, key: str) -> Iterator[tuple[str, Part]]:
        """Yield the goals that count for *key*, and what each brings."""
        prefix = part_key(key, "")
        for place, part in self._state.items(prefix, Part):
            yield place.removeprefix(prefix), part

    # Telling

    def tell(self) -> None:
        """Score again what was touched and everything that it counts for, and tell what has another number."""
        nodes = [self.plan.nodes[key] for key in sorted(self._touched) if key in self.plan.nodes]
        self._touched.clear()
        for node in nodes:
            if not node.is_objective:
                self._tell(node, self.score(node))
        self.score_objectives({node.objective for node in nodes})

    def hold(self) -> None:
        """Tell nothing of what was entered so far: all of it is told later, by somebody else."""
        self._touched.clear()

    def score_objectives(self, touched: set[str], *, every: bool = False) -> None:
        """Score *touched* objectives again, and upward while something changes; *every*: tell even the unchanged."""
        waiting = set(touched)
        depth = {key: len(self.plan.line(key)) for one in touched for key in self.plan.line(one)}
        for key in sorted(depth, key=lambda key: (-depth[key], key)):
            if key not in waiting:
                continue
            node = self.plan.nodes[key]
            before, after = self.score(node), self._scored(key)
            if before != after:
                self._state.set(f"o/{key}", after)
                if (parent := self.plan.objectives[key].parent) is not None:
                    waiting.add(parent)
            if before != after or every:
                self._tell(node, after)

    def tell_key_results(self, objective: str) -> None:
        """Tell the key results of *objective* whose numbers are not those that were told."""
        for result in self.plan.objectives[objective].key_results:
            node = self.plan.nodes[result.key]
            self._tell(node, self.score(node))

    def _scored(self, key: str) -> Score:
        objective, plan = self.plan.objectives[key], self.plan
        below = [*(result.key for result in objective.key_results), *plan.children[key]]
        parts = [Weighed(plan.nodes[one].weight, self.score(plan.nodes[one])) for one in below]
        own = self.total(key)
        if own.goals:
            parts.append(Weighed(exact(objective.goals_weight), own.score))
        return rolled_up(parts, unknown_is_zero=plan.scoring.without_score == "zero")

    def _tell(self, node: Node, score: Score) -> None:
        now, dry = shown(score, node.edges), self._context.mode == "dry_run"
        noted: Noted = self._state.get(f"t/{node.key}", Noted, Noted())
        if now == noted.shown and (noted.said or dry):
            return
        self._state.set(f"t/{node.key}", Noted(now, not dry))
        told = {
            "key": node.key, "objective": node.objective, "cycle": node.cycle, "score": now.score, "band": now.band,
            "confidence": now.confidence, "kind": node.kind, "target": plain(node.edges.green),
        }  # fmt: skip
        if node.is_objective:
            parent = self.plan.objectives[node.key].parent
            self._context.fact("objective_scored", {**told, "parent": parent})
        else:
            self._context.fact("key_result_progressed", {**told, "goals": self.total(node.key).goals})


def part_key(key: str, goal: str) -> str:
    """Return where is kept what *goal* brings to *key*."""
    return f"k/{key}|{goal}"
