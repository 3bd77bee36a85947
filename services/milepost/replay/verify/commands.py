"""The rows that one command wrote stand together: what the first of them says of the command is held against all."""

from __future__ import annotations

import msgspec

from milepost.replay.verify.findings import Finding
from milepost.replay.verify.oddities import finding, octets
from milepost.replay.verify.rows import RawRow
from milepost_contracts.answers import Warn

_CAUSE = b'"causationid":"'
_ID_CHARS = 36
_answer = msgspec.json.Decoder(list[Warn])


class Group:
    """The rows of one command after another; `left`: how many of the present one are still to come."""

    def __init__(self, findings: list[Finding]) -> None:
        """Take where findings go."""
        self.left = 0
        self.answers = 0
        self._findings = findings
        self._first: RawRow | None = None
        self._originators: set[object] = set()

    def row(self, row: RawRow) -> None:
        """Take the next row, and name what does not fit."""
        command, count, answer = row[8:11]
        if command is not None:
            self.end()
            self._begin(row)
        elif self._first is None or not self.left:
            self._say("command_missing", "The event belongs to no command: its column is empty.", row)
            return
        elif count is not None or answer is not None:
            self._say("command_differs", "Only a command's first event says how many there are and the answer.", row)
        first = self._first
        if first is None:
            return
        document = octets(row[11])
        at = document.find(_CAUSE) + len(_CAUSE)
        if document[at : at + _ID_CHARS] != str(first[8])[:_ID_CHARS].encode(errors="replace"):
            message = f"The column command says {str(first[8])[:_ID_CHARS]}, the document that another caused it."
            self._say("command_differs", message, row)
        self._originators.add(row[1])
        self.left -= 1
        if not self.left:
            self._close()

    def end(self) -> None:
        """Say that no more rows of the present command come."""
        if self.left and self._first is not None:
            message = f"The command says that it wrote {self._first[9]} events; {self.left} of them do not follow it."
            self._say("command_incomplete", message, self._first)
        self.left, self._first = 0, None
        self._originators.clear()

    def _begin(self, row: RawRow) -> None:
        command, count, answer = row[8:11]
        if not isinstance(command, str) or not isinstance(count, int) or count < 1:
            self._say("command_differs", "The columns command and command_events do not say what a command wrote.", row)
            return
        self._first, self.left = row, count
        if answer is not None:
            self.answers += 1
            try:
                _answer.decode(octets(answer))
            except (msgspec.MsgspecError, UnicodeDecodeError):
                self._say("answer_unreadable", "The column answer is no list of warnings.", row)

    def _close(self) -> None:
        first = self._first
        if first is not None and f"{first[4]}{first[8][_ID_CHARS:]}" not in self._originators:
            self._say("command_differs", f"The command {first[8]} wrote nothing to what it was sent to.", first)
        self._first = None
        self._originators.clear()

    def _say(self, code: str, message: str, row: RawRow) -> None:
        self._findings.append(finding(code, message, row))
