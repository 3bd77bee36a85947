"""The reads of a plugin, answered from its store and, for goals as they were, from the journal's side."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from milepost.react.store import Store
from milepost_contracts.plugin import Grant, Later, PluginError
from milepost_contracts.turns import GoalThen

GOAL_S = 5.0  # for a goal as it was; a handler has as long as a rule
# Of state read at once. It has room in the memory of the plugin's process, and many plugins' in that of their host.
SCAN_BYTES_MAX = 32 * 1024 * 1024
SCANNED = 500  # keys read while nobody else of the plugin reads or writes
T = TypeVar("T")
P = ParamSpec("P")

GoalAt = Callable[[str, str, int | None, Sequence[str]], Awaitable[GoalThen]]
"""(tenant, goal, version, words as a manifest permits them) -> the goal with those words opened.

Raises PluginError `unknown_goal`, ConnectionError.
"""


class Shared:
    """A store for several threads, one at a time."""

    def __init__(self, store: Store) -> None:
        """Take the store."""
        self._store = store
        self._lock = threading.Lock()

    def call(self, work: Callable[Concatenate[Store, P], T], *given: P.args, **named: P.kwargs) -> T:
        """Return what *work* makes of the store and what is *given*, in this thread."""
        with self._lock:
            return work(self._store, *given, **named)

    async def run(self, work: Callable[Concatenate[Store, P], T], *given: P.args, **named: P.kwargs) -> T:
        """Return what `call` does, from another thread: a database may take its time."""
        return await asyncio.to_thread(lambda: self.call(work, *given, **named))


class StorePort:
    """Port over a store; called from the threads that serve the plugin's processes."""

    def __init__(self, shared: Shared, goal_at: GoalAt, loop: asyncio.AbstractEventLoop) -> None:
        """Take the store, where goals come from, and the loop that may wait for them."""
        self._shared = shared
        self._goal_at = goal_at
        self._loop = loop

    def get(self, tenant: str, key: str) -> bytes | None:
        """See Port."""
        return self._shared.call(Store.get, tenant, key)

    def scan(self, tenant: str, prefix: str) -> list[tuple[str, bytes]]:
        """See Port."""
        found: list[tuple[str, bytes]] = []
        left, after = SCAN_BYTES_MAX, ""
        while page := self._shared.call(Store.scan, tenant, prefix, after=after, limit=SCANNED):
            found += page
            left -= sum(len(value) for _, value in page)
            if left < 0:
                raise PluginError("too_much", f"there are more than {SCAN_BYTES_MAX} bytes under {prefix!r}: read less")
            after = page[-1][0]
        return found

    def grants(self, tenant: str, goal: str | None, person: str | None) -> list[Grant]:
        """See Port."""
        return self._shared.call(Store.grants, tenant, goal=goal, person=person)

    def goal_at(self, tenant: str, id_: str, version: int | None, words: Sequence[str] = ()) -> GoalThen:
        """See Port; *words* are those that the plugin's manifest permits."""

        async def asked() -> GoalThen:
            async with asyncio.timeout(GOAL_S):
                return await self._goal_at(tenant, id_, version, words)

        try:
            return asyncio.run_coroutine_threadsafe(asked(), self._loop).result()
        except PluginError:
            raise
        except (ConnectionError, TimeoutError) as error:
            raise Later(1.0, "journal_silent") from error
