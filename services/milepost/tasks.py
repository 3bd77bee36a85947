"""Tasks that run for ever are brought to their end."""

from __future__ import annotations

import asyncio
from typing import Any

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
