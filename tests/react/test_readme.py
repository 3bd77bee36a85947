"""The README of the plugin host says what is so: its numbers, files, tables, verbs, settings and links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import milepost.react
from milepost.react import tables
from milepost.react.outbox import ARGUMENTS_KEPT_DAYS
from milepost.react.policy import Policy
from milepost.react.reports import Verb
from milepost.settings import PREFIX, described

FOLDER = Path(milepost.react.__file__).parent
TEXT = (FOLDER / "README.md").read_text()
TABLE = re.compile(r"^\|(.*)\|$", re.MULTILINE)
MINUTE_S, HOUR_S = 60, 3600


def _time(seconds: float) -> str:
    if seconds <= MINUTE_S:
        return f"{seconds:g} s"
    return f"{seconds / MINUTE_S:g} min" if seconds < HOUR_S else f"{seconds / HOUR_S:g} h"


def _shown(value: float | tuple[float, ...]) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_time, value))
    return str(value) if isinstance(value, int) else _time(value)


def _rows() -> list[list[str]]:
    return [[cell.strip() for cell in row.split("|")] for row in TABLE.findall(TEXT)]


def test_every_number_stands_there_as_it_is() -> None:
    """Each number of the policy has its row, with its value; so has the time after which arguments are dropped."""
    told = {row[1].strip("`"): row[2] for row in _rows() if len(row) == 4}
    assert {name: told.get(name) for name in Policy._fields} == {
        name: _shown(value) for name, value in Policy()._asdict().items()
    }
    pauses = [Policy().event_pause_s(attempt) for attempt in range(1, Policy().event_attempts_max)]
    assert f"pauses of {', '.join(f'{one:g}' for one in pauses[:-1])} and {pauses[-1]:g} s" in TEXT
    assert f"dropped after {ARGUMENTS_KEPT_DAYS} days" in TEXT.replace("\n", " ")


def test_every_table_and_verb_stands_there() -> None:
    """What is stored and what administrators can do is told whole, and nothing else is."""
    first = [re.findall(r"`([a-z_]+)`", row[0]) for row in _rows() if len(row) < 4]
    named = [name for names in first for name in names]
    assert sorted(named) == sorted([*get_args(Verb), *(table.name for table in tables.TABLES)])


def test_files_and_links_are_there() -> None:
    """Every file that is named or linked to exists."""
    for name in re.findall(r"\b([a-z]+\.py)\b", TEXT):
        kit = FOLDER.parents[2] / "contracts" / "milepost_contracts" / name
        assert any(path.exists() for path in (FOLDER / name, FOLDER.parent / name, kit)), name
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (FOLDER / target).exists(), target


def test_settings_are_there() -> None:
    """Every setting that is named is one."""
    known = {PREFIX + name.upper() for name, _, _ in described()}
    assert set(re.findall(rf"{PREFIX}[A-Z_]+", TEXT)) <= known
