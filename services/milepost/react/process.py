"""A plugin's own process, from its host's side: started with next to nothing, asked, and ended when it hangs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from milepost.database import DatabaseError
from milepost.react.policy import Policy
from milepost.react.ports import StorePort
from milepost.tasks import whole
from milepost_contracts.frames import FRAME_BYTES_MAX, LENGTH, Asked, Hello, Line, Loaded
from milepost_contracts.plugin import Later, Manifest, Permissions, PluginError
from milepost_contracts.running import Done

# What a plugin's process inherits: where programs, certificates and zones are. Nothing of ours, no passwords.
_INHERITED = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TZDIR", "PYTHONPATH", "VIRTUAL_ENV", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "SYSTEMROOT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
)  # fmt: skip
# Every process that a plugin's process starts inherits this mark too, and is found by it when its time is over.
MARK = "MILEPOST_PLUGIN_PROCESS"
SWEEPS_MAX = 10  # one that starts others faster than they are ended is not won in more
# A frame goes into the system's buffer at once: the plugin does not wait until this loop comes round to push the rest.
# The system gives what it allows, which is enough for a frame of usual events.
SEND_BYTES = 1024 * 1024
LATER_S = 1.0  # before what could not be read is tried again
_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(tuple[int, str, msgspec.Raw])
_asked = msgspec.msgpack.Decoder(Asked)
T = TypeVar("T")


class Died(Exception):  # noqa: N818  what happened; whoever asked says what it means
    """The process is gone: it ended (`exited`), took too long (`timed_out`) or sent what is no answer (`nonsense`)."""

    def __init__(self, code: str, message: str) -> None:
        """Say which."""
        super().__init__(message)
        self.code = code


class Process:
    """One process of one plugin; asked one thing at a time."""

    def __init__(self, hello: Hello, port: StorePort, *, policy: Policy, quiet: bool = True) -> None:
        """Take what it is told first and where its reads are answered; *quiet* False shows what it prints."""
        self._policy = policy
        self._hello = hello
        self._port = port
        self._quiet = quiet
        self._mark = uuid.uuid4().hex
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._asking: socket.socket | None = None
        self._number = 0
        self._permissions = Permissions()  # none before it has told its manifest
        self._turn = asyncio.Lock()
        self._starting = asyncio.Lock()
        self.manifest: Manifest | None = None
        self.hooks: frozenset[str] = frozenset()

    @property
    def running(self) -> bool:
        """Whether the process is there to be asked."""
        return self._process is not None and self._process.returncode is None and self._reader is not None

    @property
    def talks(self) -> bool:
        """Whether questions can still be answered."""
        return self._reader is not None

    @property
    def pid(self) -> int | None:
        """Its number, for those who look at it from outside."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> Manifest:
        """Start it where it does not run: the plugin is loaded, and its hook `start` called, before anything else.

        Raises PluginError for a plugin that is none, `start_failed`; Died.
        """
        async with self._starting:  # of two who want it at once, the second finds it running
            if self.running and self.manifest is not None:
                return self.manifest
            await self._spawn()
            loaded = await self.ask("hello", self._hello, Loaded, timeout_s=self._policy.start_s)
            manifest = loaded.manifest
            self._permissions = manifest.permissions
            started = await self.ask("start", None, Done, timeout_s=manifest.timeout_s + self._policy.grace_s)
            if (failure := started.failure) is not None:
                await self.kill()
                said = f"{failure.code}: {failure.error} at {failure.place}"
                raise PluginError("start_failed", f"its hook start failed: {said}")
            self.manifest, self.hooks = manifest, frozenset(loaded.hooks)
            return manifest

    async def _spawn(self) -> None:
        self._close()
        work, far_work = socket.socketpair()
        work.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
        ask, far_ask = socket.socketpair()
        try:
            with far_work, far_ask:
                nowhere = asyncio.subprocess.DEVNULL
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "milepost_contracts.child",
                    str(far_work.fileno()), str(far_ask.fileno()), str(os.getpid()),
                    stdin=nowhere, stdout=nowhere if self._quiet else None, stderr=nowhere if self._quiet else None,
                    pass_fds=(far_work.fileno(), far_ask.fileno()), start_new_session=True, cwd="/",
                    env={name: os.environ[name] for name in _INHERITED if name in os.environ} | {MARK: self._mark},
                )  # fmt: skip
            self._reader, self._writer = await asyncio.open_connection(sock=work)
        except BaseException:
            # Given up in the middle: nobody else knows these yet.
            work.close()
            ask.close()
            self._kill_now()
            raise
        self._answer_on(ask)

    def _answer_on(self, ask: socket.socket) -> None:
        """Answer the plugin's reads that come on *ask*, in a thread."""
        self._asking = ask
        threading.Thread(target=_answer, args=(ask, self._reads()), name="react-port", daemon=True).start()

    def _reads(self) -> dict[str, Callable[..., Any]]:
        def goal_at(tenant: str, id_: str, version: int | None) -> bytes:
            permissions = self._permissions
            if not permissions.history:
                raise PluginError("not_permitted", "the manifest's permissions do not say history = true")
            # As JSON: numbers in a goal's state may be of any size, and have no room in a frame's own format.
            return msgspec.json.encode(self._port.goal_at(tenant, id_, version, permissions.words))

        return {"get": self._port.get, "scan": self._port.scan, "grants": self._port.grants, "goal_at": goal_at}

    async def ask(self, verb: str, given: Any, kind: type[T], *, timeout_s: float) -> T:
        """Return the answer, which is a *kind*; raises Died, and PluginError where the plugin does not load.

        One that is not answered in time ends the process: nobody can tell a slow plugin from one that hangs.
        """
        async with self.talking() as talk:
            return await talk.hear(talk.say(verb, given), kind, timeout_s)

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

    async def receive(self, number: int, kind: type[T], timeout_s: float) -> T:
        """Return the answer to the question *number*; see `ask`."""
        if self._reader is None or self._writer is None:
            raise Died("exited", "the process was not started")
        try:
            async with asyncio.timeout(timeout_s):
                await self._writer.drain()
                code, found = await _answered(self._reader, number)
            if not code:
                return msgspec.msgpack.decode(found, type=kind)
            why = msgspec.msgpack.decode(found, type=str)
        except TimeoutError:
            await self.kill()
            raise Died("timed_out", f"it took longer than {timeout_s:g} s; the process was ended") from None
        except (asyncio.IncompleteReadError, OSError) as error:
            await self.kill()
            raise Died("exited", self._ended()) from error
        except (msgspec.MsgspecError, ValueError, RecursionError, struct.error) as error:
            # It cannot be told what of it was meant, nor where the next answer would begin.
            await self.kill()
            raise Died("nonsense", "what the process sent is no answer") from error
        raise PluginError(code, why)

    async def stop(self) -> None:
        """Let it end by itself, and end it where it does not; done whole even where whoever waits is cancelled."""
        await whole(self._stop())

    async def _stop(self) -> None:
        if self.running:
            with contextlib.suppress(Died, PluginError):
                await self.ask("stop", None, Done, timeout_s=self._policy.end_s)
        self._close()
        if self._process is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._policy.end_s):
                    await self._process.wait()
        await self.kill()

    async def kill(self) -> None:
        """End it now, with what it has started; returns when it is gone."""
        self._kill_now()
        if self._process is not None:
            await self._process.wait()
            await asyncio.to_thread(_sweep, self._mark)

    def _kill_now(self) -> None:
        self._close()
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, 9)  # it leads its own session

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

    async def hear(self, number: int, kind: type[T], timeout_s: float) -> T:
        """Return the answer to the question *number*, the oldest that waits; raises Died, PluginError."""
        try:
            return await self._process.receive(number, kind, timeout_s)
        finally:
            if not self._process.talks:
                self.waiting.clear()
            self.waiting.discard(number)


async def _answered(reader: asyncio.StreamReader, number: int) -> tuple[str, msgspec.Raw]:
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    if length > FRAME_BYTES_MAX:
        raise ValueError("no frame of ours is so long")
    answered, code, found = _decoder.decode(await reader.readexactly(length))
    if answered != number:
        raise ValueError("the answer to another question")
    return code, found


def _sweep(mark: str) -> None:
    """End every process that has *mark*: what a plugin's process has started may have left its session, or outlived it.

    Linux alone tells what others were started with; elsewhere those that left the session are not found.
    """
    wanted = f"{MARK}={mark}".encode()
    for _ in range(SWEEPS_MAX):
        found = False
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # gone meanwhile, or somebody else's
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    os.kill(int(folder.name), 9)
                    found = True
        if not found:
            return


def _answer(end: socket.socket, reads: dict[str, Callable[..., Any]]) -> None:
    """Answer the plugin's reads until its process, or this side of it, is gone, or what it asks is no question."""
    with contextlib.suppress(OSError), end, contextlib.closing(Line(end)) as line:
        while (content := line.receive()) is not None:
            try:
                asked = _asked.decode(content)
            except msgspec.MsgspecError:
                return  # it sees the end of the line, and ends
            try:
                line.send(_answer_to(reads[asked.verb], asked.arguments))
            except ValueError as error:
                line.send(("too_much", f"{asked.verb} finds too much to be read at once: {error}"))


def _answer_to(read: Callable[..., Any], arguments: list[Any]) -> tuple[str, Any]:
    try:
        found = read(*arguments)
    except PluginError as error:
        return error.code, str(error)
    except Later as later:
        return "later", later.seconds
    except DatabaseError:
        return "later", LATER_S  # whoever keeps the turn meets the same, and sees to it
    except Exception as error:  # noqa: BLE001  the plugin's call fails with it, and is tried again
        return "host_failed", f"{read.__name__}: {type(error).__name__}"
    return "", found
