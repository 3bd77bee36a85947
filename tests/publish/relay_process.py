"""A publisher in a process of its own, which kills itself at a named point: URL, seed, journal, POINT:COUNT, verb."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import nats

from milepost.journal import Journal
from milepost.logs import configure
from milepost.publish import Publisher
from milepost.roles import connect_options
from tests.publish.events import Recorded


async def main(url: str, seed: str, journal: str, deadly: str, verb: str) -> None:
    """Publish, or refill first, until the point is passed for the last time."""
    configure(level="error")
    point, _, count = deadly.partition(":")
    left = int(count or 1)

    def at(passed: str) -> None:
        nonlocal left
        if passed == point:
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    client = await nats.connect(**connect_options(url, "publish", Path(seed)), reconnect_time_wait=0.05)
    publisher = Publisher(client, Journal(journal, writes=False), Recorded(), poll_s=0.05, answer_s_max=0.5, at=at)
    running = asyncio.create_task(publisher.run())
    if verb == "refill":
        await publisher.refill()
    await running


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
