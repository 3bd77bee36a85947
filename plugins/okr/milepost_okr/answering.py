"""Somebody asks: everybody in the tenant gets the numbers, a goal's id only who is an admin or a party of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from milepost_contracts.plugin import PluginError, Question
from milepost_okr import drafting, exporting, working
from milepost_okr.counting import Part
from milepost_okr.grading import shown
from milepost_okr.measures import text
from milepost_okr.plan import Node, plain

if TYPE_CHECKING:
    from milepost_okr.turn import Turn

ADMIN = "admin"  # the role that sees every goal's id
GOALS_SHOWN = 100  # of one key result within the tree: an answer has to fit a message; `key_result` has them all
GOALS_MAX = 1_000  # in one answer of `key_result`: about 150 bytes each

Tree = dict[str, Any]


class _Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What can be asked with: a misspelt member is an error."""


class Objectives(_Arguments, frozen=True):
    """cycle, objective: only those of this cycle, only this one and what counts for it; goals: list them too."""

    cycle: str | None = None
    objective: str | None = None
    goals: bool = True


class KeyResultAsked(_Arguments, frozen=True):
    """key: of a key result or objective; after: the goal that the last answer ended with."""

    key: str
    after: str = ""
    limit: int = GOALS_MAX


class Cycles(_Arguments, frozen=True):
    """Nothing can be given."""


def answer(question: Question, turn: Turn) -> Tree | None:
    """Return the answer, None for a question that nobody knows here; raises PluginError for what is not there."""
    asked: dict[str, tuple[type[Any], Callable[[Any, Asker], Tree]]] = {
        "objectives": (Objectives, _objectives),
        "key_result": (KeyResultAsked, _key_result),
        "cycles": (Cycles, _cycles),
        "export": (exporting.Export, exporting.export),
    }
    if question.name not in asked:
        return None
    type_, answered = asked[question.name]
    try:
        arguments = msgspec.convert(question.arguments, type_, strict=False)  # a command line says "5"
    except msgspec.ValidationError as error:
        raise PluginError("invalid_question", f"{question.name}: {error}") from error
    seen = turn if working.settled(turn) else _drafted(turn)
    return {**answered(arguments, Asker(question, seen or turn)), "settled": seen is not None}


def _drafted(turn: Turn) -> Turn | None:
    """Return a turn that sees what the goals come to now; None where too little is known, or too many goals are."""
    return None if working.known(turn.context) is None else drafting.drafted(turn)


class Asker:
    """Who asks, and what there is to be seen."""

    def __init__(self, question: Question, turn: Turn) -> None:
        """Take the question's actor and roles."""
        self.turn = turn
        self.plan = turn.plan
        self._actor = question.actor
        self._admin = ADMIN in question.roles

    def sees(self, part: Part) -> bool:
        """Whether this asker may know which goal brings *part*."""
        return self._admin or self._actor in part.people

    def goals(self, key: str) -> Iterator[tuple[str, Part]]:
        """Yield the goals that count for *key* and that this asker may know."""
        return ((goal, part) for goal, part in self.turn.ledger.parts(key) if self.sees(part))

    def node(self, key: str) -> Node:
        """Return an objective or key result; raises PluginError `unknown_key`."""
        if (found := self.plan.nodes.get(key)) is None:
            raise PluginError("unknown_key", f"there is no objective or key result {key!r}")
        return found

    def check_cycle(self, key: str | None) -> None:
        """Raise PluginError `unknown_cycle` where there is none of this key."""
        if key is not None and key not in self.plan.cycles:
            raise PluginError("unknown_cycle", f"there is no cycle {key!r}")


def numbers(asker: Asker, node: Node) -> Tree:
    """Return what everybody may know of an objective or key result."""
    told, total = shown(asker.turn.ledger.score(node), node.edges), asker.turn.ledger.total(node.key)
    return {
        "key": node.key, "title": node.said.title, "owner": node.said.owner, "cycle": node.cycle, "kind": node.kind,
        "weight": text(node.weight), "score": told.score, "band": told.band, "confidence": told.confidence,
        "target": plain(node.edges.green), "met": told.band == "green", "goals": total.goals, "counted": total.counted,
    }  # fmt: skip


def goal_shown(id_: str, part: Part) -> Tree:
    """Return what a goal brings, for who may know it."""
    return {
        "goal": id_, "value": part.value, "weight": part.weight, "by": part.by, "standing": part.standing,
        "confidence": part.confidence,
    }  # fmt: skip


def _objectives(asked: Objectives, asker: Asker) -> Tree:
    asker.check_cycle(asked.cycle)
    plan = asker.plan
    if asked.objective is not None:
        if not asker.node(asked.objective).is_objective:
            raise PluginError("unknown_key", f"{asked.objective!r} is a key result: ask for its objective")
        roots = [asked.objective]
    else:
        wanted = [key for key, one in plan.objectives.items() if asked.cycle in (None, one.cycle)]
        roots = [key for key in wanted if plan.objectives[key].parent not in wanted]
    return {"objectives": [_tree(root, asked, asker) for root in roots]}


def _tree(key: str, asked: Objectives, asker: Asker) -> Tree:
    plan = asker.plan
    objective = plan.objectives[key]
    below = [one for one in plan.children[key] if asked.cycle in (None, plan.objectives[one].cycle)]
    return {
        **_with_goals(plan.nodes[key], asked, asker),
        "parent": objective.parent,
        "key_results": [_with_goals(plan.nodes[result.key], asked, asker) for result in objective.key_results],
        "objectives": [_tree(one, asked, asker) for one in below],
    }


def _with_goals(node: Node, asked: Objectives, asker: Asker) -> Tree:
    found = numbers(asker, node)
    if asked.goals:
        contributing = [goal_shown(id_, part) for id_, part in asker.goals(node.key)]
        found["contributing"] = contributing[:GOALS_SHOWN]
        found["more"] = max(len(contributing) - GOALS_SHOWN, 0)
    return found


def _key_result(asked: KeyResultAsked, asker: Asker) -> Tree:
    node, limit = asker.node(asked.key), min(max(asked.limit, 1), GOALS_MAX)
    goals = [(id_, part) for id_, part in asker.goals(node.key) if id_ > asked.after]
    page = goals[:limit]
    more = page[-1][0] if len(goals) > limit else None
    return {
        **numbers(asker, node),
        "objective": node.objective,
        "contributing": [goal_shown(id_, part) for id_, part in page],
        "after": more,
    }


def _cycles(_: Cycles, asker: Asker) -> Tree:
    plan, today = asker.plan, asker.turn.context.now.date()
    return {
        "cycles": [
            {
                "key": cycle.key, "title": cycle.title, "starts_on": cycle.starts_on.isoformat(),
                "ends_on": cycle.ends_on.isoformat(), "closes_on": plan.closes_on(cycle.key).isoformat(),
                "state": _state(cycle.starts_on, cycle.ends_on, plan.closes_on(cycle.key), today),
                "objectives": [key for key, one in plan.objectives.items() if one.cycle == cycle.key],
            }
            for cycle in plan.cycles.values()
        ]
    }  # fmt: skip


def _state(starts_on: dt.date, ends_on: dt.date, closes_on: dt.date, today: dt.date) -> str:
    if today < starts_on:
        return "planned"
    if today <= ends_on:
        return "running"
    return "grading" if today <= closes_on else "closed"
