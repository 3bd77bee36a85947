"""The hashes of a log's tree are read from files of 256 each, as anybody may keep and serve them (C2SP tlog-tiles)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

from milepost_contracts.proofs.merkle import HASH_BYTES, Hashes, ProofError, full_root

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
KEPT_MAX = 1024  # tiles of one reader: 8 MiB, and a proof from a tree of a billion events needs five
LEVELS = 8  # 256**8 leaves are more than any tree has


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return where tile *index* of *level* lies, e.g. `tile/0/x001/067`; of *width* below 256: `tile/0/x001/067.p/12`.

    Raises ProofError `tile_name`.
    """
    if not (0 <= level < LEVELS and index >= 0 and 1 <= width <= TILE_WIDTH):
        raise ProofError("tile_name", f"there is no tile {index} of level {level} and width {width}")
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03d}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"


class Tiles:
    """Reads the tiles below *folder*, which holds `tile/`; believes no file of another length than its name says."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; nothing is read yet."""
        self.folder = folder

    def hashes(self, size: int) -> Hashes:
        """Return what reads hashes of full subtrees in the tree of *size*; it raises ProofError.

        Codes: `index_out_of_range`, `tile_missing`, `tile_malformed`.
        """
        kept: OrderedDict[tuple[int, int], bytes] = OrderedDict()

        def read(level: int, index: int) -> bytes:
            if level < 0 or index < 0 or (index + 1) << level > size:
                raise ProofError("index_out_of_range", f"no full subtree {index} of level {level} in {size} leaves")
            tile_level, inside = divmod(level, TILE_HEIGHT)
            number, first = divmod(index << inside, TILE_WIDTH)
            if (content := kept.get((tile_level, number))) is None:
                width = min(TILE_WIDTH, (size >> (TILE_HEIGHT * tile_level)) - number * TILE_WIDTH)
                content = kept[tile_level, number] = self.read(tile_level, number, width)
                if len(kept) > KEPT_MAX:
                    kept.popitem(last=False)
            return full_root(list(split(content[first * HASH_BYTES : (first + (1 << inside)) * HASH_BYTES])))

        return read

    def leaves(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the leaf hashes *start* to *end* (not included) as stored, in order; raises ProofError."""
        for number in range(start // TILE_WIDTH, -(-end // TILE_WIDTH)):
            first = number * TILE_WIDTH
            width = min(TILE_WIDTH, end - first)
            yield from split(self.read(0, number, width)[max(0, start - first) * HASH_BYTES :])

    def read(self, level: int, index: int, width: int) -> bytes:
        """Return the first *width* hashes of a tile: from the full one, or the narrowest partial one that has them.

        Raises ProofError `tile_missing`, `tile_malformed`, `tile_name`.
        """
        wanted = tile_path(level, index, width)
        full = self.folder / tile_path(level, index)
        for path, held in [(full, TILE_WIDTH), *self._partials(full.with_name(f"{full.name}.p"), width)]:
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue
            if len(content) != held * HASH_BYTES:
                raise ProofError("tile_malformed", f"{path} has {len(content)} bytes, not {held * HASH_BYTES}")
            return content[: width * HASH_BYTES]
        raise ProofError("tile_missing", f"{self.folder / wanted} is not there, nor a wider one")

    @staticmethod
    def _partials(folder: Path, width: int) -> list[tuple[Path, int]]:
        """Return the partial tiles in *folder* that are *width* wide or wider, narrowest first."""
        try:
            names = [path.name for path in folder.iterdir()]
        except FileNotFoundError:
            return []
        widths = sorted(int(name) for name in names if name.isascii() and name.isdecimal() and name[0] != "0")
        return [(folder / str(held), held) for held in widths if width <= held < TILE_WIDTH]


def split(content: bytes) -> Iterator[bytes]:
    """Yield the hashes in a tile's *content*."""
    for at in range(0, len(content), HASH_BYTES):
        yield content[at : at + HASH_BYTES]
