"""Bundles of every scope verify offline, say what they cannot prove, and hold what they should."""

from __future__ import annotations

import csv
import io
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest

from milepost.replay.export import ExportError
from milepost.replay.export.readme import SCRIPT
from milepost.replay.export.scoping import Found, Search
from milepost.sample import named, person
from milepost.sample.telling import TENANT
from milepost_contracts.answers import Failed, Refused
from milepost_contracts.commands import tenant
from milepost_contracts.envelope import decode
from milepost_contracts.proofs import bundle
from milepost_contracts.proofs.bundle import Scope
from milepost_contracts.proofs.selecting import Selection
from milepost_contracts.proofs.verify import verify_bundle
from milepost_contracts.queries import ExportAnswer
from milepost_contracts.queries.export import Looked
from milepost_contracts.subjects import tenant_id
from tests.replay.export.exporting import REASON, Exporting
from tests.support.accepting import SERVICE, create, ident, user

GOAL = Scope(kind="goal", id=named("goal", "presentations"))
MAYA = Scope(kind="person", id=person("maya").removeprefix("user:"))
PROGRAMME = Scope(kind="programme", id=named("programme", "growth"))
EVERYTHING = Scope(kind="everything")
SCOPES = {"goal": GOAL, "person": MAYA, "programme": PROGRAMME, "everything": EVERYTHING}


def documents(folder: Path, name: str = bundle.EVENTS) -> list[bytes]:
    """Return the lines of a bundle's file."""
    return list(bundle.lines(folder / name))


@pytest.mark.parametrize("scan", [False, True])
@pytest.mark.parametrize("kind", SCOPES)
def test_a_bundle_verifies_with_the_public_key_alone(
    exporting: Exporting, tmp_path: Path, kind: str, *, scan: bool
) -> None:
    """Bundles of every scope, with and without the scan, pass the offline check and the script in their README."""
    made = exporting.export(tmp_path / "bundle", SCOPES[kind], scan=scan)
    report = verify_bundle(made.folder, [exporting.key])
    assert report.verified, report.findings
    script = tmp_path / "check.py"
    script.write_text(SCRIPT, encoding="utf-8")
    told = subprocess.run(
        [sys.executable, str(script), str(made.folder), str(exporting.key)], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stdout.strip()) == (0, "all of it is as it was signed"), told.stderr
    assert made.manifest.completeness == ("whole_log" if kind == "everything" else "scan" if scan else "inclusion")
    readme = (made.folder / bundle.README).read_text(encoding="utf-8")
    assert SCRIPT.splitlines()[0] in readme
    for sentence in [*made.manifest.proves, *made.manifest.cannot]:
        assert sentence.replace(" ", "") in readme.replace("\n", "").replace(" ", "")


def test_the_script_in_the_readme_finds_an_altered_byte(exporting: Exporting, tmp_path: Path) -> None:
    """A reason that was altered, manifest and all, does not pass the script that the bundle brings."""
    made = exporting.export(tmp_path / "bundle", GOAL)
    events = (made.folder / bundle.EVENTS).read_bytes()
    (made.folder / bundle.EVENTS).write_bytes(events.replace(b'"confidence":5', b'"confidence":9', 1))
    entry = bundle.file_entry(made.folder, bundle.EVENTS)
    files = [entry if file.path == bundle.EVENTS else file for file in made.manifest.files]
    forged = msgspec.structs.replace(made.manifest, files=files)
    (made.folder / bundle.MANIFEST).write_bytes(bundle.manifest_bytes(forged))
    script = tmp_path / "check.py"
    script.write_text(SCRIPT, encoding="utf-8")
    told = subprocess.run(
        [sys.executable, str(script), str(made.folder), str(exporting.key)], capture_output=True, text=True, check=False
    )
    assert told.returncode == 1
    assert "root_mismatch" in told.stderr or "ProofError" in told.stderr


def test_the_scan_shows_an_event_that_was_left_out(exporting: Exporting, tmp_path: Path) -> None:
    """A bundle whose last event was left out verifies without a scan, as it says itself; with the scan it does not."""
    for scan in (False, True):
        made = exporting.export(tmp_path / f"bundle-{scan}", GOAL, scan=scan)
        for name in (bundle.EVENTS, bundle.PROOFS):
            kept = (made.folder / name).read_bytes().splitlines(keepends=True)[:-1]
            (made.folder / name).write_bytes(b"".join(kept))
        files = [bundle.file_entry(made.folder, file.path, file.what) for file in made.manifest.files]
        counts = msgspec.structs.replace(made.manifest.counts, events=35, proofs=35)
        forged = msgspec.structs.replace(made.manifest, files=files, counts=counts)
        (made.folder / bundle.MANIFEST).write_bytes(bundle.manifest_bytes(forged))
        assert verify_bundle(made.folder, [exporting.key]).verified is not scan
        assert any("left out" in sentence for sentence in made.manifest.cannot) is not scan


def test_documents_are_those_of_the_journal(exporting: Exporting, tmp_path: Path) -> None:
    """Lines are the journal's bytes in the order of the sequence: of a goal its own, of everything all of them."""
    stored = {one.sequence: one for one in exporting.accept.journal.events_after(TENANT, 0, 10_000)}
    whole = exporting.export(tmp_path / "all", EVERYTHING, with_keys=True)
    assert documents(whole.folder) == [stored[number].document for number in range(1, len(stored) + 1)]
    goal = exporting.export(tmp_path / "goal", GOAL)
    assert documents(goal.folder) == [one.document for one in stored.values() if one.ref == ("goal", GOAL.id)]
    tags = {one.tag for one in stored.values()}
    assert {path.name.removesuffix(".json") for path in (whole.folder / "schemas/events").iterdir()} >= tags


def test_a_programme_is_exported_with_what_was_ever_in_it(exporting: Exporting, tmp_path: Path) -> None:
    """The programme's own events, its mentorships and its goals are there from their first event on."""
    made = exporting.export(tmp_path / "bundle", PROGRAMME)
    subjects = {decode(one).subject for one in documents(made.folder)}
    assert {f"programme/{PROGRAMME.id}", f"goal/{GOAL.id}", f"mentorship/{named('mentorship', 'maya-ben')}"} <= subjects
    first: dict[str, int] = {}
    for one in documents(made.folder):
        first.setdefault(decode(one).subject, decode(one).version)
    assert set(first.values()) == {1}
    assert not any(subject.startswith("person/") for subject in subjects)


def test_a_person_gets_everything_of_and_about_them(exporting: Exporting, tmp_path: Path) -> None:
    """Goals, mentorships and directory entry are whole; elsewhere it is each event that names the person."""
    facts = [b'{"id":"1","data":{"person":"%s"}}' % str(MAYA.id).encode()]
    made = exporting.export(tmp_path / "bundle", MAYA, "maya", facts=facts)
    found = [decode(one) for one in documents(made.folder)]
    whole = {one.subject for one in found if one.version == 1}
    assert {f"person/{MAYA.id}", f"goal/{GOAL.id}", f"goal/{named('goal', 'leader')}"} <= whole
    elsewhere = [one for one in documents(made.folder) if decode(one).subject not in whole]
    assert elsewhere
    assert all(str(MAYA.id).encode() in one for one in elsewhere)
    everything = [one.document for one in exporting.accept.journal.events_after(TENANT, 0, 10_000)]
    missing = [one for one in everything if str(MAYA.id).encode() in one and one not in documents(made.folder)]
    assert missing == []
    assert documents(made.folder, bundle.FACTS) == facts
    assert made.manifest.counts.facts == 1


def _diary(folder: Path) -> list[dict[str, str]]:
    rows = csv.DictReader(io.StringIO((folder / "tables/timeline.csv").read_text(encoding="utf-8")))
    return [row for row in rows if row["said"].startswith("Wrote in the diary")]


def test_a_diary_is_read_by_its_author_alone(exporting: Exporting, tmp_path: Path) -> None:
    """Lena's own export has her diary; in what an admin exports for her, and in Omar's of the goal, it stays closed."""
    lena = Scope(kind="person", id=person("lena").removeprefix("user:"))
    own = _diary(exporting.export(tmp_path / "own", lena, "lena").folder)
    (entry,) = [row for row in own if row["actor"] == person("lena")]
    assert entry["words"].startswith("Text: ")
    assert "(not for you)" not in entry["words"]
    given = exporting.export(tmp_path / "given", lena, "priya").folder
    (closed,) = [row for row in _diary(given) if row["actor"] == person("lena")]
    assert closed["words"] == "Text: (not for you)"
    assert entry["words"].removeprefix("Text: ") not in (given / bundle.REPORT).read_text(encoding="utf-8")


def test_what_an_admin_exports_for_somebody_has_no_words_of_others_from_elsewhere(
    exporting: Exporting, tmp_path: Path
) -> None:
    """Tom is a peer on goals of others: his export has his own words there, whatever the admin may read of theirs."""
    tom = Scope(kind="person", id=person("tom").removeprefix("user:"))
    made = exporting.export(tmp_path / "bundle", tom, "priya")
    rows = list(csv.DictReader(io.StringIO((made.folder / "tables/timeline.csv").read_text(encoding="utf-8"))))
    elsewhere = [row for row in rows if row["subject"].startswith("goal/") and row["actor"] != person("tom")]
    assert elsewhere
    for row in elsewhere:
        assert set(row["words"].replace("(not for you)", "").split()) <= {"Title:", "Note:", "Text:", "Evidence:"}, row


def test_sealed_bundles_show_no_words(exporting: Exporting, tmp_path: Path) -> None:
    """With --sealed no file has a word that somebody wrote; the manifest says so and no key is asked for."""
    made = exporting.export(tmp_path / "bundle", GOAL, words="sealed")
    content = b"".join(path.read_bytes() for path in made.folder.rglob("*") if path.is_file())
    for words in (b"Present with confidence", b"Stage fright", b"get better at presentations"):
        assert words not in content
    assert made.manifest.words == "sealed"
    assert not (made.folder / bundle.DERIVED_KEYS).exists()


def test_keys_are_in_a_bundle_where_they_are_asked_for(exporting: Exporting, tmp_path: Path) -> None:
    """With --keys the enclosed keys open what the exporter could read, offline, and nothing else is enclosed."""
    made = exporting.export(tmp_path / "bundle", GOAL, "maya", with_keys=True)
    report = verify_bundle(made.folder, [exporting.key])
    assert report.verified
    words = next(check for check in report.checks if check.name == "words")
    assert words.status == "passed"
    assert words.count > 0


def test_as_of_is_history_and_state_until_then(exporting: Exporting, tmp_path: Path) -> None:
    """As of the goal's seventh version there are seven events, it is still a draft, and later words are not there."""
    made = exporting.export(tmp_path / "bundle", GOAL, at="v7")
    found = [decode(one) for one in documents(made.folder)]
    assert [one.version for one in found] == list(range(1, 8))
    assert made.manifest.as_of.sequence == found[-1].sequence
    assert made.manifest.as_of.asked == "v7"
    told = (made.folder / bundle.REPORT).read_text(encoding="utf-8")
    assert "Drafted" in told
    assert "Stage fright" not in told
    assert verify_bundle(made.folder, [exporting.key]).verified


def test_everything_as_of_a_moment_is_proven_to_be_the_beginning_of_the_log(
    exporting: Exporting, tmp_path: Path
) -> None:
    """A full export as of event 100 leads to the later checkpoint by a consistency proof; a scan does the same."""
    made = exporting.export(tmp_path / "all", EVERYTHING, at="s100")
    assert (made.manifest.counts.events, made.manifest.checkpoint.size > 100) == (100, True)
    assert made.manifest.prefix is not None
    assert verify_bundle(made.folder, [exporting.key]).verified
    scanned = exporting.export(tmp_path / "scanned", Scope(kind="programme", id=PROGRAMME.id), at="s100", scan=True)
    assert scanned.manifest.counts.scanned == 100
    assert verify_bundle(scanned.folder, [exporting.key]).verified


def test_a_zip_is_the_folder(exporting: Exporting, tmp_path: Path) -> None:
    """The .zip has the folder's files and verifies by itself; packed twice it has the same bytes."""
    packed = [exporting.export(tmp_path / name / "bundle", GOAL, zipped=True) for name in "ab"]
    assert packed[0].zipped is not None
    assert packed[1].zipped is not None
    with zipfile.ZipFile(packed[0].zipped) as archive:
        held = {name.removeprefix("bundle/"): archive.read(name) for name in archive.namelist()}
    folder = packed[0].folder
    assert held == {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    assert verify_bundle(packed[0].zipped, [exporting.key]).verified
    assert packed[0].zipped.read_bytes() == packed[1].zipped.read_bytes()
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (packed[0].folder, packed[0].zipped)]
    assert modes == [0o700, 0o600]  # people's words are in both


@pytest.mark.parametrize(
    ("who", "scope", "scan", "code"),
    [
        ("maya", GOAL, False, None),
        ("ben", GOAL, False, None),
        ("priya", GOAL, True, None),
        ("lena", GOAL, False, "goal_unknown"),
        ("maya", GOAL, True, "not_allowed"),
        ("maya", MAYA, False, None),
        ("ben", MAYA, False, "person_unknown"),
        ("priya", MAYA, False, None),
        ("maya", PROGRAMME, False, "programme_unknown"),
        ("priya", PROGRAMME, False, None),
        ("maya", EVERYTHING, False, "not_allowed"),
        ("priya", EVERYTHING, False, None),
        ("priya", Scope(kind="goal", id=named("goal", "nothing")), False, "nothing"),
        ("priya", Scope(kind="goal"), False, "scope_invalid"),
    ],
)
def test_who_may_export_what(exporting: Exporting, who: str, scope: Scope, code: str | None, *, scan: bool) -> None:
    """Parties export their goals, people themselves, admins and auditors anything; scans and all of it are theirs."""
    answer = exporting.first(scope, person(who), scan=scan)
    if code in (None, "nothing"):
        assert isinstance(answer, ExportAnswer)
        assert bool(answer.total) is (code is None) or answer.looked is not None
    else:
        assert isinstance(answer, Refused)
        assert answer.errors[0].code == code


def test_what_no_checkpoint_covers_is_refused(tmp_path: Path) -> None:
    """Before the first checkpoint nothing is exported; what came after the newest one is not proven yet."""
    made = Exporting(tmp_path)
    admin = user("admin")
    opened = tenant.Open(command_id=ident("open"), id=tenant_id(TENANT), actor=SERVICE, admins=[admin])
    made.accept.accepted(opened, TENANT)
    assert made.first(EVERYTHING, admin).errors[0].code == "checkpoint_unknown"
    made.sign()
    made.accept.accepted(create("late", "admin"), TENANT)
    assert made.first(EVERYTHING, admin).until == 1
    answer = made.first(EVERYTHING, admin, at="now")
    assert answer.errors[0].code == "not_proven_yet"
    assert answer.errors[0].details == {"size": 1, "sequence": 2}
    assert made.first(EVERYTHING, admin, size=7, until=7).errors[0].code == "checkpoint_unknown"
    assert made.first(EVERYTHING, admin, at="s9").errors[0].code == "sequence_unknown"
    made.close()


def test_a_damaged_tree_proves_nothing(tmp_path: Path) -> None:
    """Where a checkpoint was not signed by the log's key, an export says that the journal is not what was signed."""
    made = Exporting(tmp_path)
    made.tell_sample()
    checkpoint = made.proofs / TENANT / "checkpoint"
    checkpoint.write_text(checkpoint.read_text(encoding="utf-8").replace("354\n", "353\n", 1), encoding="utf-8")
    answer = made.first(EVERYTHING, person("priya"))
    assert isinstance(answer, Failed)
    assert (answer.errors[0].code, answer.retry) == ("tree_diverged", False)
    made.close()


@pytest.mark.parametrize("kind", ["person", "programme"])
def test_events_are_looked_for_a_while_at_a_time(exporting: Exporting, kind: str) -> None:
    """A search that has no time tells how far it is, goes on with the next question, and finds what the rule says."""
    search = Search(exporting.accept.journal, TENANT, SCOPES[kind], exporting.size)
    assert search.go_on(-1) == Looked(done=0, total=exporting.size)
    told = [search.go_on(0.001)]
    while not isinstance(told[-1], Found):
        told.append(search.go_on(0.001))
    found = told[-1]
    selection = Selection(SCOPES[kind])
    stored = exporting.accept.journal.events_after(TENANT, 0, 10_000)
    for one in stored:
        selection.look(one.document)
    wanted = [one.sequence for one in stored if selection.holds("/".join(one.ref), one.document)]
    assert list(found.sequences) == wanted
    assert found.after(wanted[3], 2) == wanted[4:6]
    assert found.after(wanted[-1], 2) == []


def test_nothing_is_exported_of_what_is_not_there(exporting: Exporting, tmp_path: Path) -> None:
    """A goal without events up to the moment makes no bundle, and no manifest says otherwise."""
    with pytest.raises(ExportError) as raised:
        exporting.export(tmp_path / "bundle", GOAL, at="s3")
    assert raised.value.code == "nothing_to_export"
    assert not (tmp_path / "bundle" / bundle.MANIFEST).exists()


def test_the_reason_is_told(exporting: Exporting, tmp_path: Path) -> None:
    """Who exported it, when and why stands in the manifest and in the report."""
    made = exporting.export(tmp_path / "bundle", GOAL)
    assert (made.manifest.exported.by, made.manifest.exported.reason) == (person("priya"), REASON)
    assert REASON in (made.folder / bundle.REPORT).read_text(encoding="utf-8")
