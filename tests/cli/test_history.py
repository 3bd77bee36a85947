"""`milepost history` against a running Milepost: the list, points in time, what differs, and what is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from milepost.sample import named
from tests.cli.conftest import new_person
from tests.support.serving import STOP_S_MAX, Served
from tests.support.shell import Shell

ABOUT = "history talk"
STORY = [
    'goal create "Give a talk" --deadline 2027-06-30',
    'goal define-measure talk "talks given" --target 2',
    "goal propose talk",
    "goal activate talk",
    'goal add-milestone talk "First rehearsal" 2027-01-10',
    "goal record-progress talk 1",
    'goal shift-deadline talk 2027-07-31 --reason "The hall is closed" --reason-code dependency',
]


@pytest.fixture
def talk(shell: Shell) -> Shell:
    """Give a shell of somebody new with a goal: one reading of two, and a deadline that moved."""
    for line in STORY:
        shell.done(line)
    return shell


def test_the_list_tells_who_what_and_why(talk: Shell) -> None:
    """Newest first, an event a line, with its reason; filters narrow it, and pages lead on."""
    lines = talk.done(ABOUT).out.splitlines()
    assert lines[0] == "Give a talk"
    assert lines[2].startswith("v7 ")
    assert "moved the deadline from 2027-06-30 to 2027-07-31 (31 days)" in lines[2]
    assert "The hall is closed (dependency)" in lines[2]
    assert lines[-1].startswith("v1 ")
    moved = talk.done(f"{ABOUT} --field deadline").out.splitlines()
    assert [line.split()[0] for line in moved[2:]] == ["v7", "v1"]
    assert "2027-06-30 → 2027-07-31" in moved[2]
    first = talk.done(f"{ABOUT} --limit 3 --oldest-first")
    assert "More: --cursor history-3" in first.err
    second = talk.done(f"{ABOUT} --limit 3 --oldest-first --cursor history-3").out
    assert second.splitlines()[2].startswith("v4 ")
    assert "Nothing of that kind" in talk.done(f"{ABOUT} --event closed").err
    assert "Nothing of that kind" in talk.done(f"{ABOUT} --actor {new_person()}").err
    assert talk.done(f"{ABOUT} --actor me --event deadline-shifted --json").document["entries"][0]["version"] == 7


def test_everything_about_an_event(talk: Shell) -> None:
    """--full tells when, by whom, how authenticated, caused by which command, and every field before and after."""
    text = talk.done(f"{ABOUT} --event deadline-shifted --full --state").out
    for told in ("authenticated", "gateway:cli", "command", "sequence", "recorded", "goal.deadline_shifted.v1"):
        assert told in text
    assert any(line.split() == ["deadline", "2027-06-30", "2027-07-31"] for line in text.splitlines())
    entry = talk.done(f"{ABOUT} --event deadline-shifted --state --json").document["entries"][0]
    assert (entry["state"]["deadline"], entry["standing"]["progress"]) == ("2027-07-31", "0.5")
    caused = talk.done(f"{ABOUT} --caused-by {entry['command']} --json").document["entries"]
    assert [one["event"] for one in caused] == [entry["event"]]


def test_as_it_was(talk: Shell) -> None:
    """At a version, a sequence, an instant and by occurred time: state, progress and health then."""
    then = talk.done(f"{ABOUT} --as-of v5").out
    assert "Give a talk" in then
    assert ["deadline", "2027-06-30"] in [line.split() for line in then.splitlines()]
    assert "First rehearsal" in then
    assert "talks given" in then
    document = talk.done(f"{ABOUT} --as-of v6 --json").document
    assert (document["standing"]["progress"], document["state"]["deadline"]) == ("0.5", "2027-06-30")
    same = talk.done(f"{ABOUT} --as-of s{int(document['sequence'])} --json").document
    assert (same["version"], same["state"]) == (6, document["state"])
    at = talk.done(f"{ABOUT} --as-of {document['at']} --json").document
    assert at["state"] == document["state"]
    by_occurred = talk.done(f"{ABOUT} --as-of now --effective --known-at v6 --json").document
    assert (by_occurred["version"], by_occurred["state"]) == (6, document["state"])


def test_what_differs(talk: Shell) -> None:
    """Between two points: the fields that changed, where the goal stood, and the events between."""
    text = talk.done(f"{ABOUT} --diff v4 now").out
    assert any(line.split() == ["deadline", "2027-06-30", "2027-07-31"] for line in text.splitlines())
    assert "50 %" in text
    assert "milestone “First rehearsal”" in text
    assert "3 events between" in text
    back = talk.done(f"{ABOUT} --diff now v4 --json").document
    changed = {one["field"]: (one["before"], one["after"]) for one in back["changes"]}
    assert changed["deadline"] == ("2027-07-31", "2027-06-30")
    assert back["events_between"] == 3
    whole = talk.done(f"{ABOUT} --diff v0 v1 --field title").out
    assert "not there yet" in whole


def test_other_kinds(shell: Shell) -> None:
    """Mentorships, programmes, persons and the tenant have a history and a past too."""
    for line in (
        "history maya-ben --kind mentorship --as maya",
        "history maya-ben --kind mentorship --as-of v3 --as maya",
        "history {growth} --kind programme --diff v1 v4 --as priya",
        "history maya --kind person --as maya",
        "history maya --kind person --as-of now --as maya",
        "history --kind tenant --as priya",
    ):
        assert shell.done(line.format(growth=named("programme", "growth"))).out


REFUSED = [
    (f"{ABOUT} --as-of 2020-01-01", 1, "not_begun"),
    (f"{ABOUT} --as-of 2020-01-01 --effective", 1, "not_begun"),
    (f"{ABOUT} --as-of v99", 1, "version_unknown"),
    (f"{ABOUT} --as-of s99999999", 1, "sequence_unknown"),
    (f"{ABOUT} --as-of 2999-01-01", 1, "in_future"),
    (f"{ABOUT} --as-of then", 2, "bad_value"),
    (f"{ABOUT} --as-of v1 --diff v1 v2", 2, "bad_usage"),
    (f"{ABOUT} --as-of v1 --since v1", 2, "bad_usage"),
    (f"{ABOUT} --effective", 2, "bad_usage"),
    (f"{ABOUT} --as-of v1 --known-at v1", 2, "bad_usage"),
    (f"{ABOUT} --actor nobody-known", 2, "bad_value"),
    (f"{ABOUT} --cursor elsewhere", 1, "invalid_cursor"),
    ("history", 2, "missing"),
    ("history nobody-known --kind person", 2, "bad_value"),
]


def test_what_is_refused(talk: Shell) -> None:
    """Each has its code and its exit status: 2 for what was typed wrong, 1 for what there is not."""
    for line, status, code in REFUSED:
        typed = talk(line)
        assert (typed.status, code in typed.err) == (status, True), (line, typed.status, typed.err)
    stranger = talk("goal list --json").document["goals"][0]["id"]
    typed = talk(f"history {stranger} --as {new_person()}")
    assert (typed.status, "goal_unknown" in typed.err) == (1, True)


def test_it_is_followed(talk: Shell, served: Served) -> None:
    """--follow tells what there was, then each event as it happens, until it is told to end."""
    line = [sys.executable, "-m", "milepost", "history", "talk", "--follow", "--json"]
    environment = talk.environment() | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        line,
        stdout=subprocess.PIPE,
        cwd=talk.folder,
        env=environment,
        preexec_fn=os.setsid,  # noqa: PLW1509  no threads
    ) as process:
        assert process.stdout is not None
        try:
            told = [process.stdout.readline() for _ in range(7)]
            assert b"goal.deadline_shifted.v1" in told[-1]
            talk.done("goal record-progress talk 1")
            assert b"goal.progress_recorded.v1" in process.stdout.readline()
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=STOP_S_MAX)
        finally:
            process.kill()
        assert process.returncode == 0
