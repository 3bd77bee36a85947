"""Whose words an event holds, and how they are opened for who has the key store."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from milepost.journal.errors import JournalCorrupt, KeyErased
from milepost_contracts.envelope import Envelope, decode_data
from milepost_contracts.events import OF_ORGANISATION, WORDS, Event
from milepost_contracts.sealing import PREFIX, SealError, SealingKey, walk

Ref = tuple[str, str]
_SEALED = f'"{PREFIX}'.encode()


class SealingKeys(Protocol):
    """Where sealing keys come from: the key store."""

    def sealing_key(self, tenant: str, ref: Ref, audience: str, author: str | None, owner: str | None) -> SealingKey:
        """Return the key; None stands for the tenant's organisation. Raises KeyErased."""
        ...


def author_of(actor: str, on_behalf_of: str | None) -> str | None:
    """Return the person whose words these are; None (the organisation) where a service speaks for itself."""
    return actor if actor.startswith("user:") else on_behalf_of


def owner_of(ref: Ref, owner: str | None, accountable: str | None) -> str | None:
    """Return the person under whose key words of *ref* are also sealed; None is the tenant's organisation.

    A goal's is its owner, or its accountable person where it is shared; a person's directory entry is the person's.
    """
    if ref[0] == "person":
        return f"user:{ref[1]}"
    return owner if owner is not None and owner.startswith("user:") else accountable


def holders_of(
    tag: str, ref: Ref, author: str | None, owner: str | None, accountable: str | None
) -> tuple[str | None, str | None]:
    """Return whose keys an event of *ref* is sealed under: its author's and its owner's, or the organisation's alone.

    Why somebody was erased is to be read when that person's keys are gone, and whoever gave the reason is erased too.
    """
    return (None, None) if tag in OF_ORGANISATION else (author, owner_of(ref, owner, accountable))


def sealing_key(
    keys: SealingKeys, tenant: str, ref: Ref, envelope: Envelope, members: dict[str, Any], audience: str = "parties"
) -> SealingKey:
    """Return the key of a stored event of *ref*, whose data has *members*; raises KeyErased."""
    context = members.get("context") or {}
    author = author_of(envelope.actor, envelope.onbehalfof or None)
    holders = holders_of(envelope.type, ref, author, context.get("owner"), context.get("accountable"))
    return keys.sealing_key(tenant, ref, audience, *holders)


def opened_members(
    keys: SealingKeys, tenant: str, ref: Ref, envelope: Envelope, *, audiences: frozenset[str] = frozenset({"parties"})
) -> dict[str, Any]:
    """Return the data of *envelope* with its words opened; those that are erased or not for *audiences* stay sealed.

    Raises JournalCorrupt for words that are not what was sealed.
    """
    members: dict[str, Any] = msgspec.json.decode(envelope.data)
    # An event's words are all for one audience: reflections for their author, everything else for the parties.
    audience = WORDS[envelope.type][0][1] if WORDS.get(envelope.type) else "parties"
    if audience not in audiences or _SEALED not in bytes(envelope.data):
        return members
    try:
        key = sealing_key(keys, tenant, ref, envelope, members, audience)
    except KeyErased:
        return members

    def opened(sealed: str, pointer: str) -> str:
        try:
            return key.open(sealed, envelope.id, pointer)
        except SealError as error:
            raise JournalCorrupt(f"event {envelope.id} of {'/'.join(ref)}: {error}") from error

    result = walk(members, opened)
    assert isinstance(result, dict)  # noqa: S101  data is an object in every event
    return result


def opened_event(keys: SealingKeys, tenant: str, ref: Ref, envelope: Envelope) -> Event:
    """Return the event of *envelope* in its newest form, the parties' words opened where they can be."""
    if not WORDS.get(envelope.type) or _SEALED not in bytes(envelope.data):
        return envelope.event()
    return decode_data(envelope.type, msgspec.json.encode(opened_members(keys, tenant, ref, envelope)))
