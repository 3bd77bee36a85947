"""Commands of every kind, made from the contracts: what makes sense just now, and sometimes anything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from milepost.decide.goal.state import Goal
from milepost.decide.mentorship.state import Mentorship
from milepost_contracts import types
from milepost_contracts.commands import COMMANDS, Command
from milepost_contracts.commands import goal as asking
from milepost_contracts.queries.moments import MOMENT_PATTERN
from milepost_contracts.types import Cadence, GoalDisposition, Party, Waiver
from tests.support.goals import CYCLE
from tests.support.scenario import (
    ADMIN,
    GOAL,
    IMPORTER,
    MENTEE,
    MENTOR,
    MENTORSHIP,
    NOW,
    PEER,
    PROGRAMME,
    STRANGER,
    day,
    uid,
)

SAID = "Geheimnis"
"""In every word that a person says in a drawn command, and nowhere else."""

GOALS = (GOAL, uid("second"), uid("third"), uid("mentor's"))
MENTORSHIPS = (MENTORSHIP, uid("circle"), uid("requested"))
PEOPLE = (MENTEE, MENTOR, PEER, ADMIN, STRANGER)

_IDS: dict[str, tuple[str, ...]] = {
    "goal": GOALS,
    "goals": GOALS,
    "parent": GOALS,
    "mentorship": MENTORSHIPS,
    "programme": (PROGRAMME,),
    "cycle": (CYCLE, uid("next cycle")),
    "measure": (uid("talks"), uid("score"), uid("new")),
}
_WORDS = (SAID, f"{SAID} again", f"{SAID} by X %", f"{SAID} of {{{{name}}}}", " ")
_LINKS = (f"https://example.org/{SAID}", f"javascript:{SAID}")
_NUMBERS = ("0", "1", "2", "0.5", "-1", "3.0", "1000000000000", "999999999999999999.999999999")
_DAYS = tuple(day(offset) for offset in (-400, -30, -8, -3, -1, 0, 1, 7, 30, 60, 90, 91, 200))
_TIMES = tuple(NOW + dt.timedelta(days=offset) for offset in (-40, -9, -1))
_TEXTS = {
    types.PERSON_PATTERN: PEOPLE,
    types.OWNER_PATTERN: (MENTEE, MENTOR, PEER, f"mentorship:{MENTORSHIP}", f"programme:{PROGRAMME}"),
    types.ACTOR_PATTERN: (*PEOPLE, IMPORTER, "service:web", "plugin:rewards@1.0"),
    types.DECIMAL_PATTERN: _NUMBERS,
    types.NAME_PATTERN: ("acme", "other"),
    types.CODE_PATTERN: ("talks", "F", "C", "A"),
    types.KEY_ID_PATTERN: ("5f" * 16, "a0" * 16),
    types.VERIFIER_PATTERN: ("log+0123abcd+" + "A" * 44, "log+89abcdef+" + "B" * 44),
    MOMENT_PATTERN: ("now", "v1", "s1"),
}
_KEYS = ("specific", "measurable", "achievable", "relevant", "time_bound", "smart")
_ZONES = ("UTC", "Europe/Berlin", "Pacific/Auckland", "Mars/Olympus")
WAIVERS = [Waiver(check=check, reason=SAID) for check in ("deadline", "measures", "evaluation", "placeholder")]

# What a command is about has to be there already, in this collection of its goal.
ABOUT: dict[type[Command], str] = {
    asking.AmendCheckIn: "check_ins",
    asking.VoidCheckIn: "check_ins",
    asking.AcknowledgeCheckIn: "check_ins",
    asking.ResolveObstacle: "obstacles",
    asking.RescheduleMilestone: "milestones",
    asking.HitMilestone: "milestones",
    asking.RetractMilestoneHit: "milestones",
    asking.DropMilestone: "milestones",
    asking.CompleteAction: "actions",
    asking.ReopenAction: "actions",
    asking.DropAction: "actions",
    asking.RetractFeedback: "feedback",
    asking.CorrectProgress: "readings",
    asking.ReviseTarget: "measures",
    asking.RetireMeasure: "measures",
    asking.RemoveContributor: "contributors",
    asking.UnalignGoal: "parents",
}

Sensible = dict[str, tuple[Any, ...]]
Pick = Callable[[Sequence[Any]], Any]
"""Takes one of several: hypothesis does, and a seeded random generator does."""


def fields_of(pick: Pick, command: type[Command], sensible: Sensible) -> dict[str, Any]:
    """Return members of *command* beside its ids and actor, most of them out of what is *sensible* by their name."""
    info = msgspec.inspect.type_info(command)
    assert isinstance(info, msgspec.inspect.StructType)
    given = set(Command.__struct_fields__) - {"occurred_at"}
    return _members(pick, [field for field in info.fields if field.name not in given], sensible)


def aggregate_ids(aggregate: str) -> tuple[str, ...]:
    """Return the ids that commands on *aggregate* are about."""
    return {"goal": GOALS, "mentorship": MENTORSHIPS, "programme": (PROGRAMME,)}.get(aggregate, (uid(aggregate),))


def command_types() -> list[type[Command]]:
    """Return every command but the one after which there is nothing more to be asked."""
    return [command for name, command in sorted(COMMANDS.items()) if name != ("tenant", "close")]


def sensible_for(command: type[Command], state: Any, now: dt.datetime) -> Sensible:
    """Return values of members by name that are likely to make sense in *command* on *state* at *now*."""
    past = tuple(now.date() - dt.timedelta(days=days) for days in (0, 1, 3, 20, -2))
    ahead = tuple(now.date() + dt.timedelta(days=days) for days in (5, 30, 60))
    found: Sensible = dict.fromkeys(("on", "held_on", "hit_on", "completed_on", "closed_on", "as_of"), past)
    found |= dict.fromkeys(("due_on", "until", "next_on", "new"), ahead)
    found |= dict.fromkeys(("reason", "title", "text", "justification"), (SAID,))
    found |= {
        "confidence": (0, 5, 10),
        "progress": ("0.5",),
        "weight": ("1", "0.5"),
        "score": ("0", "0.4", "1"),
        "evidence": ([], [_LINKS[0]]),
        "url": (_LINKS[0],),
        "time_zone": _ZONES[:3],
        "cadence": tuple(Cadence(rhythm=rhythm, anchor=past[3]) for rhythm in ("weekly", "monthly")),
        "parties": ([Party(ref=MENTEE, role="mentee"), Party(ref=MENTOR, role="mentor")],),
        "attendees": ([MENTEE, MENTOR],),
        "waivers": (WAIVERS,),
        "occurred_at": (now, now - dt.timedelta(days=2)),
    }
    if isinstance(state, Goal):
        found |= _of_goal(command, state)
    if isinstance(state, Mentorship):
        found |= _of_mentorship(state)
    return found


def _of_goal(command: type[Command], goal: Goal) -> Sensible:
    found: Sensible = {
        "revision": (goal.revision,),
        "target": ("1", "2", "4", "9"),
        "corrects": tuple(sorted(goal.readings)[:3]),
        "measure": tuple(sorted(goal.measures)),
        "party": tuple(sorted(goal.parties)),
        "old": tuple(sorted(goal.parties)),
        "parent": GOALS,
        "ref": (PEER,),
    }
    if goal.deadline is not None:
        found["due_on"] = tuple(goal.deadline - dt.timedelta(days=days) for days in (0, 10, 40))
    plural = {"check_in": "check_ins", "feedback": "feedback"}
    for name in ("milestone", "action", "check_in", "obstacle", "feedback", "comment", "reflection", "resource"):
        # One that is there, or the next one that is not.
        there = getattr(goal, plural.get(name, f"{name}s"))
        found[name] = tuple(sorted(there)[-3:]) if command in ABOUT else (uid(f"{name} {len(there)}"),)
    return {name: values for name, values in found.items() if values}


def _of_mentorship(mentorship: Mentorship) -> Sensible:
    kinds = ("keep", "pause", "close", "place")
    everything = [[GoalDisposition(goal=id_, disposition=kind) for id_ in sorted(mentorship.goals)] for kind in kinds]
    return {"goals": tuple(everything), "old": tuple(sorted(mentorship.parties))}


def _members(pick: Pick, fields: Sequence[Any], sensible: Sensible) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for field in fields:
        left_out = (True, True, False) if field.name != "reason" else (True, False, False, False)
        if not field.required and pick(left_out):
            continue
        fitting = [value for value in sensible.get(field.name, ()) if _fits(field.type, value)]
        likely = fitting and pick((True, True, True, True, True, False))
        members[field.name] = pick(fitting) if likely else _value(pick, field.type, field.name)
    return members


def _fits(node: Any, value: Any) -> bool:
    """Whether *value* is of the kind that a member of this type wants: names mean several things."""
    inspect = msgspec.inspect
    if isinstance(node, inspect.Metadata):
        return _fits(node.type, value)
    if isinstance(node, inspect.UnionType):
        return any(_fits(member, value) for member in node.types)
    if isinstance(node, inspect.ListType):
        return isinstance(value, list) and all(_fits(node.item_type, item) for item in value)
    if isinstance(node, inspect.StructType):
        return isinstance(value, node.cls)
    kinds: dict[type, type] = {
        inspect.StrType: str,
        inspect.IntType: int,
        inspect.DateType: dt.date,
        inspect.DateTimeType: dt.datetime,
    }
    return isinstance(value, kinds.get(type(node), ()))


def _value(pick: Pick, node: Any, name: str) -> Any:
    inspect = msgspec.inspect
    match node:
        case inspect.Metadata():
            return _annotated(pick, node, name)
        case inspect.IntType():
            low, high = (node.ge if node.ge is not None else -1), (node.le if node.le is not None else 11)
            return pick(sorted({low, min(low + 1, high), min(low + 4, high), high}))
        case inspect.ListType():
            most = node.max_length if node.max_length is not None else 3
            return [_value(pick, node.item_type, name) for _ in range(min(pick((0, 1, 1, 2, 3)), most))]
        case inspect.DictType():
            return {"name": _value(pick, node.value_type, name)} if pick((True, False)) else {}
        case inspect.UnionType():
            return _value(pick, pick(node.types), name)
        case inspect.StructType():
            return node.cls(**_members(pick, node.fields, {}))
    return pick(_plain(node, name))


def _annotated(pick: Pick, node: Any, name: str) -> Any:
    extra = node.extra_json_schema or {}
    if "x-known" in extra:
        return pick(extra["x-known"])
    if "x-sealed" in extra:
        return pick(_WORDS if "x-words" in extra else _LINKS)
    return _value(pick, node.type, name)


def _plain(node: Any, name: str) -> tuple[Any, ...]:
    inspect = msgspec.inspect
    plain: dict[type, tuple[Any, ...]] = {
        inspect.BoolType: (True, False),
        inspect.DateType: _DAYS,
        inspect.DateTimeType: _TIMES,
        inspect.NoneType: (None,),
    }
    return _texts(node, name) if isinstance(node, inspect.StrType) else plain[type(node)]


def _texts(node: Any, name: str) -> tuple[str, ...]:
    if node.pattern == types.ID_PATTERN:
        return _IDS.get(name, (uid(f"{name} 0"), uid(f"{name} 1")))
    if node.pattern in _TEXTS:
        return _TEXTS[node.pattern]
    if name in ("first", "last"):
        return ("0000000000000001", "0000000000000009")
    return _ZONES if name == "time_zone" else _KEYS
