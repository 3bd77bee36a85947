"""Which words of an event, a goal as it was or a command a plugin gets to read: those that its manifest lists."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from milepost_contracts.commands import WORDS as COMMAND_WORDS
from milepost_contracts.commands import Command
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


def sealed_places(permissions: Permissions, envelope: Envelope) -> list[tuple[str, str]]:
    """Return (sealed words, their JSON Pointer within `data`) of all that *permissions* allow to open."""
    if not permissions.words:
        return []
    found: list[tuple[str, str]] = []

    def note(sealed: str, pointer: str) -> str:
        found.append((sealed, pointer))
        return sealed

    members, allowed = _members(permissions, envelope)
    for member in allowed:
        walk(members[member], note, f"/{member}")
    return found


def wanted_kids(permissions: Permissions, envelope: Envelope) -> set[str]:
    """Return the kids of the keys that it takes to open what *permissions* allow; none where they allow nothing."""
    found: set[str] = set()
    for sealed, _ in sealed_places(permissions, envelope):
        with contextlib.suppress(SealError):  # what only looks sealed is left as it is
            found.add(kid_of(sealed))
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


def permitted(permissions: Permissions, envelope: Envelope, opened: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `data` of *envelope* with what *permissions* allow as in *opened*, which has all words opened."""
    members, allowed = _members(permissions, envelope)
    return members | {member: opened[member] for member in allowed}


def shown(permissions: Permissions, aggregate: str, command: str, members: Mapping[str, Any]) -> dict[str, Any]:
    """Return *members* of a command as a plugin that reviews it sees them: words left out unless permitted.

    Words are members of the command as they are of its events: `goal.post_comment/text`. A diary is shown to nobody.
    """
    words = {path[0]: audience for path, audience, _ in COMMAND_WORDS.get((aggregate, command), ())}
    name = f"{aggregate}.{command}"
    return {
        member: value
        for member, value in members.items()
        if member not in words or (words[member] != "author" and may_open(permissions, name, member))
    }


def fields_shown(permissions: Permissions, command: Command) -> dict[str, Any]:
    """Return the fields that are *command*'s own, as a plugin that reviews it sees them; see `shown`."""
    members = msgspec.to_builtins(command)
    own = {name: value for name, value in members.items() if name not in Command.__struct_fields__}
    return shown(permissions, command.AGGREGATE, command.NAME, own)


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
