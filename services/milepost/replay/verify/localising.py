"""Where journal and checkpoint differ, stored hashes lead down to the leaf: each is believed only from above."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from milepost.replay.verify.ours import Missing, Ours
from milepost.replay.verify.stored import StoredTiles, folded
from milepost_contracts.proofs.merkle import Frontier
from milepost_contracts.proofs.tiles import TILE_HEIGHT, TILE_WIDTH

# Places where journal and tiles differ of which every mixture is tried: where both were damaged, one of 1,024 fits.
MIXED_MAX = 10

Hash = bytes | None


class Fault(NamedTuple):
    """Leaves *first* to *last* (sequences) of which at least one is not what was signed.

    `told`: it is exactly these, each of them; otherwise the stored tiles are damaged too, and it is one or more of
    them. `expected`: the leaf hash that was signed, where one leaf is told.
    """

    first: int
    last: int
    told: bool
    expected: Hash = None


def faults(ours: Ours, stored: StoredTiles | None, size: int, root: bytes, known: int = 0) -> Iterator[Fault]:
    """Yield where the first *size* leaves of *ours* are not those with *root*.

    known: how many leaves are known to be right from an earlier checkpoint.
    """
    edge = _edge(size)
    mine = [_whole(ours, level, index) for level, index in edge]
    theirs = _stored_edge(stored, size)
    right = _mixed(mine, theirs, lambda hashes: _root(size, edge, hashes), root)
    if right is None:
        yield from _untold(known, size)
        return
    for (level, index), own, signed in zip(edge, mine, right, strict=True):
        if own != signed:
            yield from _below(ours, stored, level, index, signed, known)


def _below(
    ours: Ours, stored: StoredTiles | None, level: int, index: int, signed: bytes, known: int
) -> Iterator[Fault]:
    if level == 0:
        yield Fault(index + 1, index + 1, told=True, expected=signed)
        return
    children = range(index * TILE_WIDTH, (index + 1) * TILE_WIDTH)
    mine = [_whole(ours, level - 1, child) for child in children]
    theirs = stored.hashes(level - 1, index, TILE_WIDTH) if stored is not None else [None] * TILE_WIDTH
    right = _mixed(mine, theirs, folded, signed)
    if right is None:
        span = 1 << (TILE_HEIGHT * level)
        yield from _untold(max(known, index * span), (index + 1) * span)
        return
    for child, own, hash_ in zip(children, mine, right, strict=True):
        if own != hash_:
            yield from _below(ours, stored, level - 1, child, hash_, known)


def _untold(known: int, end: int) -> Iterator[Fault]:
    if known < end:
        yield Fault(known + 1, end, told=False)


def _mixed(
    mine: Sequence[Hash], theirs: Sequence[Hash], root: Callable[[list[bytes]], bytes], wanted: bytes
) -> list[bytes] | None:
    """Return the mixture of both whose root is *wanted*; None where there is none, or too many would have to be tried.

    First all that is stored, then all but one of it, and so on: the fewest of the stored ones are doubted.
    """
    base = [own if kept is None else kept for own, kept in zip(mine, theirs, strict=True)]
    known = [hash_ for hash_ in base if hash_ is not None]
    if len(known) < len(base):
        return None
    if root(known) == wanted:
        return known
    places = [
        place
        for place, (own, kept) in enumerate(zip(mine, theirs, strict=True))
        if own is not None and kept is not None and own != kept
    ]
    if len(places) > MIXED_MAX:
        return None
    for count in range(1, len(places) + 1):
        for taken in combinations(places, count):
            tried = list(known)
            for place in taken:
                own = mine[place]
                assert own is not None  # noqa: S101  places hold those that are there
                tried[place] = own
            if root(tried) == wanted:
                return tried
    return None


def _edge(size: int) -> list[tuple[int, int]]:
    """Return (level, index) of the fewest full subtrees of 256**level leaves that make up *size* leaves, in order."""
    found: list[tuple[int, int]] = []
    level = 0
    while size >> (TILE_HEIGHT * (level + 1)):
        level += 1
    start = 0
    for height in range(level, -1, -1):
        end = size >> (TILE_HEIGHT * height)
        found += [(height, index) for index in range(start, end)]
        start = end << TILE_HEIGHT
    return found


def _root(size: int, edge: Sequence[tuple[int, int]], hashes: Sequence[bytes]) -> bytes:
    known = dict(zip(edge, hashes, strict=True))

    def read(level: int, index: int) -> bytes:
        tall, inside = divmod(level, TILE_HEIGHT)
        first = index << inside
        return folded([known[tall, child] for child in range(first, first + (1 << inside))])

    return Frontier.of(size, read).root()


def _stored_edge(stored: StoredTiles | None, size: int) -> list[Hash]:
    edge = _edge(size)
    if stored is None:
        return [None] * len(edge)
    found: list[Hash] = []
    for level in sorted({level for level, _ in edge}, reverse=True):
        indexes = [index for height, index in edge if height == level]
        number = indexes[0] // TILE_WIDTH
        hashes = stored.hashes(level, number, indexes[-1] % TILE_WIDTH + 1)
        found += hashes[indexes[0] % TILE_WIDTH :]
    return found


def _whole(ours: Ours, level: int, index: int) -> Hash:
    try:
        return ours.whole(level, index)
    except Missing:
        return None
