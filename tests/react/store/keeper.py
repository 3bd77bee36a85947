"""A process that holds a plugin's lease and keeps turns until killed: `python -m tests.react.store.keeper URL PLUGIN`.

Each turn writes its number into state and asks for an effect; with it go the position and the sequence. A line is
printed for each batch that was kept, after `held` for the lease.
"""

from __future__ import annotations

import sys

from milepost.react.store import Position, Store
from tests.react.turns import TENANT, kept

BATCH = 3


def main() -> None:
    """Keep batches for ever."""
    store = Store(*sys.argv[1:3])
    store.open()
    with store.lease():
        print("held", flush=True)  # noqa: T201  the protocol
        before = store.status().position
        number = store.numbers().get(TENANT, 0)
        while True:
            numbers = range(number + 1, number + BATCH + 1)
            turns = [kept(n, writes={"n": b"%d" % n}, effects={"mail": {"n": n}}) for n in numbers]
            number = numbers[-1]
            position = Position(1, number)
            store.keep([(turn, TENANT, n) for turn, n in zip(turns, numbers, strict=True)], position, before=before)
            before = position
            print(number, flush=True)  # noqa: T201  the protocol


if __name__ == "__main__":
    main()
