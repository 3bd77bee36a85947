"""Trees grow with the journal, are signed when it is time, and go on where they were after any end."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.replay.tree import ProofFolder, TreeInUse
from milepost.replay.tree.edge import Edge
from milepost_contracts.proofs.merkle import leaf_hash, root_of
from milepost_contracts.proofs.tiles import TILE_WIDTH, Tiles, tile_path
from tests.replay.tree.checking import checked
from tests.replay.tree.conftest import Log


def sizes(log: Log, tenant: str = "acme") -> list[int]:
    """Return the sizes of the tenant's checkpoints, all of which hold."""
    return [one.size for one in checked(log.proofs, log.keys(), tenant, log.documents(tenant))]


class Died(BaseException):
    """What a fault point raises in these tests: nothing catches it, as nothing catches the end of a process."""


def test_a_checkpoint_comes_after_so_many_events(log: Log) -> None:
    """The first is signed at once, others when `events` new ones are there; two of a tenant are a second apart."""
    grower = log.grower(events=10)
    log.write(1)
    assert grower.step() == 1
    assert sizes(log) == [1]
    log.now += 1
    log.write(9)
    assert grower.step() == 9
    assert sizes(log) == [1]
    log.write(1)
    grower.step()
    assert sizes(log) == [1, 11]
    log.write(30)
    grower.step()
    assert sizes(log) == [1, 11]
    log.now += 1
    grower.step()
    assert sizes(log) == [1, 11, 41]


def test_a_checkpoint_comes_after_so_many_seconds(log: Log) -> None:
    """One is signed `seconds` after the first new event, and none where nothing is new."""
    grower = log.grower(seconds=60)
    log.write(3)
    grower.step()
    log.write(1)
    grower.step()
    log.now += 59
    log.write(1)
    grower.step()
    assert sizes(log) == [3]
    log.now += 1
    grower.step()
    assert sizes(log) == [3, 5]
    log.now += 600
    grower.step()
    assert sizes(log) == [3, 5]


def test_closing_signs_what_is_left(log: Log) -> None:
    """What was taken is signed at the end, and another grower goes on from there."""
    grower = log.grower()
    log.write(5)
    grower.step()
    grower.close()
    assert sizes(log) == [5]
    log.write(300)
    again = log.grower()
    again.close()
    assert sizes(log) == [5, 305]


def test_tenants_have_trees_of_their_own(log: Log) -> None:
    """Events of several tenants that are stored in turns end each in their own tree, and every key is another."""
    log.write(7, "acme")
    grower = log.grower(events=1)
    for _ in range(3):
        log.write(11, "globex")
        log.write(5, "acme")
        log.now += 1
        grower.step()
    assert sizes(log, "acme")[-1] == 22
    assert sizes(log, "globex")[-1] == 33
    names = {str(log.keys().verifiers(tenant)[0]) for tenant in ("acme", "globex")}
    assert len(names) == 2


def test_a_long_journal_is_caught_up_on(log: Log) -> None:
    """A log that begins late has full tiles on two levels, and no partial tile where the full one is."""
    log.write(3 * TILE_WIDTH + 5)
    log.grower().close()
    assert sizes(log) == [773]
    assert (log.proofs / "acme" / tile_path(0, 2)).exists()
    assert (log.proofs / "acme" / tile_path(1, 0, 3)).exists()
    log.write(2 * TILE_WIDTH)
    log.grower().close()
    assert sizes(log) == [773, 1285]
    assert not (log.proofs / "acme" / tile_path(0, 3, 5)).exists()


def test_two_growers_at_once_are_refused(log: Log) -> None:
    """A second grower of the same folder is refused until the first one is gone."""
    first = log.grower()
    second = log.grower(opened=False)
    with pytest.raises(TreeInUse) as refused:
        second.open()
    assert refused.value.code == "tree_in_use"
    assert not second.is_open
    first.close()
    second.open()
    assert second.is_open


@pytest.mark.parametrize(
    "point", ["replay.before_tiles", "replay.after_tiles", "replay.before_checkpoint", "replay.after_checkpoint"]
)
def test_a_tree_goes_on_after_an_end_anywhere(log: Log, point: str) -> None:
    """An end at any point leaves what the next grower takes up: same roots, nothing contradicted."""

    def dying(passed: str) -> None:
        if passed == point and dying_now:
            raise Died

    dying_now = False
    log.at = dying
    log.write(250)
    log.grower().close()
    log.write(20)
    grower = log.grower(events=10)
    log.write(300)
    dying_now = True
    log.now += 1
    with pytest.raises(Died):
        grower.step()
    grower._lock.release()  # type: ignore[union-attr]  # as the system does for a process that has ended
    grower._lock = None
    dying_now = False
    log.write(7)
    log.now += 60
    log.grower(events=10).close()
    assert sizes(log)[-1] == 577


def test_private_keys_are_private(log: Log) -> None:
    """Seeds are readable by their owner alone, in a folder of the owner's; the public line stands beside."""
    log.write(1)
    log.grower().close()
    assert stat.S_IMODE(log.signing.stat().st_mode) == 0o700
    assert stat.S_IMODE((log.signing / "acme.1.key").stat().st_mode) == 0o600
    assert len((log.signing / "acme.1.key").read_bytes()) == 32
    line = (log.signing / "acme.1.vkey").read_text()
    assert line == f"{log.keys().verifiers('acme')[0]}\n"
    assert line.startswith("milepost.test/acme+")


@given(st.lists(st.integers(0, 700), max_size=6), st.integers(0, 3))
def test_an_edge_is_the_tree(tmp_path_factory: pytest.TempPathFactory, steps: list[int], stops: int) -> None:
    """However leaves come, and wherever the edge is written and read again, root and tiles are those of the tree."""
    folder = ProofFolder(tmp_path_factory.mktemp("edge"), "acme")
    leaves = [leaf_hash(b"%d" % number) for number in range(sum(steps))]
    edge = Edge()
    for place, step in enumerate(steps):
        edge.add(leaves[edge.size : edge.size + step])
        assert edge.root() == root_of(leaves[: edge.size])
        if place % (stops + 1) == 0:
            folder.keep_tiles(edge.tiles())
            edge = Edge.read(Tiles(folder.path), edge.size)
            assert edge.root() == root_of(leaves[: edge.size])
            assert list(folder.tiles.leaves(0, edge.size)) == leaves[: edge.size]


def test_an_unwritable_folder_is_tried_again(log: Log, tmp_path: Path) -> None:
    """Where tiles cannot be written nothing is signed, which is told, and signing goes on when they can be."""
    log.write(5)
    log.proofs.mkdir()
    (log.proofs / "acme").write_text("in the way")
    grower = log.grower(events=1)
    grower.step()
    assert grower.troubles["acme"].code == "tree_unwritable"
    (log.proofs / "acme").unlink()
    log.now += 10
    grower.step()
    assert grower.troubles == {}
    assert sizes(log) == [5]
