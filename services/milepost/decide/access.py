"""An access log's events: who read what on one day, each thing once unless for another reason."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator

import msgspec
from rpds import HashTrieSet

from milepost.decide.checks import permit
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts.commands import access as commands
from milepost_contracts.events import access as events
from milepost_contracts.subjects import access_id
from milepost_contracts.types import Scope

REPLAY = "service:replay"  # gives away what the journal and the key store hold, and knows to whom
# What is read from the databases themselves, past every stage: whoever does so records it in the own name.
FROM_DATABASES = frozenset({"verify", "export"})
DAY = dt.timedelta(days=1)  # replay's clock and ours may lie on two sides of midnight
_DIGEST_BYTES = 16  # of what one reader reads in a day no two are ever alike; an auditor's day stays below 1 MB


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded of a reader's day: a digest of each thing, so that it stays small."""

    id: str
    reader: str
    day: dt.date
    known: HashTrieSet[bytes] = HashTrieSet()


@decides(commands.Record)
def record(case: Case) -> list[Change]:
    """Record what is not recorded of that day yet; where there is nothing new, nothing happens."""
    command, log = case.command, case.state
    _permit_recorders(case)
    _place(case)
    message = "Say what was read: aggregates, or everything, and not both."
    case.reasons.unless(bool(command.scopes) != command.everything, "scope_missing", message, "scopes")
    case.reasons.raise_any()
    known = log.known if log is not None else HashTrieSet()
    if command.everything:
        new = _digest(command.kind, None, command.reason) not in known
        scopes: list[Scope] = []
    else:
        once = {(scope.aggregate, scope.id): scope for scope in command.scopes}
        scopes = [scope for scope in once.values() if _digest(command.kind, scope, command.reason) not in known]
        new = bool(scopes)
    if not new:
        return []
    told = events.Recorded(
        reader=command.reader,
        day=command.day,
        kind=command.kind,
        via=command.via,
        scopes=scopes,
        everything=command.everything,
        moments=command.moments,
        reason=command.reason,
    )
    return [case.change(told)]


def _permit_recorders(case: Case) -> None:
    command = case.command
    itself = command.actor == command.reader and command.kind in FROM_DATABASES
    permit(
        case,
        command.actor == REPLAY or itself,
        "the stage that answers (service:replay), or who reads the databases with verify or export",
    )


def _place(case: Case) -> None:
    """Refuse a log that is not the reader's of about today, and words that would be sealed as somebody else's."""
    command, reasons = case.command, case.reasons
    message = "What is read now is recorded now: the day is today's, in UTC."
    reasons.unless(abs(command.day - case.today) <= DAY, "not_today", message, "day")
    own = access_id(case.frame.tenant_name, command.reader, command.day)
    message = "The id of an access log follows from its reader and day: use this one."
    reasons.unless(command.id == own, "access_id_wrong", message, "id", id=own)
    person = command.reader if command.reader.startswith("user:") else None
    behalf = command.actor if command.actor.startswith("user:") else command.on_behalf_of
    message = "What is recorded of a person is sealed as that person's words: name the reader in on_behalf_of."
    reasons.unless(person == behalf, "reader_not_named", message, "on_behalf_of")


@evolves(events.Recorded)
def recorded(state: Access | None, event: events.Recorded, recorded: Recorded) -> Access:
    """Know what was recorded."""
    log = state or Access(id=recorded.aggregate_id, reader=event.reader, day=event.day)
    return msgspec.structs.replace(log, known=log.known.update(_digests(event)))


def _digests(event: events.Recorded) -> Iterator[bytes]:
    if event.everything:
        yield _digest(event.kind, None, event.reason)
    for scope in event.scopes:
        yield _digest(event.kind, scope, event.reason)


def _digest(kind: str, scope: Scope | None, reason: str | None) -> bytes:
    about = f"{scope.aggregate}/{scope.id}" if scope is not None else ""
    return hashlib.sha256("\0".join((kind, about, reason or "")).encode()).digest()[:_DIGEST_BYTES]
