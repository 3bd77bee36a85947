"""A running `milepost serve --sample` in a process of its own, on free ports, in a folder of its own."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

# On a loaded machine with two cores; it takes two seconds on an idle one.
READY_S_MAX = 90.0
STOP_S_MAX = 30.0


class Served:
    """The process, as a context; `url` is its broker, `keys` the folder of its seeds."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        """Keep what it is started with."""
        self.folder = folder
        self.keys = folder / "broker" / "keys"
        self.url = ""
        self.first_line = ""
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it and return when it says that it is ready."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it with SIGTERM, which it takes well."""
        self.stop()

    def start(self) -> None:
        """Start it, on the ports it had before where it ran before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        port = self.url.rpartition(":")[2] or "0"
        line = [sys.executable, "-m", "milepost", "serve", "--data-dir", str(self.folder)]
        line += ["--nats-port", port, "--http-port", "0", *self._arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MILEPOST_")}
        with (self.folder / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=log, env=environment)
        self.first_line = self._first_line()
        self.url = dict(part.split("=", 1) for part in self.first_line.split()[1:])["nats"]

    def stop(self) -> int:
        """Send SIGTERM and return the exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(STOP_S_MAX)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None
        assert status == 0, self.log()
        return status

    def log(self) -> str:
        """Return the end of what it wrote to standard error."""
        return (self.folder / "serve.log").read_text()[-4000:]

    def _first_line(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        until = time.monotonic() + READY_S_MAX
        said = b""
        while b"\n" not in said:
            left = until - time.monotonic()
            readable, _, _ = select.select([self._process.stdout], [], [], max(0.0, left))
            more = os.read(self._process.stdout.fileno(), 4096) if readable else b""
            assert more, f"not ready: {self.log()}"
            said += more
        return said.decode().splitlines()[0]
