"""A trusted plugin in a thread of the host itself: no process to start, and none that could be ended."""

from __future__ import annotations

import asyncio
import socket
import threading

from milepost.react.process import Process
from milepost_contracts.child import serve_inside
from milepost_contracts.plugin import Manifest, PluginError

JOIN_S = 1.0  # for a thread that is told to end; one that is in a handler ends when that comes back


class Inside(Process):
    """Asked as a process is. A handler that never comes back keeps its thread, and the plugin out, until a restart."""

    _thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether the thread is there to be asked."""
        return self._alive and self._reader is not None

    @property
    def _alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    async def start(self) -> Manifest:
        """Start it where it does not run; raises PluginError, `hangs_inside` too, and Died."""
        if self._alive and not self.running:
            why = "a handler of this plugin never came back; it runs inside the host, which has to be started again"
            raise PluginError("hangs_inside", why)
        return await super().start()

    async def kill(self) -> None:
        """Let it end as soon as what runs in it comes back."""
        self._kill_now()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, JOIN_S)

    async def _spawn(self) -> None:
        self._close()
        (work, far_work), (ask, far_ask) = socket.socketpair(), socket.socketpair()
        self._thread = threading.Thread(target=serve_inside, args=(far_work, far_ask), name="react-inside", daemon=True)
        self._thread.start()
        try:
            self._reader, self._writer = await asyncio.open_connection(sock=work)
        except BaseException:
            work.close()
            ask.close()
            raise
        self._answer_on(ask)

    def _ended(self) -> str:
        return "the plugin ended its own thread"
