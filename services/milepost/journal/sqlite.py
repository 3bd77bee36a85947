"""Where events lie by default: one SQLite file with one writing process and any number of readers."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import msgspec
from eventsourcing.persistence import Notification, NotSupportedError, PersistenceError, StoredEvent
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteDatastore,
    SQLiteFactory,
)

from milepost.journal.batch import ERASURES, CommandKnown, Row, Tail
from milepost.journal.errors import JournalInUse, JournalUnavailable, OutcomeUnknown
from milepost.journal.stored import DocumentMapper, Stored, mapper

# Seconds that a statement waits for a lock of another process (a checkpoint, a backup) before it fails.
_LOCK_WAIT_S = 5
# Connections for reading: the relay, the replies of replay and the loads of accept, with as many again at peaks.
_READERS = 8
# Two usual documents fit a page of 4096 octets and leave a quarter empty, five fit this one: a fifth less time.
_PAGE_SIZE = 8192
_WRITER_PRAGMAS = (
    "PRAGMA synchronous=FULL",  # a commit is on the disk before it is answered; NORMAL would lose the last ones
    "PRAGMA cache_size=-65536",  # 64 MiB: the upper pages of three indexes stay in memory, +40 % with the next line
    "PRAGMA wal_autocheckpoint=4000",  # pages, 32 MB: fewer checkpoints stand in a commit's way
)


class Pool(SQLiteConnectionPool):
    """eventsourcing's pool; `writer` lends the one connection that may write, all others only read."""

    def _create_connection(self) -> SQLiteConnection:
        connection = super()._create_connection()
        # A reader that wrote by mistake would get round the file lock of the writing process.
        connection.cursor().execute("PRAGMA query_only=ON")
        return connection

    def writer(self) -> sqlite3.Connection:
        """Return the writing connection, lent until the pool is closed."""
        lent = self.get_connection(is_writer=True)._sqlite_conn  # noqa: SLF001  the cursor wrapper knows no executemany result
        lent.execute("PRAGMA query_only=OFF")
        lent.row_factory = None
        for pragma in _WRITER_PRAGMAS:
            lent.execute(pragma)
        return lent


class Recorder(SQLiteApplicationRecorder):
    """eventsourcing's recorder with our columns; its selects work on them as they are."""

    def construct_create_table_statements(self) -> list[str]:
        """Return our table: theirs with the tenant's order, the command and its answer."""
        return [
            # An explicit INTEGER PRIMARY KEY, because VACUUM may renumber an implicit one; named rowid, because the
            # inherited selects ask for that name. `state` is last: the columns before it are read without it.
            (
                "CREATE TABLE IF NOT EXISTS stored_events (rowid INTEGER PRIMARY KEY, originator_id TEXT NOT NULL,"
                " originator_version INTEGER NOT NULL, topic TEXT NOT NULL, tenant TEXT NOT NULL,"
                " sequence INTEGER NOT NULL, recorded_us INTEGER NOT NULL, event_id TEXT NOT NULL, command TEXT,"
                " command_events INTEGER, answer BLOB, state BLOB NOT NULL,"
                " UNIQUE (originator_id, originator_version), UNIQUE (tenant, sequence))"
            ),
            (
                "CREATE UNIQUE INDEX IF NOT EXISTS stored_events_command ON stored_events (tenant, command)"
                " WHERE command IS NOT NULL"
            ),
            f"CREATE INDEX IF NOT EXISTS stored_events_erasures ON stored_events (tenant, sequence) WHERE {ERASURES}",
        ]

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> NoReturn:  # noqa: ARG002  theirs
        """Refuse: an event gets its place from `Journal.append` alone, under the lock and without retries."""
        raise NotSupportedError("events are appended by Journal.append alone")

    def query(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of *statement*, which is PostgreSQL's but for two words; raises PersistenceError."""
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(_translated(statement), parameters)
            rows: list[Any] = cursor.fetchall()
            return rows

    def notification(self, row: Any) -> Notification:
        """Return a row of ours as eventsourcing's."""
        return Notification(
            id=row["position"],
            originator_id=row["originator_id"],
            originator_version=row["originator_version"],
            topic=row["topic"],
            state=row["state"],
        )


@cache
def _translated(statement: str) -> str:
    return statement.replace("%s", "?").replace("notification_id", "rowid")


class Factory(SQLiteFactory):
    """eventsourcing's factory for the file at *path*."""

    application_recorder_class = Recorder

    def __init__(self, path: Path) -> None:
        """Prepare; nothing is opened yet."""
        # The URI form, so that no character of the path is taken for something else.
        super().__init__(
            {
                "SQLITE_DBNAME": f"file:{quote(str(path))}",
                "SQLITE_LOCK_TIMEOUT": str(_LOCK_WAIT_S),
                "ORIGINATOR_ID_TYPE": "text",
                "CREATE_TABLE": "no",
            }
        )
        datastore: SQLiteDatastore = self.datastore
        # One more than the readers: the writer keeps its connection.
        datastore.pool = Pool(
            db_name=datastore.pool.db_name,
            lock_timeout=_LOCK_WAIT_S,
            pool_size=_READERS + 1,
            max_overflow=_READERS,
        )


class Store:
    """A SQLite journal: its recorder, its mapper and, for a writer, its file lock and connection."""

    def __init__(self, path: Path, *, writes: bool, create: bool) -> None:
        """Open the file; raises JournalInUse for a second writer, JournalUnavailable where there is no journal."""
        if not path.exists() and not (writes and create):
            raise JournalUnavailable(f"{path}: there is no journal yet; the process that accepts commands makes it")
        self._lock = _WriterLock(path) if writes else None
        self._writer: sqlite3.Connection | None = None
        self.factory = Factory(path)
        self.mapper: DocumentMapper = mapper(self.factory)
        recorder = self.factory.application_recorder()
        assert isinstance(recorder, Recorder)  # noqa: S101  narrows the factory's type
        self.recorder = recorder
        try:
            if writes:
                self._writer = self._open_writer(create=create)
            recorder.query("SELECT 1 FROM stored_events LIMIT 1")
        except (sqlite3.Error, PersistenceError) as error:
            self.close()
            raise JournalUnavailable(f"{path}: {error}") from error

    def _open_writer(self, *, create: bool) -> sqlite3.Connection:
        if create:
            # The page size is settled before anything else is written; the pool's first statement would settle 4096.
            with closing(sqlite3.connect(self.factory.datastore.pool.db_name, uri=True)) as new:
                new.execute(f"PRAGMA page_size={_PAGE_SIZE}")
                new.execute("PRAGMA journal_mode=WAL")
        pool = self.factory.datastore.pool
        assert isinstance(pool, Pool)  # noqa: S101  narrows the factory's type
        writer = pool.writer()
        if create:
            writer.execute("BEGIN IMMEDIATE")
            for statement in self.recorder.create_table_statements:
                writer.execute(statement)
            writer.execute("COMMIT")
        return writer

    @contextmanager
    def locked(self) -> Iterator[LockedSQLite]:
        """Hold the append lock; rolls back unless `commit` was called; raises JournalUnavailable, CommandKnown."""
        writer = self._writer
        assert writer is not None  # noqa: S101  Journal asks before
        try:
            writer.execute("BEGIN IMMEDIATE")
            yield LockedSQLite(writer, self.mapper)
        except sqlite3.Error as error:
            raise JournalUnavailable(str(error)) from error
        finally:
            if writer.in_transaction:
                writer.execute("ROLLBACK")

    def close(self) -> None:
        """Close every connection, then let go of the file lock; closing twice is closing once."""
        self.factory.close()
        if self._writer is not None:
            self._writer.close()
        if self._lock is not None:
            self._lock.release()


class LockedSQLite:
    """The transaction under `BEGIN IMMEDIATE`."""

    def __init__(self, connection: sqlite3.Connection, documents: DocumentMapper) -> None:
        """Take the writing connection, in a transaction."""
        self._connection = connection
        self._mapper = documents

    def versions(self, keys: Sequence[str]) -> dict[str, int]:
        """Return the newest version of each originator id; 0 where there is none."""
        # A subquery per key uses the end of its index range; GROUP BY would walk all its versions.
        statement = (
            "SELECT value, (SELECT MAX(originator_version) FROM stored_events WHERE originator_id = value)"
            " FROM json_each(?)"
        )
        found = self._connection.execute(statement, (_json(keys),))
        return {key: version or 0 for key, version in found}

    def look(self, keys: Sequence[str], tenants: Sequence[str]) -> tuple[dict[str, int], dict[str, Tail]]:
        """Return `versions` of *keys*, and the tail of each tenant that has events."""
        statement = "SELECT sequence, recorded_us FROM stored_events WHERE tenant = ? ORDER BY sequence DESC LIMIT 1"
        tails: dict[str, Tail] = {}
        for tenant in tenants:
            if (row := self._connection.execute(statement, (tenant,)).fetchone()) is not None:
                tails[tenant] = Tail(*row)
        return self.versions(keys), tails

    def load(self, key: str, after_version: int) -> list[Stored]:
        """Return the stored events of an originator id above *after_version*, in order."""
        statement = (
            "SELECT rowid, originator_version, topic, state FROM stored_events"
            " WHERE originator_id = ? AND originator_version > ? ORDER BY originator_version"
        )
        rows = self._connection.execute(statement, (key, after_version))
        return [
            self._mapper.to_domain_event(
                Notification(id=position, originator_id=key, originator_version=version, topic=topic, state=state)
            )
            for position, version, topic, state in rows
        ]

    def known(self, commands: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return those of *commands* that the journal has."""
        statement = "SELECT 1 FROM stored_events WHERE tenant = ? AND command = ?"
        return {pair for pair in commands if self._connection.execute(statement, pair).fetchone() is not None}

    def insert(self, rows: Sequence[Row]) -> Sequence[int]:
        """Insert *rows* in order and return their positions; raises CommandKnown."""
        (last,) = self._connection.execute("SELECT COALESCE(MAX(rowid), 0) FROM stored_events").fetchone()
        positions = range(last + 1, last + 1 + len(rows))
        statement = (
            "INSERT INTO stored_events (rowid, originator_id, originator_version, topic, tenant, sequence,"
            " recorded_us, event_id, command, command_events, answer, state) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
        )
        numbered = [(position, *row) for position, row in zip(positions, rows, strict=True)]
        try:
            self._connection.executemany(statement, numbered)
        except sqlite3.IntegrityError as error:
            raise CommandKnown(str(error)) from error
        return positions

    def commit(self) -> None:
        """Make it durable; raises OutcomeUnknown, JournalUnavailable."""
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                raise JournalUnavailable(f"COMMIT was refused: {error}") from error
            # The log's last pages may or may not be on the disk.
            raise OutcomeUnknown(f"COMMIT failed: {error}") from error


class _WriterLock:
    """A lock file beside the journal, held by this process and released by its death, however it dies."""

    def __init__(self, path: Path) -> None:
        lock = path.with_name(f"{path.name}.writer")
        try:
            file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalUnavailable(f"{lock}: {error.strerror}") from error
        try:
            # flock, not fcntl's record lock: that one would let the same process in twice.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise JournalInUse(
                f"{path} is being written by process {holder}; a SQLite journal has one writing process. "
                "Stop that one, or use a postgresql:// journal for several."
            ) from error
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._fd: int | None = file

    def release(self) -> None:
        """Let go, once: a file descriptor that was closed may be another's by now."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _json(keys: Sequence[str]) -> str:
    return msgspec.json.encode(keys).decode()
