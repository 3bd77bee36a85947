"""A person is erased: who it was, and the confidence that this person told, is forgotten goal by goal.

`p/PERSON/GOAL` says in which goals somebody is to be found, `e/HASH` who was erased: later events of the same goals
name the person still, and must not bring it back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from msgspec.structs import replace

from milepost_contracts.context import State
from milepost_okr import history
from milepost_okr.history import AnyEntry
from milepost_okr.noting import ERASED

if TYPE_CHECKING:
    from milepost_okr.turn import Turn

GOALS_MAX = 60  # in one turn, which may have a thousand writes: each goal comes to about eight


def note(state: State, people: Iterable[str], goal: str) -> None:
    """Note that *people* are to be found in *goal*."""
    for person in sorted(people):
        if person.startswith("user:"):
            state.set(f"p/{person}/{goal}", 1)


def gone(state: State, person: str) -> bool:
    """Whether *person* was erased."""
    return person.startswith("user:") and _key(person) in state


def begin(state: State, person: str) -> None:
    """Let *person* be nobody from now on."""
    state.set(_key(person), 1)


def forget(turn: Turn, person: str) -> bool:
    """Forget *person* in some goals; return whether there are more."""
    state, prefix = turn.context.state, f"p/{person}/"
    found = [key for key, _ in islice(state.items(prefix), GOALS_MAX + 1)]
    for key in found[:GOALS_MAX]:
        goal = turn.goals.get(key.removeprefix(prefix))
        if goal is not None:
            goal.talks.rewrite(lambda entry: _without(entry, person))
            goal.frame.rewrite(lambda entry: _without(entry, person))
            place = replace(goal.head.place, owner=ERASED) if goal.head.place.owner == person else goal.head.place
            people = tuple(ref for ref in goal.head.people if ref != person)
            goal.head = replace(goal.head, place=place, people=people)
            turn.settle(goal, afresh=True)
        state.delete(key)
    return len(found) > GOALS_MAX


def _without(entry: AnyEntry, person: str) -> AnyEntry:
    """Return *entry* without *person*: that there was a check-in stays, and what others told about it."""
    if isinstance(entry, history.Talked | history.Amended) and entry.by == person:
        return replace(entry, by=ERASED, confidence=None)
    if isinstance(entry, history.Stood) and entry.changes.get("owner") == person:
        return replace(entry, changes=entry.changes | {"owner": ERASED})
    return entry


def _key(person: str) -> str:
    return f"e/{hashlib.sha256(person.encode()).hexdigest()[:32]}"
