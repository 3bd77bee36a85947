"""Events of a person: the directory's entry, and holds on what is known of the person."""

from __future__ import annotations

from typing import ClassVar

from milepost_contracts.events.base import Event
from milepost_contracts.types import Account, Day, Line, Text


class PersonEvent(Event, frozen=True, kw_only=True):
    """An event of a person."""

    AGGREGATE: ClassVar[str] = "person"


class Linked(PersonEvent, frozen=True, kw_only=True):
    """The person's name and accounts in other systems, sealed under the person's own key."""

    name: Line | None = None
    accounts: list[Account] = []


class Held(PersonEvent, frozen=True, kw_only=True):
    """A legal hold: nothing of this person may be erased until it is released."""

    reason: Text
    until: Day | None = None


class Released(PersonEvent, frozen=True, kw_only=True):
    """The legal hold ended."""

    reason: Text | None = None
