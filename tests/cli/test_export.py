"""`milepost export` against a running Milepost: asked over the bus, refused, killed and resumed, recorded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from milepost_contracts.proofs import bundle
from milepost_contracts.proofs.notes import VerifierKey
from milepost_contracts.proofs.verify import verify_bundle
from tests.support.distributing import distribute
from tests.support.serving import Served
from tests.support.shell import Shell

BEGUN_S_MAX = 60.0  # for a process to start and to have kept its first page, on a loaded machine


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a running Milepost with the sample that signs a checkpoint soon after every event."""
    with Served(tmp_path_factory.mktemp("signing") / "data", "--sample", "--checkpoint-s", "0.2") as running:
        yield running


PRAISING = """
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Manifest

@hook
def manifest():
    subscriptions = ("goal.milestone_hit",)
    return Manifest(id="praise", version="0.1.0", summary="Praises", start="beginning", subscriptions=subscriptions)

@hook
def on_event(event, context):
    context.fact("praised", {"to": event.context.owner})
"""


@pytest.fixture(scope="module")
def praising(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a running Milepost with a plugin that has told a fact for each of the sample's milestones."""
    folder = tmp_path_factory.mktemp("praising")
    distribute(folder / "installed", "praise", PRAISING)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder / "installed"), prepend=os.pathsep)
        with Served(folder / "data", "--sample", "--checkpoint-s", "0.2", "--plugins", "praise") as running:
            yield running


@pytest.fixture
def maya(signing: Served, tmp_path: Path) -> Shell:
    """Give a shell of maya, a mentee of the sample."""
    return Shell(tmp_path, MILEPOST_DATA_DIR=str(signing.folder), MILEPOST_AS="maya")


def known_key(signing: Served) -> VerifierKey:
    """Return the log's public key as its operator hands it out."""
    return VerifierKey.parse((signing.folder / "signing" / "sample.1.vkey").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("line", "who", "completeness"),
    [
        ("--goal presentations", "maya", "inclusion"),
        ("--person me --zip", "maya", "inclusion"),
        ("--programme growth --scan", "priya", "scan"),
        ("--everything --sealed --no-csv", "priya", "whole_log"),
    ],
)
def test_each_scope_is_exported_over_the_bus(
    signing: Served, maya: Shell, tmp_path: Path, line: str, who: str, completeness: str
) -> None:
    """A goal, a person, a programme and everything become bundles that verify; what was asked for is in them."""
    told = maya.done(f"export {line} --reason 'The audit' --to it --json", MILEPOST_AS=who).document
    manifest = msgspec.convert(told["manifest"], bundle.Manifest)
    assert manifest.completeness == completeness
    assert verify_bundle(tmp_path / "it", [known_key(signing)]).verified
    assert (told["zip"] is not None) is ("--zip" in line)
    assert (tmp_path / "it" / bundle.TABLES).exists() is ("--no-csv" not in line)
    assert manifest.words == ("sealed" if "--sealed" in line else "opened")


def test_a_person_reads_what_was_exported(maya: Shell, tmp_path: Path) -> None:
    """What is printed says where the bundle is, what it holds, and how it is checked; people have their names in it."""
    told = maya.done("export --goal presentations --reason 'For Ben' --to it")
    assert "36 events of 1 record" in told.out
    assert "not to be seen from this" in told.out
    assert "milepost verify" in told.err
    report = (tmp_path / "it" / bundle.REPORT).read_text(encoding="utf-8")
    assert "maya (mentee)" in report
    assert "For Ben" in report


def test_as_of_a_moment(maya: Shell, tmp_path: Path) -> None:
    """--as-of takes a version, a sequence, a day; what is no moment or not there yet is refused."""
    maya.done("export --goal presentations --reason R --to seven --as-of v7")
    assert len(list(bundle.lines(tmp_path / "seven" / bundle.EVENTS))) == 7
    for moment, status, code in (
        ("yesterday", 2, "bad_value"),
        ("v900", 1, "version_unknown"),
        ("s3", 1, "nothing_to"),
    ):
        typed = maya(f"export --goal presentations --reason R --to no-{code} --as-of {moment}")
        assert (typed.status, code in typed.err) == (status, True), typed.err


def test_misuse_and_refusals_are_told(maya: Shell, tmp_path: Path) -> None:
    """No scope, two, no reason, sealed with keys, what is not one's own: each ends with its code and status."""
    for line, status, code in (
        ("--reason R --to a", 2, "bad_usage"),
        ("--goal presentations --everything --reason R --to a", 2, "bad_usage"),
        ("--goal presentations --to a", 2, "bad_usage"),
        ("--goal presentations --reason R --to a --sealed --keys", 2, "bad_usage"),
        ("--everything --reason R --to a", 1, "not_allowed"),
        ("--person lena --reason R --to a", 1, "person_unknown"),
        ("--goal presentations --reason R --to a --resume", 1, "nothing_to_resume"),
    ):
        typed = maya(f"export {line}")
        assert (typed.status, code in typed.err) == (status, True), typed.err
    assert not any((tmp_path / "a").glob("*.ndjson"))


def test_an_export_is_recorded_with_its_reason(maya: Shell) -> None:
    """Who exported what, and why, is in the access log, although it is one's own goal."""
    maya.done("export --goal presentations --reason 'Because I may' --to it")
    events = maya.done("export --person me --reason 'And again' --to mine --json").document
    told = Path(events["folder"]) if Path(events["folder"]).is_absolute() else maya.folder / events["folder"]
    rows = (told / "tables/timeline.csv").read_text(encoding="utf-8")
    assert "access.recorded.v1" in rows
    assert "Because I may" in rows


def test_a_killed_export_is_resumed(signing: Served, maya: Shell, tmp_path: Path) -> None:
    """Killed in the middle, the same line with --resume makes the bundle whole: same moment, same checkpoint."""
    words = ["export", "--everything", "--reason", "Audit", "--to", str(tmp_path / "it"), "--as", "priya"]
    process = subprocess.Popen(
        [sys.executable, "-m", "milepost", *words], env=maya.environment(), cwd=tmp_path,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    plan, until = tmp_path / "it" / "export.json", time.monotonic() + BEGUN_S_MAX
    while not plan.exists() and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.002)  # until it has begun: nothing tells of that but its folder
    process.send_signal(signal.SIGKILL)
    process.wait()
    if plan.exists():  # else it was faster than the signal
        begun = msgspec.json.decode(plan.read_bytes())
        again = maya(f"export --everything --reason Audit --to {tmp_path / 'it'}", MILEPOST_AS="priya")
        assert "export_unfinished" in again.err
        done = maya.done(
            f"export --everything --reason Audit --to {tmp_path / 'it'} --resume --json", MILEPOST_AS="priya"
        )
        assert int(done.document["manifest"]["as_of"]["sequence"]) == begun["until"]
        assert done.document["manifest"]["checkpoint"]["size"] == begun["size"]
    assert verify_bundle(tmp_path / "it", [known_key(signing)]).verified


def test_a_persons_export_has_the_facts_that_name_the_person(praising: Served, tmp_path: Path) -> None:
    """Facts of plugins about maya are in her bundle, those about others are not; it says that they are not proven."""
    shell = Shell(tmp_path, MILEPOST_DATA_DIR=str(praising.folder), MILEPOST_AS="maya")
    until, number, facts = time.monotonic() + BEGUN_S_MAX, 0, 0
    while not facts:
        assert time.monotonic() < until
        number += 1
        told = shell.done(f"export --person me --reason Mine --to it-{number} --json").document
        facts = told["manifest"]["counts"].get("facts", 0)
    me = msgspec.json.decode((praising.folder / "sample.json").read_bytes())["people"]["maya"]
    found = [msgspec.json.decode(line) for line in bundle.lines(tmp_path / f"it-{number}" / bundle.FACTS)]
    assert [one["type"] for one in found] == ["praise.praised.v1"] * facts
    assert {one["data"]["to"] for one in found} == {me}
    assert "not in the log, and not proven" in (tmp_path / f"it-{number}" / bundle.README).read_text(encoding="utf-8")
