"""Bundles are checked with nothing but themselves and a public key, and what was done to them is named."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from milepost.sample import named, person
from milepost_contracts.proofs import bundle
from milepost_contracts.proofs.bundle import BundleError, Scope, file_entry
from milepost_contracts.proofs.checking import BundleReport
from milepost_contracts.proofs.notes import Signer
from milepost_contracts.proofs.verify import verify_bundle
from tests.replay.export.exporting import Exporting

GOAL = Scope(kind="goal", id=named("goal", "presentations"))
SCOPES = {
    "goal": GOAL,
    "person": Scope(kind="person", id=person("maya").removeprefix("user:")),
    "everything": Scope(kind="everything"),
}
KINDS = ["goal", "goal+scan", "person+scan", "everything"]
Made = Callable[[str], Path]


@pytest.fixture(scope="module")
def made(exporting: Exporting, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Give bundles by kind, with `+scan` those that have one, each made once, zipped beside."""
    folder = tmp_path_factory.mktemp("bundles")

    def make(kind: str) -> Path:
        path = folder / kind
        if not path.exists():
            scope, _, scan = kind.partition("+")
            exporting.export(path, SCOPES[scope], scan=bool(scan), zipped=True)
        return path

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_a_bundle_as_it_was_made_verifies(made: Made, exporting: Exporting, kind: str) -> None:
    """Every kind of bundle verifies with the log's key, as a folder and as a .zip, and tells what it cannot prove."""
    folder = made(kind)
    for path in (folder, folder.with_name(f"{folder.name}.zip")):
        report = verify_bundle(path, [exporting.key])
        assert report.verified, report.findings
        checks = {check.name: check.status for check in report.checks}
        assert checks["checkpoint"] == checks["events"] == checks["files"] == checks["versions"] == "passed"
        assert ("completeness" in checks) == (kind == "goal")
        assert report.cannot


def test_without_a_key_it_says_that_it_proves_nothing_about_who_signed(made: Made) -> None:
    """The bundle's own key is taken, and named as such."""
    report = verify_bundle(made("goal"))
    assert report.verified
    assert {check.name: check.status for check in report.checks}["who signed"] == "not_proven"


def test_with_another_key_nothing_is_believed(made: Made) -> None:
    """A checkpoint that the verifier's key did not sign is refused."""
    other = Signer("milepost.test/sample", Ed25519PrivateKey.generate()).verifier
    report = verify_bundle(made("goal"), [other])
    assert [one.code for one in report.findings] == ["checkpoint_invalid"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hidden", ["", "hidden"])
def test_any_changed_byte_is_found(made: Made, exporting: Exporting, tmp_path: Path, kind: str, hidden: str) -> None:
    """A flipped bit in any file is named; in what is proven also where the manifest was made to fit."""
    chance = random.Random(f"{kind} {hidden}")  # noqa: S311  the same every time
    source = made(kind)
    names = sorted(path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file())
    names.remove(bundle.MANIFEST)  # nothing signs it, which the report says
    proven = [one for one in names if one in (bundle.EVENTS, bundle.PROOFS, bundle.SCAN, bundle.CHECKPOINT)]
    for number in range(6):
        folder = Path(shutil.copytree(source, tmp_path / str(number)))
        name = chance.choice(proven if hidden else names)
        content = bytearray((folder / name).read_bytes())
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        (folder / name).write_bytes(content)
        if hidden:
            _fitted(folder)
        assert not verify_bundle(folder, [exporting.key]).verified, name


def test_an_event_left_out_is_named(made: Made, exporting: Exporting, tmp_path: Path) -> None:
    """In the middle the versions tell, at the end the scan does, and without a scan the report says that it cannot."""
    cases: list[tuple[str, int, set[str]]] = [
        ("goal", 3, {"version_jumps"}),
        ("goal+scan", 3, {"version_jumps", "event_left_out"}),
        ("goal+scan", -1, {"event_left_out"}),
        ("goal", -1, set()),
    ]
    for kind, place, codes in cases:
        folder = Path(shutil.copytree(made(kind), tmp_path / f"{kind}{place}"))
        for name in (bundle.EVENTS, bundle.PROOFS):
            lines = (folder / name).read_bytes().splitlines(keepends=True)
            del lines[place]
            (folder / name).write_bytes(b"".join(lines))
        _fitted(folder, events=len(lines))
        report = verify_bundle(folder, [exporting.key])
        assert {one.code for one in report.findings} == codes, report.findings
        assert ("completeness" in {check.name for check in report.checks}) == (kind == "goal")


def test_events_in_another_order_or_of_another_place_are_named(
    made: Made, exporting: Exporting, tmp_path: Path
) -> None:
    """Lines that changed places, an event of another goal, and one line twice are named."""
    everything = (made("everything") / bundle.EVENTS).read_bytes().splitlines(keepends=True)

    def swapped(lines: list[bytes]) -> None:
        lines[2], lines[3] = lines[3], lines[2]

    changes: dict[str, Callable[[list[bytes]], Any]] = {
        "out_of_order": swapped,
        "event_not_proven": lambda lines: lines.__setitem__(-1, everything[-1]),
        "proof_missing": lambda lines: lines.append(lines[-1]),
        "proof_unused": lambda lines: lines.pop(),
    }
    for code, change in changes.items():
        folder = Path(shutil.copytree(made("goal"), tmp_path / code))
        lines = (folder / bundle.EVENTS).read_bytes().splitlines(keepends=True)
        change(lines)
        (folder / bundle.EVENTS).write_bytes(b"".join(lines))
        _fitted(folder)
        assert code in _codes(folder, exporting)


def test_files_that_do_not_belong_there_are_named(made: Made, exporting: Exporting, tmp_path: Path) -> None:
    """A file more, a file less, one that leads out of the bundle, and one that is twice in a .zip are named."""
    source = made("goal")
    more = Path(shutil.copytree(source, tmp_path / "more"))
    (more / "letter.txt").write_text("Trust me")
    assert _codes(more, exporting) == {"file_unlisted"}
    less = Path(shutil.copytree(source, tmp_path / "less"))
    (less / bundle.REPORT).unlink()
    assert _codes(less, exporting) == {"file_missing"}
    out = Path(shutil.copytree(source, tmp_path / "out"))
    shutil.copy(out / bundle.REPORT, tmp_path / "elsewhere")
    (out / bundle.REPORT).unlink()
    (out / bundle.REPORT).symlink_to(tmp_path / "elsewhere")
    assert _codes(out, exporting) == {"file_missing"}
    twice = Path(shutil.copy(source.with_name(f"{source.name}.zip"), tmp_path / "twice.zip"))
    with zipfile.ZipFile(twice, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(f"{source.name}/{bundle.EVENTS}", b"{}\n")
    assert "file_twice" in _codes(twice, exporting)


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    """An empty folder, a file that is no .zip, and another format each end with their code."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("hello")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / bundle.MANIFEST).write_text('{"format":"milepost-bundle/99"}')
    for name, code in (("empty", "malformed"), ("text", "malformed"), ("other", "unknown_format"), ("no", "malformed")):
        with pytest.raises(BundleError) as caught:
            verify_bundle(tmp_path / name)
        assert caught.value.code == f"bundle_{code}"


_ALONE = """
import runpy, sys
sys.modules["milepost"] = None  # as where only the contracts are installed
sys.argv[0] = "verify"
try:
    runpy.run_module("milepost_contracts.proofs.verify", run_name="__main__", alter_sys=True)
finally:
    servers = {"asyncio", "nats", "psycopg", "eventsourcing", "click"}
    foreign = servers & {name.partition(".")[0] for name in sys.modules}
    assert not foreign, foreign
"""


def test_the_contracts_alone_verify_a_bundle(made: Made, exporting: Exporting, tmp_path: Path) -> None:
    """`python -m milepost_contracts.proofs.verify` needs nothing of Milepost's servers; its statuses are 0, 1 and 2."""
    broken = Path(shutil.copytree(made("goal"), tmp_path / "broken"))
    with (broken / bundle.EVENTS).open("ab") as file:
        file.write(b"{}\n")
    (tmp_path / "key").write_text(f"{exporting.key}\n")

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-c", _ALONE, *map(str, arguments)]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    good = run(made("goal"), "--key", str(exporting.key))
    assert good.returncode == 0, good.stderr
    assert "\nverified\n" in good.stdout
    told = run(broken, "--key", tmp_path / "key", "--json")
    assert told.returncode == 1, told.stderr
    assert {one["code"] for one in json.loads(told.stdout)["findings"]} >= {"file_changed"}
    assert run(tmp_path, "--key", str(exporting.key)).returncode == 2
    assert run(broken, "--key", "nonsense").returncode == 2


def _codes(path: Path, exporting: Exporting) -> set[str]:
    report: BundleReport = verify_bundle(path, [exporting.key])
    return {one.code for one in report.findings}


def _fitted(folder: Path, **counts: int) -> None:
    """Make the manifest fit the files, as a forger would."""
    manifest = json.loads((folder / bundle.MANIFEST).read_bytes())
    for file in manifest["files"]:
        entry = file_entry(folder, file["path"])
        file |= {"size": entry.size, "sha256": entry.sha256}
    manifest["counts"] |= counts
    (folder / bundle.MANIFEST).write_text(json.dumps(manifest))
