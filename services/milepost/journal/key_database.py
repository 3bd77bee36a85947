"""Where wrapped keys lie: a small durable database of their own, SQLite or PostgreSQL."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import quote

import msgspec
import psycopg
from psycopg.sql import SQL
from psycopg_pool import ConnectionPool

from milepost.journal.errors import JournalUnsafe, KeysUnavailable
from milepost.journal.urls import postgres_parameters, shown, sqlite_path

# Seconds to wait for another process's transaction, which takes milliseconds, or for a connection.
_WAIT_S = 5
# Connections to PostgreSQL: sealing keys are cached, so few calls come here.
_POOL_MAX = 4
_CREATE_LOCK = 7_311_002_027  # as the journal's, see postgres.py

_TABLES = (
    # One row a tenant. Erasing a person takes it FOR UPDATE, wraps the tenant's keys anew under the next generation
    # and then destroys the old file; whoever adds a key takes it FOR SHARE, so that none is left behind.
    (
        "CREATE TABLE IF NOT EXISTS wrapping (tenant TEXT PRIMARY KEY, generation BIGINT NOT NULL,"
        " fingerprint BLOB NOT NULL)"
    ),
    # holder: `user:UUID`, or `organisation`. Erased: `wrapped` is gone, the row stays as a tombstone.
    (
        "CREATE TABLE IF NOT EXISTS holders (tenant TEXT NOT NULL, holder TEXT NOT NULL, key_id TEXT NOT NULL UNIQUE,"
        " generation BIGINT NOT NULL, wrapped BLOB, made_us BIGINT NOT NULL, erased_us BIGINT,"
        " PRIMARY KEY (tenant, holder))"
    ),
    # What each kid was derived for.
    (
        "CREATE TABLE IF NOT EXISTS kids (tenant TEXT NOT NULL, kid TEXT NOT NULL, aggregate TEXT NOT NULL,"
        " aggregate_id TEXT NOT NULL, audience TEXT NOT NULL, author_key_id TEXT NOT NULL, owner_key_id TEXT NOT NULL,"
        " PRIMARY KEY (tenant, kid))"
    ),
)
_PRAGMAS = (
    # Deleted keys are overwritten with zeros in the file instead of lingering in free pages.
    "PRAGMA secure_delete=ON",
    # One fsync a commit, and readers of other processes wait for nobody. An erased wrapped key may stay in the log
    # until a checkpoint; that is why erasing also changes the wrapping key, in whatever mode (see WIRE, Sealed words).
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # a key is on the disk before anything is sealed with it
)

Row = tuple[Any, ...]
Run = Callable[[str, Sequence[Any]], list[Row]]
"""Runs a statement in PostgreSQL's form (`%s`) and returns its rows."""


class KeyDatabase(Protocol):
    """Transactions; each raises KeysUnavailable when the database cannot be reached or refuses."""

    def transaction(self, *, writes: bool = True) -> AbstractContextManager[Run]:
        """Open a transaction; durable at the end of the context, undone when it raises."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...


def open_key_database(url: str) -> KeyDatabase:
    """Return the database at *url*, tables made; raises BadURL, JournalUnsafe, KeysUnavailable."""
    path = sqlite_path(url)
    return _SQLite(path) if path is not None else _Postgres(url)


class _SQLite:
    """One connection under a lock: what comes here is rare and short."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._shown = path.name
        try:
            self._connection = sqlite3.connect(
                f"file:{quote(str(path))}", uri=True, isolation_level=None, check_same_thread=False, timeout=_WAIT_S
            )
            for pragma in _PRAGMAS:
                self._connection.execute(pragma)
        except sqlite3.Error as error:
            raise KeysUnavailable(f"{self._shown}: {error}") from error
        # The file is of interest to nobody else, wrapped or not.
        path.chmod(0o600)
        with self.transaction() as run:
            for statement in _TABLES:
                run(statement, ())

    @contextmanager
    def transaction(self, *, writes: bool = True) -> Iterator[Run]:
        with self._lock:
            connection = self._connection
            try:
                # A transaction that begins by reading could not wait for another writer later.
                connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
                yield self._run
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise KeysUnavailable(f"{self._shown}: {error}") from error
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def _run(self, statement: str, parameters: Sequence[Any]) -> list[Row]:
        bound = [msgspec.json.encode(value).decode() if isinstance(value, list) else value for value in parameters]
        return self._connection.execute(_sqlite_words(statement), bound).fetchall()

    def close(self) -> None:
        with self._lock:
            self._connection.close()


@cache
def _sqlite_words(statement: str) -> str:
    # A list is bound as JSON; BEGIN IMMEDIATE already locks what FOR SHARE would.
    statement = statement.replace("= ANY(%s)", "IN (SELECT value FROM json_each(%s))").replace(" FOR SHARE", "")
    return statement.replace("%s", "?")


class _Postgres:
    """A small pool that checks each connection before lending it."""

    def __init__(self, url: str) -> None:
        parameters = postgres_parameters(url)
        self._shown = shown(url)
        self._pool: ConnectionPool[psycopg.Connection[Row]] = ConnectionPool(
            kwargs={**parameters, "autocommit": True},
            min_size=1,
            max_size=_POOL_MAX,
            timeout=_WAIT_S,
            open=False,
            check=ConnectionPool.check_connection,
        )
        self._pool.open()
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        with self.transaction() as run:
            ((fsync, commit),) = run("SELECT current_setting('fsync'), current_setting('synchronous_commit')", ())
            if "off" in (fsync, commit):
                raise JournalUnsafe("PostgreSQL runs with fsync or synchronous_commit off: keys may be lost")
            run("SELECT pg_advisory_xact_lock(%s)", (_CREATE_LOCK,))
            for statement in _TABLES:
                run(statement.replace("BLOB", "BYTEA").replace("TEXT", 'TEXT COLLATE "C"'), ())

    @contextmanager
    def transaction(self, *, writes: bool = True) -> Iterator[Run]:  # noqa: ARG002  readers and writers do not wait here
        try:
            with self._pool.connection() as connection, connection.transaction():

                def run(statement: str, parameters: Sequence[Any]) -> list[Row]:
                    # Constants of this stage; psycopg's type wants literals.
                    cursor = connection.execute(SQL(cast("Any", statement)), parameters)
                    return cursor.fetchall() if cursor.description is not None else []

                yield run
        except psycopg.Error as error:
            raise KeysUnavailable(f"{self._shown}: {error}") from error

    def close(self) -> None:
        self._pool.close()
