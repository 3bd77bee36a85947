"""`explain`, typed by an auditor on the sample: questions are answered in words, and all types of events are shown."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pytest

from milepost.cli.asking import told
from milepost.cli.explain_shown import Explained
from milepost.cli.out import Out
from milepost.cli.where import Names
from milepost.replay.explaining import explain
from milepost_contracts.envelope import decode
from milepost_contracts.queries import Explain, ExplainAnswer
from tests.replay import goldens
from tests.support.golden.world import INES
from tests.support.shell import Shell


def moved(shell: Shell) -> tuple[str, int]:
    """Return id and sequence of the event by which the sample's presentations were put off."""
    entries = shell.done("history presentations --event deadline-shifted --as priya --json").document["entries"]
    return entries[0]["event"], int(entries[0]["sequence"])


def test_the_auditor_s_question_is_answered_in_one_verb(shell: Shell) -> None:
    """Who moved the deadline, why, who had agreed, what became of the yes, what was removed: all in one page."""
    event, sequence = moved(shell)
    text = shell.done(f"explain s{sequence} --as priya --reason 'the yearly audit'").out
    for said in (
        "maya moved the deadline from ", "The sales team's meeting was moved to next month (dependency)",
        "authenticated by gateway:cli", "What it changed", "still so", "Who had agreed to what at that time",
        "agreed by all whose yes was needed", "the yes of ben to revision 7, voided; yes again by v",
        "waiting for", "What caused it, and what came of it", "Was anything removed?",
        "No: nothing is missing in what was looked through.", "taken back", "never", "Proof", "leaf",
    ):  # fmt: skip
        assert said in text, said
    assert shell.done(f"explain {event} --as priya").out.splitlines()[:2] == text.splitlines()[:2]


def test_an_event_is_typed_in_every_form(shell: Shell) -> None:
    """By id, by sequence, by goal and version, or as of something else; --full and --json have what proves it."""
    event, sequence = moved(shell)
    by_id = shell.done(f"explain {event} --as priya --json").document
    version = by_id["event"]["version"]
    for typed in (f"s{sequence}", f"presentations v{version}", f"goal/presentations v{version}"):
        found = shell.done(f"explain {typed} --as priya --json").document
        assert found["event"] == by_id["event"]
    full = shell.done(f"explain {event} --as priya --full").out
    assert by_id["proof"]["leaf_hash"] in full
    assert by_id["causes"]["command"]["hash"] in full
    for typed, kind in (("tenant", "tenant"), ("person/maya", "person")):
        assert shell.done(f"explain {typed} v1 --as priya --json").document["aggregate"] == kind
    assert shell.done("explain mentorship/maya-ben v1 --as maya").out.startswith("v1 of the mentorship maya-ben")


@pytest.mark.parametrize(
    ("typed", "status", "code"),
    [
        ("explain presentations", 2, "bad_usage"),
        ("explain presentations seven", 2, "bad_usage"),
        ("explain person/nobody v1", 2, "bad_value"),
        ("explain s999999", 1, "event_unknown"),
    ],
)
def test_what_names_no_event_is_told(shell: Shell, typed: str, status: int, code: str) -> None:
    """Something that is no event is bad usage or unknown, and says what may be typed."""
    ended = shell(f"{typed} --as priya")
    assert (ended.status, ended.out) == (status, "")
    assert code in ended.err


def test_a_stranger_is_told_of_nothing(shell: Shell) -> None:
    """Who may not read the goal learns no more than of a goal that is not there."""
    assert "event_unknown" in shell(f"explain s{moved(shell)[1]}").err


def test_what_is_rare_is_shown_too(shell: Shell) -> None:
    """Numbers that are missing, a plugin with its cause, a proof that does not hold, words that are erased."""
    answer = shell.done(f"explain s{moved(shell)[1]} --as priya --json").document
    before = answer["removed"]["before"]
    answer["removed"] |= {"finding": "missing", "before": None}
    answer["removed"]["sequences"] |= {"missing": [7, 9]}
    answer["causes"]["command"] |= {"events": 3, "more": 60}
    answer["causes"] |= {"more": 2, "plugin": {"name": "nudges", "version": "1.4.0", "cause": before, "sought": 9}}
    answer["proof"] |= {"status": "broken", "message": "The journal is not what was signed: s7."}
    answer["unread"] = [{"at": "/event/reason", "why": "erased"}]
    text = _text(answer)
    for said in (
        "YES: numbers are missing.", "s7, s9 missing", "nudges version 1.4.0, answering v", "wrote 3 events, 61 there",
        "The journal is not what was signed: s7.", "why       (erased) (dependency)", "and 60 more", "and 2 more",
    ):  # fmt: skip
        assert said in text, said
    answer["causes"]["plugin"]["cause"] = None
    assert "answering none of the 9 events before: a timer, an outcome or a request" in _text(answer)


def _text(answer: dict[str, Any]) -> str:
    stdout = io.StringIO()
    out = Out(as_json=False, stdout=stdout, stderr=io.StringIO())
    Explained(out, Names(), told(msgspec.json.decode(msgspec.json.encode(answer)))).show(full=False)
    return stdout.getvalue()


def test_every_type_of_event_is_shown(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Of every golden example, with --full and without, text comes out that begins with what happened."""
    folder = tmp_path_factory.mktemp("golden")
    journal, keys = goldens.journal_of(folder, goldens.documents()), goldens.keys_of(folder)
    desk = goldens.desk_of(journal, keys)
    for document in goldens.documents():
        event = decode(document)
        answer, _ = explain(desk, goldens.TENANT, Explain(actor=INES.ref, sequence=event.number), INES.ref)
        assert isinstance(answer, ExplainAnswer)
        for full in (False, True):
            stdout = io.StringIO()
            out = Out(as_json=False, stdout=stdout, stderr=io.StringIO())
            Explained(out, Names(), told(msgspec.to_builtins(answer))).show(full=full)
            lines = stdout.getvalue().splitlines()
            assert lines[0].startswith(f"v{event.version} of the {event.aggregate} "), event.type
            for heading in ("Was anything removed?", "Proof", "What caused it, and what came of it"):
                assert heading in lines
            assert "None" not in stdout.getvalue(), event.type
            assert "enc:v1:" not in stdout.getvalue(), event.type
    keys.close()
    journal.close()
