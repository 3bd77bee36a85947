"""A person's events: a name and accounts for the directory, and holds that forbid erasing."""

from __future__ import annotations

import datetime as dt

import msgspec
from rpds import HashTrieMap

from milepost.decide.checks import permit, reason_given, within
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost.decide.tenant import has_role, is_service
from milepost_contracts.commands import person as commands
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


@decides(commands.Link)
def link(case: Case) -> list[Change]:
    """Set name and accounts; what is known already is not told again."""
    command, person, reasons = case.command, case.state, case.reasons
    actor = command.actor
    itself = actor == f"user:{command.id}"
    permit(
        case,
        itself or is_service(actor) or has_role(case.frame, actor, "admin"),
        "the person, an admin of the tenant or a service",
    )
    reasons.unless(
        command.name is not None or command.accounts, "nothing_to_link", "Give a name, an account, or both.", "accounts"
    )
    systems = [account.system for account in command.accounts]
    reasons.unless(
        len(set(systems)) == len(systems),
        "account_twice",
        "A person has one account per system: give it once.",
        "accounts",
    )
    within(case, len(command.accounts), "items", "accounts")
    known = person or Person(id=command.id)
    name = command.name if command.name != known.name else None
    accounts = [account for account in command.accounts if known.accounts.get(account.system) != account.account]
    return [case.change(events.Linked(name=name, accounts=accounts))] if name is not None or accounts else []


@evolves(events.Linked)
def linked(state: Person | None, event: events.Linked, recorded: Recorded) -> Person:
    """Set the name where one is given, and one account per system."""
    person = state or Person(id=recorded.aggregate_id)
    accounts = person.accounts
    for account in event.accounts:
        accounts = accounts.insert(account.system, account.account)
    return msgspec.structs.replace(person, name=person.name if event.name is None else event.name, accounts=accounts)


def _permit_keepers(case: Case) -> None:
    permit(case, has_role(case.frame, case.command.actor, "admin", "auditor"), "an admin or an auditor of the tenant")


@decides(commands.Hold)
def hold(case: Case) -> list[Change]:
    """Forbid erasing; also of a person whom the directory does not know, since goals may name that person."""
    command, person = case.command, case.state
    _permit_keepers(case)
    reason_given(case, command.reason)
    case.reasons.unless(
        command.until is None or command.until >= case.today,
        "until_past",
        "The last day of this hold is over: give a later one, or none.",
        "until",
    )
    if person is not None and person.hold == Hold(reason=command.reason, until=command.until):
        return []
    return [case.change(events.Held(reason=command.reason, until=command.until))]


@evolves(events.Held)
def held(state: Person | None, event: events.Held, recorded: Recorded) -> Person:
    """Put the hold on; the newest one replaces the one before."""
    person = state or Person(id=recorded.aggregate_id)
    return msgspec.structs.replace(person, hold=Hold(reason=event.reason, until=event.until))


@decides(commands.Release)
def release(case: Case) -> list[Change]:
    """Allow erasing again."""
    person = case.state
    _permit_keepers(case)
    case.reasons.unless(
        person is not None and person.hold is not None, "not_held", "There is no hold on this person.", "id"
    )
    return [case.change(events.Released(reason=case.command.reason))]


@evolves(events.Released)
def released(state: Person, _event: events.Released, _recorded: Recorded) -> Person:
    """Take the hold off."""
    return msgspec.structs.replace(state, hold=None)
