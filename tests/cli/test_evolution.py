"""`evolution`, typed on the sample: where goals stood, what happened in between, slips, the way to SMART, tables."""

from __future__ import annotations

import csv
import io

import msgspec
import pytest

from tests.support.serving import Served
from tests.support.shell import Shell


@pytest.fixture
def priya(served: Served, shell: Shell) -> Shell:
    """Give the shell of who runs the sample's programme, which is called growth again."""
    names = (served.folder / "sample.json").read_bytes()
    (shell.folder / "data" / "sample.json").write_bytes(names)
    shell.variables["MILEPOST_AS"] = "priya"
    return shell


def test_a_programme_as_of_a_moment(priya: Shell) -> None:
    """The figures come first, then each goal as it stood then; before the programme had any there are none."""
    now = priya.done("evolution growth").out
    for said in ("Growing together", "goals  ", "SMART  ", "slips  ", "Present with confidence to colleagues"):
        assert said in now, said
    then = priya.done("evolution growth --as-of -400d --effective")
    assert "Present with confidence to colleagues" not in then.out
    before = priya.done("evolution growth --as-of s1")
    assert "No goals then." in before.err


def test_what_changed_between_two_moments(priya: Shell) -> None:
    """Each goal is told with what happened to it and how it differs; slips with reasons and whose yes they ended."""
    text = priya.done("evolution growth --diff -12m now --effective --slips").out
    for said in ("compared with", "happened  ", "HAPPENED", "new, refined, proposed", " → ", "Slips", "dependency"):
        assert said in text, said
    assert "ben, again after 0 d" in text
    unmoved = priya.done("evolution growth --diff now now")
    assert "Nothing changed." in unmoved.err
    assert "stood the same at both: left out." in unmoved.err


def test_how_starter_goals_became_smart(priya: Shell) -> None:
    """From the words that were brought to those that were agreed, step by step, with days and the checklist."""
    text = priya.done("evolution growth --smart").out
    for said in (
        "presentations: “get better at presentations” → “Present with confidence to colleagues”",
        "SMART after ", "measure defined", "Internal presentations given: 3 presentations", "evaluated", "checklist",
    ):  # fmt: skip
        assert said in text, said


def test_tables_for_spreadsheets_have_every_goal(priya: Shell) -> None:
    """--csv writes goals, slips or steps, all pages of them; --limit and --cursor page as everywhere."""
    goals = list(csv.DictReader(io.StringIO(priya.done("evolution growth --csv").out)))
    document = priya.done("evolution growth --json").document
    assert [row["goal"] for row in goals] == [goal["goal"] for goal in document["goals"]]
    assert len(goals) == document["figures"]["goals"]
    slips = list(csv.DictReader(io.StringIO(priya.done("evolution growth --slips --csv").out)))
    assert sum(int(row["days"]) for row in slips) == document["figures"]["slips"]["days"]
    steps = list(csv.DictReader(io.StringIO(priya.done("evolution growth --smart --csv").out)))
    assert {row["step"] for row in steps} >= {"created", "refined", "evaluated", "activated"}
    first = priya.done("evolution growth --limit 2")
    assert "More: --cursor evolution-2" in first.err
    rest = priya.done("evolution growth --limit 500 --cursor evolution-2 --json").document
    assert len(rest["goals"]) == len(goals) - 2


def test_a_long_table_is_written_page_by_page(priya: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of more goals than a page holds has one heading, and each goal once, as of the first page's moment."""
    whole = priya.done("evolution growth --effective --csv").out
    monkeypatch.setattr("milepost.cli.evolution.PAGE_MAX", 3)
    assert priya.done("evolution growth --effective --csv").out == whole
    assert priya.done("evolution growth --csv --limit 3").out.count("\n") == 4


def test_a_mentorship_and_the_whole_tenant(priya: Shell) -> None:
    """Parties are told of their mentorship's goals, admins of all; --reason goes with the question."""
    pair = priya.done("evolution --mentorship maya-ben --as maya --json").document
    everything = priya.done("evolution --reason 'the yearly audit' --limit 500 --json").document
    assert 0 < pair["figures"]["goals"] < everything["figures"]["goals"]


@pytest.mark.parametrize(
    ("typed", "status", "code"),
    [
        ("evolution growth --mentorship maya-ben", 2, "bad_usage"),
        ("evolution growth --diff -1m now --as-of now", 2, "bad_usage"),
        ("evolution growth --csv --json", 2, "bad_usage"),
        ("evolution growth --as-of sometime", 2, "bad_value"),
        ("evolution growth --diff now -1m", 1, "moments_exchanged"),
        ("evolution growth --as maya", 1, "not_allowed"),
        ("evolution --as maya", 1, "tenant_unknown"),
    ],
)
def test_what_cannot_be_told_is_refused(priya: Shell, typed: str, status: int, code: str) -> None:
    """Two questions at once, moments that are none and what is not for the asker end with a code."""
    ended = priya(typed)
    assert (ended.status, ended.out) == (status, "") if "--json" not in typed else ended.status == status
    assert code in ended.err + ended.out


def test_words_that_look_like_formulas_stay_words(priya: Shell) -> None:
    """A title that a spreadsheet would run is written so that it does not."""
    from milepost.cli.evolution_shown import Evolved
    from milepost.cli.evolution_tables import written
    from milepost.cli.out import Out
    from milepost.cli.where import Names

    document = priya.done("evolution growth --limit 1 --json").document
    document["goals"][0]["then"]["title"] = "=1+1"
    out = Out(as_json=False, stdout=io.StringIO(), stderr=io.StringIO())
    text = written(Evolved(out, Names(), msgspec.to_builtins(document), slips=False, smart=False), heading=True)
    assert next(csv.DictReader(io.StringIO(text)))["title"] == "'=1+1"
