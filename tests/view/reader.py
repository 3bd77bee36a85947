"""A process that reads the stream into the tables and kills itself at a named point; started by test_reading.py."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import msgspec
import nats

from milepost.logs import configure, logger
from milepost.view.applying import Applying
from milepost.view.reading import Reading
from milepost.view.sets import Sets


async def _nothing(_tenant: str, _after: int, _limit: int) -> list[bytes]:
    return []


async def main(url: str, options: bytes, point: str, times: int) -> None:
    """Read until killed: at the time number *times* that *point* is passed."""
    left = times

    def at(name: str) -> None:
        nonlocal left
        if name == point:
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    configure(json=True)
    sets = Sets(url)
    sets.open()
    nc = await nats.connect(**msgspec.json.decode(options))
    reading = Reading(
        Applying(sets, at=at),
        _nothing,
        log=logger("view"),
        told=lambda _applied: None,
        reset=lambda _numbers: None,
        batch_max=7,  # many small transactions, so that there are many points to die at
    )
    await reading.run(nc)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2].encode(), sys.argv[3], int(sys.argv[4])))
