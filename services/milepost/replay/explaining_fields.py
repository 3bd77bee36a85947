"""What an event changed is followed to this day: is it still as the event left it, and which event changed it next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rpds import HashTrieMap

from milepost.journal import Stored
from milepost.replay.explaining_around import place
from milepost.replay.fields import Changed, changes, tree
from milepost.replay.story import UNKNOWN, Known
from milepost.replay.words import Words
from milepost_contracts.queries.explain import FieldThen

_GONE = object()


class Fields:
    """The members that differ between two points, and what becomes of them as later events are followed."""

    def __init__(self, before: Known = UNKNOWN, after: Known = UNKNOWN, words: Words | None = None) -> None:
        """Take what was known before an event and after it; without words nothing has changed."""
        self._changed: Sequence[Changed] = changes(before, after, words) if words is not None else ()
        self._left = {one.field: found(after, one.field) for one in self._changed}
        self._changed_by: dict[str, Stored] = {}

    def follow(self, known: Known, stored: Stored) -> None:
        """Take note of what is *known* after the later event *stored*."""
        for field, left in self._left.items():
            if field not in self._changed_by and found(known, field) != left:
                self._changed_by[field] = stored

    def told(self, newest: Known, words: Words) -> list[FieldThen]:
        """Return each member: before, after, and as it is in *newest*."""
        return [
            FieldThen(
                field=one.field, change=one.change, title=one.title, before=one.before, after=one.after,
                now=words.opened(_now(newest, one.field)) if one.field in self._changed_by else one.after,
                changed_by=place(self._changed_by.get(one.field)),
            )
            for one in self._changed
        ]  # fmt: skip


def found(known: Known, field: str) -> Any:
    """Return what *known* has at the dotted *field*, as it is kept there: to compare, not to show."""
    name, _, rest = field.partition(".")
    node = getattr(known.state, name, _GONE) if known.state is not None else _GONE
    if not rest:
        return node if node is not _GONE else known.said.get(("", name))
    if isinstance(node, HashTrieMap):
        key, rest = _key(node, rest)
        if key is None:
            return _GONE
        said = known.said.get((name, str(key)), {})
        return _member(node[key], said, rest) if rest else (node[key], said)
    return _member(node, known.said.get((name, ""), {}), rest)


def _member(node: Any, said: dict[str, Any], field: str) -> Any:
    name = field.partition(".")[0]
    return said[name] if name in said else getattr(node, name, node)


def _key(items: HashTrieMap[Any, Any], field: str) -> tuple[Any, str]:
    """Return the key in *items* that *field* begins with, None where it is gone, and what follows; keys have dots."""
    by_text = {field[:at]: field[at + 1 :] for at in [*_dots(field), len(field)]}
    for text, rest in by_text.items():
        for key in (text, int(text)) if text.isdigit() else (text,):
            if key in items:
                return key, rest
    return None, ""


def _dots(text: str) -> list[int]:
    return [at for at, character in enumerate(text) if character == "."]


def _now(newest: Known, field: str) -> Any:
    """Return what *newest* has at *field*, as JSON; None where it is gone."""
    name, _, rest = field.partition(".")
    node: Any = tree(newest, only=[name]).get(name)
    while rest and isinstance(node, dict):
        for at in [*_dots(rest), len(rest)]:
            if rest[:at] in node:
                node, rest = node[rest[:at]], rest[at + 1 :]
                break
        else:
            return None
    return node
