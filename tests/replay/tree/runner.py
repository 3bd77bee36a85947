"""A process that grows trees until its standard input ends, and dies where MILEPOST_FAULT_AT tells it to.

python -m tests.replay.tree.runner URL PROOFS SIGNING EVENTS: prints `ready` when it has the lock, `tree_in_use` when it
may not have it.
"""

from __future__ import annotations

import select
import sys
from pathlib import Path

from milepost.journal import Journal
from milepost.logs import logger
from milepost.replay.tree import Grower, Options, SigningKeys, TreeInUse
from milepost.wiring import fault_point
from tests.replay.tree.conftest import ORIGIN

LOOK_S = 0.01


def main() -> None:
    """Do what the arguments say."""
    url, proofs, signing, events = sys.argv[1:]
    with Journal(url, writes=False) as journal:
        keys = SigningKeys(Path(signing), ORIGIN)
        options = Options(int(events), 0.02)
        grower = Grower(journal, Path(proofs), keys, options, log=logger("replay"), at=fault_point())
        try:
            grower.open()
        except TreeInUse as error:
            print(error.code, flush=True)  # noqa: T201  the test reads it
            return
        print("ready", flush=True)  # noqa: T201  the test reads it
        while not select.select([sys.stdin], [], [], LOOK_S)[0]:
            grower.step()
        grower.step()
        grower.close()


if __name__ == "__main__":
    main()
