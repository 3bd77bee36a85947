"""After a commit the relay is told that there is something to publish; it polls too, so a lost hint costs time."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

import nats.errors

from milepost.tasks import end
from milepost_contracts.subjects import HINT

if TYPE_CHECKING:
    from nats.aio.client import Client

# Under load a commit follows the other within 4 ms and the relay is awake anyway: a hint for each of them took a
# twentieth of accept's time.
GAP_S = 0.02


class Hints:
    """Sends hints while it is entered: at once after a quiet moment, else at most every `GAP_S`."""

    def __init__(self, client: Client) -> None:
        """Take the connection to send them on."""
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._wanted = asyncio.Event()
        self._told = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._send())
        return self

    async def __aexit__(self, *_: object) -> None:
        await end(self._task)

    def hint(self) -> None:
        """Ask for a hint; from any thread."""
        if not self._told:  # waking the loop costs a system call: once is enough until it looks
            self._told = True
            self._loop.call_soon_threadsafe(self._wanted.set)

    async def _send(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            self._told = False  # before sending: what is committed from now on asks again
            with contextlib.suppress(nats.errors.Error):  # the connection reports what is wrong with it by itself
                await self._client.publish(HINT, b"")
            await asyncio.sleep(GAP_S)
