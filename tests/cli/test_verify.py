"""`verify` at a running Milepost and on copies of its databases: what passes, what is named, how it ends."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from milepost.cli.verifying import verify
from milepost.sample import named
from milepost_contracts.proofs.bundle import Scope
from tests.replay.export.conftest import exporting  # noqa: F401  fixture
from tests.replay.export.exporting import Exporting
from tests.replay.verify.tampering import Table
from tests.support.serving import Served
from tests.support.shell import Shell


@pytest.fixture
def auditor(served: Served, tmp_path: Path) -> Shell:
    """Give a shell beside the running Milepost, whose folder it may read."""
    return Shell(tmp_path, MILEPOST_DATA_DIR=str(served.folder))


@pytest.fixture
def copied(served: Served, tmp_path: Path) -> Path:
    """Give a folder with copies of the running Milepost's databases, proofs and keys, as a backup would make them."""
    folder = tmp_path / "copied"
    shutil.copytree(served.folder / "proofs", folder / "proofs")
    for name in ("keys", "signing"):
        shutil.copytree(served.folder / name, folder / name)
    for path in served.folder.glob("*.sqlite"):
        with sqlite3.connect(path) as source, sqlite3.connect(folder / path.name) as target:
            source.backup(target)
        source.close()
        target.close()
    return folder


def _checks(document: dict[str, object]) -> dict[str, str]:
    checks = document["checks"]
    assert isinstance(checks, list)
    return {check["name"]: check["status"] for check in checks}


def test_a_running_milepost_verifies_with_views_and_stream(auditor: Shell) -> None:
    """Journal, hashes, view, stream and the checkpoints on the bus agree, and nothing is written for it."""
    told = auditor.done("verify --view --stream --json").document
    assert told["verified"], told["findings"]
    checks = _checks(told)
    names = ("documents and columns", "order", "commands", "references", "hashes of terms", "view", "stream")
    assert {name: checks[name] for name in names} == dict.fromkeys(names, "passed")
    assert checks["trust"] == "not_proven"
    stored = {
        line: [c["count"] for c in auditor.done(line).document["checks"] if c["name"] == "stored checkpoints"]
        for line in ("verify --stream --json", "verify --json")
    }
    assert sum(stored["verify --stream --json"]) > sum(stored["verify --json"]) > 0, "the bus has them too"
    text = auditor.done("verify").out
    assert "Nothing wrong was found." in text
    assert "not yet proven" in text


def test_its_examples_work(served: Served, auditor: Shell) -> None:
    """What help shows can be typed as it stands, where a Milepost runs."""
    for example in verify().examples:
        auditor.done(example)


def test_what_was_changed_is_named_with_what_to_do(auditor: Shell, copied: Path) -> None:
    """A changed document, told by --stream as well, ends with status 1, its place and what to do next."""
    table = Table(copied / "journal.sqlite")
    row = table.rows("sample")[50]
    table.update(row, state=row["state"].replace(b'"version":', b'"version" :', 1))
    table.close()
    url = f"--journal-url sqlite:///{copied / 'journal.sqlite'}"
    typed = auditor(f"verify {url} --stream --no-hashes --json")
    assert typed.status == 1
    found = {(one["code"], one.get("first")) for one in typed.document["findings"]}
    assert {("document_form", 51), ("stream_different_bytes", 51)} <= found
    typed = auditor(f"verify {url}")
    assert typed.status == 1
    assert "NOT VERIFIED" in typed.out
    assert "What to do" in typed.out
    assert "51" in typed.out


def test_a_row_of_the_view_that_differs_is_named(auditor: Shell, copied: Path) -> None:
    """Rows that were changed, removed and added in a view's tables are each named by table and key."""
    current = copied / "view.1.sqlite"
    with sqlite3.connect(current) as connection:
        connection.execute("UPDATE goal SET deadline = '1999-01-01' WHERE rowid = (SELECT MIN(rowid) FROM goal)")
        connection.execute("DELETE FROM goal WHERE rowid = (SELECT MAX(rowid) FROM goal)")
        connection.execute("INSERT INTO member VALUES ('sample', 'user:x', 'programme', 'y', 'admin')")
    connection.close()
    url = f"--journal-url sqlite:///{copied / 'journal.sqlite'} --view sqlite:///{copied / 'view.sqlite'}"
    typed = auditor(f"verify {url} --no-hashes --json")
    assert typed.status == 1
    found = {(one["code"], one["place"].split()[0]) for one in typed.document["findings"]}
    assert found == {("view_other", "goal"), ("view_extra", "goal"), ("view_missing", "member")}


def test_a_view_that_is_behind_is_no_fault_and_one_ahead_is(auditor: Shell, copied: Path) -> None:
    """It is compared at its own position; events that only the view has are named."""
    journal = copied / "journal.sqlite"
    url = f"--journal-url sqlite:///{journal} --view sqlite:///{copied / 'view.sqlite'} --no-hashes --json"
    table = Table(journal)
    last = table.rows("sample")[-1]
    extra = last | {
        "position": last["position"] + 10**6, "sequence": last["sequence"] + 1, "originator_version": 10**6,
        "command": None,
    }  # fmt: skip
    table.insert(extra)
    told = auditor(f"verify {url}").document
    (view,) = [check for check in told["checks"] if check["name"] == "view"]
    assert view["status"] == "passed"
    assert "1 events behind" in view["said"]
    table.delete(extra)
    table.delete(last)
    table.close()
    told = auditor(f"verify {url}").document
    assert "view_ahead" in {one["code"] for one in told["findings"]}


def test_checkpoints_and_keys_that_are_held_are_taken(auditor: Shell, copied: Path) -> None:
    """A held checkpoint with its key is what counts; one of another log is refused with status 2."""
    vkey = copied / "signing" / "sample.1.vkey"
    held = copied / "proofs" / "sample" / "checkpoint"
    told = auditor.done(f"verify --checkpoint {held} --key {vkey} --no-hashes --json").document
    assert _checks(told)["your checkpoint"] == "passed"
    assert "trust" not in _checks(told)
    typed = auditor(f"verify --checkpoint {held} --key other+00000000+AAAA --json")
    assert typed.status == 2
    assert auditor("verify --checkpoint nothing-here").status == 2
    assert auditor("verify --journal-url sqlite:///nothing-here").status == 2
    assert auditor("verify --journal-url nonsense").status == 2
    assert auditor("verify --view sqlite:///nothing-here").status == 1


def test_without_the_key_store_hashes_are_told_as_not_checkable(auditor: Shell, tmp_path: Path) -> None:
    """Nothing is made where there is no key store."""
    told = auditor.done(f"verify --keys-url sqlite:///{tmp_path / 'keys.sqlite'} --json").document
    assert _checks(told)["hashes of terms"] == "not_checkable"
    assert not (tmp_path / "keys.sqlite").exists()


def test_a_bundle_is_checked_offline(exporting: Exporting, tmp_path: Path) -> None:  # noqa: F811  the fixture
    """With the bundle and the key alone: status 0, 1 for a changed one, 2 for what is none."""
    shell = Shell(tmp_path, MILEPOST_DATA_DIR=str(tmp_path / "nowhere"))
    folder = tmp_path / "bundle"
    exporting.export(folder, Scope(kind="goal", id=named("goal", "presentations")))
    text = shell.done(f"verify {folder} --key {exporting.key}").out
    assert "Nothing wrong was found." in text
    assert "What a bundle cannot prove" in text
    assert shell.done(f"verify {folder} --json").document["verified"]
    with (folder / "events.ndjson").open("ab") as file:
        file.write(b"{}\n")
    assert shell(f"verify {folder} --key {exporting.key}").status == 1
    assert shell(f"verify {tmp_path} --key {exporting.key}").status == 2
    assert shell(f"verify {folder} --key nonsense").status == 2
    assert not (tmp_path / "nowhere").exists()
