"""The journal is cut into stretches that all cores scan, this process among them; results come in their order."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Self

from milepost.garbage import uncollected
from milepost.journal.errors import JournalUnavailable
from milepost.replay.verify.findings import Progress
from milepost.replay.verify.frames import receive, send
from milepost.replay.verify.rows import Bounds, Rows
from milepost.replay.verify.scanning import Stretch, scan
from milepost.replay.verify.worker import Result

STRETCH = 32_768  # positions: a tenth of a second of work, 40 MB read, and a bar that moves
ALONE = 60_000  # rows below which a second process costs more than it saves: it starts in a quarter of a second
_LEAVE_S = 10.0  # a worker whose input has ended leaves at once


def stretches(bounds: Bounds, proofs: str, length: int = STRETCH) -> list[Stretch]:
    """Return the whole table in stretches of *length* positions; none where it is empty."""
    if not bounds.rows:
        return []
    first = bounds.first - 1
    starts = range(first, bounds.last, length)
    return [
        Stretch(number, after, min(after + length, bounds.last), after == first, proofs)
        for number, after in enumerate(starts)
    ]


def scanned(
    url: str, rows: Rows, work: list[Stretch], total: int, progress: Progress, cores: int = 0
) -> Iterator[tuple[Stretch, Result]]:
    """Yield what came of each of *work*, in order; *cores* 0: all of the machine's."""
    cores = cores or os.cpu_count() or 1
    helpers = min(cores, len(work)) - 1 if total > ALONE else 0
    with uncollected(), _Helpers(url, work, helpers) as shared:
        done = 0
        for number in range(len(work)):
            while number not in shared.results:
                mine = shared.take()
                if mine is not None:
                    shared.put(mine.number, _result(rows, mine))
                else:
                    shared.wait(number)
            result = shared.results.pop(number)
            if result.scanned is not None:
                done += result.scanned.rows
                progress(done, max(done, total))
            yield work[number], result


def _result(rows: Rows, stretch: Stretch) -> Result:
    try:
        return Result(scanned=scan(rows, stretch))
    except JournalUnavailable as error:
        return Result(failed=str(error))


class _Helpers:
    """Processes that scan beside this one, and what is left to do."""

    def __init__(self, url: str, work: list[Stretch], count: int) -> None:
        self.results: dict[int, Result] = {}
        self._left = iter(work)
        self._changed = threading.Condition()
        self._url = url
        self._processes: list[subprocess.Popen[bytes]] = []
        self._threads: list[threading.Thread] = []
        self._count = count

    def __enter__(self) -> Self:
        for _ in range(self._count):
            command = [sys.executable, "-m", "milepost.replay.verify.worker"]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  our own
            thread = threading.Thread(target=self._feed, args=(process,), daemon=True)
            self._processes.append(process)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._left = iter(())
        for process, thread in zip(self._processes, self._threads, strict=True):
            if process.poll() is None and thread.is_alive() and self._unfinished():
                process.kill()
            thread.join()
            process.wait(_LEAVE_S)
            for stream in (process.stdin, process.stdout):
                if stream is not None and not stream.closed:
                    stream.close()

    def take(self) -> Stretch | None:
        """Return the next stretch that nobody has; None: all are taken."""
        with self._changed:
            return next(self._left, None)

    def put(self, number: int, result: Result) -> None:
        """Keep what came of a stretch."""
        with self._changed:
            self.results[number] = result
            self._changed.notify_all()

    def wait(self, number: int) -> None:
        """Return when what came of stretch *number* is there."""
        with self._changed:
            self._changed.wait_for(lambda: number in self.results)

    def _unfinished(self) -> bool:
        return sys.exc_info()[0] is not None

    def _feed(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None  # noqa: S101  both were asked for
        assert process.stdout is not None  # noqa: S101
        stretch: Stretch | None = None
        try:
            send(process.stdin, self._url)
            while (stretch := self.take()) is not None:
                send(process.stdin, stretch)
                result = receive(process.stdout, Result)
                self.put(stretch.number, result or Result(failed="a process that scans ended"))
            process.stdin.close()
        except (OSError, EOFError) as error:
            if stretch is not None:
                self.put(stretch.number, Result(failed=f"a process that scans ended: {error}"))
