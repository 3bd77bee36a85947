"""Sealed words are opened with keys that are asked for, for whom the answer is, and kept for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Protocol

from milepost_contracts.sealing import SealingKey

# A person who reads page after page asks for the same keys; who loses the right to them loses it within this time.
KEPT_S = 60.0
# Keys of all readers together, about 1 kB each: 50 readers with 400 goals.
KEPT_MAX = 20_000
Place = tuple[str, str, str | None]
"""For whom keys are kept: tenant, reader, and the reason for which they were given."""


class Keys(Protocol):
    """Where derived keys come from."""

    async def __call__(
        self, tenant: str, reader: str, kids: Iterable[str], /, *, reason: str | None = None
    ) -> dict[str, SealingKey | None]:
        """Return the keys that *reader*, who may say why, may have; None: the words were erased.

        Raises ConnectionError, TimeoutError.
        """
        ...


class KeyCache:
    """Keys by tenant and reader; what a reader may not have is asked for again each time."""

    def __init__(self, keys: Keys, *, clock: Callable[[], float] = time.monotonic, kept_s: float = KEPT_S) -> None:
        """Take where keys come from, and a clock in seconds."""
        self._keys = keys
        self._clock = clock
        self._kept_s = kept_s
        self._found: dict[Place, tuple[float, dict[str, SealingKey | None]]] = {}
        self._epochs: dict[str, int] = {}

    async def get(
        self, tenant: str, reader: str, kids: set[str], reason: str | None = None
    ) -> dict[str, SealingKey | None]:
        """Return the keys of *kids* that *reader*, who may say why, may have; raises what the source raises."""
        now = self._clock()
        place = (tenant, reader, reason)
        since, found = self._found.get(place, (now, {}))
        if now - since > self._kept_s:
            since, found = now, {}
        if missing := kids - found.keys():
            epoch = self._epochs.get(tenant, 0)
            asked = await self._keys(tenant, reader, missing, reason=reason)
            if epoch != self._epochs.get(tenant, 0):
                return {kid: key for kid, key in asked.items() if kid in kids}  # somebody was erased meanwhile
            found = found | asked
            self._keep(place, since, found)
        return {kid: found[kid] for kid in kids if kid in found}

    def forget(self, tenant: str) -> None:
        """Forget the tenant's keys: a person was erased, and whose words a key opens is not told by its id."""
        self._epochs[tenant] = self._epochs.get(tenant, 0) + 1
        for key in [key for key in self._found if key[0] == tenant]:
            del self._found[key]

    def _keep(self, place: Place, since: float, found: dict[str, SealingKey | None]) -> None:
        self._found.pop(place, None)
        self._found[place] = (since, found)
        while sum(len(keys) for _, keys in self._found.values()) > KEPT_MAX and len(self._found) > 1:
            del self._found[next(iter(self._found))]
