"""Witnesses' lines are taken for checkpoints of ours, checked where the witness is known, and kept beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from milepost.replay.tree.folder import ProofFolder
from milepost_contracts.proofs.checkpoints import Checkpoint
from milepost_contracts.proofs.notes import Note, NoteError, VerifierKey, parse_note


class Cosignature(msgspec.Struct, frozen=True):
    """A witness's line; `time`: POSIX seconds at which a known witness says it saw the checkpoint, else None."""

    name: str
    key_id: str
    known: bool
    time: int | None = None


def witnesses_of(setting: str) -> list[VerifierKey]:
    """Return the keys in *setting*: vkey lines separated by commas or spaces; raises NoteError `key_malformed`."""
    return [VerifierKey.parse(line) for line in setting.replace(",", " ").split()]


def cosign(
    folder: ProofFolder, content: str, own: Sequence[VerifierKey], witnesses: Iterable[VerifierKey]
) -> tuple[int, list[Cosignature]]:
    """Keep the lines that others added to a note of ours; return its size and all cosignatures that it has now.

    Raises NoteError: `note_malformed`, `checkpoint_malformed`, `checkpoint_unknown` where we never signed this,
    `signature_invalid` where the line of a known witness does not hold, `signature_missing` where there is none.
    """
    given = parse_note(content)
    size = Checkpoint.parse(given.text).size
    signed = folder.note(size)
    if signed is None or signed.text != given.text:
        raise NoteError("checkpoint_unknown", f"no checkpoint of {size} with this root was signed here")
    ours = {(key.name, key.key_id) for key in own}
    others = [one for one in given.signatures if (one.name, one.key_id) not in ours]
    if not others:
        raise NoteError("signature_missing", "nobody else than the log itself signed this")
    known = list(witnesses)
    Note(given.text, tuple(others)).verified(known)  # a known witness's line holds, or nothing is kept
    folder.cosign(size, others)
    newest = folder.newest()
    if newest is not None and newest.text == given.text:
        folder.show(size)
    return size, cosignatures(folder.note(size) or signed, own, known)


def cosignatures(note: Note, own: Iterable[VerifierKey], witnesses: Iterable[VerifierKey]) -> list[Cosignature]:
    """Return the lines of *note* that are not the log's; a witness that is not known any more is not checked."""
    ours = {(key.name, key.key_id) for key in own}
    held = {(one.key.name, one.key.key_id): one.timestamp for one in note.verified(witnesses)}
    return [
        Cosignature(
            one.name, f"{one.key_id:08x}", known=(one.name, one.key_id) in held, time=held.get((one.name, one.key_id))
        )
        for one in note.signatures
        if (one.name, one.key_id) not in ours
    ]
