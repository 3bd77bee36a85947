"""A process that opens fresh files with others: `python -m tests.database.opener FOLDER COUNT`.

It says `ready` when it has started, and for each line that it is sent makes a table in the next file, then says how
that went.
"""

from __future__ import annotations

import sys
from pathlib import Path

from milepost.database import DatabaseError, SQLiteConnection, Table

THING = Table("thing", (("id", "text"),), 1)


def main(folder: Path, count: int) -> None:
    """Open so many files, each when told to."""
    _say("ready")
    for number in range(count):
        sys.stdin.readline()
        try:
            connection = SQLiteConnection(folder / f"{number}.sqlite")
            connection.create([THING])
            connection.close()
        except DatabaseError as error:
            _say(f"{error.code}: {error}")
        else:
            _say("made")


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
