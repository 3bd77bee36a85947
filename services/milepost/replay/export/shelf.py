"""The events of a bundle are found again by what they happened to: one history at a time, however many there are."""

from __future__ import annotations

from array import array
from pathlib import Path

from milepost_contracts.envelope import Envelope, decode
from milepost_contracts.proofs.bundle import LINE_BYTES_MAX

_NONE = 2**64 - 1


class Shelf:
    """events.ndjson by subject (`goal/UUID`). It keeps 16 bytes for an event and some 200 for a subject."""

    def __init__(self, path: Path) -> None:
        """Read the file once; raises OSError and EnvelopeError."""
        self._file = path.open("rb")
        self._offsets = array("Q")
        self._before = array("Q")  # the event before it of the same subject
        self._newest: dict[str, int] = {}
        self._first: dict[str, int] = {}  # version of the subject's first event in the file
        self.tags: set[str] = set()
        offset = 0
        while line := self._file.readline(LINE_BYTES_MAX):
            envelope = decode(line)
            place = len(self._offsets)
            self._offsets.append(offset)
            self._before.append(self._newest.get(envelope.subject, _NONE))
            self._newest[envelope.subject] = place
            self._first.setdefault(envelope.subject, envelope.version)
            self.tags.add(envelope.type)
            offset += len(line)

    def __len__(self) -> int:
        return len(self._offsets)

    @property
    def subjects(self) -> list[str]:
        """Every subject, in the order of their first events in the file."""
        return list(self._first)

    def whole(self, subject: str) -> bool:
        """Whether the subject's events are here from its first one on."""
        return self._first[subject] == 1

    def events(self, subject: str) -> list[Envelope]:
        """Return the subject's events in order."""
        places: list[int] = []
        place = self._newest[subject]
        while place != _NONE:
            places.append(place)
            place = self._before[place]
        found = []
        for one in reversed(places):
            self._file.seek(self._offsets[one])
            found.append(decode(self._file.readline(LINE_BYTES_MAX)))
        return found

    def last(self, subject: str) -> Envelope:
        """Return the subject's newest event."""
        self._file.seek(self._offsets[self._newest[subject]])
        return decode(self._file.readline(LINE_BYTES_MAX))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
