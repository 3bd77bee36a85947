"""A bundle's entries become tables: CSV that a spreadsheet opens, and that a formula in somebody's words cannot use."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO

from milepost.replay.export.folding import Called, Entry, Story, shown
from milepost.replay.export.opening import MARK

COLUMNS = {
    "timeline": (
        "sequence", "subject", "version", "recorded", "occurred", "event", "actor", "on_behalf_of", "authenticated_by",
        "caused_by", "said", "words", "reason", "event_id",
    ),
    "changes": ("sequence", "subject", "version", "recorded", "actor", "event", "field", "before", "after", "reason"),
    "readings": ("sequence", "subject", "recorded", "actor", "measure", "on", "reading", "source", "current",
                 "progress", "note", "corrects", "struck", "event_id"),
    "agreements": ("sequence", "subject", "recorded", "actor", "event", "party", "revision", "terms_hash", "complete",
                   "voided", "reason"),
}  # fmt: skip
_UNREAD = re.compile(f"{MARK}([a-z ]+)")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_ACTIVE = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes a cell that begins so for a formula
_AGREEING = frozenset({"proposed", "agreed", "declined", "agreement_withdrawn"})


class Tables:
    """The files below *folder*, written story by story; subjects come in the order in which they began."""

    def __init__(self, folder: Path, called: Called) -> None:
        """Begin every table with its columns; raises OSError."""
        folder.mkdir(exist_ok=True)
        self._called = called
        self._files: list[IO[str]] = []
        self._write: dict[str, Callable[[list[object]], object]] = {}
        for name, columns in COLUMNS.items():
            file = (folder / f"{name}.csv").open("w", encoding="utf-8", newline="")
            self._files.append(file)
            writer = csv.writer(file)
            writer.writerow(columns)
            self._write[name] = writer.writerow

    def add(self, story: Story) -> None:
        """Write the rows of a story."""

        def called(ref: str) -> str:
            return story.labels.get(ref) or self._called(ref)

        for entry in story.entries:
            event, members = entry.event, entry.members
            head = [event.number, event.subject]
            self._row(
                "timeline", *head, event.version, event.time, event.occurredat, event.type, event.actor,
                event.onbehalfof, event.authnby, event.causationid, entry.said,
                "\n".join(f"{name}: {words}" for name, words in entry.words), entry.reason, event.id,
            )  # fmt: skip
            for change in entry.changes:
                self._row("changes", *head, event.version, event.time, event.actor, event.type, *change, entry.reason)
            if event.name in ("progress_recorded", "progress_corrected"):
                self._reading(entry, head, called)
            if event.aggregate == "goal" and (event.name in _AGREEING or members.get("voided")):
                self._row(
                    "agreements", *head, event.time, event.actor, event.type, members.get("party"), entry.revision,
                    members.get("terms_hash"), members.get("complete"), " ".join(members.get("voided") or []),
                    entry.reason,
                )  # fmt: skip

    def close(self) -> None:
        """End every table."""
        for file in self._files:
            file.close()

    def _reading(self, entry: Entry, head: list[object], called: Called) -> None:
        event, members = entry.event, entry.members
        told = members.get("after") or {} if event.name == "progress_corrected" else members
        self._row(
            "readings", *head, event.time, event.actor, called(members.get("measure", "")), told.get("on"),
            shown(told.get("reading", told.get("step")), called, empty=""), members.get("source"),
            shown(members.get("current"), called, empty=""), members.get("progress"),
            members.get("note") or members.get("reason"), members.get("corrects"), members.get("strike"), event.id,
        )  # fmt: skip

    def _row(self, table: str, *cells: object) -> None:
        self._write[table]([_cell(cell) for cell in cells])


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    if MARK in text:
        text = _UNREAD.sub(r"(\1)", text)
    return f"'{text}" if text.startswith(_ACTIVE) and not _NUMBER.fullmatch(text) else text
