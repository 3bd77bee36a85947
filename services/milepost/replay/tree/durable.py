"""Files of the tree are whole or absent, and on the disk before anybody is told of them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

PUBLIC = 0o644  # proofs may be served to everybody
PRIVATE = 0o600


class DiffersError(ValueError):
    """A file that is never replaced is there with another content; `path` names it."""

    def __init__(self, path: Path) -> None:
        """Name the file."""
        super().__init__(f"{path} is there with another content")
        self.path = path


def replace(path: Path, content: bytes, mode: int = PUBLIC) -> None:
    """Write *path* in place of what is there."""
    part = _part(path, content, mode)
    part.replace(path)
    sync_folders([path])


def once(path: Path, content: bytes, mode: int = PUBLIC) -> bool:
    """Write *path* unless it is there with this content, which returns False; raises DiffersError for another."""
    part = _part(path, content, mode)
    try:
        os.link(part, path)  # a link never replaces: of two who write at once one is first
    except FileExistsError:
        if path.read_bytes() != content:
            raise DiffersError(path) from None
        return False
    finally:
        part.unlink()
    sync_folders([path])
    return True


def all_once(files: Sequence[tuple[Path, bytes]]) -> None:
    """Write many files as `once` does, with one sync of each folder; raises DiffersError."""
    written: list[Path] = []
    for path, content in files:
        try:
            kept = path.read_bytes()
        except FileNotFoundError:
            _part(path, content, PUBLIC).replace(path)
            written.append(path)
        else:
            if kept != content:
                raise DiffersError(path)
    sync_folders(written)


def sync_folders(paths: Iterable[Path]) -> None:
    """Make the names of *paths* durable."""
    for folder in {path.parent for path in paths}:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _part(path: Path, content: bytes, mode: int) -> Path:
    """Write *content* durably beside *path*, under a name that nobody reads."""
    _make_folder(path.parent)
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        part.unlink(missing_ok=True)  # a full disk is not filled further by every try
        raise
    return part


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folders([folder])
