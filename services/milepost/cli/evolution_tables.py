"""The evolution of goals as tables for spreadsheets: one of goals, of slips, or of the steps to SMART."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from milepost.cli.asking import plain
from milepost.cli.evolution_shown import Evolved

Tree = dict[str, Any]
Row = dict[str, Any]
_THEN = (
    "title", "state", "result", "owner", "mentorship", "programme", "cycle", "deadline", "revision", "agreement_open",
    "measures", "progress", "expected", "health",
)  # fmt: skip
_GOAL = (
    "goal", *_THEN, "inside", "agreed", "changed", "state_before", "deadline_before", "progress_before",
    "health_before", "revision_before",
)  # fmt: skip
_SLIP = (
    "goal", "title", "on", "by", "old", "new", "days", "reason_code", "reason", "revision", "yeses_ended", "sequence",
    "event",
)  # fmt: skip
_STEP = ("goal", "starter", "title", "on", "by", "step", "what", "revision", "sequence", "event")
# A spreadsheet takes a cell that begins so for a formula, and words come from others.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def written(evolved: Evolved, *, heading: bool) -> str:
    """Return the page of *evolved* as CSV: of slips or SMART steps where these are wanted, else of goals."""
    goals = evolved.answer["goals"]
    columns: tuple[str, ...]
    rows: Iterable[Row]
    if evolved.slips:
        columns, rows = _SLIP, _slips(evolved, goals)
    elif evolved.smart:
        columns, rows = _STEP, _steps(evolved, goals)
    else:
        columns, rows = _GOAL, map(_goal, goals)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if heading:
        writer.writerow(columns)
    writer.writerows([_cell(name, row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def _goal(goal: Tree) -> Row:
    then: Row = goal["then"]
    before = goal["before"] or {}
    compared = ("state", "deadline", "progress", "health", "revision")
    return then | {
        "goal": goal["goal"], "agreed": " ".join(then["agreed"]), "changed": " ".join(goal["changed"]),
        **{f"{name}_before": before.get(name) for name in compared},
    }  # fmt: skip


def _slips(evolved: Evolved, goals: Iterable[Tree]) -> Iterable[Row]:
    for goal in goals:
        for slip in goal["slips"]:
            yield slip | {
                "goal": goal["goal"], "title": goal["then"]["title"], "by": slip["event"]["actor"],
                "sequence": slip["event"]["sequence"], "event": slip["event"]["id"],
                "yeses_ended": evolved.voided(slip),
            }  # fmt: skip


def _steps(evolved: Evolved, goals: Iterable[Tree]) -> Iterable[Row]:
    for goal in goals:
        told = goal["smart"]
        for step in told["steps"] if told is not None else ():
            yield {
                "goal": goal["goal"], "starter": told["starter"], "title": told["title"], "on": step["on"],
                "by": step["event"]["actor"], "step": step["what"], "what": evolved.step(step),
                "revision": step["revision"], "sequence": step["event"]["sequence"], "event": step["event"]["id"],
            }  # fmt: skip


def _cell(name: str, value: Any) -> str:
    text = plain(value)
    # Days are numbers, and may be negative.
    return f"'{text}" if text.startswith(_FORMULA) and name != "days" else text
