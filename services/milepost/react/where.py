"""Where a plugin's tables are: a file of its own beside the others', or a schema of its own."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from milepost.database import DatabaseError, sqlite_path

SCHEMA = "milepost_react_"
SCHEMA_CHARS_MAX = 63  # PostgreSQL cuts longer names off, and two plugins would meet
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}").fullmatch  # as subjects and manifests have it


def file_of(url: str, plugin: str) -> Path | None:
    """Return the SQLite file of *plugin*: `react.sqlite` becomes `react.PLUGIN.sqlite`; None for PostgreSQL.

    Raises DatabaseError `bad_url`, ValueError for what is no plugin's name.
    """
    _checked(plugin)
    path = sqlite_path(url)
    if path is None:
        return None
    if not path.name or path.name in (".", ".."):
        raise DatabaseError("bad_url", "the path of MILEPOST_REACT_URL names no file")
    return path.with_name(f"{path.stem}.{plugin}{path.suffix}")


def schema_of(plugin: str) -> str:
    """Return the PostgreSQL schema of *plugin*: no two have the same, and none needs quotes.

    `_` is doubled and `-` becomes `_m`; what would be too long is told by its hash, after `_h`, which nothing else has.
    """
    _checked(plugin)
    name = SCHEMA + plugin.replace("_", "__").replace("-", "_m")
    if len(name) > SCHEMA_CHARS_MAX:
        name = f"{SCHEMA}_h{hashlib.sha256(plugin.encode()).hexdigest()[:40]}"
    return name


def _checked(plugin: str) -> None:
    if not _NAME(plugin):
        raise ValueError(f"{plugin!r} is no name of a plugin")
