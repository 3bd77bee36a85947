"""Which words of an event a plugin gets to read: those that its manifest lists, as far as keys are to be had."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from milepost_contracts.commands import WORDS as COMMAND_WORDS
from milepost_contracts.envelope import Envelope, decode_members
from milepost_contracts.events import WORDS
from milepost_contracts.plugin import Permissions, may_open
from milepost_contracts.sealing import SealError, SealingKey, kid_of, open_member, walk

# A diary is its author's alone: these members (tag, name) are opened for no plugin, whatever its manifest says.
_PRIVATE = {(tag, path[0]) for tag, words in WORDS.items() for path, audience, _ in words if audience == "author"}


def _members(permissions: Permissions, envelope: Envelope) -> tuple[dict[str, Any], list[str]]:
    name = envelope.type.rpartition(".")[0]
    members = decode_members(envelope.data)
    return members, [
        member for member in members if (envelope.type, member) not in _PRIVATE and may_open(permissions, name, member)
    ]


def is_private(tag: str, member: str) -> bool:
    """Whether *member* of events with *tag* is its author's alone, so that no plugin ever reads it."""
    return (tag, member) in _PRIVATE


def wanted_kids(permissions: Permissions, envelope: Envelope) -> set[str]:
    """Return the kids of the keys that it takes to open what *permissions* allow; none where they allow nothing."""
    if not permissions.words:
        return set()
    found: set[str] = set()

    def note(sealed: str, _: str) -> str:
        with contextlib.suppress(SealError):  # what only looks sealed is left as it is
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


def shown(permissions: Permissions, aggregate: str, command: str, members: Mapping[str, Any]) -> dict[str, Any]:
    """Return *members* of a command as a plugin that reviews it sees them: words left out unless permitted."""
    words = {path[0] for path, _, _ in COMMAND_WORDS.get((aggregate, command), ())}
    name = f"{aggregate}.{command}"
    return {
        member: value for member, value in members.items() if member not in words or may_open(permissions, name, member)
    }


def words_of(envelope: Envelope, opened: dict[str, Any] | None) -> Iterator[str]:
    """Yield the words of *opened*, the `data` of *envelope*, that are sealed there."""
    if opened is not None:
        yield from _differing(decode_members(envelope.data), opened)


def _differing(sealed: Any, opened: Any) -> Iterator[str]:
    if isinstance(opened, str):
        if sealed != opened:
            yield opened
    elif isinstance(opened, dict) and isinstance(sealed, dict):
        for name, value in opened.items():
            yield from _differing(sealed.get(name), value)
    elif isinstance(opened, list) and isinstance(sealed, list):
        for one, other in zip(sealed, opened, strict=False):
            yield from _differing(one, other)
