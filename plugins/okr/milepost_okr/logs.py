"""One lot of a goal's history, in parts: adding reads and writes the last part alone, so that no value grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from milepost_contracts.context import State
from milepost_okr.history import AnyEntry

PART_BYTES = 16_000  # an entry has some 100 bytes, 4 kB at the most; a value may have 64 kB, and is written whole


class Log:
    """Entries of a goal under `PREFIX/N`; `parts` is how many there are."""

    def __init__(self, state: State, prefix: str, parts: int) -> None:
        """Take where they are kept; nothing is read yet."""
        self._state = state
        self._prefix = prefix
        self._parts: dict[int, list[AnyEntry]] = {}
        self._changed: set[int] = set()
        self.parts = parts

    def __iter__(self) -> Iterator[Any]:
        return (entry for number in range(self.parts) for entry in self._part(number))

    @property
    def last(self) -> AnyEntry | None:
        """The newest entry."""
        return self._part(self.parts - 1)[-1] if self.parts else None

    def add(self, entry: AnyEntry) -> None:
        """Let it go on with *entry*."""
        if not self.parts or self._size(self._part(self.parts - 1)) + self._size(entry) > PART_BYTES:
            self._parts[self.parts] = []
            self.parts += 1
        self._part(self.parts - 1).append(entry)
        self._changed.add(self.parts - 1)

    def replace_last(self, entry: AnyEntry) -> None:
        """Put *entry* in the place of the newest one."""
        self._part(self.parts - 1)[-1] = entry
        self._changed.add(self.parts - 1)

    def rewrite(self, rewritten: Callable[[AnyEntry], AnyEntry]) -> bool:
        """Put what *rewritten* returns in the place of every entry; return whether anything changed."""
        for number in range(self.parts):
            before = self._part(number)
            after = [rewritten(entry) for entry in before]
            if after != before:
                self._parts[number] = after
                self._changed.add(number)
        return bool(self._changed)

    def keep(self) -> None:
        """Write what has changed."""
        for number in sorted(self._changed):
            self._state.set(f"{self._prefix}/{number}", self._parts[number])
        self._changed.clear()

    def _part(self, number: int) -> list[AnyEntry]:
        if (found := self._parts.get(number)) is None:
            found = self._parts[number] = self._state.get(f"{self._prefix}/{number}", list[AnyEntry], [])
        return found

    @staticmethod
    def _size(value: object) -> int:
        return len(msgspec.json.encode(value))
