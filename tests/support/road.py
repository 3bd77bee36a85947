"""The whole road as its operator runs it: `milepost serve` in a process of its own, started, killed, started again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import nats
from nats.aio.client import Client

from milepost.asking import Asker
from milepost.broker import EmbeddedBroker
from milepost.roles import connect_options

READY_S = 60.0  # a loaded machine may need long; a healthy one needs one


class Road:
    """`milepost serve` on *folder*; with *broker* it uses that one instead of embedding its own."""

    def __init__(
        self, folder: Path, *, broker: EmbeddedBroker | None = None, sample: bool = False, flags: Sequence[str] = ()
    ) -> None:
        """Start nothing yet; *flags* go to `milepost serve` as they are."""
        self._flags = flags
        self.folder = folder
        self._broker = broker
        self._sample = sample
        self._process: asyncio.subprocess.Process | None = None
        self.url = broker.url if broker is not None else ""
        self.http = ""
        self.lines: list[str] = []

    async def __aenter__(self) -> Self:
        """Start and wait for the `ready` line."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop as an operator does."""
        await self.stop()

    @property
    def log_path(self) -> Path:
        """Where standard error goes."""
        return self.folder / "serve.log"

    async def start(self, fault: str = "") -> bool:
        """Start with the fault point *fault*; returns whether it came up, False where the fault killed it before."""
        flags = ["--data-dir", str(self.folder), "--http-port", "0"]
        if self._broker is not None:
            flags += ["--nats-url", self._broker.url, "--nats-seed", str(self._broker.directory / "keys")]
        else:
            flags += ["--nats-port", "0"]
        if self._sample:
            flags.append("--sample")
        flags += self._flags
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "milepost", "serve", *flags,
                stdout=asyncio.subprocess.PIPE, stderr=log, env=os.environ | {"MILEPOST_FAULT_AT": fault},
            )  # fmt: skip
        assert self._process.stdout
        while line := (await asyncio.wait_for(self._process.stdout.readline(), READY_S)).decode().strip():
            self.lines.append(line)
            if line.startswith("ready"):
                parts = dict(part.split("=", 1) for part in line.split() if "=" in part)
                self.url, self.http = parts["nats"], parts["http"]
                return True
        status = await self._process.wait()
        assert fault, f"serve ended with {status} before it was ready: {self.log_path.read_text()[-2000:]}"
        assert status == -signal.SIGKILL
        return False

    async def ended(self) -> int:
        """Wait for the process to end; return its exit status."""
        assert self._process
        return await self._process.wait()

    async def stop(self) -> int:
        """End it with SIGTERM; return its exit status."""
        assert self._process
        if self._process.returncode is None:
            self._process.terminate()
        return await self._process.wait()

    async def kill(self) -> None:
        """End it as a crash would."""
        assert self._process
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def connect(self, role: str = "cli", **options: Any) -> Client:
        """Return a connection as *role*; the caller closes it."""
        seeds = self._broker.directory if self._broker is not None else self.folder / "broker"
        found: dict[str, Any] = {**connect_options(self.url, role, seeds / "keys" / f"{role}.nk")}
        return await nats.connect(**(found | {"reconnect_time_wait": 0.05} | options))

    def asker(self, client: Client, patience_s: float = 60.0) -> Asker:
        """Return what asks through *client* as the command line does."""
        # Nobody answers what a dead process had taken: a test that kills asks again soon.
        return Asker(client, "cli", patience_s=patience_s, request_s=1.0)
