"""A person's events: a name and accounts for the directory, holds that forbid erasing, and the erasure for good."""

from __future__ import annotations

import datetime as dt

import msgspec
from rpds import HashTrieMap

from milepost.decide.checks import permit, reason_given, within
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost.decide.tenant import has_role, is_service
from milepost_contracts.commands import person as commands
from milepost_contracts.events import person as events

ACCEPT = "service:accept"  # nobody else destroys keys


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A legal hold: why, and the last day on which it holds (None: until it is released)."""

    reason: str
    until: dt.date | None = None


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What the directory knows of a person (words may still be sealed), the hold on it, and its end.

    `erased`: the id of the event that erased the person; `destroyed`: whether the keys are known to be gone.
    """

    id: str
    name: str | None = None
    accounts: HashTrieMap[str, str] = HashTrieMap()  # system -> account
    hold: Hold | None = None
    erased: str | None = None
    destroyed: bool = False

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
    _must_remain(case)
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


def _must_remain(case: Case) -> None:
    """Refuse at once what is about somebody who was erased: nothing more can be known of them."""
    erased = case.state is not None and case.state.erased is not None
    message = "This person was erased: nothing can be kept of them any more."
    case.reasons.unless(not erased, "person_erased", message, "id")
    case.reasons.raise_any()


def _permit_keepers(case: Case) -> None:
    permit(case, has_role(case.frame, case.command.actor, "admin", "auditor"), "an admin or an auditor of the tenant")


@decides(commands.Hold)
def hold(case: Case) -> list[Change]:
    """Forbid erasing; also of a person whom the directory does not know, since goals may name that person."""
    command, person = case.command, case.state
    _permit_keepers(case)
    _must_remain(case)
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
    _must_remain(case)
    case.reasons.unless(
        person is not None and person.hold is not None, "not_held", "There is no hold on this person.", "id"
    )
    return [case.change(events.Released(reason=case.command.reason))]


@evolves(events.Released)
def released(state: Person, _event: events.Released, _recorded: Recorded) -> Person:
    """Take the hold off."""
    return msgspec.structs.replace(state, hold=None)


@decides(commands.Erase)
def erase(case: Case) -> list[Change]:
    """Erase the person, also one whom the directory does not know; asked again, it changes nothing."""
    command, person, reasons = case.command, case.state, case.reasons
    itself = command.actor == f"user:{command.id}"
    permit(case, itself or has_role(case.frame, command.actor, "admin"), "the person or an admin of the tenant")
    if person is not None and person.erased is not None:
        return []
    reason_given(case, command.reason)
    hold_ = person.hold if person is not None and person.held(case.today) else None
    until = hold_.until if hold_ is not None else None
    ends = f"until the end of {until}" if until else "until it is released"
    reasons.unless(
        hold_ is None,
        "legal_hold",
        f"A legal hold forbids erasing this person {ends}.",
        "id",
        until=until.isoformat() if until else None,
    )
    return [case.change(events.Erased(reason=command.reason))]


@evolves(events.Erased)
def erased(_state: Person | None, _event: events.Erased, recorded: Recorded) -> Person:
    """Know nothing of the person any more but that they were erased."""
    return Person(id=recorded.aggregate_id, erased=recorded.id)


@decides(commands.RecordKeysDestroyed)
def record_keys_destroyed(case: Case) -> list[Change]:
    """Record what accept did to the keys; asked again after a crash, it changes nothing."""
    command, person, reasons = case.command, case.state, case.reasons
    permit(case, command.actor == ACCEPT, "the stage that destroys keys (service:accept)")
    if person is not None and person.erased == command.erased and person.destroyed:
        return []
    reasons.unless(
        person is not None and person.erased == command.erased,
        "erasure_unknown",
        "This event did not erase this person: keys are destroyed after it, not before.",
        "erased",
    )
    return [
        case.change(
            events.KeysDestroyed(
                erased=command.erased,
                key_ids=command.key_ids,
                derived=command.derived,
                survivors=command.survivors,
                generation_before=command.generation_before,
                generation_after=command.generation_after,
            )
        )
    ]


@evolves(events.KeysDestroyed)
def keys_destroyed(state: Person, _event: events.KeysDestroyed, _recorded: Recorded) -> Person:
    """Know that it is done."""
    return msgspec.structs.replace(state, destroyed=True)
