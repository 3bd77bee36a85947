"""Documents and proofs arrive page by page, are checked, and are kept as lines; a broken export goes on where it ended.

What is kept was verified: each event leads to the checkpoint's root, or all leaves together do.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from milepost.replay.export.plan import ExportError
from milepost_contracts.envelope import Envelope, EnvelopeError, decode
from milepost_contracts.proofs import bundle
from milepost_contracts.proofs.bundle import BundleError, Prefix
from milepost_contracts.proofs.checkpoints import Checkpoint
from milepost_contracts.proofs.merkle import Frontier, ProofError, leaf_hash, verify_consistency, verify_inclusion
from milepost_contracts.queries.export import ExportAnswer

Ask = Callable[[int], Awaitable[ExportAnswer]]
"""(sequence after which) -> the page."""
Advance = Callable[[str, int, int], None]
"""(what is done, how many, of how many) -> nothing."""


class Kept(Protocol):
    """Where lines of one part are kept: those that are there are verified first, and counted."""

    count: int
    last: int  # sequence of the last line

    def add(self, document: bytes, proof: list[bytes]) -> None:
        """Verify an event and keep it; raises ProofError and BundleError."""

    def flush(self) -> None:
        """Hand what was added to the system: what a machine that loses its power loses is asked for again."""

    def close(self) -> None:
        """Make durable what was added, and end."""


class Included:
    """Events of a scope, each with the proof that leads to the checkpoint's root."""

    def __init__(self, folder: Path, checkpoint: Checkpoint, until: int) -> None:
        """Open both files, keep what is complete and true in them, and go on after that; raises OSError."""
        self.count = self.last = 0
        self._checkpoint = checkpoint
        self._until = until
        self._events = _opened(folder / bundle.EVENTS)
        self._proofs = _opened(folder / bundle.PROOFS)
        self._restore()

    def add(self, document: bytes, proof: list[bytes]) -> None:
        """Verify an event and keep it."""
        sequence, event_id = self._checked(document, proof)
        self._events.write(document + b"\n")
        self._proofs.write(bundle.inclusion_line(sequence, event_id, proof))
        self.count, self.last = self.count + 1, sequence

    def flush(self) -> None:
        """Hand what was added to the system."""
        self._events.flush()
        self._proofs.flush()

    def close(self) -> None:
        """Make durable what was added, and end."""
        _close(self._events)
        _close(self._proofs)

    def _checked(self, document: bytes, proof: list[bytes]) -> tuple[int, str]:
        envelope = _envelope(document)
        if not self.last < envelope.number <= self._until:
            raise BundleError("bundle_malformed", f"event {envelope.number} does not follow {self.last}")
        root, size = self._checkpoint.root, self._checkpoint.size
        verify_inclusion(leaf_hash(document), envelope.number - 1, size, proof, root)
        return envelope.number, envelope.id

    def _restore(self) -> None:
        """Keep the longest beginning of both files that is whole and verifies."""
        ends = (0, 0)
        while True:
            line, proved = _line(self._events), _line(self._proofs)
            if line is None or proved is None:
                break
            try:
                told = bundle.parse_inclusion(proved)
                sequence, event_id = self._checked(line, [bundle.decoded(one) for one in told.proof])
            except (BundleError, ProofError):
                break
            if (told.id, int(told.sequence)) != (event_id, sequence):
                break
            self.count, self.last = self.count + 1, sequence
            ends = self._events.tell(), self._proofs.tell()
        for file, end in ((self._events, ends[0]), (self._proofs, ends[1])):
            file.seek(end)
            file.truncate()


class Whole:
    """Every event of the tenant up to the moment: their root is computed, and `prove` holds it against the log's."""

    def __init__(self, path: Path, until: int) -> None:
        """Open the file, keep its complete lines, and go on after them; raises OSError."""
        self.count = self.last = 0
        self._until = until
        self._name = path.name
        self._file = _opened(path)
        self._frontier = Frontier()
        self._restore()

    def add(self, document: bytes, _proof: list[bytes]) -> None:
        """Keep an event, which must be the next one."""
        self._take(document)
        self._file.write(document + b"\n")

    def flush(self) -> None:
        """Hand what was added to the system."""
        self._file.flush()

    def close(self) -> None:
        """Make durable what was added, and end."""
        _close(self._file)

    def prove(self, checkpoint: Checkpoint, prefix: Prefix | None) -> None:
        """Hold the root of all leaves against the checkpoint, by way of *prefix* where that goes further.

        Raises ProofError.
        """
        if self.count != self._until:
            raise ProofError("root_mismatch", f"{self._name} has {self.count} events of {self._until}")
        proof = [bundle.decoded(one) for one in prefix.proof] if prefix else []
        verify_consistency(self.count, checkpoint.size, proof, self._frontier.root(), checkpoint.root)

    def _take(self, document: bytes) -> None:
        number = _envelope(document).number
        if number != self.last + 1 or number > self._until:
            raise BundleError("bundle_malformed", f"event {number} does not follow {self.last}")
        self._frontier.append(leaf_hash(document))
        self.count, self.last = self.count + 1, number

    def _restore(self) -> None:
        end = 0
        while (line := _line(self._file)) is not None:
            try:
                self._take(line)
            except BundleError:
                break
            end = self._file.tell()
        self._file.seek(end)
        self._file.truncate()


async def collect(kept: Kept, ask: Ask, advance: Advance, what: str) -> ExportAnswer:
    """Ask for pages until there are no more, verify and keep them; returns the first page, which says what all say.

    Raises ExportError for what does not verify; what came before is kept.
    """
    first: ExportAnswer | None = None
    while True:
        page = await ask(kept.last)
        if page.looked is not None:
            advance("Looking for events", page.looked.done, page.looked.total)
            continue
        first = first or page
        _add(kept, page)
        advance(what, kept.count, page.total or 0)
        if not page.more:
            break
        if not page.events:
            raise ExportError("export_broken", f"There is more after {kept.last}, but nothing came.")
    if page.total is not None and kept.count != page.total:
        raise ExportError(
            "export_broken",
            f"{kept.count} events are kept, {page.total} belong to it.",
            hint="Begin again in another folder.",
        )
    return first


def _add(kept: Kept, page: ExportAnswer) -> None:
    proofs = page.proofs or [[] for _ in page.events]
    try:
        for document, proof in zip(page.events, proofs, strict=True):
            kept.add(bytes(document), [bundle.decoded(one) for one in proof])
    except (ProofError, BundleError, ValueError) as error:
        message = f"What came does not verify: {error}."
        raise ExportError("not_as_signed", message, hint="`milepost verify` says what was changed.") from error
    finally:
        kept.flush()


def _envelope(document: bytes) -> Envelope:
    try:
        return decode(document)
    except EnvelopeError as error:
        raise BundleError("bundle_malformed", f"{error}") from error


def _opened(path: Path) -> BinaryIO:
    path.touch()
    return path.open("r+b")


def _line(file: BinaryIO) -> bytes | None:
    """Return the next whole line without its newline; None: there is none."""
    line = file.readline(bundle.LINE_BYTES_MAX)
    return line[:-1] if line.endswith(b"\n") else None


def _close(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()
