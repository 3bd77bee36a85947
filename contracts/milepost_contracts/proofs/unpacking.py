"""A bundle's files are opened, from its folder or its .zip, and no name in it leads anywhere else."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from milepost_contracts.proofs.bundle import LINE_BYTES_MAX, MANIFEST, BundleError


class Opened(Protocol):
    """A bundle's files by their names, with `/`."""

    def names(self) -> list[str]:
        """Return every file's name; one that is there twice comes twice."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading; raises BundleError `bundle_malformed` where it is not there."""
        ...


def open_bundle(path: Path) -> Opened:
    """Open the bundle at *path*, a folder or a .zip; raises BundleError `bundle_malformed`."""
    if path.is_dir():
        return _Folder(path)
    try:
        return _Zip(zipfile.ZipFile(path))
    except (OSError, zipfile.BadZipFile) as error:
        raise BundleError("bundle_malformed", f"{path} is neither a folder nor a .zip: {error}") from error


def lines(opened: Opened, name: str) -> Iterator[bytes]:
    """Yield the lines of an NDJSON file without their newlines, in bounded memory; raises BundleError."""
    with opened.open(name) as file:
        while line := file.readline(LINE_BYTES_MAX + 1):
            if not line.endswith(b"\n") or len(line) == 1:
                raise BundleError("bundle_malformed", f"{name}: a line is empty, too long or has no end")
            yield line[:-1]


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        return sorted(
            path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*") if not path.is_dir()
        )

    def open(self, name: str) -> IO[bytes]:
        path = self._folder / _inside(name)
        try:
            if not path.resolve().is_relative_to(self._folder.resolve()):
                raise BundleError("bundle_malformed", f"{name} leads out of the bundle")
            return path.open("rb")
        except OSError as error:
            raise BundleError("bundle_malformed", f"{name}: {error.strerror}") from error


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        tops = [name for name in archive.namelist() if PurePosixPath(name).name == MANIFEST]
        if not tops:
            raise BundleError("bundle_malformed", f"there is no {MANIFEST} in the .zip")
        self._top = min(tops, key=len).removesuffix(MANIFEST)  # the folder that was packed, or nothing

    def names(self) -> list[str]:
        return sorted(name.removeprefix(self._top) for name in self._archive.namelist() if not name.endswith("/"))

    def open(self, name: str) -> IO[bytes]:
        try:
            return self._archive.open(f"{self._top}{_inside(name)}")
        except (KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
            raise BundleError("bundle_malformed", f"{name} cannot be read from the .zip: {error}") from error


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or not path.parts:
        raise BundleError("bundle_malformed", f"{name!r} leads out of the bundle")
    return name
