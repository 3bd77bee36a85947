"""Where wrapped keys lie: a small durable database of their own, SQLite or PostgreSQL."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
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
    # Each time that a tenant's keys were wrapped anew, in order: what for (`holder`; NULL: a rotation), the key that is
    # gone, how many sealing keys were made of it, how many keys were wrapped again, and when. Whoever caches keys looks
    # at the last number alone.
    (
        "CREATE TABLE IF NOT EXISTS rewrappings (number BIGINT PRIMARY KEY, tenant TEXT NOT NULL, holder TEXT,"
        " key_id TEXT, derived BIGINT NOT NULL, keys BIGINT NOT NULL, generation_before BIGINT NOT NULL,"
        " generation_after BIGINT NOT NULL, at_us BIGINT NOT NULL, UNIQUE (tenant, holder))"
    ),
    # What each kid was derived for.
    (
        "CREATE TABLE IF NOT EXISTS kids (tenant TEXT NOT NULL, kid TEXT NOT NULL, aggregate TEXT NOT NULL,"
        " aggregate_id TEXT NOT NULL, audience TEXT NOT NULL, author_key_id TEXT NOT NULL, owner_key_id TEXT NOT NULL,"
        " PRIMARY KEY (tenant, kid))"
    ),
)
# One at a time wraps keys anew, whatever the tenant: so the numbers of `rewrappings` become visible in order.
LOCKED = "LOCK TABLE rewrappings IN EXCLUSIVE MODE"
_PRAGMAS = (
    # Deleted keys are overwritten with zeros in the file instead of lingering in free pages.
    "PRAGMA secure_delete=ON",
    # One fsync a commit, and readers of other processes wait for nobody. An erased wrapped key may stay in the log
    # until a checkpoint; that is why erasing also changes the wrapping key, in whatever mode (see WIRE, Sealed words).
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # a key is on the disk before anything is sealed with it
)

Row = tuple[Any, ...]


class Run(Protocol):
    """Runs statements in PostgreSQL's form (`%s`) in a transaction."""

    def __call__(self, statement: str, parameters: Sequence[Any], /) -> list[Row]:
        """Run *statement* and return its rows."""
        ...

    def many(self, statement: str, rows: Sequence[Sequence[Any]], /) -> None:
        """Run *statement* for each of *rows*, together."""
        ...


class KeyDatabase(Protocol):
    """Transactions; each raises KeysUnavailable when the database cannot be reached or refuses."""

    def transaction(self, *, writes: bool = True, apart: bool = False) -> AbstractContextManager[Run]:
        """Open a transaction; durable at the end of the context, undone when it raises.

        apart: it may take long, so nobody who reads waits for it.
        """
        ...

    def clean(self) -> None:
        """Have the database let go of what was overwritten, as far as it does on request."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...


def open_key_database(url: str) -> KeyDatabase:
    """Return the database at *url*, tables made; raises BadURL, JournalUnsafe, KeysUnavailable."""
    path = sqlite_path(url)
    return _SQLite(path) if path is not None else _Postgres(url)


class _SQLite:
    """A connection that reads and one that writes, each under a lock: what comes here is rare and short.

    Two, because who writes may wait for another process's transaction, and who reads never has to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shown = path.name
        self._ends = {writes: (threading.Lock(), self._connected()) for writes in (False, True)}
        # The file is of interest to nobody else, wrapped or not.
        path.chmod(0o600)
        with self.transaction() as run:
            for statement in _TABLES:
                run(statement, ())

    @contextmanager
    def transaction(self, *, writes: bool = True, apart: bool = False) -> Iterator[Run]:
        with self._apart() if apart else self._shared(writes=writes) as connection:
            try:
                # A transaction that begins by reading could not wait for another writer later.
                connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
                yield _SQLiteRun(connection)
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise KeysUnavailable(f"{self._shown}: {error}") from error
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def clean(self) -> None:
        # Writes the log back and empties it. Where others keep it busy it is emptied later: what is in it was wrapped
        # by a key that is gone.
        with self._apart() as connection:
            try:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as error:
                raise KeysUnavailable(f"{self._shown}: {error}") from error

    def _connected(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                f"file:{quote(str(self._path))}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=_WAIT_S,
            )
            for pragma in _PRAGMAS:
                connection.execute(pragma)
        except sqlite3.Error as error:
            raise KeysUnavailable(f"{self._shown}: {error}") from error
        return connection

    @contextmanager
    def _shared(self, *, writes: bool) -> Iterator[sqlite3.Connection]:
        lock, connection = self._ends[writes]
        with lock:
            yield connection

    @contextmanager
    def _apart(self) -> Iterator[sqlite3.Connection]:
        connection = self._connected()
        try:
            yield connection
        finally:
            connection.close()

    def close(self) -> None:
        for lock, connection in self._ends.values():
            with lock:
                connection.close()


class _SQLiteRun:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __call__(self, statement: str, parameters: Sequence[Any], /) -> list[Row]:
        bound = [msgspec.json.encode(value).decode() if isinstance(value, list) else value for value in parameters]
        return self._connection.execute(_sqlite_words(statement), bound).fetchall()

    def many(self, statement: str, rows: Sequence[Sequence[Any]], /) -> None:
        self._connection.executemany(_sqlite_words(statement), rows)


@cache
def _sqlite_words(statement: str) -> str:
    # A list is bound as JSON; BEGIN IMMEDIATE already locks what the words for PostgreSQL would.
    statement = statement.replace("= ANY(%s)", "IN (SELECT value FROM json_each(%s))")
    statement = statement.replace(" FOR SHARE", "").replace(" FOR UPDATE", "").replace(LOCKED, "SELECT 1")
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
    def transaction(self, *, writes: bool = True, apart: bool = False) -> Iterator[Run]:  # noqa: ARG002  readers and writers do not wait here
        try:
            with self._pool.connection() as connection, connection.transaction():
                yield _PostgresRun(connection)
        except psycopg.Error as error:
            raise KeysUnavailable(f"{self._shown}: {error}") from error

    def clean(self) -> None:
        # Row versions that nobody sees any more are removed from the tables; the server's own log keeps them until it
        # is recycled. What they hold was wrapped by a key that is gone.
        try:
            with self._pool.connection() as connection:
                connection.execute("VACUUM holders")
        except psycopg.Error as error:
            raise KeysUnavailable(f"{self._shown}: {error}") from error

    def close(self) -> None:
        self._pool.close()


class _PostgresRun:
    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def __call__(self, statement: str, parameters: Sequence[Any], /) -> list[Row]:
        # Constants of this stage; psycopg's type wants literals.
        cursor = self._connection.execute(SQL(cast("Any", statement)), parameters)
        return cursor.fetchall() if cursor.description is not None else []

    def many(self, statement: str, rows: Sequence[Sequence[Any]], /) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(SQL(cast("Any", statement)), rows)
