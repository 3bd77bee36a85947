"""An export that broke off goes on where it ended, and comes to what it would have been."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from milepost.replay.export import ExportError
from milepost.replay.export.plan import UNFINISHED
from milepost_contracts.envelope import decode
from milepost_contracts.proofs import bundle
from milepost_contracts.proofs.verify import verify_bundle
from tests.journal.wishes import run_sql
from tests.replay.export.exporting import Exporting
from tests.replay.export.test_bundles import EVERYTHING, GOAL, MAYA, PROGRAMME, SCOPES

SEEDS = 4
LIMIT = 7  # events of one page: a goal's 36 take six


class BrokenError(RuntimeError):
    """The end of the process, where a test wants it."""


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a bundle by its path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def breaking(after: int) -> Callable[[int], None]:
    """Return what ends an export when page number *after* is asked for."""
    asked = 0

    def paged(_: int) -> None:
        nonlocal asked
        asked += 1
        if asked > after:
            raise BrokenError

    return paged


def damage(folder: Path, dice: random.Random) -> None:
    """Do to the files what a machine that lost its power does: ends are lost, or are not what was written."""
    for path in folder.glob("*.ndjson"):
        content = path.read_bytes()
        kept = content[: dice.randint(0, len(content))]
        path.write_bytes(kept + dice.choice([b"", b"\0" * 40, b'{"half":', content[:30]]))


@pytest.mark.parametrize("kind", SCOPES)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_was_broken_off_anywhere_becomes_what_it_would_have_been(
    exporting: Exporting, tmp_path: Path, kind: str, seed: int
) -> None:
    """Broken off at random pages, with files cut and soiled, and resumed until it is whole, it has the same bytes.

    The scan and the .zip are part of it; only what was lost is asked for again.
    """
    dice = random.Random(f"{kind} {seed}")  # noqa: S311  a test's dice
    scope = SCOPES[kind]
    straight = exporting.export(tmp_path / "straight" / "it", scope, scan=True, zipped=True, limit=LIMIT)
    folder = tmp_path / "broken" / "it"
    for turn in range(dice.randint(1, 4)):
        with pytest.raises(BrokenError):
            exporting.export(
                folder, scope, scan=True, zipped=True, limit=LIMIT, resume=turn > 0, paged=breaking(dice.randint(0, 4))
            )
        assert not (folder / bundle.MANIFEST).exists()
        if dice.random() < 0.7:
            damage(folder, dice)
    made = exporting.export(folder, scope, scan=True, zipped=True, limit=LIMIT, resume=True)
    assert contents(made.folder) == contents(straight.folder)
    assert made.zipped is not None
    assert straight.zipped is not None
    assert made.zipped.read_bytes() == straight.zipped.read_bytes()
    assert verify_bundle(made.folder, [exporting.key]).verified


def test_kept_events_are_not_asked_for_again(exporting: Exporting, tmp_path: Path) -> None:
    """Resumed after three pages of seven, the first question is for what comes after the twenty-first event."""
    asked: list[int] = []
    with pytest.raises(BrokenError):
        exporting.export(tmp_path / "it", PROGRAMME, limit=LIMIT, paged=breaking(3))
    kept = list(bundle.lines(tmp_path / "it" / bundle.EVENTS))
    exporting.export(tmp_path / "it", PROGRAMME, limit=LIMIT, resume=True, paged=asked.append)
    assert len(kept) == 3 * LIMIT
    assert asked[0] == decode(kept[-1]).number


def test_an_export_that_was_altered_while_it_lay_broken_off_is_fetched_again_from_there(
    exporting: Exporting, tmp_path: Path
) -> None:
    """A word that was changed in a kept event does not verify: it and what follows are thrown away and asked for."""
    with pytest.raises(BrokenError):
        exporting.export(tmp_path / "it", GOAL, limit=LIMIT, paged=breaking(4))
    events = tmp_path / "it" / bundle.EVENTS
    events.write_bytes(events.read_bytes().replace(b"user:", b"usor:", 1))
    asked: list[int] = []
    exporting.export(tmp_path / "it", GOAL, limit=LIMIT, resume=True, paged=asked.append)
    assert asked[0] == 0
    assert verify_bundle(tmp_path / "it", [exporting.key]).verified


def test_folders_are_not_mixed_up(exporting: Exporting, tmp_path: Path) -> None:
    """A folder with something in it, one broken off, a whole one and another export's are each refused by name."""
    folder = tmp_path / "it"
    with pytest.raises(ExportError) as raised:
        exporting.export(folder, GOAL, resume=True)
    assert raised.value.code == "nothing_to_resume"
    with pytest.raises(BrokenError):
        exporting.export(folder, GOAL, limit=LIMIT, paged=breaking(1))
    with pytest.raises(ExportError) as raised:
        exporting.export(folder, GOAL)
    assert raised.value.code == "export_unfinished"
    with pytest.raises(ExportError) as raised:
        exporting.export(folder, MAYA, resume=True)
    assert raised.value.code == "export_differs"
    exporting.export(folder, GOAL, resume=True)
    assert not (folder / UNFINISHED).exists()
    for resume, code in ((False, "folder_not_empty"), (True, "nothing_to_resume")):
        with pytest.raises(ExportError) as raised:
            exporting.export(folder, GOAL, resume=resume)
        assert raised.value.code == code
    (tmp_path / "soiled").mkdir()
    (tmp_path / "soiled" / UNFINISHED).write_bytes(b"{")
    with pytest.raises(ExportError) as raised:
        exporting.export(tmp_path / "soiled", GOAL, resume=True)
    assert raised.value.code == "export_differs"


@pytest.mark.parametrize("kind", ["goal", "everything"])
def test_a_journal_that_was_altered_is_not_exported(tmp_path: Path, kind: str) -> None:
    """An event that is not as it was signed ends the export with a code, and there is no manifest."""
    made = Exporting(tmp_path)
    made.tell_sample()
    _alter(tmp_path)
    with pytest.raises(ExportError) as raised:
        made.export(tmp_path / "it", SCOPES[kind])
    assert raised.value.code == "not_as_signed"
    assert not (tmp_path / "it" / bundle.MANIFEST).exists()
    made.close()


def _alter(folder: Path) -> None:
    """Give one check-in another confidence, in the row."""
    state = """CAST(replace(CAST(state AS TEXT), '"confidence":5', '"confidence":9') AS BLOB)"""
    statement = f"UPDATE stored_events SET state = {state} WHERE topic = 'goal.check_in_held.v1'"
    run_sql(f"sqlite:///{folder / 'journal.sqlite'}", statement)


def test_everything_is_in_order(exporting: Exporting, tmp_path: Path) -> None:
    """A full export in pages of seven has the same events as one in pages of five hundred."""
    small = exporting.export(tmp_path / "small", EVERYTHING, limit=LIMIT)
    large = exporting.export(tmp_path / "large", EVERYTHING)
    assert contents(small.folder) == contents(large.folder)
