"""Who is asked before a command counts: the setting `reviews` becomes, for each command, the plugins that review it."""

from __future__ import annotations

import difflib
import re

from milepost_contracts.commands import COMMANDS
from milepost_contracts.types import NAME_PATTERN

# What they record has happened already, to the stream or to keys: nobody can say no to it, and readers need to be told.
# Nor does a plugin stand between a person and their erasure.
UNREVIEWED = frozenset(
    {
        ("tenant", "record_refill"),
        ("tenant", "record_key_rotation"),
        ("tenant", "record_signing_key"),
        ("person", "erase"),
        ("person", "record_keys_destroyed"),
        ("access", "record"),
    }
)
_NAME = re.compile(NAME_PATTERN)
_FORM = "`PLUGIN=AGGREGATE.COMMAND,AGGREGATE.*`, several plugins separated by `;`"


def reviewers(text: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return (aggregate, command) -> the plugins that review it, in the order of *text*.

    *text* is like `budget=goal.activate_goal,goal.close_goal; gate=mentorship.*`; empty: nobody reviews anything.
    Raises ValueError with a sentence that says what is wrong.
    """
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for part in filter(None, map(str.strip, text.split(";"))):
        plugin, _, names = (piece.strip() for piece in part.partition("="))
        if not _NAME.match(plugin):
            raise ValueError(f"{plugin!r} is no name of a plugin; the form is {_FORM}")
        if not names:
            raise ValueError(f"{plugin} reviews nothing; the form is {_FORM}")
        for name in names.split(","):
            for key in _commands(name.strip(), plugin):
                if plugin not in found.get(key, ()):
                    found[key] = (*found.get(key, ()), plugin)
    return found


def _commands(name: str, plugin: str) -> list[tuple[str, str]]:
    """Return what *name* means: one command, or all of an aggregate that can be reviewed."""
    aggregate, _, command = name.partition(".")
    if command == "*" and (several := [key for key in COMMANDS if key[0] == aggregate]):
        return [key for key in several if key not in UNREVIEWED]
    if (aggregate, command) in UNREVIEWED:
        why = "nobody stands in its way" if command == "erase" else "it records what has happened already"
        raise ValueError(f"{plugin} cannot review {name}: {why}")
    if (aggregate, command) in COMMANDS:
        return [(aggregate, command)]
    kinds = {kind for kind, _ in COMMANDS}
    known = [*(f"{kind}.*" for kind in kinds), *(f"{kind}.{one}" for kind, one in COMMANDS)]
    near = difflib.get_close_matches(name, known, n=1)
    raise ValueError(f"{plugin} reviews {name!r}, which is no command" + (f"; did you mean {near[0]}?" if near else ""))
