"""An answer's sealed words are opened in place; those that cannot be are null and named in `unread`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from milepost.view.keys import KeyCache
from milepost.view.rows import Words
from milepost_contracts.sealing import PREFIX, SealError, SealingKey, kid_of


class Labels(NamedTuple):
    """Labels put on (True) and taken off in order: which are left is known when all are opened."""

    log: list[tuple[bool, Words]]


class Unless(NamedTuple):
    """A part of a list, left out where *person* said the same words as who spoke last and everybody in between.

    `said`: who said what, in order; known when all of it is opened.
    """

    part: dict[str, Any]
    person: str
    said: list[tuple[str, Words]]


async def open_words(
    tree: dict[str, Any], tenant: str, reader: str, keys: KeyCache, reason: str | None = None
) -> dict[str, Any]:
    """Return *tree* with every Words replaced by its text or None, and the member `unread` added."""
    kids: set[str] = set()
    _collect(tree, kids)
    found: Mapping[str, SealingKey | None] = {}
    reachable = True
    if kids:
        try:
            found = await keys.get(tenant, reader, kids, reason)
        except (ConnectionError, TimeoutError):
            reachable = False  # the rest of the answer is worth having without its words
    opening = _Opening(found, reachable=reachable)
    opened: dict[str, Any] = opening.walk(tree, "")
    return opened | {"unread": opening.unread}


class _Opening:
    def __init__(self, keys: Mapping[str, SealingKey | None], *, reachable: bool) -> None:
        self._keys = keys
        self._absent = "not_entitled" if reachable else "unavailable"
        self.unread: list[dict[str, str]] = []

    def walk(self, node: Any, pointer: str) -> Any:
        if isinstance(node, Words):
            return self._text(node, pointer)
        if isinstance(node, dict):
            return {name: self.walk(value, f"{pointer}/{name}") for name, value in node.items()}
        if isinstance(node, Labels):
            return self._labels(node, pointer)
        if isinstance(node, list):
            left = [value.part if isinstance(value, Unless) else value for value in node if not self._left_out(value)]
            return [self.walk(value, f"{pointer}/{place}") for place, value in enumerate(left)]
        return node

    def _left_out(self, value: Any) -> bool:
        """Whether *value* is a part that is not to be shown.

        Words that can be opened no more are like no others. As long as keys cannot be asked for, nobody is asked for
        a yes that may have been given.
        """
        if not isinstance(value, Unless):
            return False
        present: str | None = None
        for person, words in reversed(value.said):
            text, why = self._opened(words)
            if why == self._absent:
                return True
            text = words.sealed if text is None else text
            present = present or text
            if text != present:
                return False
            if person == value.person:
                return True
        return False

    def _labels(self, labels: Labels, pointer: str) -> list[str | None]:
        left: list[str | None] = []
        for put_on, words in labels.log:
            if put_on:
                text = self._text(words, f"{pointer}/{len(left)}")
                if text is None or text not in left:
                    left.append(text)
            else:
                # Taken off by words that cannot be read: nobody can tell which, so none is.
                text, _ = self._opened(words)
                left = [label for label in left if text is None or label != text]
        return left

    def _text(self, words: Words, pointer: str) -> str | None:
        text, why = self._opened(words)
        if why:
            self.unread.append({"at": pointer, "why": why})
        return text

    def _opened(self, words: Words) -> tuple[str | None, str]:
        """Return (text, ""), or (None, why not)."""
        if not words.sealed.startswith(PREFIX):
            return words.sealed, ""
        try:
            kid = kid_of(words.sealed)
            if kid not in self._keys:
                return None, self._absent
            key = self._keys[kid]
            return (key.open(words.sealed, words.event, words.pointer), "") if key else (None, "erased")
        except SealError:
            return None, "broken"


def _collect(node: Any, kids: set[str]) -> None:
    if isinstance(node, Words):
        if node.sealed.startswith(PREFIX):
            try:
                kids.add(kid_of(node.sealed))
            except SealError:
                return  # told as broken when it is opened
    elif isinstance(node, dict):
        for value in node.values():
            _collect(value, kids)
    elif isinstance(node, Labels):
        _collect([words for _, words in node.log], kids)
    elif isinstance(node, Unless):
        _collect([node.part, *(words for _, words in node.said)], kids)
    elif isinstance(node, list):
        for value in node:
            _collect(value, kids)
