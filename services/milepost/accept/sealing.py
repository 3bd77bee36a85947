"""What was decided becomes documents' data: context and hashes are set, people's words are sealed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from milepost.accept.decoding import Decoded
from milepost.accept.states import Loaded
from milepost.decide import Change, Recorded, Ref, evolve
from milepost.decide.goal.terms import context_of, terms_of
from milepost.journal import KeyErased
from milepost.journal.opening import SealingKeys, author_of, holders_of, sealing_key
from milepost_contracts.envelope import Envelope
from milepost_contracts.events import WORDS, GoalEvent, TermsEvent
from milepost_contracts.sealing import SealingKey, seal_data


class Sealed(NamedTuple):
    """An event ready for the journal: its aggregate, tag and id, its data with words sealed, its command's hash."""

    ref: Ref
    tag: str
    event_id: str
    data: bytes
    command_hash: str


class Sealer:
    """Seals the changes of one command after another; holds nothing but where keys come from."""

    def __init__(self, keys: SealingKeys) -> None:
        """Take where keys come from."""
        self._keys = keys

    def seal(
        self,
        decoded: Decoded,
        change: Change,
        before: Loaded,
        event_id: str,
        now: dt.datetime,
        gone: Callable[[str], bool] = lambda _: False,
    ) -> tuple[Sealed, Loaded]:
        """Return *change* sealed, and the state of its aggregate after it; *gone* tells who is being erased.

        Raises KeyErased where the author or the owner was erased.
        """
        tenant, command = decoded.tenant, decoded.command
        ref: Ref = (change.aggregate, change.id)
        event = change.event
        state = evolve(before.state, Recorded(event, event_id, command.actor, now, command.occurred_at, change.id))
        of_goal = isinstance(event, GoalEvent)
        by = author_of(command.actor, command.on_behalf_of)
        of = (state.owner, state.accountable) if of_goal else (None, None)
        author, owner = holders_of(event.TAG, ref, by, *of)
        for person in (author, owner):
            if person is not None and gone(person):
                raise KeyErased(f"{person} of {tenant} is being erased")
        key = self._keys.sealing_key(tenant, ref, "parties", author, owner)
        if isinstance(event, TermsEvent):
            terms_hash = key.hash(terms_of(state))
            event = msgspec.structs.replace(event, terms_hash=terms_hash)
            state = msgspec.structs.replace(state, terms_hash=terms_hash)

        def key_for(audience: str) -> SealingKey:
            return key if audience == "parties" else self._keys.sealing_key(tenant, ref, audience, author, owner)

        if words := WORDS[event.TAG]:
            members: dict[str, Any] = msgspec.to_builtins(event)
            seal_data(members, words, event_id, key_for)
            data = msgspec.json.encode(members)
        else:
            data = msgspec.json.encode(event)
        context = b""
        if of_goal:
            context = before.context if _same_context(before.state, state) else b""
            context = context or msgspec.json.encode(context_of(state))
            data = b'{"context":%b%b%b' % (context, b"," if len(data) > len(b"{}") else b"", data[1:])
        sealed = Sealed(ref, event.TAG, event_id, data, key.hash(_hashed(decoded)))
        commands = before.commands.insert(command.command_id)
        return sealed, Loaded(state, before.version + 1, commands, context)

    def hash_again(self, decoded: Decoded, ref: Ref, stored: Envelope) -> str:
        """Return the hash that the command would have had as the cause of *stored*; raises KeyErased."""
        members = msgspec.json.decode(stored.data)
        return sealing_key(self._keys, decoded.tenant, ref, stored, members).hash(_hashed(decoded))


def _same_context(before: Any, after: Any) -> bool:
    """Whether two states of a goal have the same context; its persistent maps are compared by identity."""
    return before is not None and (
        before.parties is after.parties
        and before.owner == after.owner
        and before.accountable == after.accountable
        and before.mentorship == after.mentorship
        and before.programme == after.programme
        and before.cycle == after.cycle
    )


def _hashed(decoded: Decoded) -> bytes:
    command = decoded.command
    return b"%b.%b\0%b" % (command.AGGREGATE.encode(), command.NAME.encode(), decoded.wish)
