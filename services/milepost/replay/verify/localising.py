"""Where journal and checkpoint differ, stored hashes lead down to the leaf: each is believed only from above."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from milepost.replay.verify.ours import Missing, Ours
from milepost.replay.verify.stored import StoredTiles, folded
from milepost_contracts.proofs.merkle import Frontier
from milepost_contracts.proofs.tiles import TILE_HEIGHT, TILE_WIDTH

# Places where journal and tiles differ of which every mixture is tried: where both were damaged, one of 64 may fit.
MIXED_MAX = 6

Hash = bytes | None


class _Place(NamedTuple):
    """A subtree: the journal's hash of it, and what it may be; `agreed`: the stored tile below it says the same."""

    own: Hash
    choices: tuple[bytes, ...]
    agreed: bool


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
    kept = zip(edge, _stored_edge(stored, size), strict=True)
    places = [_place(ours, stored, level, index, hash_) for (level, index), hash_ in kept]
    right = _mixed(places, lambda hashes: _root(size, edge, hashes), root)
    if right is None:
        yield from _untold(known, size)
        return
    for (level, index), place, signed in zip(edge, places, right, strict=True):
        if place.own != signed:
            yield from _below(ours, stored, level, index, signed, known)


def _below(
    ours: Ours, stored: StoredTiles | None, level: int, index: int, signed: bytes, known: int
) -> Iterator[Fault]:
    if level == 0:
        yield Fault(index + 1, index + 1, told=True, expected=signed)
        return
    children = range(index * TILE_WIDTH, (index + 1) * TILE_WIDTH)
    kept = stored.hashes(level - 1, index, TILE_WIDTH) if stored is not None else [None] * TILE_WIDTH
    places = [_place(ours, stored, level - 1, child, hash_) for child, hash_ in zip(children, kept, strict=True)]
    right = _mixed(places, folded, signed)
    if right is None:
        span = 1 << (TILE_HEIGHT * level)
        yield from _untold(max(known, index * span), (index + 1) * span)
        return
    for child, place, hash_ in zip(children, places, right, strict=True):
        if place.own != hash_:
            yield from _below(ours, stored, level - 1, child, hash_, known)


def _untold(known: int, end: int) -> Iterator[Fault]:
    if known < end:
        yield Fault(known + 1, end, told=False)


def _mixed(places: Sequence[_Place], root: Callable[[list[bytes]], bytes], wanted: bytes) -> list[bytes] | None:
    """Return the mixture of what *places* may hold whose root is *wanted*; None: there is none among those tried.

    First all that is stored, then with one of it replaced, and so on: the fewest of the stored hashes are doubted, and
    first of all those that the tile below contradicts.
    """
    base = [place.choices[0] for place in places if place.choices]
    if len(base) < len(places):
        return None
    others = [(number, other) for number, place in enumerate(places) for other in place.choices[1:]]
    others.sort(key=lambda one: places[one[0]].agreed)
    del others[MIXED_MAX:]
    for count in range(len(others) + 1):
        for taken in combinations(others, count):
            tried = list(base)
            for number, other in taken:
                tried[number] = other
            if len({number for number, _ in taken}) == count and root(tried) == wanted:
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


def _place(ours: Ours, stored: StoredTiles | None, level: int, index: int, kept: Hash) -> _Place:
    """Return what a subtree may be: as stored, as the stored tile below makes it, as the journal makes it."""
    own = _whole(ours, level, index)
    below = stored.folded(level - 1, index) if stored is not None and level and own != kept else kept
    choices = dict.fromkeys(one for one in (kept, below, own) if one is not None)
    return _Place(own, tuple(choices), agreed=bool(level) and kept is not None and below == kept)


def differing(ours: Ours, stored: StoredTiles, first: int, last: int) -> Iterator[int]:
    """Yield the sequences *first* to *last* whose stored leaf hash is not the journal's; either may be right."""
    for number in range((first - 1) // TILE_WIDTH, (last - 1) // TILE_WIDTH + 1):
        start = number * TILE_WIDTH
        kept = stored.hashes(0, number, min(TILE_WIDTH, last - start))
        for index, hash_ in enumerate(kept, start):
            if index >= first - 1 and hash_ is not None and _whole(ours, 0, index) != hash_:
                yield index + 1


def _whole(ours: Ours, level: int, index: int) -> Hash:
    try:
        return ours.whole(level, index)
    except Missing:
        return None
