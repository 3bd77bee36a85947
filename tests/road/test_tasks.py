"""A task that should end is ended, even where a cancellation is lost on the way."""

from __future__ import annotations

import asyncio

from milepost.tasks import end


async def test_a_dropped_cancellation_comes_again() -> None:
    """A task that loses the first cancellation, as before Python 3.12 in wait_for, ends all the same."""
    dropped = 0

    async def forever() -> None:
        nonlocal dropped
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                dropped += 1
                if dropped > 1:
                    raise

    task = asyncio.create_task(forever())
    await asyncio.sleep(0)
    await end(task)
    assert (task.cancelled(), dropped) == (True, 2)


async def test_a_task_that_has_failed_is_left_at_that() -> None:
    """What a task raised before is no reason not to end the others."""

    async def fails() -> None:
        raise ValueError

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await end(task)
    assert isinstance(task.exception(), ValueError)
