"""One tenant's tree as the journal's rows make it: hashes of whole subtrees, and what is missing among the leaves."""

from __future__ import annotations

from collections.abc import Iterator

from milepost.replay.verify.stored import StoredTiles, apart, folded
from milepost_contracts.proofs.merkle import HASH_BYTES, Frontier
from milepost_contracts.proofs.tiles import TILE_HEIGHT, TILE_WIDTH


class Missing(LookupError):  # noqa: N818  says what the caller meets
    """The journal lacks a leaf that a hash is made of."""


class Ours:
    """The leaves of one tenant. `last`: the highest sequence that a row has; `twice`: indexes that two rows claim."""

    def __init__(self, tenant: str, stored: StoredTiles | None) -> None:
        """Begin with none; *stored* gives leaf hashes of whole tiles that are known to be the same there."""
        self.tenant = tenant
        self.stored = stored
        self.last = 0
        self._read: tuple[int, bytes] = (-1, b"")
        self.odd: dict[int, bytes] = {}
        self.twice: list[int] = []
        self._tiles: dict[int, bytes] = {}
        self._loose: dict[int, dict[int, bytes]] = {}  # tile -> index -> leaf hash
        self._levels: list[dict[int, bytes]] = []

    def take(self, tiles: dict[int, bytes], loose: list[tuple[int, bytes]], odd: dict[int, bytes]) -> None:
        """Add what a stretch holds."""
        for number, hash_ in tiles.items():
            self.last = max(self.last, (number + 1) * TILE_WIDTH)
            if number in self._tiles or number in self._loose:
                self.twice.append(number * TILE_WIDTH)
                continue
            self._tiles[number] = hash_
            if number in odd:
                self.odd[number] = odd[number]
        for start, content in loose:
            for index, leaf in enumerate(apart(content), start):
                self.last = max(self.last, index + 1)
                held = self._loose.setdefault(index // TILE_WIDTH, {})
                if index in held or index // TILE_WIDTH in self._tiles:
                    self.twice.append(index)
                else:
                    held[index] = leaf

    def settle(self) -> None:
        """Make whole tiles of what came in parts; call it once, after the last stretch."""
        for number in sorted(self._loose):
            held = self._loose[number]
            if len(held) == TILE_WIDTH:
                leaves = [held[index] for index in sorted(held)]
                self._tiles[number] = folded(leaves)
                content = b"".join(leaves)
                if self.stored is None or self.stored.leaves(number) != content:
                    self.odd[number] = content
                del self._loose[number]

    def leaf(self, index: int) -> bytes:
        """Return the hash of the leaf at *index*; raises Missing."""
        number, inside = divmod(index, TILE_WIDTH)
        if number in self._tiles:
            return self._content(number)[inside * HASH_BYTES : (inside + 1) * HASH_BYTES]
        try:
            return self._loose[number][index]
        except KeyError:
            raise Missing(f"leaf {index}") from None

    def whole(self, level: int, index: int) -> bytes:
        """Return the hash of the full subtree of 256**level leaves at *index*; raises Missing."""
        if level == 0:
            return self.leaf(index)
        if level == 1:
            try:
                return self._tiles[index]
            except KeyError:
                raise Missing(f"tile {index}") from None
        while len(self._levels) <= level:
            self._levels.append({})
        if (hash_ := self._levels[level].get(index)) is None:
            below = range(index * TILE_WIDTH, (index + 1) * TILE_WIDTH)
            hash_ = self._levels[level][index] = folded([self.whole(level - 1, child) for child in below])
        return hash_

    def hashes(self, level: int, index: int) -> bytes:
        """Return the hash of the full subtree of 2**level leaves at *index* (merkle.Hashes); raises Missing."""
        tall, inside = divmod(level, TILE_HEIGHT)
        first = index << inside
        if not tall and (number := first // TILE_WIDTH) in self._tiles:
            start = first % TILE_WIDTH * HASH_BYTES
            return folded(apart(self._content(number)[start : start + (HASH_BYTES << inside)]))
        return folded([self.whole(tall, child) for child in range(first, first + (1 << inside))])

    def _content(self, number: int) -> bytes:
        """Return the leaf hashes of a whole tile; raises Missing."""
        if self._read[0] != number:
            content = self.odd.get(number) or (self.stored.leaves(number) if self.stored else None)
            if content is None:  # it was there a moment ago
                raise Missing(f"tile {number}")
            self._read = (number, content)
        return self._read[1]

    def root(self, size: int) -> bytes:
        """Return the root of the first *size* leaves; raises Missing."""
        return Frontier.of(size, self.hashes).root()

    def holes(self, size: int) -> Iterator[tuple[int, int]]:
        """Yield (first, last) sequences up to *size* of which there is no row, neighbours together."""
        begin: int | None = None
        for number in range(-(-size // TILE_WIDTH)):
            if number in self._tiles:
                if begin is not None:
                    yield begin + 1, number * TILE_WIDTH
                    begin = None
                continue
            held = self._loose.get(number, {})
            for index in range(number * TILE_WIDTH, min((number + 1) * TILE_WIDTH, size)):
                if index in held:
                    if begin is not None:
                        yield begin + 1, index
                        begin = None
                elif begin is None:
                    begin = index
        if begin is not None:
            yield begin + 1, size
