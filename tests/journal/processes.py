"""Starts the worker processes of the journal's tests and collects what they acknowledged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from milepost.journal import Ref

_ROOT = Path(__file__).parents[2]


class Worker:
    """A running worker, started up to `ready`; `go` lets it append, `told` waits for its end."""

    def __init__(self, url: str, count: int, refs: list[Ref], *, point: str = "never") -> None:
        """Start it without waiting."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.journal.worker", url, str(count), point, *(ref[1] for ref in refs)],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait_ready(self) -> None:
        """Return when its journal is open; raises AssertionError with what it said instead."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line == "ready\n", self._process.communicate()[1]

    def go(self) -> None:
        """Let it append."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def next_told(self) -> str:
        """Return the next line it tells."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def told(self) -> tuple[int, list[tuple[str, int]], str]:
        """Return its exit status, the (command, sequence) it acknowledged, and what it complained about."""
        out, complaints = self._process.communicate(timeout=60)
        pairs = [line.split() for line in out.splitlines()]
        return self._process.returncode, [(command, int(sequence)) for command, sequence in pairs], complaints

    def kill(self) -> None:
        """Kill it and collect its end."""
        self._process.kill()
        self._process.communicate()
