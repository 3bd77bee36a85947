"""Many commands are under way at once, and still each comes after those that it needs.

A command writes to its own aggregate and speaks of others. It waits for whatever wrote before to any of them, and for
whatever spoke before of the one that it writes to; commands that have nothing in common wait for nothing.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable

from milepost.cli.importing_lines import Wish
from milepost_contracts.subjects import tenant_id

Work = Callable[[Wish], Awaitable[None]]
Key = tuple[str, str]  # tenant, aggregate id
# Read ahead for every command under way: past a long run of lines about one goal, others can still begin.
AHEAD = 16


class InOrder:
    """Begins work in order, at most *in_flight* at a time."""

    def __init__(self, in_flight: int) -> None:
        """Take how much may be under way."""
        self._flying = asyncio.Semaphore(in_flight)
        self._ahead = asyncio.Semaphore(in_flight * AHEAD)
        self._writer: dict[Key, asyncio.Task[None]] = {}
        self._readers: defaultdict[Key, set[asyncio.Task[None]]] = defaultdict(set)
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, wish: Wish, work: Work) -> None:
        """Let *work* begin on *wish* when all that it needs is done; waits where too much is under way.

        Raises what the work of an earlier wish raised.
        """
        await self._ahead.acquire()
        self._raise()
        own = (wish.tenant, wish.key)
        spoken_of = {(wish.tenant, id_) for id_ in wish.mentions | {tenant_id(wish.tenant)}} - {own}
        earlier = {task for key in (own, *spoken_of) if (task := self._writer.get(key)) is not None}
        earlier |= self._readers.pop(own, set())
        task = asyncio.create_task(self._run(wish, work, earlier))
        self._tasks.add(task)
        self._writer[own] = task
        for key in spoken_of:
            self._readers[key].add(task)
        task.add_done_callback(lambda done: self._forget(done, own, spoken_of))

    async def finish(self) -> None:
        """Wait until everything is done; raises what a wish's work raised."""
        while self._tasks:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
            self._raise()

    def cancel(self) -> None:
        """Let nothing go on."""
        for task in self._tasks:
            task.cancel()

    async def _run(self, wish: Wish, work: Work, earlier: set[asyncio.Task[None]]) -> None:
        if earlier:
            await asyncio.wait(earlier)
        async with self._flying:
            await work(wish)

    def _forget(self, task: asyncio.Task[None], own: Key, spoken_of: set[Key]) -> None:
        self._ahead.release()
        if self._writer.get(own) is task:
            del self._writer[own]
        for key in spoken_of:
            if readers := self._readers.get(key):
                readers.discard(task)
                if not readers:
                    del self._readers[key]
        if task.cancelled() or task.exception() is None:
            self._tasks.discard(task)

    def _raise(self) -> None:
        for task in list(self._tasks):
            if task.done() and not task.cancelled():
                task.result()
