"""Leaf hashes are gathered into tiles here: of each level the one that is not full yet, the tree's whole frontier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from milepost_contracts.proofs.merkle import HASH_BYTES, Frontier, full_root
from milepost_contracts.proofs.tiles import TILE_HEIGHT, TILE_WIDTH, Tiles, split

TILE_BYTES = TILE_WIDTH * HASH_BYTES
Place = tuple[int, int, int]
"""A tile's (level, index, width)."""


class Edge:
    """The right edge of a tree of `size` leaves: one tile of each level, at most 255 hashes wide."""

    def __init__(self) -> None:
        """Begin an empty tree."""
        self.size = 0
        self._levels = [bytearray()]
        self._filled: list[tuple[Place, bytes]] = []

    @classmethod
    def read(cls, tiles: Tiles, size: int) -> Edge:
        """Return the edge of the tree of *size* out of *tiles*; raises ProofError."""
        edge = cls()
        edge.size = size
        edge._levels = []
        level = 0
        while (count := size >> (TILE_HEIGHT * level)) or not level:
            width = count % TILE_WIDTH
            content = tiles.read(level, count // TILE_WIDTH, width) if width else b""
            edge._levels.append(bytearray(content))
            level += 1
        return edge

    def add(self, leaves: Sequence[bytes]) -> None:
        """Add leaves by their hashes, in order."""
        done = 0
        while done < len(leaves):
            lowest = self._levels[0]
            room = TILE_WIDTH - len(lowest) // HASH_BYTES
            taken = leaves[done : done + room]
            lowest += b"".join(taken)
            done += len(taken)
            self.size += len(taken)
            if len(lowest) == TILE_BYTES:
                self._fill(0)

    def root(self) -> bytes:
        """Return the root of the tree."""
        peaks: list[bytes] = []
        for content in reversed(self._levels):
            frontier = Frontier()
            frontier.extend(split(bytes(content)))
            peaks += frontier.peaks
        return Frontier(self.size, peaks).root()

    def tiles(self) -> Iterator[tuple[Place, bytes]]:
        """Yield what is to be written before this size is signed: tiles filled since `kept`, and the partial ones."""
        yield from self._filled
        for level, content in enumerate(self._levels):
            if content:
                index = (self.size >> (TILE_HEIGHT * level)) // TILE_WIDTH
                yield (level, index, len(content) // HASH_BYTES), bytes(content)

    def kept(self) -> list[Place]:
        """Forget the tiles that were filled, since they are written; return their places."""
        places = [place for place, _ in self._filled]
        self._filled.clear()
        return places

    def _fill(self, level: int) -> None:
        content = bytes(self._levels[level])
        index = (self.size >> (TILE_HEIGHT * (level + 1))) - 1
        self._filled.append(((level, index, TILE_WIDTH), content))
        self._levels[level].clear()
        if level + 1 == len(self._levels):
            self._levels.append(bytearray())
        above = self._levels[level + 1]
        above += full_root(list(split(content)))
        if len(above) == TILE_BYTES:
            self._fill(level + 1)
