"""What a plugin said is published to GOALS_PLUGIN: from its store, each with its own id, until the stream has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError

from milepost.react.store import Store
from milepost_contracts.envelope import CONTENT_TYPE

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from milepost.react.ports import Shared
    from milepost.react.store import Waiting

AT_ONCE = 100  # unacknowledged at a time
ACK_S = 5.0
LOOK_S = 30.0  # even when nobody has set the event: another process may have kept something
PAUSE_S = 1.0  # after the stream could not be reached


class Facts:
    """Publishes one plugin's facts; the stream drops what it has by its id, readers tell copies by it."""

    def __init__(self, shared: Shared, nc: Client, log: FilteringBoundLogger, at: Callable[[str], None]) -> None:
        """Take where they wait, how they are sent, and what is told of named points."""
        self._at = at
        self._shared = shared
        self._nc = nc
        self._log = log
        self.wake = asyncio.Event()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            self.wake.clear()
            waiting = await self._shared.run(Store.facts_waiting, AT_ONCE)
            if not waiting:
                await self._quiet()
                continue
            self._at("react.before_fact")
            sent = await asyncio.gather(*map(self._publish, waiting))
            self._at("react.after_fact")
            published = [fact.id for fact, ok in zip(waiting, sent, strict=True) if ok]
            if published:
                await self._shared.run(Store.facts_published, published)
            if len(published) < len(waiting):
                await asyncio.sleep(PAUSE_S)

    async def _quiet(self) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await self.wake.wait()
        except TimeoutError:
            return

    async def _publish(self, fact: Waiting) -> bool:
        headers = {"Nats-Msg-Id": fact.id, "Content-Type": CONTENT_TYPE}
        try:
            message = await self._nc.request(fact.subject, fact.document, timeout=ACK_S, headers=headers)
            answer: dict[str, Any] = msgspec.json.decode(message.data)
        except (NatsError, TimeoutError, msgspec.MsgspecError) as error:
            self._log.warning("fact_waits", fact=fact.id, error=type(error).__name__)
            return False
        if "error" in answer:
            self._log.warning("fact_waits", fact=fact.id, error=answer["error"].get("description"))
            return False
        return True
