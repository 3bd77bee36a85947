"""A process that appends to a journal, tells each durable command on stdout, and dies where it is told to.

python -m tests.journal.worker URL COUNT POINT GOAL...: appends COUNT commands to the goals in turn, deciding again when
dropped; prints `ready`, waits for a line, then prints `COMMAND SEQUENCE` after each commit. POINT is `never`, or
`FAULT:N`: it kills itself on passing that fault point for the N-th time.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from milepost.journal import Committed, Journal, Ref
from tests.journal.wishes import append, new_id


def dying(point: str) -> Callable[[str], None]:
    """Return a hook that kills this process, with no chance to tidy up, on passing *point* for the last time."""
    fault, _, count = point.partition(":")
    left = int(count or 0)

    def at(passed: str) -> None:
        nonlocal left
        if passed == fault:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return at


def commit(journal: Journal, refs: list[Ref], command: str) -> int:
    """Append one event to each of *refs* until it is committed; return the first one's sequence."""
    while True:
        outcome = journal.append([append({ref: journal.head("acme", ref) for ref in refs}, command=command)])[0]
        if isinstance(outcome, Committed):
            return outcome.events[0].sequence


def main() -> None:
    """Do what the arguments say."""
    url, count, point, *goals = sys.argv[1:]
    refs: list[Ref] = [("goal", goal) for goal in goals]
    with Journal(url, at=dying(point)) as journal:
        print("ready", flush=True)  # noqa: T201  the test reads it
        sys.stdin.readline()
        for number in range(int(count)):
            ref = refs[number % len(refs)]
            command = f"goal/{ref[1]}/{new_id()}"
            sequence = commit(journal, [ref], command)
            print(command, sequence, flush=True)  # noqa: T201  the test reads it


if __name__ == "__main__":
    main()
