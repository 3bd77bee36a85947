"""The journal is held against the tree: untouched it verifies, whatever happened to keys and people."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import msgspec
import pytest

from milepost.journal.errors import JournalUnavailable
from milepost.replay.verify import spreading
from milepost.replay.verify.checking import Evidence, check_journal
from milepost.replay.verify.findings import Check, Finding, Report
from milepost.replay.verify.held import Held, HeldError, given_checkpoints, given_keys, outside_checkpoints
from milepost_contracts.proofs.checkpoints import Checkpoint
from milepost_contracts.proofs.merkle import Frontier, leaf_hash
from milepost_contracts.proofs.notes import Signer, signed_note
from tests.replay.verify.samples import OTHER, Sample, grow, keep, key, signer, tail, to_postgres
from tests.replay.verify.tampering import Table

PAGE, TABLE_LEAF = 8192, 0x0D  # of SQLite's file format


def _status(report: Report, name: str, tenant: str = "sample") -> str:
    (found,) = [check.status for check in report.checks if check.name == name and check.tenant in ("", tenant)]
    return found


def _told(url: str, evidence: Evidence) -> tuple[Report, list[int]]:
    told: list[int] = []
    return check_journal(url, evidence, lambda done, _: told.append(done), cores=3), told


def _counted(check: Check) -> tuple[str, str, str, int]:
    return check.name, check.tenant, check.status, 0 if check.name == "references" else check.count


def _codes(report: Report) -> set[str]:
    return {one.code for one in report.findings}


def test_an_untouched_journal_is_proven_up_to_the_held_checkpoint(sample: Sample, held: list[Held]) -> None:
    """Everything passes, the events after the checkpoint are told as not yet proven."""
    report = check_journal(sample.url, Evidence(held, (), sample.proofs, sample.signing))
    assert report.verified, report.findings
    for name in ("documents and columns", "order", "commands", "references"):
        assert _status(report, name) == "passed"
    for name in ("your checkpoint", "stored checkpoints", "tiles"):
        assert _status(report, name) == "passed"
    (after,) = [check for check in report.checks if check.name == "tail" and check.tenant == "sample"]
    assert (after.status, after.count) == ("not_proven", tail("sample"))


def test_without_anything_held_the_installations_own_copy_is_named(sample: Sample) -> None:
    """The newest stored checkpoint is taken, and the report says that it is the installation's own."""
    report = check_journal(sample.url, Evidence((), (), sample.proofs, sample.signing))
    assert report.verified
    assert _status(report, "own checkpoint") == "passed"
    bare = check_journal(sample.url, Evidence())
    assert bare.verified
    assert _status(bare, "tail") == "not_proven"


def test_held_checkpoints_prove_without_tiles(sample: Sample, held: list[Held]) -> None:
    """The root is computed from the journal alone: no file of the installation is needed."""
    report = check_journal(sample.url, Evidence(held))
    assert report.verified
    assert _status(report, "your checkpoint") == "passed"


def test_several_processes_say_what_one_says(
    sample: Sample, copy: Sample, held: list[Held], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut into short stretches and spread over processes, a journal gives the same report, tampered with or not."""
    table = Table(copy.journal)
    row = table.rows("sample")[120]
    table.update(row, state=row["state"].replace(b"goal", b"gaol"))
    table.delete(table.rows("sample")[200])
    table.close()
    for one in (sample, copy):
        evidence = Evidence(held, (), one.proofs, one.signing)
        expected = check_journal(one.url, evidence, cores=1)
        with monkeypatch.context() as patch:
            patch.setattr(spreading, "ALONE", 0)
            patch.setattr(spreading.stretches, "__defaults__", (60,))
            spread, told = _told(one.url, evidence)
        assert spread.findings == expected.findings
        # What one stretch has resolved is counted again in the next.
        assert [_counted(check) for check in spread.checks] == [_counted(check) for check in expected.checks]
        assert told == sorted(told)
        assert len(told) > 10


def test_checkpoints_of_an_older_key_stay_verifiable(copy: Sample) -> None:
    """After a rotation, checkpoints of both keys verify with both, and are told as not checkable with one alone."""
    documents = copy.documents("sample")
    size = copy.signed("sample") + 3
    frontier = Frontier()
    frontier.extend(leaf_hash(document) for document in documents[:size])
    newer = signer("sample", 2)
    shutil.rmtree(copy.proofs / "sample" / "tile")
    grow(copy.proofs / "sample", documents[:size], [], newer)
    keep(copy.proofs / "sample", Checkpoint(newer.verifier.name, size, frontier.root()), newer)
    (copy.signing / "sample.2.vkey").write_text(f"{newer.verifier}\n")
    report = check_journal(copy.url, Evidence((), (), copy.proofs, copy.signing))
    assert report.verified, report.findings
    assert "signatures" not in {check.name for check in report.checks}
    held = given_checkpoints([copy.checkpoint("sample")], [newer.verifier])
    alone = check_journal(copy.url, Evidence(held, [newer.verifier], copy.proofs))
    assert alone.verified
    assert _status(alone, "signatures") == "not_checkable"


def test_a_checkpoint_of_another_history_is_named(copy: Sample, held: list[Held]) -> None:
    """A stored checkpoint that the log's own key signed over other events proves the fork."""
    wrong = Checkpoint(f"milepost.test/{OTHER}", 10, bytes(32))
    keep(copy.proofs / OTHER, wrong, signer(OTHER))
    report = check_journal(copy.url, Evidence(held, (), copy.proofs, copy.signing))
    assert _codes(report) == {"checkpoint_contradicts"}
    assert {Path(one.place).name for one in report.findings} == {"checkpoint", f"{10:016d}"}


def test_a_checkpoint_that_nobody_known_signed_proves_nothing(copy: Sample) -> None:
    """A stranger's checkpoint of a longer log is named as such; what the log's key signed still counts."""
    stranger = Signer(f"milepost.test/{OTHER}", signer("else")._key)
    wrong = Checkpoint(f"milepost.test/{OTHER}", copy.signed(OTHER) + 1, bytes(32))
    (copy.proofs / OTHER / "checkpoints" / f"{wrong.size:016d}").write_text(str(signed_note(wrong.text(), [stranger])))
    report = check_journal(copy.url, Evidence((), (), copy.proofs, copy.signing))
    assert _codes(report) == {"checkpoint_contradicts"}
    assert _status(report, "own checkpoint", OTHER) == "passed"
    assert _status(report, "signatures", OTHER) == "not_checkable"


def test_a_copy_elsewhere_tells_what_the_installation_has_forgotten(copy: Sample) -> None:
    """A checkpoint on the bus or outside shows a removed end although every file here was made to fit."""
    newest = given_checkpoints([copy.checkpoint("sample")], [key("sample")])
    size = newest[0].checkpoint.size
    documents = copy.documents("sample")[: size - 5]
    table = Table(copy.journal)
    table.run("DELETE FROM stored_events WHERE tenant = 'sample' AND sequence > ?", size - 5)
    table.close()
    shutil.rmtree(copy.proofs / "sample")
    grow(copy.proofs / "sample", documents, [size - 5], signer("sample"))
    evidence = Evidence((), (), copy.proofs, copy.signing)
    assert check_journal(copy.url, evidence).verified
    report = check_journal(copy.url, msgspec.structs.replace(evidence, elsewhere=newest))
    assert [(one.code, one.first, one.last) for one in report.findings if one.code == "missing"] == [
        ("missing", size - 4, size)
    ]
    other = Held("sample", Checkpoint("milepost.test/sample", 9, bytes(32)), "the bus", signed=True)
    report = check_journal(copy.url, msgspec.structs.replace(evidence, elsewhere=[other]))
    assert [(one.code, one.place) for one in report.findings] == [("checkpoint_contradicts", "the bus")]


def test_checkpoints_outside_are_read_by_their_size(copy: Sample, tmp_path: Path) -> None:
    """A target folder has a folder for each tenant; what is no checkpoint there is named."""
    (tmp_path / "outside" / "sample").mkdir(parents=True)
    shutil.copy(copy.checkpoint("sample"), tmp_path / "outside" / "sample" / f"{copy.signed('sample'):016d}")
    (tmp_path / "outside" / "sample" / f"{7:016d}").write_text("nonsense")
    findings: list[Finding] = []
    found = list(outside_checkpoints(tmp_path / "outside", "sample", [key("sample")], findings))
    assert [(held.checkpoint.size, held.signed) for held in found] == [(copy.signed("sample"), True)]
    assert [one.code for one in findings] == ["checkpoint_invalid"]


def test_files_that_are_no_checkpoints_are_named(copy: Sample, held: list[Held]) -> None:
    """Nonsense, a forged signature, another tenant's checkpoint and a wrong name are each named with their file."""
    folder = copy.proofs / "sample" / "checkpoints"
    note = (copy.proofs / "sample" / "checkpoint").read_text()
    (folder / f"{1:016d}").write_text("nonsense")
    (folder / f"{2:016d}").write_text(note.replace("\n347\n", "\n348\n"))
    (folder / f"{3:016d}").write_text((copy.proofs / OTHER / "checkpoint").read_text())
    (folder / f"{4:016d}").write_text(note)
    report = check_journal(copy.url, Evidence(held, (), copy.proofs, copy.signing))
    assert _codes(report) == {"checkpoint_invalid"}
    assert sorted(Path(one.place).name for one in report.findings) == [f"{number:016d}" for number in (1, 2, 3, 4)]


def test_damaged_tiles_are_named_where_the_journal_is_proven(copy: Sample, held: list[Held]) -> None:
    """Each changed, cut or missing tile is named, and that the journal is as it was signed."""
    folder = copy.proofs / OTHER / "tile"
    (folder / "0" / "001").write_bytes(bytes(256 * 32))
    (folder / "1" / "000.p" / "2").unlink()
    report = check_journal(copy.url, Evidence(held, (), copy.proofs, copy.signing))
    assert [(one.code, one.place) for one in report.findings] == [
        ("tile_missing", f"{OTHER}/tile/1/000.p/2"),
        ("tile_damaged", f"{OTHER}/tile/0/001"),
    ]
    assert _status(report, "your checkpoint", OTHER) == "passed"


def test_text_that_is_no_text_is_named(copy: Sample, held: list[Held]) -> None:
    """Bytes that are no UTF-8 in a SQLite text column do not end the run."""
    with sqlite3.connect(copy.journal) as connection:
        connection.execute("UPDATE stored_events SET topic = CAST(x'ff' AS TEXT) WHERE rowid = 40")
    connection.close()
    report = check_journal(copy.url, Evidence(held, (), copy.proofs, copy.signing))
    assert "column_differs" in _codes(report)


def test_pages_that_cannot_be_read_are_named(copy: Sample, held: list[Held]) -> None:
    """A SQLite file with destroyed pages is told as such, with where, and no event is silently left out."""
    content = bytearray(copy.journal.read_bytes())
    leaves = [at for at in range(0, len(content), PAGE) if content[at] == TABLE_LEAF]
    content[leaves[20] : leaves[20] + 64] = b"\xff" * 64
    copy.journal.write_bytes(content)
    report = check_journal(copy.url, Evidence(held, (), copy.proofs, copy.signing))
    assert "rows_unreadable" in _codes(report)
    assert "missing" in _codes(report)


def test_a_journal_in_a_folder_that_may_not_be_written_is_read(sample: Sample, tmp_path: Path) -> None:
    """Read-only media are enough, and nothing is written to the journal's folder."""
    folder = tmp_path / "readonly"
    folder.mkdir()
    shutil.copy(sample.journal, folder)
    folder.chmod(0o500)
    try:
        assert check_journal(f"sqlite:///{folder / 'journal.sqlite'}", Evidence()).verified
    finally:
        folder.chmod(0o700)


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    """A missing file, and a database of something else, end with the journal's error."""
    for path in (tmp_path / "none.sqlite", tmp_path / "other.sqlite"):
        if path.name.startswith("other"):
            sqlite3.connect(path).close()
            path.write_bytes(b"")
        with pytest.raises(JournalUnavailable):
            check_journal(f"sqlite:///{path}", Evidence())
    assert not (tmp_path / "none.sqlite").exists()


def test_keys_and_checkpoints_that_are_given_must_hold(sample: Sample, tmp_path: Path) -> None:
    """A key that is none, a checkpoint that it did not sign and a missing file are refused with their codes."""
    stranger = Signer("milepost.test/sample", signer("else")._key).verifier
    (tmp_path / "keys").write_text(f"{key('sample')}\n{key(OTHER)}\n")
    assert given_keys([str(tmp_path / "keys")]) == [key("sample"), key(OTHER)]
    assert given_keys([str(key("sample"))]) == [key("sample")]
    for call, code in (
        (lambda: given_keys(["nonsense+key"]), "key_malformed"),
        (lambda: given_keys([str(tmp_path / "none")]), "unreadable"),
        (lambda: given_checkpoints([sample.checkpoint("sample")], [stranger]), "signature_missing"),
        (lambda: given_checkpoints([tmp_path / "none"], [stranger]), "unreadable"),
        (lambda: given_checkpoints([tmp_path / "keys"], [stranger]), "note_malformed"),
    ):
        with pytest.raises(HeldError) as caught:
            call()
        assert caught.value.code == code


def test_an_untouched_postgresql_journal_verifies(sample: Sample, held: list[Held], postgres_url: str) -> None:
    """The same rows in PostgreSQL give the same report."""
    to_postgres(sample, postgres_url)
    evidence = Evidence(held, (), sample.proofs, sample.signing)
    assert check_journal(postgres_url, evidence) == check_journal(sample.url, evidence)
