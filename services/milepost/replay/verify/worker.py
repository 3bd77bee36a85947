"""Scans stretches in a process of its own: the journal's URL comes first, then stretches; results go back in order.

Run as `python -m milepost.replay.verify.worker`; the end of standard input is the end.
"""

from __future__ import annotations

import gc
import signal
import sys

import msgspec

from milepost.journal.errors import JournalError
from milepost.replay.verify.frames import receive, send
from milepost.replay.verify.rows import open_rows
from milepost.replay.verify.scanning import Scanned, Stretch, scan


class Result(msgspec.Struct):
    """What came of a stretch, or why it could not be read."""

    scanned: Scanned | None = None
    failed: str = ""


def main() -> None:
    """Scan until there is no more to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with its parent, by its input
    gc.disable()  # rows make no cycles, and looking for them takes a tenth of the time
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    url = receive(source, str)
    if url is None:
        return
    try:
        rows = open_rows(url)
    except JournalError as error:
        while receive(source, Stretch) is not None:
            send(sink, Result(failed=str(error)))
        return
    while (stretch := receive(source, Stretch)) is not None:
        try:
            result = Result(scanned=scan(rows, stretch))
        except JournalError as error:
            result = Result(failed=str(error))
        send(sink, result)
    rows.close()


if __name__ == "__main__":
    main()
