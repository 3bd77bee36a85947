"""How many events a tenant's log has, and their root: the statement that the log signs (C2SP tlog-checkpoint)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable

import msgspec

from milepost_contracts.proofs.merkle import HASH_BYTES, SIZE_MAX
from milepost_contracts.proofs.notes import ED25519, Note, NoteError, VerifierKey, decoded_base64, parse_note

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_LINES_MIN = 3  # origin, size, root


class Checkpoint(msgspec.Struct, frozen=True):
    """A tree head: whose log, how many leaves, and their root (32 bytes)."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the note text that is signed; raises NoteError `checkpoint_malformed`."""
        lines = [self.origin, str(self.size), b64encode(self.root).decode(), *self.extensions]
        text = "".join(f"{line}\n" for line in lines)
        if Checkpoint.parse(text) != self:
            raise NoteError("checkpoint_malformed", "no line of a checkpoint is empty or holds a newline")
        return text

    @staticmethod
    def parse(text: str) -> Checkpoint:
        """Return the checkpoint in a note's *text*; raises NoteError `checkpoint_malformed`."""
        lines = text.split("\n")
        if lines.pop() or len(lines) < _LINES_MIN or not all(lines):
            raise NoteError("checkpoint_malformed", "a checkpoint is at least three lines, none of them empty")
        origin, size, root, *extensions = lines
        digest = decoded_base64(root)
        if not _SIZE.fullmatch(size) or int(size) > SIZE_MAX:
            raise NoteError("checkpoint_malformed", f"the second line is a size up to {SIZE_MAX} without leading zeros")
        if digest is None or len(digest) != HASH_BYTES:
            raise NoteError("checkpoint_malformed", f"the third line is {HASH_BYTES} bytes in base64")
        return Checkpoint(origin, int(size), digest, tuple(extensions))


def open_checkpoint(note: Note | bytes | str, keys: Iterable[VerifierKey]) -> Checkpoint:
    """Return the checkpoint in *note*, signed by at least one of *keys* that is the log's own.

    The log's keys bear its origin as their name. Cosigners among *keys* must hold where they signed, and do not count.
    Raises NoteError: `note_malformed`, `signature_missing`, `signature_invalid`, `checkpoint_malformed`,
    `origin_mismatch`.
    """
    parsed = note if isinstance(note, Note) else parse_note(note)
    signers = [key for key in parsed.signed_by(keys) if key.type == ED25519]
    if not signers:
        raise NoteError("signature_missing", "none of the known keys signed this checkpoint")
    checkpoint = Checkpoint.parse(parsed.text)
    if checkpoint.origin not in {key.name for key in signers}:
        raise NoteError("origin_mismatch", f"a key of {signers[0].name} signed a checkpoint of {checkpoint.origin}")
    return checkpoint
