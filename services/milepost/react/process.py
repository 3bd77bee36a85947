"""A plugin's own process, from its host's side: started with next to nothing, asked, and ended when it hangs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from milepost.react.policy import Policy
from milepost_contracts.child import FRAME_BYTES_MAX, LENGTH, Hello, Line, Loaded
from milepost_contracts.context import Port
from milepost_contracts.plugin import Later, Manifest, PluginError

# What a plugin's process inherits: where programs, certificates and zones are. Nothing of ours, no passwords.
_INHERITED = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TZDIR", "PYTHONPATH", "VIRTUAL_ENV", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "SYSTEMROOT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
)  # fmt: skip
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class Died(Exception):  # noqa: N818  what happened; whoever asked says what it means
    """The process is gone: it ended by itself (`exited`) or took too long and was killed (`timed_out`)."""

    def __init__(self, code: str, message: str) -> None:
        """Say which."""
        super().__init__(message)
        self.code = code


class Process:
    """One process of one plugin; asked one thing at a time."""

    def __init__(self, hello: Hello, port: Port, *, policy: Policy, quiet: bool = True) -> None:
        """Take what it is told first and where its reads are answered; *quiet* False shows what it prints."""
        self._policy = policy
        self._hello = hello
        self._port = port
        self._quiet = quiet
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._asking: socket.socket | None = None
        self._number = 0
        self._turn = asyncio.Lock()
        self.manifest: Manifest | None = None
        self.hooks: frozenset[str] = frozenset()

    @property
    def running(self) -> bool:
        """Whether the process is there to be asked."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """Its number, for those who look at it from outside."""
        return self._process.pid if self._process is not None else None

    @property
    def talks(self) -> bool:
        """Whether questions can still be answered."""
        return self._reader is not None

    async def start(self) -> Manifest:
        """Start it and load the plugin; raises PluginError for a plugin that is none, Died."""
        work, far_work = socket.socketpair()
        self._asking, far_ask = socket.socketpair()
        try:
            with far_work, far_ask:
                nowhere = asyncio.subprocess.DEVNULL
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "milepost_contracts.child", str(far_work.fileno()), str(far_ask.fileno()),
                    stdin=nowhere, stdout=nowhere if self._quiet else None, stderr=nowhere if self._quiet else None,
                    pass_fds=(far_work.fileno(), far_ask.fileno()), start_new_session=True, cwd="/",
                    env={name: os.environ[name] for name in _INHERITED if name in os.environ},
                )  # fmt: skip
            self._reader, self._writer = await asyncio.open_connection(sock=work)
        except BaseException:
            # Given up in the middle: nobody else knows these yet.
            work.close()
            self._asking.close()
            self._kill_now()
            raise
        threading.Thread(target=_answer, args=(self._asking, self._port), name="react-port", daemon=True).start()
        found = await self.ask("hello", self._hello, timeout_s=self._policy.start_s)
        loaded = msgspec.convert(found, Loaded)
        self.manifest = msgspec.convert(loaded.manifest, Manifest)
        self.hooks = frozenset(loaded.hooks)
        return self.manifest

    async def ask(self, verb: str, given: Any, *, timeout_s: float) -> Any:
        """Return the answer as built-in types; raises Died, and PluginError where the plugin does not load.

        One that is not answered in time ends the process: nobody can tell a slow plugin from one that hangs.
        """
        async with self.talking() as talk:
            return await talk.hear(talk.say(verb, given), timeout_s)

    @asynccontextmanager
    async def talking(self) -> AsyncIterator[Talk]:
        """Have the process for oneself; it ends when this is left in the middle of an answer."""
        async with self._turn:
            talk = Talk(self)
            try:
                yield talk
            except BaseException:
                self._kill_now()
                raise
            if talk.waiting:
                # An answer may still come, and must not be taken for that to another.
                self._kill_now()

    def send(self, verb: str, given: Any) -> int:
        """Send a question; return its number. Raises Died."""
        if self._writer is None:
            raise Died("exited", "the process was not started")
        self._number += 1
        content = _encode((self._number, verb, given))
        self._writer.write(LENGTH.pack(len(content)) + content)
        return self._number

    async def receive(self, number: int, timeout_s: float) -> Any:
        """Return the answer to the question *number*; see `ask`."""
        if self._reader is None or self._writer is None:
            raise Died("exited", "the process was not started")
        try:
            async with asyncio.timeout(timeout_s):
                await self._writer.drain()
                (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
                answered, code, found = _decode(await self._reader.readexactly(min(length, FRAME_BYTES_MAX)))
        except TimeoutError:
            await self.kill()
            raise Died("timed_out", f"it took longer than {timeout_s:g} s; the process was ended") from None
        except (asyncio.IncompleteReadError, OSError) as error:
            await self.kill()
            raise Died("exited", self._ended()) from error
        except (msgspec.DecodeError, ValueError, struct.error) as error:
            await self.kill()
            raise Died("nonsense", f"what the process sent is no answer: {type(error).__name__}") from error
        if answered != number:
            await self.kill()
            raise Died("nonsense", "the process answered another question")
        if code:
            raise PluginError(code, found)
        return found

    async def stop(self) -> None:
        """Let it end by itself, and end it where it does not."""
        if self.running:
            with contextlib.suppress(Died, PluginError):
                await self.ask("stop", None, timeout_s=self._policy.end_s)
        self._close()
        if self._process is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._policy.end_s):
                    await self._process.wait()
        await self.kill()

    async def kill(self) -> None:
        """End it now; returns when it is gone."""
        self._kill_now()
        if self._process is not None:
            await self._process.wait()

    def _kill_now(self) -> None:
        self._close()
        if self.running and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, 9)  # with what it may have started; it leads its own session

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None
        if self._asking is not None:
            with contextlib.suppress(OSError):
                self._asking.shutdown(socket.SHUT_RDWR)  # wakes the thread that answers reads, which then ends
            self._asking = None

    def _ended(self) -> str:
        status = self._process.returncode if self._process is not None else None
        return f"the process ended with {status}"


class Talk:
    """Questions and answers while one has a process for oneself; questions may be ahead of answers."""

    def __init__(self, process: Process) -> None:
        """Take the process."""
        self._process = process
        self.waiting: set[int] = set()

    def say(self, verb: str, given: Any) -> int:
        """Ask; return the question's number. Raises Died."""
        number = self._process.send(verb, given)
        self.waiting.add(number)
        return number

    async def hear(self, number: int, timeout_s: float) -> Any:
        """Return the answer to the question *number*, the oldest that waits; raises Died, PluginError."""
        try:
            return await self._process.receive(number, timeout_s)
        finally:
            if not self._process.talks:
                self.waiting.clear()
            self.waiting.discard(number)


def _answer(end: socket.socket, port: Port) -> None:
    """Answer the plugin's reads until its process, or this side of it, is gone."""
    reads: dict[str, Callable[..., Any]] = {
        "get": port.get, "scan": port.scan, "grants": port.grants, "goal_at": port.goal_at,
    }  # fmt: skip
    with contextlib.suppress(OSError), end, contextlib.closing(Line(end)) as line:
        while (content := line.receive()) is not None:
            verb, arguments = _decode(content)
            try:
                line.send(("", reads[verb](*arguments)))
            except PluginError as error:
                line.send((error.code, str(error)))
            except Later as later:
                line.send(("later", later.seconds))
            except Exception as error:  # noqa: BLE001  the plugin's call fails with it, and is tried again
                line.send(("host_failed", f"{verb}: {type(error).__name__}"))
