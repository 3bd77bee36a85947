"""What the log keeps of its tree: tiles of hashes, read as they lie there and never believed by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from milepost_contracts.proofs.merkle import HASH_BYTES, Hashes, ProofError
from milepost_contracts.proofs.tiles import TILE_WIDTH, Tiles, split


class StoredTiles:
    """The tiles of one tenant; what is missing or damaged reads as None."""

    def __init__(self, folder: Path) -> None:
        """Take the tenant's folder."""
        self._tiles = Tiles(folder)

    def leaves(self, number: int) -> bytes | None:
        """Return the 256 leaf hashes of a whole tile, joined."""
        return self.read(0, number, TILE_WIDTH)

    def tree(self, size: int) -> Hashes:
        """Return what reads hashes of the tree of *size* off the tiles; it raises ProofError."""
        return self._tiles.hashes(size)

    def read(self, level: int, index: int, width: int) -> bytes | None:
        """Return the first *width* hashes of a tile, joined; None where they cannot be read."""
        try:
            return self._tiles.read(level, index, width)
        except (ProofError, OSError):
            return None

    def folded(self, level: int, index: int) -> bytes | None:
        """Return the root of a whole tile; None where it cannot be read."""
        content = self.read(level, index, TILE_WIDTH)
        return None if content is None else folded(apart(content))

    def hashes(self, level: int, index: int, width: int) -> list[bytes | None]:
        """Return the first *width* hashes of a tile, None each where they cannot be read."""
        content = self.read(level, index, width)
        return [None] * width if content is None else list(split(content))


def folded(hashes: Sequence[bytes]) -> bytes:
    """Return the root of a full subtree over *hashes*, whose number is a power of two."""
    level = hashes
    while len(level) > 1:
        level = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=True)]
    return level[0]


def apart(content: bytes) -> list[bytes]:
    """Return the hashes in *content*."""
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]
