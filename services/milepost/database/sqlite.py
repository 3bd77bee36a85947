"""SQLite behind the common connection: one file, a write-ahead log, one writer at a time."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from milepost.database.tables import (
    SCANNED,
    DatabaseError,
    Row,
    Table,
    in_order,
    index_ddl,
    key_condition,
    or_update,
    table_ddl,
)

# How long SQLite waits for another writer. A batch takes milliseconds; who holds the lock for longer hangs.
BUSY_TIMEOUT_MS = 10_000
# Between attempts where SQLite does not wait by itself: random, so that two do not meet again and again.
AGAIN_S_MAX = 0.02
# Read cache of one SQLite connection, in KiB: a tenth of the view of 100,000 goals.
CACHE_KIB = 32_768
# Pages in the write-ahead log before it is folded back: 32 MB; the default of 4 MB costs a third of bulk writing.
CHECKPOINT_PAGES = 8_000


class SQLiteConnection:
    """A connection to one file."""

    def __init__(self, path: Path, *, must_exist: bool = False, durable: bool = False) -> None:
        """Open *path*.

        *must_exist*: raise DatabaseError `missing` instead of making the file. *durable*: a commit survives a power
        failure; without it the newest may be gone after one, each of them whole, unless `settle` came after it.
        """
        mode = "rw" if must_exist else "rwc"
        try:
            self._raw = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=BUSY_TIMEOUT_MS / 1000,
            )
            _write_ahead(self._raw)
            for pragma in (
                f"synchronous={'FULL' if durable else 'NORMAL'}",
                f"cache_size=-{CACHE_KIB}",
                f"wal_autocheckpoint={CHECKPOINT_PAGES}",
                "temp_store=MEMORY",
            ):
                self._raw.execute(f"PRAGMA {pragma}")
        except sqlite3.Error as error:
            raise _sqlite_error(error) from error

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """See Connection."""
        try:
            return self._raw.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise _sqlite_error(error) from error

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """See Connection."""
        try:
            return self._raw.execute(sql, parameters).rowcount
        except sqlite3.Error as error:
            raise _sqlite_error(error) from error

    def create(self, tables: Iterable[Table]) -> None:
        """See Connection."""
        kinds = {"text": "TEXT", "int": "INTEGER", "bytes": "BLOB"}
        for table in tables:
            # Small rows lie in the key itself; large ones beside it, or every step down the tree would read them.
            large = any(kind == "bytes" for _, kind in table.columns)
            self.execute(table_ddl(table, kinds) + ("" if large else " WITHOUT ROWID"))
            for sql in index_ddl(table):
                self.execute(sql)

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        """See Connection."""
        marks = ", ".join("?" * len(table.columns))
        self._many(f"INSERT INTO {table.name} VALUES ({marks}) {or_update(table)}", rows)  # noqa: S608  names are ours

    def delete(self, table: Table, keys: Sequence[Row]) -> None:
        """See Connection."""
        self._many(f"DELETE FROM {table.name} WHERE {key_condition(table)}", keys)  # noqa: S608  names are ours

    def fetch(self, table: Table, keys: Sequence[Row]) -> list[Row]:
        """See Connection."""
        sql = f"SELECT * FROM {table.name} WHERE {key_condition(table)}"  # noqa: S608  names are ours
        return [row for key in keys for row in self.query(sql, key)]

    def scan(self, table: Table) -> Iterator[Row]:
        """See Connection."""
        cursor = self._raw.execute(in_order(table))
        while found := cursor.fetchmany(SCANNED):
            yield from found

    def settle(self) -> None:
        """See Connection."""
        self.execute("PRAGMA synchronous=FULL")
        self.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """See Connection."""
        with self._transaction("BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """See Connection."""
        with self._transaction("BEGIN"):
            yield

    def close(self) -> None:
        """See Connection."""
        self._raw.close()

    def _many(self, sql: str, rows: Sequence[Row]) -> None:
        try:
            self._raw.executemany(sql, rows)
        except sqlite3.Error as error:
            raise _sqlite_error(error) from error

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self.execute(begin)
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            if self._raw.in_transaction:
                self._raw.execute("ROLLBACK")
            raise


def _write_ahead(raw: sqlite3.Connection) -> None:
    """Switch to the write-ahead log, which is on from the first time on.

    Of several who open a fresh file at once each reads first that it is off, and then wants the file for itself: SQLite
    turns all but one away without waiting, because two who wait for each other would do so for ever. Who is turned away
    has let go of the file and may ask again.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            raw.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0, AGAIN_S_MAX))  # noqa: S311  who asks first is no secret
        else:
            return


def _sqlite_error(error: sqlite3.Error) -> DatabaseError:
    missing = "no such table" in str(error) or getattr(error, "sqlite_errorname", "") == "SQLITE_CANTOPEN"
    return DatabaseError("missing" if missing else "unavailable", f"SQLite: {error}")
