"""One of several accept processes on a PostgreSQL journal: sends its commands at the start signal, tells the answers.

Run as `python -m tests.support.racer JOURNAL_URL KEYS_URL KEYS_DIR`, commands as NDJSON on standard input, an empty
line to start; the answers come back as one JSON list.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from milepost_contracts.commands import COMMANDS
from tests.support.accepting import Acceptance


def main() -> None:
    """Open the databases, read the commands, say so, wait for the signal, send all at once."""
    journal_url, keys_url, folder = sys.argv[1:4]
    accept = Acceptance(Path(folder), journal_url=journal_url, keys_url=keys_url, alone=False)
    commands = []
    for line in sys.stdin:
        if not line.strip():
            break
        aggregate, name, fields = msgspec.json.decode(line)
        commands.append(msgspec.convert(fields, COMMANDS[aggregate, name]))
    print("ready", flush=True)  # noqa: T201  the protocol
    sys.stdin.readline()
    answers = [future.result(60) for future in [accept.send(command) for command in commands]]
    print(msgspec.json.encode(answers).decode(), flush=True)  # noqa: T201  the protocol
    accept.close()


if __name__ == "__main__":
    main()
