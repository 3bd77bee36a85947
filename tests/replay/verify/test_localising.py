"""Where a large journal and its checkpoint differ is found through the stored tiles, and no farther than they carry."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from milepost.replay.verify.localising import Fault, faults
from milepost.replay.verify.ours import Missing, Ours
from milepost.replay.verify.stored import StoredTiles, folded
from milepost_contracts.proofs.merkle import Frontier, leaf_hash, root_of
from milepost_contracts.proofs.tiles import TILE_WIDTH, tile_path
from tests.replay.verify.samples import grow, signer

SIZE = 66_100  # a whole tile of level 2's first entry, two levels more at the edge, and some leaves


@pytest.fixture(scope="module")
def documents() -> list[bytes]:
    return [str(number).encode() for number in range(SIZE)]


@pytest.fixture(scope="module")
def root(documents: list[bytes]) -> bytes:
    return root_of(leaf_hash(document) for document in documents)


@pytest.fixture
def folder(documents: list[bytes], tmp_path: Path) -> Path:
    """Give a folder with the tree as it was grown."""
    grow(tmp_path, documents, [], signer("any"))
    return tmp_path


def _ours(documents: list[bytes], folder: Path | None, **changed: bytes | None) -> Ours:
    """Return the journal's leaves; *changed*: `at5=b"x"` is another document at index 5, None: there is none."""
    stored = StoredTiles(folder) if folder is not None else None
    ours = Ours("any", stored)
    leaves = [leaf_hash(document) for document in documents]
    others = {int(name.removeprefix("at")): value for name, value in changed.items()}
    for index, value in others.items():
        leaves[index] = leaf_hash(value) if value is not None else b""
    for number in range(-(-len(leaves) // TILE_WIDTH)):
        tile = leaves[number * TILE_WIDTH : (number + 1) * TILE_WIDTH]
        content = b"".join(tile)
        if len(content) == TILE_WIDTH * 32:
            odd = {} if stored is not None and stored.leaves(number) == content else {number: content}
            ours.take({number: folded(tile)}, [], odd)
        else:
            start = number * TILE_WIDTH
            ours.take({}, [(start + inside, leaf) for inside, leaf in enumerate(tile) if leaf], {})
    ours.settle()
    return ours


def test_leaves_make_the_root_that_an_independent_reckoning_makes(documents: list[bytes], folder: Path) -> None:
    """Roots at any size are those of the leaves."""
    ours = _ours(documents, folder)
    hashes = [leaf_hash(document) for document in documents]
    for size in (1, 2, 255, 256, 257, 4095, 65_535, 65_536, 65_537, SIZE):
        assert ours.root(size) == root_of(hashes[:size])
    with pytest.raises(Missing):
        ours.root(SIZE + 1)


def test_a_changed_or_removed_event_is_told_exactly(documents: list[bytes], folder: Path, root: bytes) -> None:
    """One and several changed leaves, at the edge and in the middle, are each told with what was signed there."""
    ours = _ours(documents, folder, at0=b"x", at300=b"x", at40000=None, at65535=b"x", at65536=b"x", at66099=b"x")
    found = list(faults(ours, StoredTiles(folder), SIZE, root))
    assert [(one.first, one.last, one.told) for one in found] == [
        (number, number, True) for number in (1, 301, 40_001, 65_536, 65_537, 66_100)
    ]
    assert found[1].expected == leaf_hash(documents[300])
    assert list(ours.holes(SIZE)) == [(40_001, 40_001)]


@pytest.mark.parametrize("seed", range(5), ids=lambda seed: f"damage{seed}")
def test_a_damaged_hash_elsewhere_hides_nothing(documents: list[bytes], folder: Path, root: bytes, seed: int) -> None:
    """With any one stored hash damaged too, the changed event is told exactly, unless it is that event's own hash."""
    chance = random.Random(seed)  # noqa: S311  the same every time
    tile = chance.choice(sorted(path for path in (folder / "tile").rglob("*") if path.is_file()))
    content = bytearray(tile.read_bytes())
    content[chance.randrange(len(content))] ^= 1
    tile.write_bytes(content)
    ours = _ours(documents, folder, at12345=b"x")
    found = list(faults(ours, StoredTiles(folder), SIZE, root))
    assert found == [Fault(12_346, 12_346, told=True, expected=leaf_hash(documents[12_345]))]


def test_where_the_tile_is_changed_too_its_range_is_told(documents: list[bytes], folder: Path, root: bytes) -> None:
    """A tile that was made to fit the changed journal narrows it down to 256 events, a gone folder to all of them."""
    ours = _ours(documents, folder, at12345=b"x")
    number = 12_345 // TILE_WIDTH
    (folder / tile_path(0, number)).write_bytes(ours.odd[number])
    assert list(faults(ours, StoredTiles(folder), SIZE, root)) == [
        Fault(number * TILE_WIDTH + 1, (number + 1) * TILE_WIDTH, told=False)
    ]
    assert list(faults(ours, None, SIZE, root)) == [Fault(1, SIZE, told=False)]


def test_an_earlier_checkpoint_narrows_the_range(documents: list[bytes], root: bytes) -> None:
    """What an earlier held checkpoint proves is left out of what cannot be told."""
    ours = _ours(documents, None, at12345=b"x")
    assert list(faults(ours, None, SIZE, root, known=10_000)) == [Fault(10_001, SIZE, told=False)]


def test_every_small_size_is_reckoned_right(documents: list[bytes], tmp_path: Path) -> None:
    """At each size from 1 to 20 and around a tile, a changed last event is told."""
    for size in (*range(1, 21), 255, 256, 257, 511, 512, 513):
        folder = tmp_path / str(size)
        grow(folder, documents[:size], [], signer("any"))
        frontier = Frontier()
        frontier.extend(leaf_hash(document) for document in documents[:size])
        changed = _ours([*documents[: size - 1], b"x"], folder)
        found = list(faults(changed, StoredTiles(folder), size, frontier.root()))
        assert [(one.first, one.told) for one in found] == [(size, True)]
