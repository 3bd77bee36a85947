"""A person is erased: the confidence that this person told is forgotten, goal by goal, in every later turn some."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from msgspec.structs import replace

from milepost_contracts.context import State
from milepost_okr import history
from milepost_okr.history import AnyEntry

if TYPE_CHECKING:
    from milepost_okr.turn import Turn

GOALS_MAX = 60  # in one turn, which may have a thousand writes: each goal comes to about five


def note(state: State, person: str, goal: str) -> None:
    """Note that *person* told a confidence about *goal*."""
    if person.startswith("user:"):
        state.set(f"p/{person}/{goal}", 1)


def forget(turn: Turn, person: str) -> bool:
    """Forget what *person* told about some goals; return whether there are more."""
    state, prefix = turn.context.state, f"p/{person}/"
    found = [key for key, _ in islice(state.items(prefix), GOALS_MAX + 1)]
    for key in found[:GOALS_MAX]:
        goal = turn.goals.get(key.removeprefix(prefix))
        if goal is not None and goal.talks.rewrite(lambda entry: _without(entry, person)):
            turn.settle(goal, afresh=True)
        state.delete(key)
    return len(found) > GOALS_MAX


def _without(entry: AnyEntry, person: str) -> AnyEntry:
    """Return *entry* without what *person* told: that there was a check-in stays, and what others told about it."""
    if isinstance(entry, history.Talked | history.Amended) and entry.by == person:
        return replace(entry, by="", confidence=None)
    return entry
