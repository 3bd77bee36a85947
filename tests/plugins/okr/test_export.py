"""What leaves can be read back: JSON as it is, CSV after taking one leading quote off; nothing in it is run."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from milepost_okr.exporting import COLUMNS, guarded, to_csv

from tests.plugins.okr.telling import Company

EVIL = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "'=1", "\uff1d1", "\u00a0=cmd|' /C calc'!A0", 'a"b,c\nd']
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def unguarded(cell: str) -> str:
    """Return a cell as it was, by the rule in README.md."""
    return cell.removeprefix("'")


def parsed(text: str) -> list[dict[str, str]]:
    """Return the rows of CSV, as they were."""
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    return [{name: unguarded(cell) for name, cell in row.items()} for row in rows]


def plain(value: Any) -> str:
    """Return a value of a row as text."""
    return "" if value is None else {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def company() -> Company:
    """Return a company whose objectives are called what a spreadsheet would run."""
    results = [{"key": f"k{number}", "title": title, "owner": title} for number, title in enumerate(EVIL)]
    objective = {"key": "grow-1", "title": "=1+1", "cycle": "q1", "key_results": results}
    made = Company(objectives=[objective], rules=[{"to": "k0", "focus": ["business"]}])
    goal = made.goal()
    goal.reading("7")
    made.talk(goal, 8)
    return made


def test_json_and_csv_say_the_same() -> None:
    """Both give a row an objective, key result and goal; read back, every cell is what JSON says."""
    made = company()
    rows = json.loads(json.dumps(made.answer("export", format="json")["rows"]))
    told = made.answer("export", format="csv")
    back = parsed(told["csv"])
    assert told["content_type"] == "text/csv; charset=utf-8"
    assert [row["type"] for row in rows] == ["objective", "key_result", "goal", *["key_result"] * (len(EVIL) - 1)]
    assert [list(row) for row in back] == [list(COLUMNS)] * len(rows)
    for row, told_row in zip(rows, back, strict=True):
        assert told_row == {name: plain(row[name]) for name in COLUMNS}
    assert [row["title"] for row in back if row["type"] == "key_result"] == EVIL
    goal = next(row for row in back if row["type"] == "goal")
    assert (goal["parent"], goal["score"], goal["confidence"], goal["by"]) == ("k0", "0.5", "8", "progress")


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(EVIL))
def test_no_cell_begins_as_a_formula_and_every_one_comes_back(text: str) -> None:
    """Whatever a title is, the cell is no formula, and taking one quote off gives the title."""
    cell = guarded(text)
    assert not cell.lstrip(" \u00a0\ufeff").startswith(STARTS)
    assert unguarded(cell) == text
    if "\0" not in text:
        row: dict[str, Any] = dict.fromkeys(COLUMNS) | {"title": text}
        assert parsed(to_csv([row]))[0]["title"] == text


@pytest.mark.parametrize("format_", ["json", "csv"])
def test_large_exports_come_in_parts(format_: str) -> None:
    """`next` leads from part to part until everything has been given, each row once."""
    made = company()
    whole: list[dict[str, Any]] = []
    offset: int | None = 0
    while offset is not None:
        part = made.answer("export", format=format_, offset=offset, limit=4)
        whole += part["rows"] if format_ == "json" else parsed(part["csv"])
        offset = part["next"]
    keys = [row["key"] for row in whole]
    assert keys == [row["key"] for row in made.answer("export")["rows"]]
    assert len(set(keys)) == len(EVIL) + 2


def test_an_export_can_be_narrowed_down() -> None:
    """By cycle, and without goals."""
    made = Company()
    made.goal().reading("7")
    assert [row["key"] for row in made.answer("export", cycle="q2")["rows"]] == ["grow-2", "sales-2"]
    assert [row["key"] for row in made.answer("export", cycle="q1", goals=False)["rows"]] == ["grow-1", "sales-1"]
