"""Keys that were used lately are kept in memory, until their tenant's keys are wrapped anew."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

V = TypeVar("V")
Place = tuple[str, ...]
"""What a key is kept under; the tenant first."""


class Cache(Generic[V]):
    """The most recently used values, at most *limit* of them."""

    def __init__(self, limit: int) -> None:
        """Begin with none."""
        self._limit = limit
        self._entries: OrderedDict[tuple[object, ...], V] = OrderedDict()
        self._times: dict[str, int] = {}
        self._lock = threading.Lock()

    def get(self, place: tuple[object, ...]) -> V | None:
        """Return what is kept under *place*."""
        with self._lock:
            if (value := self._entries.get(place)) is not None:
                self._entries.move_to_end(place)
            return value

    def time(self, tenant: str) -> int:
        """Return how often *tenant* was forgotten: ask before reading what is to be kept."""
        return self._times.get(tenant, 0)

    def put(self, place: tuple[object, ...], value: V, time: int) -> V:
        """Keep *value*, unless its tenant was forgotten since *time*: it was read before that; returns it."""
        with self._lock:
            if self._times.get(str(place[0]), 0) == time:
                self._entries[place] = value
                if len(self._entries) > self._limit:
                    self._entries.popitem(last=False)
            return value

    def forget(self, tenant: str) -> None:
        """Drop whatever is kept of *tenant*, and what is being read of it."""
        with self._lock:
            self._times[tenant] = self._times.get(tenant, 0) + 1
            for place in [place for place in self._entries if place[0] == tenant]:
                del self._entries[place]
