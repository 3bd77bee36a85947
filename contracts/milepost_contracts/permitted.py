"""Which words of an event a plugin gets to read: those that its manifest lists, as far as keys are to be had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from milepost_contracts.envelope import Envelope, decode_members
from milepost_contracts.plugin import Permissions, may_open
from milepost_contracts.sealing import SealError, SealingKey, kid_of, open_member, walk


def _members(permissions: Permissions, envelope: Envelope) -> tuple[dict[str, Any], list[str]]:
    name = envelope.type.rpartition(".")[0]
    members = decode_members(envelope.data)
    return members, [member for member in members if may_open(permissions, name, member)]


def wanted_kids(permissions: Permissions, envelope: Envelope) -> set[str]:
    """Return the kids of the keys that it takes to open what *permissions* allow; none where they allow nothing."""
    if not permissions.words:
        return set()
    found: set[str] = set()

    def note(sealed: str, _: str) -> str:
        found.add(kid_of(sealed))
        return sealed

    members, allowed = _members(permissions, envelope)
    for member in allowed:
        walk(members[member], note, f"/{member}")
    return found


def opened(
    permissions: Permissions, envelope: Envelope, keys: Mapping[str, SealingKey | None]
) -> dict[str, Any] | None:
    """Return the `data` of *envelope* with the words opened that *permissions* allow; None where they allow nothing.

    What has no key in *keys*, because a person was erased, stays sealed.
    """
    if not permissions.words:
        return None
    held = {kid: key for kid, key in keys.items() if key is not None}

    def read(sealed: str, pointer: str) -> str:
        try:
            return open_member(held, sealed, envelope.id, pointer)
        except SealError:
            return sealed

    members, allowed = _members(permissions, envelope)
    for member in allowed:
        members[member] = walk(members[member], read, f"/{member}")
    return members
