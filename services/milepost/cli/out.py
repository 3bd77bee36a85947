"""Where answers are printed: data on standard output, everything that is said about it on standard error.

People's words come from others, so control characters in them never reach a terminal.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import compress
from typing import IO, Any

import click
import msgspec

from milepost.cli.errors import VerbError
from milepost_contracts.answers import Problem, Warn

# Characters that move the cursor, hide text or turn its direction; a line break within a cell becomes a space.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"  # format characters that scripts and emoji need, and that hide nothing
GAP = "  "
WORD = 13  # columns: a date, a short id or a name stays in one piece; what is longer may go on in the next line


def clean(text: str, *, lines: bool = False) -> str:
    """Return *text* without characters that do something to a terminal; *lines*: line breaks may stay."""
    return "".join(
        character
        if unicodedata.category(character) not in _HIDDEN or character in _JOINERS or (lines and character == "\n")
        else " "
        if character in "\n\r\t"
        else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )


def width(text: str) -> int:
    """Return how many columns *text* takes on a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(bool(unicodedata.combining(character)) for character in text)


class Out:
    """Prints for one verb: tables and sentences, or with *as_json* documents alone on standard output."""

    def __init__(self, *, as_json: bool, stdout: IO[str] | None = None, stderr: IO[str] | None = None) -> None:
        """Take the streams; the process's own where none are given."""
        self.as_json = as_json
        self._out = stdout or sys.stdout
        self.err = stderr or sys.stderr
        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        self.terminal = self._out.isatty()
        self.err_terminal = self.err.isatty()
        self._colour = {id(self._out): self.terminal and not plain, id(self.err): self.err_terminal and not plain}

    # data
    def document(self, document: Any) -> None:
        """Print *document* as JSON: indented for a person at a terminal, on one line for a program."""
        text = msgspec.json.encode(document)
        if self.terminal:
            text = msgspec.json.format(text)
        self._write(self._out, text.decode())

    def record(self, document: Any) -> None:
        """Print *document* on one line, as one of many."""
        self._write(self._out, msgspec.json.encode(document).decode())

    def text(self, text: str) -> None:
        """Print *text* as it is, for a file or another program; on a terminal without what does something to it."""
        self._out.write(clean(text, lines=True) if self.terminal else text)
        if self.terminal and not text.endswith("\n"):
            self._out.write("\n")
        self._out.flush()

    def line(self, text: str = "", **style: Any) -> None:
        """Print one line of data."""
        self._write(self._out, self._styled(self._out, text, style))

    def heading(self, text: str) -> None:
        """Print what stands above a part."""
        self.line()
        self.line(clean(text), bold=True)

    def pairs(self, rows: Iterable[tuple[str, str]]) -> None:
        """Print names and values, aligned; lines of a value after the first are indented below it."""
        kept = [(name, value) for name, value in rows if value]
        margin = max((len(name) for name, _ in kept), default=0)
        for name, value in kept:
            first, *rest = clean(value, lines=True).splitlines() or [""]
            self.line(f"{name:<{margin}}{GAP}{first}")
            for line in rest:
                self.line(f"{'':<{margin}}{GAP}{line}")

    def table(
        self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str = "nothing", spare: str = ""
    ) -> None:
        """Print *rows* under *columns*, or say *empty*: drawn on a terminal, aligned text elsewhere.

        Columns with nothing in them are left out; so is *spare* on a terminal that is too narrow for it.
        """
        if not rows:
            self.note(empty)
            return
        cells = [[clean(cell) for cell in row] for row in rows]
        columns, cells = _only(columns, cells, [any(column) for column in zip(*cells, strict=True)])
        if self.terminal:
            self._drawn(columns, cells, spare)
            return
        widths = _widths(columns, cells)
        for row in ([name.upper() for name in columns], *cells):
            padded = [cell + " " * (wide - width(cell)) for cell, wide in zip(row, widths, strict=True)]
            self.line(GAP.join(padded).rstrip())

    def _drawn(self, columns: Sequence[str], cells: Sequence[Sequence[str]], spare: str) -> None:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        # Without a colour system no style is written at all, bold included.
        colours: Any = "auto" if self._colour[id(self._out)] else None
        console = Console(file=self._out, highlight=False, color_system=colours)
        least = sum(min(wide, WORD) for wide in _widths(columns, cells)) + len(GAP) * (len(columns) - 1)
        if least > console.width:
            columns, cells = _only(columns, cells, [name != spare for name in columns])
        table = Table(box=None, pad_edge=False, padding=(0, len(GAP), 0, 0))
        for name, wide in zip(columns, _widths(columns, cells), strict=True):
            table.add_column(name, overflow="fold", no_wrap=wide <= WORD)
        for row in cells:
            table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
        console.print(table)

    # what is said about it
    def note(self, text: str) -> None:
        """Say something that is no data."""
        self._write(self.err, clean(text, lines=True))

    def warnings(self, warnings: Iterable[Warn]) -> None:
        """Say each warning that went with an answer; in JSON they are part of the document."""
        if self.as_json:
            return
        for warning in warnings:
            self._problem("warning", "yellow", Problem(code=warning.code, message=warning.message, field=warning.field))

    def error(self, error: VerbError) -> None:
        """Say why the verb ends: code, field and what to do; as a document where documents are wanted."""
        if self.as_json:
            errors = msgspec.to_builtins(error.problems)
            self._write(self.err, msgspec.json.encode({"status": error.word, "errors": errors}).decode())
            return
        for problem in error.problems:
            self._problem(error.word, "red", problem)
        if error.hint:
            self._write(self.err, clean(error.hint, lines=True))

    def _problem(self, word: str, colour: str, problem: Problem) -> None:
        field = f" ({problem.field})" if problem.field else ""
        begin = self._styled(self.err, f"{word}:", {"fg": colour, "bold": True})
        self._write(self.err, f"{begin} {clean(f'{problem.code}{field}: {problem.message}')}")
        for name, value in problem.details.items():
            if value not in (None, [], {}, ""):
                self._write(self.err, clean(f"{GAP}{name}: {_short(value)}"))

    def _styled(self, stream: IO[str], text: str, style: dict[str, Any]) -> str:
        return click.style(text, **style) if style and self._colour[id(stream)] else text

    def _write(self, stream: IO[str], text: str) -> None:
        stream.write(text + "\n")
        stream.flush()


def _widths(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(width, column)) for column in zip(columns, *cells, strict=True)]


def _only(
    columns: Sequence[str], cells: Sequence[Sequence[str]], kept: Sequence[bool]
) -> tuple[list[str], list[list[str]]]:
    """Return the columns that are *kept*, and every row's cells in them."""
    return list(compress(columns, kept)), [list(compress(row, kept)) for row in cells]


# Words that a glance should find in a table.
_STYLES = {"on_track": "green", "at_risk": "yellow", "off_track": "red", "yes": "green", "(erased)": "dim"}


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    if isinstance(value, dict):
        return " ".join(f"{name}={_short(item)}" for name, item in value.items())
    return str(value)
