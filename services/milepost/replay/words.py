"""The words of an aggregate's events are opened for who asks, one event at a time and only where they are shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from milepost.decide import Ref
from milepost.journal import KeyErased, Stored
from milepost.journal.opening import SealingKeys, author_of, sealing_key
from milepost_contracts.envelope import Envelope
from milepost_contracts.events import WORDS
from milepost_contracts.queries.shown import Unread
from milepost_contracts.sealing import PREFIX, SealError, SealingKey

_BEGIN = f'"{PREFIX}'.encode()
# Sealed words stand in documents as JSON strings of this form, with nothing in them that JSON would escape.
_SEALED = re.compile(rb'"(' + PREFIX.encode() + rb'[^"]*)"')


class _Event(NamedTuple):
    """An event whose words are opened: with which key, and why not where there is none."""

    id: str
    key: SealingKey | None
    why: str


class Words:
    """Opens the words of *events* of *ref* as *reader* may read them: the parties' words, and one's own reflections.

    The caller has made sure that *reader* may read *ref*; *opens* False: everything stays sealed.
    """

    def __init__(
        self, keys: SealingKeys, tenant: str, ref: Ref, events: Sequence[Stored], *, reader: str, opens: bool = True
    ) -> None:
        """Take what opens words, the events in order, and who reads."""
        self._keys = keys
        self._tenant = tenant
        self._ref = ref
        self._events = events
        self._reader = reader
        self._opens = opens
        self._home: dict[str, int] | None = None  # sealed words -> the event that holds them
        self._opened: dict[int, dict[str, Any]] = {}
        self._words: dict[str, str] = {}
        self._why: dict[str, str] = {}

    def members(self, place: int) -> dict[str, Any]:
        """Return the members of the event at *place*, as stored; words that cannot be read stay sealed."""
        if place not in self._opened:
            self._open(place)
        return self._opened[place]

    def opened(self, node: Any) -> Any:
        """Return JSON *node* with its words opened; those that cannot be read stay sealed."""
        if isinstance(node, str):
            return self._word(node) if node.startswith(PREFIX) else node
        if isinstance(node, dict):
            return {name: self.opened(value) for name, value in node.items()}
        if isinstance(node, list | tuple):
            return [self.opened(value) for value in node]
        return node

    def why(self, sealed: str) -> str | None:
        """Return why *sealed* could not be read, as `Unread` says it; None where these are no sealed words."""
        return self._why.get(sealed)

    @property
    def unread(self) -> bool:
        """Whether there were words that could not be read, of all that were looked at."""
        return bool(self._why)

    def _word(self, sealed: str) -> str:
        if sealed not in self._words and sealed not in self._why:
            if self._home is None:
                self._home = _homes(self._events)
            if (place := self._home.get(sealed)) is not None:
                self.members(place)
        return self._words.get(sealed, sealed)

    def _open(self, place: int) -> None:
        envelope = self._events[place].envelope
        members: dict[str, Any] = msgspec.json.decode(envelope.data)
        audience = WORDS[envelope.type][0][1] if WORDS.get(envelope.type) else "parties"
        key, why = None, "erased"
        if not self._opens or not self._for_reader(envelope, audience):
            why = "not_entitled"
        elif _BEGIN in bytes(envelope.data):
            with suppress(KeyErased):
                key = sealing_key(self._keys, self._tenant, self._ref, envelope, members, audience)
        for path, _, _ in WORDS.get(envelope.type, ()):
            self._visit(members, path, "", _Event(envelope.id, key, why))
        self._opened[place] = members

    def _visit(self, node: Any, path: tuple[str, ...], pointer: str, event: _Event) -> None:
        """Open, in place, what is sealed at *path* below *node*."""
        step, rest = path[0], path[1:]
        places: Iterable[Any] = ()
        if isinstance(node, dict):
            places = list(node) if step == "{}" else (step,) if step in node else ()
        elif isinstance(node, list) and step == "[]":
            places = range(len(node))
        for place in places:
            here, value = f"{pointer}/{_token(str(place))}", node[place]
            if rest:
                self._visit(value, rest, here, event)
            elif isinstance(value, str) and value.startswith(PREFIX):
                node[place] = self._opens_to(value, here, event)

    def _opens_to(self, sealed: str, pointer: str, event: _Event) -> str:
        if event.key is None:
            self._why[sealed] = event.why
            return sealed
        try:
            words = self._words[sealed] = event.key.open(sealed, event.id, pointer)
        except SealError:
            self._why[sealed] = "broken"
            return sealed
        return words

    def _for_reader(self, envelope: Envelope, audience: str) -> bool:
        return audience == "parties" or author_of(envelope.actor, envelope.onbehalfof or None) == self._reader


def _homes(events: Sequence[Stored]) -> dict[str, int]:
    return {
        sealed.decode(): place for place, stored in enumerate(events) for sealed in _SEALED.findall(stored.document)
    }


def shown(node: Any, words: Words, unread: list[Unread], at: str = "") -> Any:
    """Return JSON *node* with unreadable words as null, each named in *unread* by its place below *at*."""
    return _shown(node, words, unread, at) if words.unread else node


def _shown(node: Any, words: Words, unread: list[Unread], at: str) -> Any:
    if isinstance(node, str):
        if node.startswith(PREFIX) and (why := words.why(node)) is not None:
            unread.append(Unread(at=at, why=why))
            return None
        return node
    if isinstance(node, dict):
        return {name: _shown(value, words, unread, f"{at}/{_token(name)}") for name, value in node.items()}
    if isinstance(node, list | tuple):
        return [_shown(value, words, unread, f"{at}/{place}") for place, value in enumerate(node)]
    return node


def _token(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1") if "~" in name or "/" in name else name
