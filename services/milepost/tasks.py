"""Tasks that run for ever are brought to their end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
# Between one cancellation and the next: a task that takes it ends within this, one that has dropped it is told again.
AGAIN_S = 0.2


async def end(task: asyncio.Task[Any]) -> None:
    """Cancel *task* and return when it has ended; what it raised is its own business.

    Told again until it has: before Python 3.12, `asyncio.wait_for` drops a cancellation that comes together with what
    it waits for, and nats-py waits for every answer in one.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=AGAIN_S)
    if not task.cancelled():
        task.exception()  # seen; whoever needs to act on it has a callback on the task


async def whole(work: Coroutine[Any, Any, T]) -> T:
    """Return what *work* gives, done to its end even where whoever waits for it is cancelled meanwhile.

    The cancellation comes afterwards. For what puts things in order, and takes a bounded time.
    """
    task = asyncio.create_task(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    if not cancelled:
        return task.result()
    if not task.cancelled():
        task.exception()  # seen
    raise asyncio.CancelledError
