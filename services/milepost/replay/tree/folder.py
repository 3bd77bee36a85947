"""A tenant's tree and checkpoints as they lie on disk, for whoever serves, copies or checks them.

{tenant}/checkpoint                 the newest signed note, with its witnesses' lines
{tenant}/checkpoints/{size:016d}    each checkpoint that was ever signed, never replaced
{tenant}/cosignatures/{size:016d}   lines of witnesses for it
{tenant}/tile/...                   hashes, by C2SP tlog-tiles
{tenant}/delivered.{outlet}         up to which size checkpoints were carried outside
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from milepost.replay.tree import durable
from milepost_contracts.proofs.notes import SIGNATURES_MAX, Note, NoteError, Signature, parse_note
from milepost_contracts.proofs.tiles import Tiles, tile_path
from milepost_contracts.types import NAME_PATTERN

DIGITS = 16  # as a sequence on the wire


class TreeInUse(Exception):  # noqa: N818  named as the journal's own
    """Another process grows the trees in this folder; `code` is `tree_in_use`."""

    code = "tree_in_use"


class TreeLock:
    """Held by the one process that grows the trees below a folder; the system lets go when the process ends."""

    def __init__(self, proofs: Path) -> None:
        """Take the lock; raises TreeInUse, OSError."""
        proofs.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(proofs / ".lock", os.O_RDWR | os.O_CREAT, durable.PRIVATE)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise TreeInUse(f"another process grows the trees in {proofs}") from error

    def release(self) -> None:
        """Let another process grow them."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class ProofFolder:
    """One tenant's files. Reading needs no lock: what is there is whole."""

    def __init__(self, proofs: Path, tenant: str) -> None:
        """Take the folder of all tenants; nothing is read or made yet."""
        self.path = proofs / tenant
        self.tiles = Tiles(self.path)

    def newest(self) -> Note | None:
        """Return the newest checkpoint's note with its witnesses' lines; None: none was signed. Raises NoteError."""
        return _read(self.path / "checkpoint")

    def note(self, size: int) -> Note | None:
        """Return the checkpoint of *size* with its witnesses' lines; None: none was signed. Raises NoteError."""
        note = _read(self._checkpoint(size))
        return note and note.with_signatures(self._cosignatures(size))

    def signed(self, size: int) -> bytes:
        """Return the checkpoint of *size* as the log signed it, without witnesses; raises OSError."""
        return self._checkpoint(size).read_bytes()

    def sizes(self, after: int = 0) -> list[int]:
        """Return the sizes above *after* whose checkpoints were signed, smallest first."""
        try:
            names = [path.name for path in (self.path / "checkpoints").iterdir()]
        except FileNotFoundError:
            return []
        return sorted(int(name) for name in names if len(name) == DIGITS and name.isdecimal() and int(name) > after)

    def keep_tiles(self, files: Iterable[tuple[tuple[int, int, int], bytes]]) -> None:
        """Write tiles by (level, index, width) durably; raises DiffersError where one is there that differs."""
        durable.all_once([(self.path / tile_path(*place), content) for place, content in files])

    def drop_partial(self, level: int, index: int) -> None:
        """Remove the partial tiles of a tile that is there in full."""
        folder = self.path / f"{tile_path(level, index)}.p"
        if folder.is_dir():
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()

    def keep(self, size: int, note: Note) -> None:
        """Keep a signed checkpoint for good; raises DiffersError where another of this size was signed."""
        durable.once(self._checkpoint(size), str(note).encode())

    def show(self, size: int) -> None:
        """Make the checkpoint of *size* the newest one that is served."""
        note = self.note(size)
        if note is not None:
            durable.replace(self.path / "checkpoint", str(note).encode())

    def cosign(self, size: int, signatures: Iterable[Signature]) -> None:
        """Add witnesses' *signatures* to the checkpoint of *size*; raises NoteError `note_too_large`."""
        held = {str(one): None for one in (*self._cosignatures(size), *signatures)}
        if len(held) > SIGNATURES_MAX // 2:
            raise NoteError("note_too_large", f"a checkpoint takes at most {SIGNATURES_MAX // 2} cosignatures")
        durable.replace(self._cosigned(size), "".join(f"{line}\n" for line in held).encode())

    def delivered(self, outlet: str) -> int:
        """Return up to which size checkpoints were carried to *outlet*."""
        try:
            return int((self.path / f"delivered.{outlet}").read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):  # what is told again does no harm
            return 0

    def deliver(self, outlet: str, size: int) -> None:
        """Remember that *outlet* has the checkpoints up to *size*."""
        durable.replace(self.path / f"delivered.{outlet}", f"{size}\n".encode())

    def _cosignatures(self, size: int) -> list[Signature]:
        try:
            lines = self._cosigned(size).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        return [Signature.parse(line) for line in lines]

    def _checkpoint(self, size: int) -> Path:
        return self.path / "checkpoints" / f"{size:0{DIGITS}d}"

    def _cosigned(self, size: int) -> Path:
        return self.path / "cosignatures" / f"{size:0{DIGITS}d}"


def tenants_in(proofs: Path) -> list[str]:
    """Return the tenants that have proofs below *proofs*."""
    if not proofs.is_dir():
        return []
    return sorted(path.name for path in proofs.iterdir() if re.match(NAME_PATTERN, path.name) and path.is_dir())


def _read(path: Path) -> Note | None:
    try:
        return parse_note(path.read_bytes())
    except FileNotFoundError:
        return None
