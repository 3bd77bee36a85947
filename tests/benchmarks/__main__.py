"""`make bench`: every table, or those named: `make bench ARGS='accept view'`."""

from __future__ import annotations

import os
import platform
import sys
from importlib import import_module

TABLES = ("journal", "accept", "relay", "view", "road", "react", "as_of", "evidence", "verify")


def main() -> int:
    """Print the tables; returns 2 for a name that is none."""
    wanted = sys.argv[1:] or list(TABLES)
    if unknown := sorted(set(wanted) - set(TABLES)):
        print(f"no table {', '.join(unknown)}; there are {', '.join(TABLES)}", file=sys.stderr)
        return 2
    load = ", ".join(f"{part:.1f}" for part in os.getloadavg())
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load}: a busy machine bends every ratio\n"
    )
    for name in wanted:
        import_module(f"tests.benchmarks.{name}").run(print)
        print(flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
