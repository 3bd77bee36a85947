"""What went out long ago is reduced to its key, which goes on preventing that anything goes out twice."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

from milepost.react.store import Store

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from milepost.react.ports import Shared


async def trim(shared: Shared, clock: Callable[[], dt.datetime], every_s: float, log: FilteringBoundLogger) -> None:
    """Drop arguments that have lain for long enough, now and every *every_s* seconds, until cancelled."""
    while True:
        dropped = 0
        # Each call is a short transaction of its own: turns are kept in between.
        while some := await shared.run(Store.trim, clock()):
            dropped += some
        if dropped:
            log.info("effects_trimmed", effects=dropped)
        await asyncio.sleep(every_s)
