"""What a manifest asks for beyond what there is, or beyond what the plugin ever did."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from milepost_contracts.commands import WORDS as COMMAND_WORDS
from milepost_contracts.events import WORDS
from milepost_contracts.loading import Plugin
from milepost_contracts.permitted import is_private
from milepost_contracts.plugin import matches, may_open
from milepost_contracts.running import wants
from milepost_contracts.testing.everything import known_commands, known_events
from milepost_contracts.testing.leftover import Left
from milepost_contracts.testing.trial import Ran

_UNSEEN = {"perform", "on_performed", "on_replayed", "act", "answer"}


def unused(plugin: Plugin, runs: Sequence[Ran]) -> Iterator[Left]:
    """Yield what the manifest names in vain: events and commands that there are not, permissions without a use."""
    manifest, permissions = plugin.manifest, plugin.manifest.permissions
    yield from _unknown("subscriptions", manifest.subscriptions, known_events())
    yield from _unknown("permissions.commands", permissions.commands, known_commands())
    yield from _unknown("permissions.reviews", permissions.reviews, known_commands())
    for pattern in permissions.words:
        if not _opens(plugin, pattern):
            what = f"permissions.words has {pattern!r}, which opens nothing in what the plugin is given"
            yield "unused_permission", f"words {pattern}", what
    sent = {key.split("/command:")[1].rpartition(":")[0] for ran in runs for key in ran.asked if "/command:" in key}
    for pattern in permissions.commands:
        if not any(matches(pattern, name) for name in sent):
            what = f"permissions.commands has {pattern!r}, and no such command was sent while everything happened"
            yield "unused_permission", f"commands {pattern}", what
    # What asks in one of these was not seen: a check does nothing outside, and does not know what administrators want.
    unseen = _UNSEEN & {*plugin.hooks}
    if permissions.history and not unseen and not any(ran.history_asked for ran in runs):
        what = "permissions.history is there, and no goal was asked for as it was"
        yield "unused_permission", "history", what


def _unknown(where: str, patterns: tuple[str, ...], known: set[str]) -> Iterator[Left]:
    for pattern in patterns:
        if not any(matches(pattern, name) for name in known):
            near = difflib.get_close_matches(pattern, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "see its names in milepost_contracts"
            yield "unknown_event", f"{where} {pattern}", f"{where} names {pattern!r}, which there is not: {hint}"


def _opens(plugin: Plugin, pattern: str) -> bool:
    """Whether *pattern* opens a member of an event that comes or makes goals as they were, or of a reviewed command."""
    manifest = plugin.manifest
    permissions = type(manifest.permissions)(words=(pattern,))
    for tag, words in WORDS.items():
        name = tag.rpartition(".")[0]
        comes = wants(manifest, name) or (manifest.permissions.history and name.startswith("goal."))
        if comes and any(may_open(permissions, name, path[0]) and not is_private(tag, path[0]) for path, _, _ in words):
            return True
    for (aggregate, command), words in COMMAND_WORDS.items():
        name = f"{aggregate}.{command}"
        asked = any(matches(one, name) for one in manifest.permissions.reviews)
        if asked and any(may_open(permissions, name, path[0]) for path, _, _ in words):
            return True
    return False
