"""PostgreSQL behind the common connection: one schema of a database, rows in bulk as arrays."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from psycopg import sql as pg

from milepost.database.tables import SCANNED, DatabaseError, Row, Table, in_order, index_ddl, or_update, table_ddl

# A PostgreSQL that does not answer in this time is gone, as far as a query is concerned.
CONNECT_TIMEOUT_S = 5


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
            self.execute(table_ddl(table, kinds))
            for sql in index_ddl(table):
                self.execute(sql)

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        """See Connection."""
        if not rows:
            return
        values = f"SELECT * FROM unnest({_arrays(table.columns)})"  # noqa: S608  names are ours
        self.execute(f"INSERT INTO {table.name} {values} {or_update(table)}", _columns(rows))

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
            yield from cursor.execute(_postgres_sql(in_order(table)))

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


def _postgres_error(error: psycopg.Error) -> DatabaseError:
    missing = isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName)
    return DatabaseError("missing" if missing else "unavailable", f"PostgreSQL: {str(error).strip()}")
