"""`milepost watch`, as people run it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from milepost_contracts.sealing import PREFIX
from tests.cli.conftest import new_person
from tests.support.serving import STOP_S_MAX, Served
from tests.support.shell import Shell


class Watching:
    """A watch in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def line(self) -> str:
        """Return the next line; waits for it, which pytest's own patience bounds."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._process.stderr.read() if self._process.stderr else ""
        return line

    def documents(self, until: int) -> list[dict[str, Any]]:
        """Return what was told up to the sequence *until*."""
        told: list[dict[str, Any]] = []
        while not told or int(told[-1]["sequence"]) < until:
            told.append(msgspec.json.decode(self.line()))
        return told


@contextmanager
def watching(shell: Shell, *arguments: str) -> Iterator[Watching]:
    """Watch while this lasts; Ctrl-C ends it, with status 0."""
    line = [sys.executable, "-m", "milepost", "watch", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True, env=shell.environment()) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline().startswith("Watching sample after sequence ")
            yield Watching(process)
            process.send_signal(signal.SIGINT)
            assert process.wait(STOP_S_MAX) == 0
        finally:
            process.kill()


def sequence(shell: Shell, line: str) -> int:
    return int(shell.done(f"{line} --json").document["sequence"])


def test_words_are_opened_for_whom_they_are(shell: Shell) -> None:
    """A party reads along; somebody else sees what happens and not the words."""
    begun = sequence(shell, 'goal create "Give a talk that nobody else hears of"')
    last = sequence(shell, 'goal post-comment talk "Not a word to anybody"')
    with watching(shell, "--json", "--since", str(begun - 1)) as mine:
        told = mine.documents(last)
    assert [one["data"].get("title") or one["data"].get("text") for one in told if one["actor"] == _me(shell)] == [
        "Give a talk that nobody else hears of",
        "Not a word to anybody",
    ]
    stranger = Shell(shell.folder, **shell.variables | {"MILEPOST_AS": new_person()})
    with watching(stranger, "--json", "--since", str(last - 1)) as theirs:
        (comment,) = theirs.documents(last)
    assert comment["data"]["text"] is None
    assert comment["unread"] == [{"at": "/text", "why": "not_entitled"}]
    assert PREFIX not in str(comment)


def test_one_goal_as_text(shell: Shell) -> None:
    """One line an event, of the one goal that was asked for, words in quotes."""
    begun = sequence(shell, 'goal create "Give a talk"')
    shell.done('goal create "Something else"')
    shell.done("goal set-deadline talk 2027-09-30")
    with watching(shell, "--goal", "talk", "--since", str(begun - 1)) as told:
        created, deadline = told.line(), told.line()
    assert "created" in created
    assert 'title="Give a talk"' in created
    assert "deadline_set" in deadline
    assert "2027-09-30" in deadline


def test_without_since_only_what_comes_is_told(shell: Shell) -> None:
    """A watch begins now."""
    before = sequence(shell, 'goal create "Before"')
    with watching(shell, "--json") as told:
        after = sequence(shell, 'goal create "After"')
        documents = told.documents(after)
    assert [int(one["sequence"]) for one in documents] == list(range(before + 1, after + 1))


def test_a_restart_costs_nothing(served: Served, shell: Shell) -> None:
    """Milepost stops and starts again, broker and all: the watch goes on with nothing missing and nothing twice."""
    first = sequence(shell, 'goal create "Give a talk"')
    with watching(shell, "--json", "--since", str(first - 1)) as told:
        documents = told.documents(first)
        served.stop()
        served.start()
        last = sequence(shell, 'goal post-comment talk "Here we are again"')
        documents += told.documents(last)
    assert [int(one["sequence"]) for one in documents] == list(range(first, last + 1))
    assert documents[-1]["data"]["text"] == "Here we are again"


def test_a_wrong_place_to_begin(shell: Shell) -> None:
    """Where to begin is a sequence, or the beginning."""
    typed = shell("watch --since yesterday")
    assert (typed.status, typed.out) == (2, "")
    assert "bad_value (since)" in typed.err


def _me(shell: Shell) -> str:
    return shell.variables["MILEPOST_AS"]
