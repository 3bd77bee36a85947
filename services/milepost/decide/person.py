"""A person's events: a name and accounts for the directory, and holds that forbid erasing."""

from __future__ import annotations

import datetime as dt

import msgspec
from rpds import HashTrieMap

from milepost.decide.kernel import Recorded, evolves
from milepost_contracts.events import person as events


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A legal hold: why, and the last day on which it holds (None: until it is released)."""

    reason: str
    until: dt.date | None = None


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What the directory knows of a person (words may still be sealed), and the hold on it."""

    id: str
    name: str | None = None
    accounts: HashTrieMap[str, str] = HashTrieMap()  # system -> account
    hold: Hold | None = None

    def held(self, day: dt.date) -> bool:
        """Whether a hold forbids erasing on *day*; one with an end lapses after that day by itself."""
        return self.hold is not None and (self.hold.until is None or day <= self.hold.until)


@evolves(events.Linked)
def linked(state: Person | None, event: events.Linked, recorded: Recorded) -> Person:
    """Set the name where one is given, and one account per system."""
    person = state or Person(id=recorded.aggregate_id)
    accounts = person.accounts
    for account in event.accounts:
        accounts = accounts.insert(account.system, account.account)
    return msgspec.structs.replace(person, name=person.name if event.name is None else event.name, accounts=accounts)


@evolves(events.Held)
def held(state: Person | None, event: events.Held, recorded: Recorded) -> Person:
    """Put the hold on; the newest one replaces the one before."""
    person = state or Person(id=recorded.aggregate_id)
    return msgspec.structs.replace(person, hold=Hold(reason=event.reason, until=event.until))


@evolves(events.Released)
def released(state: Person, _event: events.Released, _recorded: Recorded) -> Person:
    """Take the hold off."""
    return msgspec.structs.replace(state, hold=None)
