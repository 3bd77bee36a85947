"""Checkpoints are read from wherever they are held, with the keys that may have signed them; each judged by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from milepost.replay.verify.findings import Finding
from milepost_contracts.proofs.checkpoints import Checkpoint, open_checkpoint
from milepost_contracts.proofs.notes import ED25519, Note, NoteError, VerifierKey, parse_note
from milepost_contracts.types import NAME_PATTERN

NEWEST = "checkpoint"
ALL = "checkpoints"
_SIZE_NAME = re.compile(r"[0-9]{16,19}", re.ASCII)
_CHECKPOINT_BYTES_MAX = 1_000_000  # of a note with every signature that it may have


class HeldError(ValueError):
    """A checkpoint or key that the verifier gave and that cannot be used; `code` is a NoteError's, or `unreadable`."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable *code* beside the message."""
        super().__init__(message)
        self.code = code


class Held(msgspec.Struct, frozen=True):
    """A checkpoint: whose, where it was read, and whether a key that was at hand signed it."""

    tenant: str
    checkpoint: Checkpoint
    source: str
    signed: bool


def tenant_of(origin: str) -> str:
    """Return the tenant of an origin: what comes after its last slash; empty where that is no tenant."""
    name = origin.rpartition("/")[2]
    return name if re.match(NAME_PATTERN, name) else ""


def given_keys(texts: Iterable[str]) -> list[VerifierKey]:
    """Return the keys in *texts*, each a vkey line or a file of them; raises HeldError."""
    keys: list[VerifierKey] = []
    for text in texts:
        lines = [text] if "+" in text and not Path(text).is_file() else _lines(Path(text))
        for line in lines:
            try:
                keys.append(VerifierKey.parse(line))
            except NoteError as error:
                raise HeldError(error.code, f"{line[:80]!r}: {error}") from error
    return keys


def given_checkpoints(paths: Iterable[Path], keys: Sequence[VerifierKey]) -> list[Held]:
    """Return the checkpoints in *paths*, files and folders of them, each signed by one of *keys*; raises HeldError."""
    held: list[Held] = []
    for path in paths:
        files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        for file in files:
            try:
                checkpoint = open_checkpoint(_content(file), keys)
            except NoteError as error:
                raise HeldError(error.code, f"{file}: {error}") from error
            except OSError as error:
                raise HeldError("unreadable", f"{file}: {error.strerror}") from error
            if not (tenant := tenant_of(checkpoint.origin)):
                raise HeldError("origin_mismatch", f"{file}: the origin {checkpoint.origin!r} names no tenant")
            held.append(Held(tenant, checkpoint, str(file), signed=True))
    return held


def stored_keys(folder: Path, tenant: str) -> list[VerifierKey]:
    """Return the public keys of every generation that the installation keeps for *tenant*; those that can be read."""
    found = []
    for path in sorted(folder.glob(f"{tenant}.*.vkey")):
        try:
            found += [VerifierKey.parse(line) for line in _lines(path)]
        except (HeldError, NoteError):
            continue  # whoever signed with it will be missing, and that is told
    return found


def stored_checkpoints(
    folder: Path, tenant: str, keys: Sequence[VerifierKey], findings: list[Finding]
) -> Iterator[Held]:
    """Yield every checkpoint in a tenant's *folder*, by size; what is none of this tenant's log goes to *findings*."""
    files = sorted(path for path in (folder / ALL).glob("*") if _SIZE_NAME.fullmatch(path.name))
    for file in [*files, *([folder / NEWEST] if (folder / NEWEST).exists() else [])]:
        one = _stored(file, tenant, keys, findings)
        if one is None:
            continue
        if file.name != NEWEST and int(file.name) != one.checkpoint.size:
            message = f"The file is named after size {int(file.name)} and holds a checkpoint of {one.checkpoint.size}."
            findings.append(_invalid(str(file), tenant, message))
            continue
        yield one


def outside_checkpoints(
    folder: Path, tenant: str, keys: Sequence[VerifierKey], findings: list[Finding]
) -> Iterator[Held]:
    """Yield every checkpoint of *tenant* that was carried to the target *folder*, where it lies by its size."""
    for file in sorted(path for path in (folder / tenant).glob("*") if _SIZE_NAME.fullmatch(path.name)):
        if (one := _stored(file, tenant, keys, findings)) is not None:
            yield one


def _stored(file: Path, tenant: str, keys: Sequence[VerifierKey], findings: list[Finding]) -> Held | None:
    try:
        content = _content(file)
    except OSError as error:
        findings.append(_invalid(str(file), tenant, f"It cannot be read: {error.strerror}."))
        return None
    return judged(content, str(file), tenant, keys, findings)


def judged(
    content: bytes, source: str, tenant: str, keys: Sequence[VerifierKey], findings: list[Finding]
) -> Held | None:
    """Return the checkpoint in *content*, read from *source*; what is none of this tenant's log goes to *findings*."""
    try:
        note = parse_note(content)
        checkpoint = Checkpoint.parse(note.text)
        mine = [key for key in keys if key.type == ED25519 and _signs(note, key)]
        if mine:
            checkpoint = open_checkpoint(note, mine)
    except NoteError as error:
        findings.append(_invalid(source, tenant, f"It is no checkpoint that can be believed: {error}."))
        return None
    if tenant_of(checkpoint.origin) != tenant:
        findings.append(_invalid(source, tenant, f"It is a checkpoint of {checkpoint.origin}."))
        return None
    return Held(tenant, checkpoint, source, signed=bool(mine))


def _signs(note: Note, key: VerifierKey) -> bool:
    return any((one.name, one.key_id) == (key.name, key.key_id) for one in note.signatures)


def _invalid(source: str, tenant: str, message: str) -> Finding:
    todo = "Keep the file as it is for whoever looks into this; a copy elsewhere tells what it was."
    return Finding(code="checkpoint_invalid", message=message, tenant=tenant, place=source, todo=todo)


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_CHECKPOINT_BYTES_MAX + 1)


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise HeldError("unreadable", f"{path}: {error}") from error
