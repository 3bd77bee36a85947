"""What a turn asks for is held against the manifest once more, on the host's side: a process may send anything."""

from __future__ import annotations

from collections.abc import Iterator

from milepost_contracts.commands import COMMANDS
from milepost_contracts.context import FACT_NAME, KEY_CHARS_MAX, OWN_FACTS, RESERVED, Turn
from milepost_contracts.plugin import Manifest, matches


def forbidden(manifest: Manifest, turn: Turn) -> str:
    """Return the first thing that *turn* asks for and may not, empty where there is none."""
    return next((why for why in (*_commands(manifest, turn), *_kept(manifest, turn), *_names(turn)) if why), "")


def _commands(manifest: Manifest, turn: Turn) -> Iterator[str]:
    for command in turn.commands:
        name = f"{command.aggregate}.{command.name}"
        if (command.aggregate, command.name) not in COMMANDS:
            yield f"there is no command {name[:KEY_CHARS_MAX]!r}"
        elif not any(matches(pattern, name) for pattern in manifest.permissions.commands):
            yield f"the manifest's permissions do not list the command {name}"


def _kept(manifest: Manifest, turn: Turn) -> Iterator[str]:
    for key in (*turn.writes, *turn.timers):
        if not 1 <= len(key.removeprefix(RESERVED)) <= KEY_CHARS_MAX or "\0" in key:
            yield f"a key that cannot be kept: {key[:KEY_CHARS_MAX]!r}"
    if not manifest.stores and not all(key.startswith(RESERVED) for key in turn.writes):
        yield "the manifest does not say stores = True"


def _names(turn: Turn) -> Iterator[str]:
    for fact in turn.facts:
        if not FACT_NAME(fact.name) or fact.name in OWN_FACTS:
            yield f"{fact.name[:KEY_CHARS_MAX]!r} is no name of a plugin's own fact"
    for effect in turn.effects:
        if effect.name.startswith("command:") or "\0" in effect.name:
            yield f"{effect.name[:KEY_CHARS_MAX]!r} is no name of an effect"
