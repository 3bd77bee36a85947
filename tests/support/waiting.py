"""Waiting for what other processes bring about, with a deadline instead of a guess."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable


async def until(holds: Callable[[], bool | Awaitable[bool]], seconds: float = 20.0) -> None:
    """Return as soon as `holds()` is true; raises TimeoutError after *seconds*, far more than it ever takes."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    # Both, because before Python 3.12 wait_for inside `holds` may drop the cancellation that a timeout is.
    async with asyncio.timeout_at(deadline):
        while loop.time() < deadline:
            held = holds()
            if await held if inspect.isawaitable(held) else held:
                return
            await asyncio.sleep(0.01)
    raise TimeoutError(f"not true within {seconds:g} s")
