"""What an export is to be is fixed when it begins, and kept beside what has come until it is whole."""

from __future__ import annotations

from pathlib import Path

import msgspec

from milepost_contracts.proofs.bundle import Scope


class ExportError(Exception):
    """Why no bundle could be made; `code` is stable."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        """Keep the stable *code*, and what to do next."""
        super().__init__(message)
        self.code = code
        self.hint = hint


UNFINISHED = "export.json"  # in the bundle's folder, until the manifest is there


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a bundle says of itself before its events are there; instants are UTC, `...Z`."""

    milepost: str
    tenant: str
    scope: Scope
    asked: str | None = None
    reason: str
    by: str
    at: str
    until: int
    time: str | None = None
    size: int
    root: str
    checkpoint: str
    keys: list[str]
    scan: bool = False
    words: str = "opened"
    with_keys: bool = False
    tables: bool = True

    @property
    def completeness(self) -> str:
        """What a verifier can tell of what was left out; see Manifest."""
        if self.scope.kind == "everything":
            return "whole_log"
        return "scan" if self.scan else "inclusion"

    def keep(self, folder: Path) -> None:
        """Write it to the bundle's *folder*; raises OSError."""
        part = folder / f"{UNFINISHED}.part"
        part.write_bytes(msgspec.json.format(msgspec.json.encode(self)) + b"\n")
        part.replace(folder / UNFINISHED)

    @classmethod
    def kept(cls, folder: Path) -> Plan | None:
        """Return the plan of an export that was broken off in *folder*; raises OSError, ExportError."""
        try:
            return msgspec.json.decode((folder / UNFINISHED).read_bytes(), type=cls)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise ExportError("export_differs", f"{folder / UNFINISHED} cannot be read: {error}.") from error
