"""Tiles: their names as C2SP tlog-tiles has them, and proofs read from files that somebody may have damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost_contracts.proofs.merkle import Frontier, ProofError, consistency_proof, inclusion_proof, root_of
from milepost_contracts.proofs.tiles import TILE_WIDTH, Tiles, tile_path
from tests.contracts.proofs.trees import hashes_of, leaves_of

SIZE = 70_000
LEAVES = leaves_of(SIZE)
HASHES = hashes_of(LEAVES)


def write(folder: Path, size: int) -> int:
    """Write the tiles of the tree of *size* as the specification defines them; return how many files there are."""
    files = 0
    for level in range(8):
        count = size >> (8 * level)
        for number in range(-(-count // TILE_WIDTH)):
            width = min(TILE_WIDTH, count - number * TILE_WIDTH)
            path = folder / tile_path(level, number, width)
            path.parent.mkdir(parents=True, exist_ok=True)
            entries = range(number * TILE_WIDTH, number * TILE_WIDTH + width)
            path.write_bytes(b"".join(HASHES(8 * level, entry) for entry in entries))
            files += 1
    return files


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the tiles of 70,000 leaves, the specification's own example."""
    made = tmp_path_factory.mktemp("tiles")
    # 273 full and one partial of level 0, one full and one partial of level 1, one partial of level 2.
    assert write(made, SIZE) == 273 + 1 + 1 + 1 + 1
    for name in ("tile/0/x000/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"):
        assert (made / name.replace("x000/", "")).exists()
    return made


def test_names_are_those_of_the_specification() -> None:
    """Indexes are cut in threes, all but the last with an x; partial tiles tell their width."""
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path(0, 0) == "tile/0/000"
    assert tile_path(1, 67, 12) == "tile/1/067.p/12"
    assert tile_path(0, 1067, 1) == "tile/0/x001/067.p/1"
    for wrong in ((-1, 0, 1), (8, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)):
        with pytest.raises(ProofError) as caught:
            tile_path(*wrong)
        assert caught.value.code == "tile_name"


def test_proofs_come_from_tiles(folder: Path) -> None:
    """Proofs, frontier and leaves that are read from tiles are those of the tree, for old sizes too."""
    tiles = Tiles(folder)
    for size in (1, 255, 256, 257, 65_535, 65_536, 65_537, SIZE):
        read = tiles.hashes(size)
        assert Frontier.of(size, read).peaks == Frontier.of(size, HASHES).peaks
        for index in {0, size // 2, size - 1}:
            assert inclusion_proof(index, size, read) == inclusion_proof(index, size, HASHES)
        assert consistency_proof(size, SIZE, tiles.hashes(SIZE)) == consistency_proof(size, SIZE, HASHES)


@given(st.data())
def test_leaves_come_as_stored(folder: Path, data: st.DataObject) -> None:
    """Any stretch of leaf hashes comes out whole and in order."""
    start = data.draw(st.integers(0, SIZE))
    end = data.draw(st.integers(start, min(SIZE, start + 1000)))
    assert list(Tiles(folder).leaves(start, end)) == LEAVES[start:end]


def test_a_partial_tile_may_be_gone_when_a_wider_one_is_there(tmp_path: Path) -> None:
    """A tile's beginning is read from the narrowest file that has it."""
    write(tmp_path, 300)
    tiles = Tiles(tmp_path)
    assert Frontier.of(290, tiles.hashes(290)).root() == root_of(LEAVES[:290])
    (tmp_path / tile_path(0, 1, 44)).rename(tmp_path / "tile/0/001.p/junk")
    with pytest.raises(ProofError) as caught:
        tiles.hashes(290)(0, 280)
    assert caught.value.code == "tile_missing"


def test_damage_is_told_by_code(tmp_path: Path) -> None:
    """Tiles that are cut short or missing, and hashes beyond the tree, have their codes."""
    write(tmp_path, 300)
    (tmp_path / tile_path(0, 0)).write_bytes(b"short")
    for size, level, index, code in (
        (300, 0, 0, "tile_malformed"),
        (600, 0, 599, "tile_missing"),
        (300, 0, 300, "index_out_of_range"),
        (300, 8, 1, "index_out_of_range"),
        (300, 0, -1, "index_out_of_range"),
    ):
        with pytest.raises(ProofError) as caught:
            Tiles(tmp_path).hashes(size)(level, index)
        assert caught.value.code == code
