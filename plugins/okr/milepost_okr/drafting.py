"""The configuration has changed and nothing has happened since: for an answer its numbers are worked out, and not kept.

What is kept follows with the next event, or when an administrator asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from milepost_contracts.context import Context, State
from milepost_okr.turn import Turn

GOALS_MAX = 1_000  # for one answer, which may take five seconds: so many take about one


def drafted(turn: Turn) -> Turn | None:
    """Return a turn that sees the numbers of the configuration as it is; None where there are too many goals."""
    draft = Turn(_Draft(turn.context))
    ids = list(draft.goals.first(GOALS_MAX + 1))
    if len(ids) > GOALS_MAX:
        return None
    for id_ in ids:
        goal = draft.goals.get(id_)
        if goal is not None:
            draft.settle(goal)
    draft.ledger.hold()
    draft.ledger.score_objectives(set(draft.plan.objectives))
    return draft


class _Draft(Context):
    """A turn from which nothing is kept, told or woken: what it writes is seen by itself alone."""

    def __init__(self, context: Context) -> None:
        """Take the turn whose state it begins with."""
        self.tenant, self.now, self.mode, self.config = context.tenant, context.now, context.mode, context.config
        self.state = _Written(context.state)

    def fact(self, *_: Any, **__: Any) -> None:
        """Tell nobody."""

    def log(self, *_: Any, **__: Any) -> None:
        """Say nothing: it is said when it counts."""


class _Written(State):
    """A state as it would be: what was written, on top of what is kept."""

    def __init__(self, kept: State) -> None:
        """Take what is kept."""
        self._kept = kept
        self._writes: dict[str, bytes | None] = {}

    def get(self, key: str, type_: Any = Any, default: Any = None) -> Any:
        """Return the value of *key*."""
        if key not in self._writes:
            return self._kept.get(key, type_, default)
        found = self._writes[key]
        return default if found is None else msgspec.json.decode(found, type=type_)

    def __contains__(self, key: str) -> bool:
        return self._writes[key] is not None if key in self._writes else key in self._kept

    def items(self, prefix: str = "", type_: Any = Any) -> Iterator[tuple[str, Any]]:
        """Yield keys and values, in order."""
        found = {key: value for key, value in self._kept.items(prefix, type_) if key not in self._writes}
        for key, value in self._writes.items():
            if value is not None and key.startswith(prefix):
                found[key] = msgspec.json.decode(value, type=type_)
        yield from sorted(found.items(), key=lambda item: item[0])

    def set(self, key: str, value: Any) -> None:
        """Let *value* be under *key*."""
        self._writes[key] = msgspec.json.encode(value)

    def delete(self, key: str) -> None:
        """Let nothing be under *key*."""
        self._writes[key] = None
