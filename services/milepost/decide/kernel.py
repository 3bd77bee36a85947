"""What deciding is made of: a frame and a command come in, changes or every reason against them come out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from milepost_contracts.answers import Problem, Warn
from milepost_contracts.commands import Command
from milepost_contracts.events import Event
from milepost_contracts.types import SeenAt

Ref = tuple[str, str]
"""An aggregate: (`goal` | `mentorship` | `programme` | `person` | `tenant` | `access`, id)."""


class Change(NamedTuple):
    """One event that a command causes, on its own aggregate or on one that keeps a set for it."""

    aggregate: str
    id: str
    event: Event


class Decision(NamedTuple):
    """What a command causes: changes in order (none: nothing was to be changed) and warnings for the answer."""

    changes: list[Change]
    warnings: list[Warn]


class Recorded(NamedTuple):
    """An event as it happened: what evolve needs to know beside the event itself."""

    event: Event
    id: str
    actor: str
    recorded: dt.datetime
    occurred: dt.datetime | None = None
    aggregate_id: str = ""  # a first event makes a state out of nothing, and the state knows its id


class Refused(Exception):  # noqa: N818  the language of the domain: a command is refused
    """The command causes nothing; `problems` are all the reasons."""

    def __init__(self, problems: list[Problem]) -> None:
        """Take every reason, at least one."""
        super().__init__(", ".join(problem.code for problem in problems))
        self.problems = problems


class Missing(Exception):  # noqa: N818  no error: a question back to the caller
    """Deciding needs these aggregates in its frame: load them and decide again."""

    def __init__(self, refs: Iterable[Ref]) -> None:
        """Name what is needed."""
        self.refs = frozenset(refs)
        super().__init__(", ".join("/".join(ref) for ref in sorted(self.refs)))


class Seen(NamedTuple):
    """An aggregate in a frame: its state (None where it does not exist) and the version it was read at."""

    state: Any
    version: int


class Frame:
    """What deciding reads from outside the command's aggregate. Asking for what is not in it raises Missing."""

    __slots__ = ("_seen", "tenant_name")

    def __init__(self, tenant_name: str, seen: Mapping[Ref, Seen] | None = None) -> None:
        """Take what is known so far; the caller re-checks every version in it when it appends."""
        self.tenant_name = tenant_name
        self._seen = dict(seen or {})

    def get(self, ref: Ref) -> Any:
        """Return the state of *ref*, None where it does not exist; raises Missing."""
        try:
            return self._seen[ref].state
        except KeyError:
            raise Missing([ref]) from None

    def need(self, refs: Iterable[Ref]) -> None:
        """Raise Missing for all of *refs* that are not in the frame, so that they are loaded at once."""
        if absent := [ref for ref in refs if ref not in self._seen]:
            raise Missing(absent)

    def seen(self) -> list[SeenAt]:
        """Return every aggregate of the frame with its version, for the event that records it."""
        return [
            SeenAt(aggregate=kind, id=id_, version=seen.version) for (kind, id_), seen in sorted(self._seen.items())
        ]

    @property
    def versions(self) -> dict[Ref, int]:
        """The version at which each aggregate was read."""
        return {ref: seen.version for ref, seen in self._seen.items()}


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much of everything; each is a setting, and each has its reason."""

    line_chars: int = 200  # a title or name that no list or mail subject can show is no title
    text_chars: int = 4000  # about a page; longer prose belongs in an attached resource
    measures: int = 20  # more evidence than anyone weighs at a check-in
    milestones: int = 100  # two a week for a year
    actions: int = 500  # open and done, of one goal; a larger plan is several goals
    parties: int = 50  # a circle's size; consumers get them all in every event's context
    contributors: int = 50
    tags: int = 30
    items: int = 50  # wins, obstacles, attendees, evidence of one check-in or reading
    waivers: int = 10
    parents: int = 20  # goals that one goal serves
    ancestors: int = 1000  # how far the search for a loop walks before it refuses


class Reasons:
    """Collects every reason against a command; `raise_any` ends the decision when there is one."""

    __slots__ = ("problems", "warnings")

    def __init__(self) -> None:
        """Begin with none."""
        self.problems: list[Problem] = []
        self.warnings: list[Warn] = []

    def refuse(self, code: str, message: str, field: str | None = None, **details: Any) -> None:
        """Add a reason: *code* is stable, *message* tells a person what to do, *details* are for programs."""
        self.problems.append(Problem(code=code, message=message, field=field, details=details))

    def unless(self, holds: object, code: str, message: str, field: str | None = None, **details: Any) -> bool:
        """Add the reason when *holds* is false; returns whether it holds."""
        if not holds:
            self.refuse(code, message, field, **details)
        return bool(holds)

    def warn(self, code: str, message: str, field: str | None = None) -> None:
        """Add a warning that goes with an accepted answer."""
        self.warnings.append(Warn(code=code, message=message, field=field))

    def raise_any(self) -> None:
        """Raise Refused with every reason there is."""
        if self.problems:
            raise Refused(self.problems)


class Case(NamedTuple):
    """All that a deciding function looks at."""

    state: Any  # the aggregate, None where it does not exist
    command: Any
    frame: Frame
    now: dt.datetime
    limits: Limits
    reasons: Reasons

    @property
    def own(self) -> Ref:
        """The command's aggregate."""
        return (self.command.AGGREGATE, self.command.id)

    @property
    def today(self) -> dt.date:
        """The day it is now in UTC; goals have zones of their own."""
        return self.now.date()

    def change(self, event: Event) -> Change:
        """Return *event* as a change of the command's own aggregate."""
        return Change(self.command.AGGREGATE, self.command.id, event)


Decide = Callable[[Case], list[Change]]
Evolve = Callable[[Any, Any, Recorded], Any]
_F = TypeVar("_F", bound=Callable[..., Any])

DECIDERS: dict[type[Command], Decide] = {}
EVOLVERS: dict[type[Event], Evolve] = {}


def decides(*commands: type[Command]) -> Callable[[_F], _F]:
    """Register the function `(case) -> changes` that decides *commands*."""

    def register(function: _F) -> _F:
        for command in commands:
            assert command not in DECIDERS, command  # noqa: S101  a programming error at import
            DECIDERS[command] = function
        return function

    return register


def evolves(*events: type[Event]) -> Callable[[_F], _F]:
    """Register the function `(state, event, recorded) -> state` that applies *events*; it never refuses."""

    def register(function: _F) -> _F:
        for event in events:
            assert event not in EVOLVERS, event  # noqa: S101  a programming error at import
            EVOLVERS[event] = function
        return function

    return register
