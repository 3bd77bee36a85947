"""What is known of an aggregate becomes members to show, and two of them are compared member by member."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from rpds import HashTrieMap, HashTrieSet

from milepost.replay.said import OWN, SPOKEN_OF, VALUE_OF
from milepost.replay.story import Known
from milepost.replay.words import Words

# What follows from other members, readings as arithmetic wants them, and what the answer says besides.
_DERIVED = frozenset({"tallies", "id"})
# What items are called by; a reading and a check-in by their day.
_TITLES = ("title", "name", "on", "held_on")


class Changed(NamedTuple):
    """A member that differs: dotted, `changed`, `added` or `removed`, before and after, words opened where they can be.

    title: of the item that the member belongs to, as it is or was called.
    """

    field: str
    change: str
    before: Any
    after: Any
    title: str | None = None


def tree(known: Known, *, only: Iterable[str] = ()) -> dict[str, Any]:
    """Return what is known as JSON members, words sealed; *only*: these (absent: all but what follows from others)."""
    wanted = set(only)
    return {
        name: value.tree() if isinstance(value, _Items) else _plain(value)
        for name, value in _members(known).items()
        if not wanted or name in wanted
    }


# From so many items on, those that one event names are looked at first: looking at all takes a microsecond each.
MANY = 200


def changes(before: Known, after: Known, words: Words, named: Collection[str] = ()) -> list[Changed]:
    """Return every member that differs, in the order of the state's members and of items' ids.

    named: where a single event lies between, the ids that are in it; it changes no item that it does not name.
    """
    if before.state is after.state and before.said is after.said:
        return []
    found: list[Changed] = []
    was, now = _members(before), _members(after)
    said = _said_anew(before, after, named)
    for name in [*now, *(name for name in was if name not in now)]:
        old, new = was.get(name), now.get(name)
        if old is new:
            continue
        if isinstance(old, _Items | None) and isinstance(new, _Items | None):
            found += _items(old or _NONE, new or _NONE, said.get(name, set()), words, named)
        else:
            found += _compared(name, _opened(old, words), _opened(new, words))
    return found


def called(known: Known, collection: str, key: str) -> str | None:
    """Return what an item is called, sealed; None where it has no name or is not there."""
    names = (collection, "retired") if collection == "measures" else (collection,)
    for name in names:
        items = getattr(known.state, name, None)
        if isinstance(items, HashTrieMap) and key in items:
            return _title(_Items(name, items, known).item(key))
    return None


def title_of(known: Known) -> str | None:
    """Return what the aggregate itself is called, sealed; None where it has no name or is not there."""
    begun = getattr(known.state, "created", None)  # a programme keeps its beginning whole
    for name in ("title", "purpose", "name"):
        for part in (known.state, begun):
            if isinstance(title := getattr(part, name, None), str):
                return title
    return None


class _Items:
    """A collection of the state, with what is said of its items."""

    def __init__(self, name: str, items: Mapping[Any, Any], known: Known) -> None:
        self.name = name
        self.items = items
        self.known = known

    def tree(self) -> dict[str, Any]:
        """Return all items as JSON, by id."""
        return {str(key): self.item(key) for key in sorted(self.items, key=str)}

    def item(self, key: Any) -> Any:
        """Return an item as JSON, what is said of it among its members."""
        value = _plain(self.items[key])
        told = self.known.said.get((self.name, key))
        if self.name in VALUE_OF and not isinstance(value, dict):
            value = {VALUE_OF[self.name]: value}
        return value if told is None else value | _plain(told) if isinstance(value, dict) else value


_NONE = _Items("", {}, Known())


def _members(known: Known) -> dict[str, Any]:
    """Return the members of the state, and those that are said of it as a whole."""
    if known.state is None:
        return {}
    members: dict[str, Any] = {}
    for name in known.state.__struct_fields__:
        value = getattr(known.state, name)
        if name in _DERIVED:
            continue
        if isinstance(value, HashTrieMap):
            members[name] = _Items(name, value, known)
        elif value is not None and (told := known.said.get((name, ""))) is not None:
            members[name] = _plain(value) | _plain(told)
        else:
            members[name] = value
    return members | (known.said.get(OWN) or {})


def _said_anew(before: Known, after: Known, named: Collection[str]) -> dict[str, set[str]]:
    """Return by collection the items of which something else is said."""
    places = {(collection, item) for collection in SPOKEN_OF for item in ("", *named)}
    found: dict[str, set[str]] = {}
    for collection, item in _differing(before.said, after.said, places if named else ()):
        found.setdefault(collection, set()).add(item)
    return found


def _differing(old: Mapping[Any, Any], new: Mapping[Any, Any], likely: Collection[Any]) -> set[Any]:
    """Return the keys whose values differ; *likely* ones are looked at first, and alone where they are found to."""
    if old is new:
        return set()
    if likely and len(new) >= MANY:
        found = {key for key in likely if old.get(key) is not new.get(key)}
        if found:
            return found
    return {key for key, item in new.items() if old.get(key) is not item} | {key for key in old if key not in new}


def _items(old: _Items, new: _Items, said: set[str], words: Words, named: Collection[str]) -> Iterator[Changed]:
    """Compare two states of a collection; of the items in *said* something else is said."""
    differing = {key for key in said if key in old.items or key in new.items}
    for key in sorted(differing | _differing(old.items, new.items, named), key=str):
        field = f"{new.name or old.name}.{key}"
        if key not in new.items:
            item = words.opened(old.item(key))
            yield Changed(field, "removed", item, None, _title(item))
        elif key not in old.items:
            item = words.opened(new.item(key))
            yield Changed(field, "added", None, item, _title(item))
        else:
            item = words.opened(new.item(key))
            yield from _compared(field, words.opened(old.item(key)), item, _title(item))


def _title(item: Any) -> str | None:
    if isinstance(item, dict):
        return next((item[name] for name in _TITLES if isinstance(item.get(name), str)), None)
    return None


def _compared(field: str, old: Any, new: Any, title: str | None = None) -> Iterator[Changed]:
    """Compare JSON values; members of objects one by one, lists as a whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*new, *(name for name in old if name not in new)]:
            yield from _compared(f"{field}.{name}", old.get(name), new.get(name), title)
    elif old != new and not (_says_nothing(old) and _says_nothing(new)):
        yield Changed(field, "changed", old, new, title)


def _says_nothing(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})


def _opened(value: Any, words: Words) -> Any:
    plain = words.opened(_plain(value))
    # A set of words is sorted once they are open: sealed, the same ones come in any order.
    return sorted(plain) if isinstance(value, frozenset) else plain


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value, enc_hook=_hook, order="deterministic")


def _hook(value: Any) -> Any:
    if isinstance(value, HashTrieMap):
        return {str(name): value[name] for name in sorted(value, key=str)}
    if isinstance(value, HashTrieSet):
        return sorted(value)
    raise NotImplementedError(f"no JSON form of {type(value).__name__}")
