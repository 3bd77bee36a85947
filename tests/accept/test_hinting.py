"""The relay is told of commits: at once, and not of each one in a hurry."""

from __future__ import annotations

import asyncio

from milepost.accept import Hints
from milepost_contracts.subjects import HINT
from tests.support.nats import Connect


async def test_a_commit_is_told_at_once_and_a_hurry_in_few_hints(connect: Connect) -> None:
    """Many commits in a row are told in a few hints, and the last of them is told too."""
    publish, accept = await connect("publish"), await connect("accept")
    hints = await publish.subscribe(HINT)
    await publish.flush()
    async with Hints(accept) as told:
        for _ in range(1000):
            await asyncio.to_thread(told.hint)
        for _ in range(2):  # one at once, one for what came after it
            await hints.next_msg(timeout=10)
        told.hint()
        await hints.next_msg(timeout=10)
    assert hints.pending_msgs < 100
