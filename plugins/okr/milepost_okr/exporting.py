"""The numbers leave as rows: as JSON, or as CSV that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from milepost_okr.answering import Asker
    from milepost_okr.plan import Node

ROWS_MAX = 2_000  # in one answer, of some 200 bytes each: it has to fit a message of a megabyte
COLUMNS = (
    "type", "key", "parent", "cycle", "title", "owner", "kind", "weight", "target", "score", "band", "confidence",
    "met", "goals", "counted", "by", "standing",
)  # fmt: skip
# What spreadsheets take for the beginning of a formula, in full width too; and the quote itself, so that taking one
# leading quote off gives every text back as it was.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "'", "\uff1d", "\uff0b", "\uff0d", "\uff20")

Row = dict[str, Any]


class Export(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """format: json or csv. cycle: only its objectives. goals: rows of goals too. offset: how many rows to skip."""

    format: Literal["json", "csv"] = "json"
    cycle: str | None = None
    goals: bool = True
    offset: int = 0
    limit: int = ROWS_MAX


def export(asked: Export, asker: Asker) -> Row:
    """Return the rows, `next` being the offset of those that are left (None: that is all).

    One row an objective, key result and goal, in the order of the configuration; a goal's `key` is its id.
    """
    asker.check_cycle(asked.cycle)
    first = max(asked.offset, 0)
    last = first + min(max(asked.limit, 1), ROWS_MAX)
    page: list[Row] = []
    more = None
    for number, row in enumerate(_rows(asked, asker)):
        if number >= last:
            more = last
            break
        if number >= first:
            page.append(row)
    if asked.format == "csv":
        return {"format": "csv", "content_type": "text/csv; charset=utf-8", "csv": to_csv(page), "next": more}
    return {"format": "json", "rows": page, "next": more}


def to_csv(rows: list[Row]) -> str:
    """Return *rows* as CSV (RFC 4180) with a header; nothing is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([guarded(row[name]) for name in COLUMNS] for row in rows)
    return out.getvalue()


def guarded(value: Any) -> str:
    """Return a cell that no spreadsheet runs: a quote goes before what could begin a formula."""
    if value is None:
        return ""
    text = ("yes" if value else "no") if isinstance(value, bool) else str(value)
    return f"'{text}" if text.lstrip(" \u00a0\ufeff").startswith(_FORMULA) else text


def _rows(asked: Export, asker: Asker) -> Iterator[Row]:
    plan = asker.plan
    for key, objective in plan.objectives.items():
        if asked.cycle not in (None, objective.cycle):
            continue
        yield _row(asker, plan.nodes[key], "objective", objective.parent)
        yield from _goals(asked, asker, plan.nodes[key])
        for result in objective.key_results:
            yield _row(asker, plan.nodes[result.key], "key_result", key)
            yield from _goals(asked, asker, plan.nodes[result.key])


def _row(asker: Asker, node: Node, type_: str, parent: str | None) -> Row:
    from milepost_okr.answering import numbers  # answering exports too

    found = numbers(asker, node)
    return {**dict.fromkeys(COLUMNS), **found, "type": type_, "parent": parent}


def _goals(asked: Export, asker: Asker, node: Node) -> Iterator[Row]:
    if not asked.goals:
        return
    for id_, part in asker.goals(node.key):
        yield {
            **dict.fromkeys(COLUMNS), "type": "goal", "key": id_, "parent": node.key, "cycle": node.cycle,
            "weight": part.weight, "score": part.value, "confidence": part.confidence, "by": part.by,
            "standing": part.standing,
        }  # fmt: skip
