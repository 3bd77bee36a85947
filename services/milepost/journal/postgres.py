"""Where events lie when several processes accept commands: PostgreSQL, one writer at a time under a lock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, TypeAlias, cast

import psycopg
from eventsourcing.persistence import (
    InterfaceError,
    Notification,
    NotSupportedError,
    OperationalError,
    PersistenceError,
    StoredEvent,
)
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore, PostgresFactory
from eventsourcing.utils import retry
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Composed

from milepost.journal.batch import ERASURES, CommandKnown, Row, Tail
from milepost.journal.errors import JournalUnavailable, JournalUnsafe, OutcomeUnknown
from milepost.journal.stored import DocumentMapper, Stored, mapper

# Connections: as many as stay open, and as many more at peaks. Several processes share a server's 100.
_POOL, _OVERFLOW = 4, 8
# Seconds for a connection out of the pool; the inherited reads try ten times, so a short restart is waited out.
_POOL_WAIT_S = 2
# Seconds to wait for the writers before us; a batch takes milliseconds, so a longer wait means that one hangs.
_LOCK_WAIT_S = 10
# Seconds that a writer may pause inside the lock before the server ends it: deciding again takes milliseconds.
_IDLE_IN_LOCK_S = 10
# After a server restart every pooled connection is dead once; each try discards one.
_OPENING_TRIES = _POOL + _OVERFLOW + 1
# One number for all: creation of tables is serialised, because simultaneous first starts died without it.
_CREATE_LOCK = 7_311_002_026

_TABLES = (
    # Texts compare as bytes: faster than a language's order, and the same on every server. `state` is last.
    (
        'CREATE TABLE IF NOT EXISTS stored_events (originator_id text COLLATE "C" NOT NULL,'
        ' originator_version bigint NOT NULL, topic text NOT NULL, tenant text COLLATE "C" NOT NULL,'
        ' sequence bigint NOT NULL, recorded_us bigint NOT NULL, event_id text NOT NULL, command text COLLATE "C",'
        " command_events bigint, answer bytea, notification_id bigint NOT NULL, state bytea NOT NULL,"
        " PRIMARY KEY (originator_id, originator_version), UNIQUE (tenant, sequence))"
    ),
    "CREATE UNIQUE INDEX IF NOT EXISTS stored_events_notification_id_idx ON stored_events (notification_id)",
    (
        "CREATE UNIQUE INDEX IF NOT EXISTS stored_events_command ON stored_events (tenant, command)"
        " WHERE command IS NOT NULL"
    ),
    # What appends lock. Not stored_events itself: EXCLUSIVE on it waits for every autovacuum and analyze of it.
    "CREATE TABLE IF NOT EXISTS append_lock ()",
    f"CREATE INDEX IF NOT EXISTS stored_events_erasures ON stored_events (tenant, sequence) WHERE {ERASURES}",
)
_LOCK = f"BEGIN; SET LOCAL lock_timeout = '{_LOCK_WAIT_S}s'; LOCK TABLE append_lock IN EXCLUSIVE MODE"
_VERSIONS = (
    "SELECT wanted.id, (SELECT max(originator_version) FROM stored_events WHERE originator_id = wanted.id)"
    " FROM unnest(%b::text[]) AS wanted(id)"
)
# One way to the server for all that is looked at: tails by tenant, the last position, versions by originator id.
_LOOK = (
    "SELECT 0, wanted.tenant, tail.sequence, tail.recorded_us FROM unnest(%b::text[]) AS wanted(tenant)"
    " CROSS JOIN LATERAL (SELECT sequence, recorded_us FROM stored_events WHERE tenant = wanted.tenant"
    " ORDER BY sequence DESC LIMIT 1) AS tail"
    " UNION ALL SELECT 1, '', COALESCE(MAX(notification_id), 0), NULL FROM stored_events"
    " UNION ALL SELECT 2, wanted.id, (SELECT max(originator_version) FROM stored_events"
    " WHERE originator_id = wanted.id), NULL FROM unnest(%b::text[]) AS wanted(id)"
)
_COPY = (
    "COPY stored_events (notification_id, originator_id, originator_version, topic, tenant, sequence, recorded_us,"
    " event_id, command, command_events, answer, state) FROM STDIN (FORMAT BINARY)"
)
_TYPES = ("int8", "text", "int8", "text", "text", "int8", "int8", "text", "text", "int8", "bytea", "bytea")
_LOAD = (
    "SELECT notification_id, originator_version, topic, state FROM stored_events"
    " WHERE originator_id = %b AND originator_version > %b ORDER BY originator_version"
)
_KNOWN = (
    "SELECT tenant, command FROM stored_events JOIN unnest(%b::text[], %b::text[]) AS wanted(tenant, command)"
    " USING (tenant, command)"
)

Link: TypeAlias = psycopg.Connection[Any]


class Recorder(PostgresApplicationRecorder):
    """eventsourcing's recorder with our columns; its selects work on them as they are."""

    def __init__(self, datastore: PostgresDatastore, *, events_table_name: str = "stored_events") -> None:
        """Replace what it would create: no composite type and no functions are wanted."""
        super().__init__(datastore, events_table_name=events_table_name)
        self.sql_create_statements = [cast("Composed", SQL(statement)) for statement in _TABLES]

    def create_table(self) -> None:
        """Create the tables once, whoever else is starting at the same moment."""
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_CREATE_LOCK,))
            found = cursor.execute("SELECT to_regclass('stored_events_erasures') AS last_made").fetchone()
            if found is not None and found["last_made"] is not None:
                return  # CREATE INDEX IF NOT EXISTS would wait for every writer and vacuum
            for statement in _TABLES:
                cursor.execute(SQL(statement))

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> NoReturn:  # noqa: ARG002  theirs
        """Refuse: an event gets its place from `Journal.append` alone, under the lock and without retries."""
        raise NotSupportedError("events are appended by Journal.append alone")

    @retry((InterfaceError, OperationalError), max_attempts=10, wait=0.2)  # as the inherited reads do
    def query(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of *statement*; raises eventsourcing's PersistenceError."""
        with self.datastore.cursor() as cursor:
            # The statements are constants of this stage; psycopg's type wants literals.
            return cursor.execute(SQL(cast("Any", statement)), parameters, prepare=True).fetchall()

    def notification(self, row: Any) -> Notification:
        """Return a row of ours as eventsourcing's."""
        return Notification(
            id=row["position"],
            originator_id=row["originator_id"],
            originator_version=row["originator_version"],
            topic=row["topic"],
            state=bytes(row["state"]),
        )


class Factory(PostgresFactory):
    """eventsourcing's factory for libpq *parameters*."""

    application_recorder_class = Recorder

    def __init__(self, parameters: dict[str, str]) -> None:
        """Prepare; nothing is opened yet."""
        named = ("dbname", "host", "port", "user", "password")
        super().__init__(
            {f"POSTGRES_{name.upper()}": parameters.get(name, "") for name in named}
            | {
                "POSTGRES_CONNECT_TIMEOUT": str(_POOL_WAIT_S),
                "POSTGRES_IDLE_IN_TRANSACTION_SESSION_TIMEOUT": str(_IDLE_IN_LOCK_S),
                "POSTGRES_POOL_SIZE": str(_POOL),
                "POSTGRES_MAX_OVERFLOW": str(_OVERFLOW),
                "ORIGINATOR_ID_TYPE": "text",
                "CREATE_TABLE": "no",
            }
        )
        # What eventsourcing has no name for: TLS, keepalives, options. Its statements name the schema public, so that
        # must be where ours go, whatever search path the server or the URL sets.
        pool = self.datastore.pool
        assert isinstance(pool.kwargs, dict)  # noqa: S101  the datastore gives a dict
        pool.kwargs |= {name: value for name, value in parameters.items() if name not in named}
        pool.kwargs["options"] = f"{parameters.get('options', '')} -c search_path=public"
        if not parameters.get("password"):
            del pool.kwargs["password"]  # an empty one would hide PGPASSWORD


class Store:
    """A PostgreSQL journal: its recorder and its mapper."""

    def __init__(self, parameters: dict[str, str], *, writes: bool, create: bool) -> None:
        """Connect; raises JournalUnavailable where there is no server or no journal, JournalUnsafe."""
        self.factory = Factory(parameters)
        self.mapper: DocumentMapper = mapper(self.factory)
        try:
            recorder = self.factory.application_recorder()
            assert isinstance(recorder, Recorder)  # noqa: S101  narrows the factory's type
            self.recorder = recorder
            if writes and create:
                recorder.create_table()
            if writes:
                self._demand_durability()
            recorder.query("SELECT 1 FROM stored_events LIMIT 1")
        except (psycopg.Error, PersistenceError, JournalUnsafe) as error:
            self.close()
            if isinstance(error, JournalUnsafe):
                raise
            raise JournalUnavailable(f"the journal at {parameters['host']}: {error}") from error

    def _demand_durability(self) -> None:
        for setting in ("fsync", "synchronous_commit"):
            (row,) = self.recorder.query(f"SELECT current_setting('{setting}') AS value")
            if row["value"] == "off":
                raise JournalUnsafe(f"PostgreSQL runs with {setting} = off: what it acknowledges may be lost")

    @contextmanager
    def locked(self) -> Iterator[LockedPostgres]:
        """Hold the append lock; rolls back unless `commit` was called; raises JournalUnavailable, CommandKnown."""
        connection = self._open()
        try:
            yield LockedPostgres(connection, self.mapper)
        except psycopg.Error as error:
            raise JournalUnavailable(str(error)) from error
        finally:
            self._give_back(connection)

    def _open(self) -> Link:
        """Return a connection that holds the lock; nothing was sent yet that a second try could double."""
        pool = self.factory.datastore.pool
        try:
            pool.open()
            for _ in range(_OPENING_TRIES):
                connection = pool.getconn()
                try:
                    connection.execute(_LOCK)
                except psycopg.Error:
                    self._give_back(connection)
                    if not connection.closed:  # the server answered: the lock cannot be had
                        raise
                else:
                    return connection
        except psycopg.Error as error:
            raise JournalUnavailable(f"the append lock: {error}") from error
        raise JournalUnavailable("the append lock: no connection stayed open")

    def _give_back(self, connection: Link) -> None:
        with suppress(psycopg.Error):  # a broken connection has rolled back, and the pool discards it
            connection.rollback()
        self.factory.datastore.pool.putconn(connection)

    def close(self) -> None:
        """Close every connection."""
        self.factory.close()


class LockedPostgres:
    """The transaction that holds `append_lock`; each statement sees all that was committed before it."""

    def __init__(self, connection: Link, documents: DocumentMapper) -> None:
        """Take a connection in such a transaction."""
        self._connection = connection
        self._cursor = connection.cursor(row_factory=tuple_row, binary=True)
        self._mapper = documents
        self._last = 0

    def versions(self, keys: Sequence[str]) -> dict[str, int]:
        """Return the newest version of each originator id; 0 where there is none."""
        found = self._cursor.execute(_VERSIONS, (list(keys),), prepare=True)
        return {key: version or 0 for key, version in found}

    def look(self, keys: Sequence[str], tenants: Sequence[str]) -> tuple[dict[str, int], dict[str, Tail]]:
        """Return `versions` of *keys*, and the tail of each tenant that has events."""
        versions: dict[str, int] = {}
        tails: dict[str, Tail] = {}
        for kind, name, number, recorded_us in self._cursor.execute(_LOOK, (list(tenants), list(keys)), prepare=True):
            if kind == 0:
                tails[name] = Tail(number, recorded_us)
            elif kind == 1:
                self._last = number
            else:
                versions[name] = number or 0
        return versions, tails

    def load(self, key: str, after_version: int) -> list[Stored]:
        """Return the stored events of an originator id above *after_version*, in order."""
        rows = self._cursor.execute(_LOAD, (key, after_version), prepare=True)
        return [
            self._mapper.to_domain_event(
                Notification(id=position, originator_id=key, originator_version=version, topic=topic, state=state)
            )
            for position, version, topic, state in rows
        ]

    def known(self, commands: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return those of *commands* that the journal has."""
        found = self._cursor.execute(_KNOWN, ([tenant for tenant, _ in commands], [text for _, text in commands]))
        return {(tenant, command) for tenant, command in found}

    def insert(self, rows: Sequence[Row]) -> Sequence[int]:
        """Insert *rows* in order and return their positions; raises CommandKnown."""
        # Binary COPY: a quarter less time than an INSERT from arrays. The positions are counted on under the lock.
        positions = range(self._last + 1, self._last + 1 + len(rows))
        try:
            with self._cursor.copy(_COPY) as copy:
                copy.set_types(_TYPES)
                for position, row in zip(positions, rows, strict=True):
                    copy.write_row((position, *row))
        except psycopg.IntegrityError as error:
            raise CommandKnown(str(error)) from error
        return positions

    def commit(self) -> None:
        """Make it durable; raises OutcomeUnknown, JournalUnavailable."""
        try:
            self._connection.execute("COMMIT")
        except psycopg.Error as error:
            # The server refuses a COMMIT in words and stays; 57P: it is ending this connection, before or after.
            if self._connection.closed or error.sqlstate is None or error.sqlstate.startswith(("08", "57P")):
                raise OutcomeUnknown(f"the connection was lost in COMMIT: {error}") from error
            raise JournalUnavailable(f"COMMIT was refused: {error}") from error
