"""What concerns many goals at once is done a few at a time: no turn may come to more than the host takes.

The first few are done at once, the others with the turns that follow; where nothing else happens, a timer makes one.
"""

from __future__ import annotations

import datetime as dt

from milepost_contracts.context import Context
from milepost_nudges import erased, turns
from milepost_nudges.kept import found_by, goal_of

KEY = "chores"
FORGET, LOOK = "forget", "look"
# Of the 1,000 that a turn may come to; one goal may come to 600 of them.
TURN_MAX = 300
PAUSE = dt.timedelta(milliseconds=100)  # a timer cannot be set to the instant that it is called at
Chore = tuple[str, str, str]
"""FORGET a person or LOOK at the goals of a place; which; and after which goal to go on."""


def add(context: Context, kind: str, of: str) -> None:
    """Have something done to all goals of a person or a place, beginning now."""
    chores = [chore for chore in _chores(context) if chore[:2] != (kind, of)]
    context.state.set(KEY, [*chores, (kind, of, "")])
    go_on(context)


def go_on(context: Context) -> None:
    """Do as much of what is left as a turn may come to."""
    chores = before = _chores(context)
    while chores and context.turn.count < TURN_MAX:
        (kind, of, after), *others = chores
        left = [id_ for id_ in found_by(context, f"{'of' if kind == FORGET else 'in'}/{of}/") if id_ > after]
        for id_ in left:
            if context.turn.count >= TURN_MAX:
                break
            goal = goal_of(context, id_)
            assert goal is not None  # noqa: S101  it is kept together with what it is found by
            if kind == FORGET:
                erased.forget(context, of, id_, goal)
            else:
                turns.look(context, id_, goal)
            after = id_
        chores = others if not left or after == left[-1] else [(kind, of, after), *others]
    if chores != before:
        if chores:
            context.state.set(KEY, chores)
        else:
            context.state.delete(KEY)
    if chores:
        context.wake_at(KEY, context.now + PAUSE)


def _chores(context: Context) -> list[Chore]:
    found: list[Chore] = context.state.get(KEY, list[Chore], [])
    return found
