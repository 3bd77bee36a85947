"""One small way to SQLite and PostgreSQL: plain SQL with `?` for parameters, tables described once, rows in bulk.

URLs are `sqlite:///PATH` and `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`. Connections are for one thread at a time.
"""

from __future__ import annotations

import fcntl
import functools
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast
from urllib.parse import unquote

import psycopg
from psycopg import sql as pg

# How long SQLite waits for another writer. A batch takes milliseconds; who holds the lock for longer hangs.
BUSY_TIMEOUT_MS = 10_000
# Read cache of one SQLite connection, in KiB: a tenth of the view of 100,000 goals.
CACHE_KIB = 32_768
# Pages in the write-ahead log before it is folded back: 32 MB; the default of 4 MB costs a third of bulk writing.
CHECKPOINT_PAGES = 8_000
# A PostgreSQL that does not answer in this time is gone, as far as a query is concerned.
CONNECT_TIMEOUT_S = 5
SCANNED = 2_000  # rows of a scan in memory at once: a few MB

Row = tuple[Any, ...]


class DatabaseError(Exception):
    """The database cannot be used now; `code` is `bad_url`, `unavailable`, `in_use` or `missing` (table or file)."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable *code* beside the message."""
        super().__init__(message)
        self.code = code


class Table(NamedTuple):
    """A table: columns as (name, `text` | `int` | `bytes`), the first *key* of them are its primary key."""

    name: str
    columns: tuple[tuple[str, str], ...]
    key: int
    indexes: tuple[tuple[str, ...], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(name for name, _ in self.columns)


class Connection(Protocol):
    """What both databases can do; every call raises DatabaseError when the database cannot be reached."""

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of *sql*."""
        ...

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run *sql*, return how many rows it touched."""
        ...

    def create(self, tables: Iterable[Table]) -> None:
        """Make the tables that are missing."""
        ...

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert *rows*, each in the table's column order, or replace those with the same key."""
        ...

    def delete(self, table: Table, keys: Sequence[Row]) -> None:
        """Delete the rows with *keys*."""
        ...

    def fetch(self, table: Table, keys: Sequence[Row]) -> list[Row]:
        """Return the rows with *keys*, in any order; missing ones are left out."""
        ...

    def scan(self, table: Table) -> Iterator[Row]:
        """Yield every row of *table* in the order of its key; within a transaction."""
        ...

    def settle(self) -> None:
        """Return when all that was committed survives a power failure."""
        ...

    def writing(self) -> Any:
        """Open a transaction that writes, as a context: commit at its end, rollback when it raises."""
        ...

    def reading(self) -> Any:
        """Open a transaction that sees one state of the database, as a context."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


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
            for pragma in (
                "journal_mode=WAL",
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
            self.execute(f"{_ddl(table, kinds)} WITHOUT ROWID")
            for sql in _index_ddl(table):
                self.execute(sql)

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        """See Connection."""
        marks = ", ".join("?" * len(table.columns))
        self._many(f"INSERT OR REPLACE INTO {table.name} VALUES ({marks})", rows)  # noqa: S608  names are ours

    def delete(self, table: Table, keys: Sequence[Row]) -> None:
        """See Connection."""
        self._many(f"DELETE FROM {table.name} WHERE {_key_condition(table)}", keys)  # noqa: S608  names are ours

    def fetch(self, table: Table, keys: Sequence[Row]) -> list[Row]:
        """See Connection."""
        sql = f"SELECT * FROM {table.name} WHERE {_key_condition(table)}"  # noqa: S608  names are ours
        return [row for key in keys for row in self.query(sql, key)]

    def scan(self, table: Table) -> Iterator[Row]:
        """See Connection."""
        cursor = self._raw.execute(_in_order(table))
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


class PostgresConnection:
    """A connection to one database; *schema* is where its tables are."""

    def __init__(self, url: str, schema: str, *, durable: bool = False) -> None:
        """Connect; the schema need not exist yet. *durable*: as in SQLiteConnection."""
        try:
            self._raw = psycopg.connect(
                url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, options=f"-c search_path={schema}"
            )
            if not durable:
                self._raw.execute("SET synchronous_commit = off")
        except psycopg.Error as error:
            raise _postgres_error(error) from error
        self._schema = schema

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """See Connection."""
        try:
            return self._raw.execute(_postgres_sql(sql), parameters).fetchall()
        except psycopg.Error as error:
            raise _postgres_error(error) from error

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """See Connection."""
        try:
            return self._raw.execute(_postgres_sql(sql), parameters).rowcount
        except psycopg.Error as error:
            raise _postgres_error(error) from error

    def create(self, tables: Iterable[Table]) -> None:
        """See Connection."""
        # The C collation compares bytes, as SQLite does: a cursor means the same in both.
        kinds = {"text": 'TEXT COLLATE "C"', "int": "BIGINT", "bytes": "BYTEA"}
        self.execute(f"CREATE SCHEMA IF NOT EXISTS {self._schema}")
        for table in tables:
            self.execute(_ddl(table, kinds))
            for sql in _index_ddl(table):
                self.execute(sql)

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        """See Connection."""
        if not rows:
            return
        names = table.names
        changed = ", ".join(f"{name} = excluded.{name}" for name in names[table.key :])
        conflict = f"UPDATE SET {changed}" if changed else "NOTHING"
        self.execute(
            f"INSERT INTO {table.name} SELECT * FROM unnest({_arrays(table.columns)}) "  # noqa: S608  names are ours
            f"ON CONFLICT ({', '.join(names[: table.key])}) DO {conflict}",
            _columns(rows),
        )

    def delete(self, table: Table, keys: Sequence[Row]) -> None:
        """See Connection."""
        if keys:
            self.execute(f"DELETE FROM {table.name} t USING {_joined(table)}", _columns(keys))  # noqa: S608  same

    def fetch(self, table: Table, keys: Sequence[Row]) -> list[Row]:
        """See Connection."""
        if not keys:
            return []
        return self.query(f"SELECT t.* FROM {table.name} t, {_joined(table)}", _columns(keys))  # noqa: S608  same

    def scan(self, table: Table) -> Iterator[Row]:
        """See Connection."""
        with self._raw.cursor(f"scan_{table.name}") as cursor:  # on the server's side: a table may be large
            cursor.itersize = SCANNED
            yield from cursor.execute(_postgres_sql(_in_order(table)))

    def settle(self) -> None:
        """See Connection."""
        # A durable commit takes every earlier one of this server to the disk, this connection's included.
        self.execute("SET synchronous_commit = on")
        with self.writing():
            self.execute("SELECT txid_current()")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """See Connection."""
        with self._transaction("BEGIN"):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """See Connection."""
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"):
            yield

    def close(self) -> None:
        """See Connection."""
        self._raw.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self.execute(begin)
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            if not self._raw.closed:
                self.execute("ROLLBACK")
            raise


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
        yield
    finally:
        connection.close()


def _in_order(table: Table) -> str:
    return f"SELECT * FROM {table.name} ORDER BY {', '.join(table.names[: table.key])}"  # noqa: S608  names are ours


def _ddl(table: Table, kinds: dict[str, str]) -> str:
    columns = ", ".join(
        f"{name} {kinds[kind]}{' NOT NULL' if place < table.key else ''}"
        for place, (name, kind) in enumerate(table.columns)
    )
    key = ", ".join(table.names[: table.key])
    return f"CREATE TABLE IF NOT EXISTS {table.name} ({columns}, PRIMARY KEY ({key}))"


def _index_ddl(table: Table) -> list[str]:
    return [
        f"CREATE INDEX IF NOT EXISTS {table.name}_by_{columns[-1]} ON {table.name} ({', '.join(columns)})"
        for columns in table.indexes
    ]


def _key_condition(table: Table) -> str:
    return " AND ".join(f"{name} = ?" for name in table.names[: table.key])


def _arrays(columns: Sequence[tuple[str, str]]) -> str:
    # Bytes go in binary: as text they cost a third or more.
    casts = {"text": "?::text[]", "int": "?::bigint[]", "bytes": "%b::bytea[]"}
    return ", ".join(casts[kind] for _, kind in columns)


def _joined(table: Table) -> str:
    key = table.columns[: table.key]
    on = " AND ".join(f"t.{name} = k.{name}" for name, _ in key)
    return f"unnest({_arrays(key)}) AS k({', '.join(name for name, _ in key)}) WHERE {on}"


def _columns(rows: Sequence[Row]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


@functools.lru_cache(maxsize=500)
def _postgres_sql(sql: str) -> pg.SQL:
    return pg.SQL(cast("Any", sql.replace("?", "%s")))


def _sqlite_error(error: sqlite3.Error) -> DatabaseError:
    missing = "no such table" in str(error) or getattr(error, "sqlite_errorname", "") == "SQLITE_CANTOPEN"
    return DatabaseError("missing" if missing else "unavailable", f"SQLite: {error}")


def _postgres_error(error: psycopg.Error) -> DatabaseError:
    missing = isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName)
    return DatabaseError("missing" if missing else "unavailable", f"PostgreSQL: {str(error).strip()}")
