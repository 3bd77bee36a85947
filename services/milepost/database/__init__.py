"""One small way to SQLite and PostgreSQL: plain SQL with `?` for parameters, tables described once, rows in bulk.

URLs are `sqlite:///PATH` and `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`. Connections are for one thread at a time.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from milepost.database.postgres import PostgresConnection
from milepost.database.sqlite import SQLiteConnection
from milepost.database.tables import Connection, DatabaseError, Row, Table

__all__ = [
    "Connection",
    "DatabaseError",
    "PostgresConnection",
    "Row",
    "SQLiteConnection",
    "Table",
    "exclusive",
    "sqlite_path",
]


def sqlite_path(url: str) -> Path | None:
    """Return the file of a `sqlite:///PATH` URL, None for a PostgreSQL URL; raises DatabaseError `bad_url`."""
    if url.startswith("sqlite:///") and len(url) > len("sqlite:///"):
        return Path(unquote(url.removeprefix("sqlite:///")))
    if url.startswith(("postgresql://", "postgres://")):
        return None
    raise DatabaseError("bad_url", "a database is sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/DATABASE")


@contextmanager
def exclusive(url: str, name: str) -> Iterator[None]:
    """Hold the lock *name* of a database, as a context; raises DatabaseError `in_use` where another holds it.

    The lock ends with the process, however that ends.
    """
    path = sqlite_path(url)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(f"{path.name}.{name}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DatabaseError("in_use", f"another process holds {name!r}") from None
            yield
        return
    connection = PostgresConnection(url, "public")
    try:
        if not connection.query("SELECT pg_try_advisory_lock(hashtext(?))", (name,))[0][0]:
            raise DatabaseError("in_use", f"another process holds {name!r}")
        try:
            yield
        finally:
            # The server would let go only when it notices that we have left, which may be after the next one asks.
            connection.query("SELECT pg_advisory_unlock(hashtext(?))", (name,))
    finally:
        connection.close()
