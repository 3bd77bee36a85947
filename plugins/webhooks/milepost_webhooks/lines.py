"""Connections to receivers: opened to an address that was checked, and kept a while for the next event to go there."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from typing import NamedTuple

import h11

from milepost_webhooks.targets import Target

HEAD_BYTES_MAX = 32 * 1024  # of an answer's status and headers; servers themselves allow requests half of that
CLOSE_S = 1.0  # for both sides' farewell; after that the connection is cut
ADDRESSES_MAX = 4  # tried one after the other, within the time that there is
KEPT_S = 60.0  # since it was opened: a certificate that has run out or was changed is noticed after so long
KEPT_MAX = 8  # of one process; events come in bursts to a few endpoints, and others are opened as before


class Place(NamedTuple):
    """What a connection is good for: this name, in whose certificate it was verified, at this very address."""

    scheme: str
    host: str
    port: int
    address: str


class Line:
    """An open connection; `heard`: whether a word of the answer that is awaited has come."""

    def __init__(self, place: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take both directions."""
        self.place = place
        self.reader = reader
        self.writer = writer
        self.speaks = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES_MAX)
        self.heard = False
        self.until = asyncio.get_running_loop().time() + KEPT_S

    async def quiet(self) -> bool:
        """Whether nothing has come since the last answer, neither its end nor a word that nobody asked for."""
        for _ in range(2):  # what came while no handler ran is in the system's hands yet
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(0):
                await self.reader.read(1)
        except TimeoutError:
            return True
        except OSError:  # it was cut
            return False
        return False

    def again(self) -> bool:
        """Whether another request may follow, as both sides have said; then it is ready for it."""
        speaks = self.speaks
        if not speaks.our_state is speaks.their_state is h11.DONE or speaks.trailing_data != (b"", False):
            return False
        speaks.start_next_cycle()
        self.heard = False
        return True

    def cut(self) -> None:
        """End it without a word."""
        self.writer.transport.abort()

    async def close(self) -> None:
        """End it, with both sides' farewell."""
        self.writer.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.writer.wait_closed()
        except OSError:  # a receiver that is gone, or does not say goodbye: what it answered stands
            self.cut()


async def opened(target: Target, addresses: Sequence[str], timeout_s: float, context: ssl.SSLContext | None) -> Line:
    """Connect to the first of *addresses* that can be reached; the certificate is held against the name."""
    secure = context if target.scheme == "https" else None
    failed: OSError = ConnectionError("no address")
    for address in addresses[:ADDRESSES_MAX]:
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await asyncio.open_connection(
                    address, target.port, ssl=secure, server_hostname=target.host if secure else None
                )
            return Line(_place(target, address), reader, writer)
        except ssl.SSLError:
            raise
        except TimeoutError:
            failed = ConnectionError("timed out")
        except OSError as error:
            failed = error
    raise failed


class Lines:
    """The connections that one event loop keeps; one for each place, as a process delivers one event after another."""

    def __init__(self) -> None:
        """Begin with none; they do not outlive the loop, however it ends."""
        self._kept: dict[Place, Line] = {}
        self._keeper = asyncio.create_task(self._keep())

    async def take(self, target: Target, addresses: Sequence[str]) -> Line | None:
        """Return a kept connection for *target* to one of *addresses*, which were checked just now; None: none is."""
        now = asyncio.get_running_loop().time()
        for place in [place for place, line in self._kept.items() if line.until <= now]:
            self._kept.pop(place).cut()
        for address in addresses[:ADDRESSES_MAX]:
            place = _place(target, address)
            # It stays among the kept while it is looked at, so that it is cut whatever comes in between.
            if place in self._kept and await self._kept[place].quiet():
                return self._kept.pop(place)
            if place in self._kept:
                self._kept.pop(place).cut()
        return None

    def keep(self, line: Line) -> None:
        """Have *line* ready for the next event that goes there."""
        if len(self._kept) >= KEPT_MAX:
            self._kept.pop(next(iter(self._kept))).cut()
        self._kept[line.place] = line

    async def close(self) -> None:
        """End all of them, with a farewell."""
        lines, self._kept = list(self._kept.values()), {}
        await asyncio.gather(*(line.close() for line in lines))
        self._keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._keeper

    async def _keep(self) -> None:
        """Wait for the loop's end: a process that is told to end at once says no farewell."""
        try:
            await asyncio.Event().wait()
        finally:
            for line in self._kept.values():
                line.cut()
            self._kept.clear()


def _place(target: Target, address: str) -> Place:
    return Place(target.scheme, target.host.lower(), target.port, address)
