"""A journal that is not what was signed is never signed: it is told once, loudly, and other tenants go on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from milepost.journal import Journal
from milepost.replay.tree import Grower
from milepost_contracts.proofs.tiles import tile_path
from tests.journal.wishes import run_sql
from tests.replay.tree.checking import checked
from tests.replay.tree.conftest import Log


def diverged(grower: Grower, tenant: str = "acme") -> str:
    """Return why the tenant's log is not signed any more."""
    trouble = grower.troubles[tenant]
    assert trouble.code == "tree_diverged"
    return trouble.message


def flip(path: Path) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def change(log: Log, sequence: int) -> None:
    """Change a letter of the event with this sequence behind the journal's back."""
    text = "CAST(replace(CAST(state AS TEXT), 'jwt', 'jwx') AS BLOB)"
    if log.url.startswith("postgresql:"):
        text = "convert_to(replace(convert_from(state, 'UTF8'), 'jwt', 'jwx'), 'UTF8')"
    run_sql(log.url, f"UPDATE stored_events SET state = {text} WHERE tenant = 'acme' AND sequence = {sequence}")


def test_a_changed_event_stops_the_signing(log: Log) -> None:
    """An event under the newest checkpoint that was changed is noticed at the start; the other tenant goes on."""
    log.write(300)
    log.write(3, "globex")
    log.grower().close()
    change(log, 290)
    log.write(5)
    log.write(5, "globex")
    grower = log.grower()
    assert "sequence 290 is not the one" in diverged(grower)
    log.now += 1000
    log.write(5)
    grower.step()
    grower.close()
    assert [path.name for path in (log.proofs / "acme" / "checkpoints").iterdir()] == ["0000000000000300"]
    assert [one.size for one in checked(log.proofs, log.keys(), "globex", log.documents("globex"))] == [3, 8]


def test_an_old_event_is_found_in_time(log: Log) -> None:
    """Any signed event that was changed is found by looking again where nothing is new, without a restart."""
    log.write(2500)
    grower = log.grower()
    log.now += 100
    grower.step()
    change(log, 1700)
    for _ in range(4):
        log.now += 10
        grower.step()
    assert "sequence 1700 is not the one" in diverged(grower)
    log.write(10)
    log.now += 100
    grower.step()
    assert len(list((log.proofs / "acme" / "checkpoints").iterdir())) == 1


def test_a_shorter_journal_stops_the_signing(log: Log) -> None:
    """A journal that lost its end, as one restored from an older backup, is not signed."""
    log.write(300)
    log.grower().close()
    run_sql(log.url, "DELETE FROM stored_events WHERE tenant = 'acme' AND sequence > 260")
    assert "the journal ends at 260, but 300 events were signed" in diverged(log.grower())


def test_a_journal_that_is_gone_stops_the_signing(log: Log) -> None:
    """A tenant with checkpoints and no events at all is not taken for a new one."""
    log.write(10)
    log.grower().close()
    run_sql(log.url, "DELETE FROM stored_events")
    assert "the journal ends at" in diverged(log.grower())


def test_a_missing_event_stops_the_signing(log: Log) -> None:
    """A gap behind what was signed is no tree."""
    log.write(10)
    grower = log.grower(events=1)
    grower.step()
    log.write(10)
    run_sql(log.url, "DELETE FROM stored_events WHERE tenant = 'acme' AND sequence = 15")
    grower.step()
    assert "after sequence 14 the journal goes on with 16" in diverged(grower)


def _tile(folder: Path) -> Path:
    return folder / tile_path(0, 0)


def _partial(folder: Path) -> Path:
    return folder / tile_path(0, 1, 44)


def _above(folder: Path) -> Path:
    return folder / tile_path(1, 0, 1)


def _note(folder: Path) -> Path:
    return folder / "checkpoints" / f"{300:016d}"


@pytest.mark.parametrize("which", [_partial, _above, _note])
@pytest.mark.parametrize("damage", [flip, os.unlink, lambda path: path.write_bytes(b"")])
def test_damaged_files_stop_the_signing(
    log: Log, which: Callable[[Path], Path], damage: Callable[[Path], None]
) -> None:
    """A tile or checkpoint at the edge that is changed, gone or empty is noticed at the start."""
    log.write(300)
    log.grower().close()
    damage(which(log.proofs / "acme"))
    assert diverged(log.grower())


def test_a_tile_that_was_written_and_not_signed_is_held_against_the_journal(log: Log) -> None:
    """Between tiles and checkpoint the journal may not change either: what differs is never signed."""
    log.write(10)
    log.grower().close()
    log.write(400)
    folder = log.proofs / "acme"
    grower = log.grower(opened=False)

    def died(point: str) -> None:
        if point == "replay.after_tiles":
            raise KeyboardInterrupt

    log.at = died
    grower.open()
    with pytest.raises(KeyboardInterrupt):
        grower.close()
    grower._lock.release()  # type: ignore[union-attr]  # as the system does for a process that has ended
    grower._lock = None
    log.at = log.points.append
    flip(_tile(folder))
    again = log.grower()
    log.now += 100
    again.step()
    assert "the journal gives another hash than before" in diverged(again)


def test_a_checkpoint_of_nobody_stops_the_signing(log: Log) -> None:
    """A checkpoint that no key of the log signed is not gone on from; neither is one whose keys are gone."""
    log.write(10)
    log.grower().close()
    for path in log.signing.iterdir():
        path.unlink()
    assert "no public key of acme is left" in diverged(log.grower())


def test_a_lost_key_signs_nothing_and_comes_back(log: Log) -> None:
    """Without its seed nothing is signed, which is told; put back, signing goes on."""
    log.write(10)
    log.grower().close()
    seed = log.signing / "acme.1.key"
    kept = seed.read_bytes()
    seed.unlink()
    log.write(5)
    grower = log.grower()
    log.now += 100
    grower.step()
    assert grower.troubles["acme"].code == "signing_key_unusable"
    seed.write_bytes(kept)
    log.now += 10
    grower.step()
    assert "chmod 600" in grower.troubles["acme"].message
    seed.chmod(0o600)
    log.now += 10
    grower.step()
    assert grower.troubles == {}
    assert [one.size for one in checked(log.proofs, log.keys(), "acme", log.documents())] == [10, 15]


def test_a_journal_for_reading_is_enough(log: Log) -> None:
    """What grows the trees reads the journal and writes nothing to it."""
    log.write(3)
    with Journal(log.url, writes=False) as reader:
        assert [row.sequence for row in reader.bare_after(0, 10)] == [1, 2, 3]
        assert reader.bare_of("acme", 1, 10) == reader.bare_after(0, 10)[1:]
