"""A ticket is decided on the newest state: what it comes to is an append for the journal, or an answer."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

import msgspec
from uuid_utils import uuid7

from milepost.accept.decoding import Decoded
from milepost.accept.sealing import Sealed, Sealer
from milepost.accept.states import Loaded, Newest, Opener, States, tenant_ref
from milepost.decide import Change, Frame, Limits, Missing, Ref, Refused, Seen, decide
from milepost.journal import Append, Attributes, Journal, JournalError, KeyErased, KeyStore, Reader, Stored, Wanted
from milepost_contracts import answers
from milepost_contracts.answers import Answer, EventRef, Problem, Warn

_HOUR = len("2026-03-01T09")
LOCKED_ATTEMPT = 3  # two attempts lost to others: the third is decided where nobody can come between


class Ticket:
    """A command on its way, and who waits for the answer."""

    __slots__ = ("anew", "attempts", "decoded", "hour", "late", "received", "reply", "review", "until", "warnings")

    def __init__(
        self, decoded: Decoded, reply: Callable[[Ticket, Answer], None], received: float, until: float
    ) -> None:
        """Take the monotonic times of arrival and of the caller's deadline, in seconds."""
        self.decoded = decoded
        self.reply = reply
        self.received = received
        self.until = until
        # Where plugins review the command: what has them asked, given the version of the aggregate that it was decided
        # on. None: nobody needs to be asked, or nobody any more.
        self.review: Callable[[Ticket, int], None] | None = None
        self.late: list[Warn] = []  # of reviews without which the command counts
        self.attempts = 0
        self.anew = False  # decided again inside the lock: what the batch thought of its aggregates may be wrong
        self.hour = ""  # in which it was decided
        self.warnings: list[Warn] = []  # of the decision that is being appended


class Unreviewed(NamedTuple):
    """The ticket would be accepted, decided on *version* of its aggregate; plugins have to be asked first."""

    version: int


class Attempt(NamedTuple):
    """What deciding a ticket came to: an append for the journal, or an answer that needs none."""

    ticket: Ticket
    append: Append | None
    answer: Answer | Unreviewed | None
    reads: dict[Ref, int]
    shaky: bool  # it saw what is not committed yet


_Decided = tuple[Append | None, Answer | Unreviewed | None, dict[Ref, int], dict[Ref, Loaded]]
"""An append or what else it came to, the versions that it rests on, and the states that the append makes."""


class Clock(Protocol):
    """Tells the time; injected, so that tests hold it."""

    def __call__(self) -> dt.datetime:
        """Return now, aware and UTC."""


class Overlay:
    """The states as a batch has made them so far, over those of the batch before it, over the kept ones."""

    def __init__(self, states: States | Newest, base: Overlay | None = None) -> None:
        """Begin with what is kept, and what *base*, which is not settled yet, has made of it."""
        self._states = states
        self.base = base
        self.changed: dict[tuple[str, Ref], Loaded] = {}
        self.writers: dict[tuple[str, Ref], list[Append]] = {}

    def get(self, tenant: str, ref: Ref) -> Loaded:
        """Return the state of *ref* with what is not committed yet."""
        found = self.changed.get((tenant, ref))
        if found is None and self.base is not None:
            found = self.base.changed.get((tenant, ref))
        return found or self._states.get(tenant, ref)

    def wrote(self, tenant: str, append: Append, after: dict[Ref, Loaded]) -> None:
        """Take in what *append* makes of its aggregates."""
        for ref, loaded in after.items():
            self.changed[tenant, ref] = loaded
            self.writers.setdefault((tenant, ref), []).append(append)

    def peek(self, tenant: str, ref: Ref) -> Loaded | None:
        """Return what is known of *ref* without loading it, with what is not committed yet."""
        for overlay in (self, self.base):
            if overlay is not None and (found := overlay.changed.get((tenant, ref))) is not None:
                return found
        return self._states.known(tenant, ref)

    def uncommitted(self, tenant: str, refs: Iterable[Ref]) -> list[Append]:
        """Return the appends, not known to be committed, whose events are in the states of *refs*."""
        found: dict[int, Append] = {}
        for overlay in (self.base, self):
            if overlay is None or not overlay.writers:
                continue
            for ref in refs:
                for append in overlay.writers.get((tenant, ref), ()):
                    found[id(append)] = append
        return list(found.values())


class Decider:
    """Decides tickets; holds the kept states, and what seals and opens words."""

    def __init__(self, journal: Journal, keys: KeyStore, *, clock: Clock, limits: Limits) -> None:
        """Take the journal to read from, where keys come from, the clock and the limits."""
        self._journal = journal
        self._keys = keys
        self._clock = clock
        self._limits = limits
        self._opener = Opener(keys)
        self._sealer = Sealer(keys)
        self.states = States(journal.load, self._opener)

    def attempt(self, ticket: Ticket, over: Overlay) -> Attempt:
        """Decide *ticket* on what *over* shows; raises JournalUnavailable."""
        if time.monotonic() > ticket.until:
            late = failed("deadline_passed", "Others kept changing what this depends on; send the same command again.")
            return Attempt(ticket, None, late, {}, shaky=False)
        ticket.attempts += 1
        ticket.anew = False
        redecide: Callable[[Reader], Append | None] | None = None
        if ticket.attempts >= LOCKED_ATTEMPT:

            def redecide(reader: Reader) -> Append | None:
                ticket.anew = True
                newest = Newest(self.states, reader.load)
                try:
                    append = self._decide(ticket, Overlay(newest))[0]
                except JournalError:
                    raise
                except Exception:  # noqa: BLE001  a defect here would undo its neighbours' batch
                    return None  # it is decided again outside the lock, where the defect is logged and answered
                self._keys.flush()  # it may be sealed under a key that nobody has noted yet
                return append

        append, answer, reads, after = self._decide(ticket, over, redecide)
        tenant = ticket.decoded.tenant
        if append is not None:
            shaky = bool(append.built_on)
            over.wrote(tenant, append, after)
        else:
            shaky = bool(over.uncommitted(tenant, reads))
        return Attempt(ticket, append, answer, reads, shaky)

    def _decide(
        self,
        ticket: Ticket,
        over: Overlay,
        redecide: Callable[[Reader], Append | None] | None = None,
    ) -> _Decided:
        decoded = ticket.decoded
        command, tenant = decoded.command, decoded.tenant
        own: Ref = (command.AGGREGATE, command.id)
        loaded = over.get(tenant, own)
        reads = {own: loaded.version}
        if command.command_id in loaded.commands:
            first = self._first_answer(decoded, own)
            if first is not None or over.uncommitted(tenant, [own]):
                # None: it is on its way to the disk; look again when that is settled.
                return None, first, reads, {}
        if command.expected_version is not None and command.expected_version != loaded.version:
            return None, _conflict(command.expected_version, loaded.version), reads, {}
        here = tenant_ref(tenant)
        directory = over.get(tenant, here)
        seen = {own: Seen(loaded.state, loaded.version), here: Seen(directory.state, directory.version)}
        now = self._clock()
        ticket.hour = now.isoformat()[:_HOUR]
        while True:
            frame = Frame(tenant, seen)
            try:
                decision = decide(loaded.state, command, frame=frame, now=now, limits=self._limits)
                break
            except Missing as missing:
                seen |= _seen(over, tenant, missing.refs)
            except Refused as refused:
                return None, answers.Refused(errors=refused.problems), frame.versions, {}
        reads = frame.versions
        if not decision.changes:
            nothing = answers.Accepted(id=command.id, version=loaded.version, warnings=decision.warnings)
            return None, nothing, reads, {}
        if ticket.review is not None:
            # Of what was read, its own version is named, and its own command ids tell whether this one is new.
            return None, Unreviewed(loaded.version), {own: loaded.version}, {}
        ticket.warnings = [*decision.warnings, *ticket.late] if ticket.late else decision.warnings
        try:
            sealed, after = self._seal(decoded, decision.changes, over, now)
        except KeyErased:
            return None, _ERASED, reads, {}
        return self._append(ticket, sealed, reads, over, redecide), None, reads, after

    def _seal(
        self, decoded: Decoded, changes: list[Change], over: Overlay, now: dt.datetime
    ) -> tuple[list[Sealed], dict[Ref, Loaded]]:
        tenant, command = decoded.tenant, decoded.command

        def gone(person: str) -> bool:
            """Whether *person* was erased, or is being: the event is on its way, the keys are destroyed after it."""
            entry = over.peek(tenant, ("person", person.partition(":")[2]))
            return (
                entry is not None and entry.state is not None and entry.state.erased is not None
            ) or self._keys.is_erased(tenant, person)

        if command.on_behalf_of is not None and gone(command.on_behalf_of):
            raise KeyErased(f"{command.on_behalf_of} of {tenant} was erased")
        after: dict[Ref, Loaded] = {}
        sealed: list[Sealed] = []
        for change in changes:
            ref: Ref = (change.aggregate, change.id)
            before = after.get(ref) or over.get(tenant, ref)
            one, after[ref] = self._sealer.seal(decoded, change, before, str(uuid7()), now, gone)
            sealed.append(one)
        return sealed, after

    def _append(
        self,
        ticket: Ticket,
        sealed: list[Sealed],
        reads: dict[Ref, int],
        over: Overlay,
        redecide: Callable[[Reader], Append | None] | None,
    ) -> Append:
        decoded = ticket.decoded
        command = decoded.command
        occurred = command.occurred_at
        return Append(
            tenant=decoded.tenant,
            command=f"{command.AGGREGATE}/{command.id}/{command.command_id}",
            reads=reads,
            events=[
                Wanted(
                    aggregate=one.ref[0],
                    id=one.ref[1],
                    tag=one.tag,
                    event_id=one.event_id,
                    data=one.data,
                    commandhash=one.command_hash,
                )
                for one in sealed
            ],
            attributes=Attributes(
                actor=command.actor,
                onbehalfof=command.on_behalf_of or "",
                authnby=decoded.authenticated_by,
                correlationid=command.command_id,
                causationid=command.command_id,
                occurredat=occurred.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if occurred else "",
                traceparent=decoded.traceparent,
            ),
            answer=msgspec.json.encode(ticket.warnings) if ticket.warnings else None,
            built_on=over.uncommitted(decoded.tenant, reads),
            redecide=redecide,
        )

    def _first_answer(self, decoded: Decoded, own: Ref) -> Answer | None:
        """Return what the command was answered when it was first accepted; None where it never was."""
        command = decoded.command
        found = self._journal.by_command(decoded.tenant, f"{own[0]}/{own[1]}/{command.command_id}")
        if found is None:
            return None
        first = next(stored for stored in found.events if stored.ref == own)
        try:
            same = first.envelope.commandhash == self._sealer.hash_again(decoded, own, first.envelope)
        except KeyErased:
            return _ERASED
        if not same:
            message = "This command_id was used for another command on this aggregate; take a new one."
            return answers.Refused(errors=[Problem(code="command_id_reused", field="command_id", message=message)])
        warnings = msgspec.json.decode(found.answer, type=list[Warn]) if found.answer else []
        return accepted(command.id, own, found.events, warnings)


_ERASED = answers.Refused(
    errors=[
        Problem(
            code="person_erased",
            field="actor",
            message="Who asks, or whose it is, was erased: nothing can be kept for them any more.",
        )
    ]
)


def failed(code: str, message: str, *, retry: bool = True) -> answers.Failed:
    """Return the answer that asks to send the same command again, or says that it does not help."""
    return answers.Failed(errors=[Problem(code=code, message=message)], retry=retry)


def _seen(over: Overlay, tenant: str, refs: Iterable[Ref]) -> dict[Ref, Seen]:
    loaded = {ref: over.get(tenant, ref) for ref in refs}
    return {ref: Seen(one.state, one.version) for ref, one in loaded.items()}


def _conflict(expected: int, version: int) -> answers.Refused:
    message = f"The aggregate is at version {version}, not {expected}; look at it and decide again."
    problem = Problem(code="version_conflict", field="expected_version", message=message, details={"version": version})
    return answers.Refused(errors=[problem])


def accepted(id_: str, own: Ref, events: Sequence[Stored], warnings: list[Warn]) -> answers.Accepted:
    """Return the answer for the *events* that a command of aggregate *own* caused."""
    return answers.Accepted(
        id=id_,
        version=max(stored.version for stored in events if stored.ref == own),
        sequence=f"{max(stored.sequence for stored in events):016d}",
        events=[EventRef(id=stored.event_id, type=stored.tag) for stored in events],
        warnings=warnings,
    )
