"""What one event (or timer) comes to, as a runner hands it to whoever keeps it; and where a runner reads."""

from __future__ import annotations

import datetime as dt
from typing import Any, Protocol

import msgspec

from milepost_contracts.plugin import Grant


class GoalThen(msgspec.Struct, frozen=True):
    """A goal as it was, as its plugin may read it: `state`, and which `words` of people in it were opened for it."""

    state: dict[str, Any]
    words: list[str] = []


class Port(Protocol):
    """Where a runner reads what its plugin has stored and what the journal knows."""

    def get(self, tenant: str, key: str) -> bytes | None:
        """Return the value of *key*, None where there is none."""
        ...

    def scan(self, tenant: str, prefix: str) -> list[tuple[str, bytes]]:
        """Return keys that begin with *prefix*, in order, with their values."""
        ...

    def grants(self, tenant: str, goal: str | None, person: str | None) -> list[Grant]:
        """Return the tenant's grants (of a goal, to a person), in the order in which they were given."""
        ...

    def goal_at(self, tenant: str, id_: str, version: int | None) -> GoalThen:
        """Return the goal after *version* (None: newest); raises PluginError `unknown_goal`, Later."""
        ...


class EffectWanted(msgspec.Struct, frozen=True):
    """An effect as a turn asks for it; `delay_s` from when the turn is kept."""

    name: str
    arguments: dict[str, Any]
    delay_s: float = 0


class FactWanted(msgspec.Struct, frozen=True):
    """A fact as a turn tells it; `once`: what it is told of, where more than one event or timer may tell it."""

    name: str
    data: dict[str, Any]
    once: str = ""


class CommandWanted(msgspec.Struct, frozen=True):
    """A command as a turn asks for it; `fields` without command_id and actor, which the host sets."""

    aggregate: str
    name: str
    fields: dict[str, Any]


class ReplayWanted(msgspec.Struct, frozen=True):
    """Past events as a turn asks for them: *first* to *last*, None: to the newest that the plugin has had."""

    first: int
    last: int | None
    arguments: dict[str, Any]


class Line(msgspec.Struct, frozen=True):
    """A line for the log."""

    message: str
    fields: dict[str, Any]


class Turn(msgspec.Struct):
    """What one event (or timer) came to; kept whole, together with the position, or not at all."""

    writes: dict[str, bytes | None] = {}
    effects: list[EffectWanted] = []
    facts: list[FactWanted] = []
    commands: list[CommandWanted] = []
    timers: dict[str, dt.datetime | None] = {}
    granted: list[Grant] = []
    revoked: list[Grant] = []
    log: list[Line] = []
    replays: list[ReplayWanted] = []

    @property
    def count(self) -> int:
        """How much it is."""
        lists = (self.writes, self.effects, self.facts, self.commands, self.timers, self.granted, self.revoked)
        return sum(map(len, lists)) + len(self.replays)
