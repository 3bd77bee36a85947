"""Stored rows are read in the order of their commits, read-only and with nothing believed of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import psycopg
from psycopg.rows import tuple_row
from psycopg.sql import SQL

from milepost.journal.errors import JournalUnavailable
from milepost.journal.urls import postgres_parameters, shown, sqlite_path

RawRow = tuple[Any, ...]
"""(position, originator_id, originator_version, topic, tenant, sequence, recorded_us, event_id, command,
command_events, answer, state); in SQLite any of them may be of any type, whatever the column says."""

_COLUMNS = (
    "{position}, originator_id, originator_version, topic, tenant, sequence, recorded_us, event_id, command,"
    " command_events, answer, state"
)
_AFTER = f"SELECT {_COLUMNS} FROM stored_events WHERE {{position}} > {{mark}} ORDER BY {{position}}"  # noqa: S608  constants
_OF_TENANT = (
    f"SELECT {_COLUMNS} FROM stored_events WHERE tenant = {{mark}} AND sequence > {{mark}}"  # noqa: S608  constants
    " ORDER BY sequence LIMIT {mark}"
)
_BOUNDS = "SELECT MIN({position}), MAX({position}), COUNT(*) FROM stored_events"
_FETCHED = 2000  # rows on their way from PostgreSQL at once: 2 MB


class Bounds(NamedTuple):
    """The first and last position, and how many `rows` there are."""

    first: int
    last: int
    rows: int


class Rows(Protocol):
    """The journal's table, as it lies there; every call raises JournalUnavailable.

    `errors`: what going through the rows of `after` may raise: translating it there would cost each row a call.
    """

    errors: tuple[type[Exception], ...]

    def bounds(self) -> Bounds:
        """Return where the table begins and ends."""
        ...

    def after(self, position: int) -> Iterator[RawRow]:
        """Return every row after *position*, in the order of positions; going through them raises `errors`."""
        ...

    def of_tenant(self, tenant: str, sequence: int, limit: int) -> list[RawRow]:
        """Return up to *limit* rows of *tenant* after *sequence*, in the order of sequences."""
        ...

    def lenient(self) -> None:
        """Read text that is no UTF-8 from now on, for more time."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


def open_rows(url: str) -> Rows:
    """Open the journal at *url* for reading alone; raises BadURL, JournalUnavailable."""
    path = sqlite_path(url)
    return _SQLite(path) if path is not None else _Postgres(url)


class _SQLite:
    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise JournalUnavailable(f"there is no journal at {path}")
        self._path = path
        self._connection = self._connect("mode=ro")
        try:
            self._connection.execute("SELECT 1 FROM stored_events LIMIT 1").fetchall()
        except sqlite3.Error as error:
            self._connection.close()
            wal = path.with_name(f"{path.name}-wal")
            if "open" not in str(error) or (wal.exists() and wal.stat().st_size):
                raise JournalUnavailable(f"{path.name}: {error}") from error
            # A folder that may not be written: SQLite cannot lock there, and nobody can write there either.
            self._connection = self._connect("immutable=1")

    def _connect(self, how: str) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                f"file:{quote(str(self._path.absolute()))}?{how}", uri=True, isolation_level=None
            )
        except sqlite3.Error as error:
            raise JournalUnavailable(f"{self._path.name}: {error}") from error
        connection.execute("PRAGMA query_only=ON")
        return connection

    def bounds(self) -> Bounds:
        with self._reading():
            return _bounds(self._connection.execute(_worded(_BOUNDS, "rowid", "?")).fetchone())

    def after(self, position: int) -> Iterator[RawRow]:
        with self._reading():
            return self._connection.execute(_worded(_AFTER, "rowid", "?"), (position,))

    def of_tenant(self, tenant: str, sequence: int, limit: int) -> list[RawRow]:
        with self._reading():
            return self._connection.execute(_worded(_OF_TENANT, "rowid", "?"), (tenant, sequence, limit)).fetchall()

    def lenient(self) -> None:
        self._connection.text_factory = lambda octets: octets.decode(errors="surrogateescape")

    def close(self) -> None:
        self._connection.close()

    def _reading(self) -> Any:
        return _Translated(self._path.name)


class _Translated:
    """SQLite's errors become the journal's."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            raise JournalUnavailable(f"{self._name}: {error}") from error


class _Postgres:
    errors: tuple[type[Exception], ...] = (psycopg.Error,)

    def __init__(self, url: str) -> None:
        parameters: dict[str, Any] = dict(postgres_parameters(url))
        options = f"{parameters.pop('options', '')} -c search_path=public -c default_transaction_read_only=on"
        self._shown = shown(url)
        try:
            self._connection = psycopg.connect(**parameters, options=options, row_factory=tuple_row)
        except psycopg.Error as error:
            raise JournalUnavailable(f"{self._shown}: {error}") from error

    def bounds(self) -> Bounds:
        return _bounds(self._all(_worded(_BOUNDS, "notification_id", "%s"), ())[0])

    def after(self, position: int) -> Iterator[RawRow]:
        statement = SQL(_worded(_AFTER, "notification_id", "%s"))
        with self._connection.transaction(), self._connection.cursor("verify", binary=True) as cursor:
            cursor.itersize = _FETCHED
            yield from cursor.execute(statement, (position,))

    def of_tenant(self, tenant: str, sequence: int, limit: int) -> list[RawRow]:
        return self._all(_worded(_OF_TENANT, "notification_id", "%s"), (tenant, sequence, limit))

    def lenient(self) -> None:
        """Do nothing: this server stores no text that is none."""

    def close(self) -> None:
        self._connection.close()

    def _all(self, statement: str, parameters: tuple[Any, ...]) -> list[RawRow]:
        try:
            with self._connection.transaction(), closing(self._connection.cursor(binary=True)) as cursor:
                return cursor.execute(SQL(statement), parameters).fetchall()
        except psycopg.Error as error:
            raise JournalUnavailable(f"{self._shown}: {error}") from error


def _worded(statement: str, position: str, mark: str) -> Any:
    return statement.format(position=position, mark=mark)


def _bounds(row: RawRow) -> Bounds:
    first, last, count = row
    return Bounds(first or 0, last or 0, count)
