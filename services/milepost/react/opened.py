"""The connection to one plugin's tables: opened, leased to one writer, and written to in transactions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple
from urllib.parse import quote

from milepost.database import Connection, DatabaseError, PostgresConnection, SQLiteConnection, exclusive
from milepost.react import tables
from milepost.react.held import empty
from milepost.react.rows import Moved, Position
from milepost.react.where import file_of, schema_of
from milepost_contracts.plugin import Mode

LEASE = "lease"


class Writing(NamedTuple):
    """A transaction that has begun: the mode that is set, and the first number that it may give."""

    mode: Mode
    number: int


class Opened:
    """Tables of one plugin, opened; for one thread at a time."""

    def __init__(
        self,
        url: str,
        plugin: str,
        *,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        at: Callable[[str], None] = lambda _: None,
        on_parked: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the URL of all plugins' tables and whose these are, and what is told of named points; nothing is opened.

        *on_parked* is called, in whatever thread, after parked events have changed.

        Raises DatabaseError `bad_url`, ValueError for what is no plugin's name.
        """
        self.plugin = plugin
        self._url = url
        self._file = file_of(url, plugin)
        self._schema = schema_of(plugin)
        self._clock = clock
        self._at = at
        self._on_parked = on_parked
        self._connection: Connection | None = None
        self._leased: Connection | None = None

    def open(self) -> None:
        """Connect, and make what is missing; raises DatabaseError, among them `other_model`."""
        if self._leased is None:
            self.close()
            self._connection = self._connect()
        connection = self._on()
        try:
            names = self._names(connection)
            if not (_is_known(connection, names) and names.issuperset(table.name for table in tables.TABLES)):
                self._prepare(connection)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the connection; the lease is of no use without it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Be the only one who holds this plugin, as a context; raises DatabaseError `in_use` where another does.

        The lease belongs to the connection that writes: on PostgreSQL it ends when that is lost, and then nothing can
        be written any more without leaving the context, another lease and another `open`.
        """
        if self._connection is None:
            self._connection = self._connect()
        connection = self._connection
        with ExitStack() as stack:
            if self._file is not None:
                stack.enter_context(exclusive(f"sqlite:///{quote(str(self._file.absolute()))}", LEASE))
            else:
                stack.enter_context(_advisory(connection, self._schema))
            self._leased = connection
            try:
                yield
            finally:
                self._leased = None

    def holds(self) -> bool:
        """Whether the lease is still held; asks the database."""
        if self._leased is None or self._leased is not self._connection:
            return False
        try:
            self._leased.query("SELECT 1")
        except DatabaseError:
            return False
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Have the lease: the one that is held, or one for the time of the context."""
        if self._leased is not None:
            yield
            return
        with self.lease():
            yield

    def _connect(self) -> Connection:
        if self._file is None:
            return PostgresConnection(self._url, self._schema)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        return SQLiteConnection(self._file)

    def _names(self, connection: Connection) -> set[str]:
        """Return the names of the tables that are there."""
        if self._file is None:
            rows = connection.query("SELECT tablename FROM pg_tables WHERE schemaname = ?", (self._schema,))
        else:
            rows = connection.query("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {name for (name,) in rows}

    def _prepare(self, connection: Connection) -> None:
        with connection.writing():
            if self._file is None:
                # Of several first starts at once, PostgreSQL lets each find no schema and only one make it.
                connection.query("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", (f"{self._schema} start",))
            known = _is_known(connection, self._names(connection))
            connection.create(tables.TABLES)
            if not known:
                # What is kept without how far it was read is of no use: nobody knows of which events it is.
                empty(connection)
                row = {name: 0 if kind == "int" else "" for name, kind in tables.STATUS.columns}
                row |= {"name": tables.NAME, "model": tables.MODEL, "mode": "live"}
                connection.upsert(tables.STATUS, [tuple(row.values())])

    def _on(self) -> Connection:
        if self._connection is None:
            raise DatabaseError("unavailable", f"the tables of plugin {self.plugin} are not open")
        return self._connection

    @contextmanager
    def _durably(self, *, durable: bool = True) -> Iterator[Connection]:
        """Open a transaction that writes; *durable*: it survives a power failure, and all before it do.

        What goes out of the house must have been kept first; what only counts up the position may be read again.
        """
        connection = self._on()
        if self._file is not None:
            connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        with connection.writing():
            if self._file is None and durable:
                connection.execute("SET LOCAL synchronous_commit = on")
            yield connection
            self._at("react.in_transaction")

    @contextmanager
    def _writing(self, numbers: int = 0, *, durable: bool = True) -> Iterator[tuple[Connection, Writing]]:
        """Open a transaction that writes and may number so many rows; who writes at the same time waits."""
        with self._durably(durable=durable) as connection:
            found = connection.query("UPDATE status SET counter = counter + ? RETURNING mode, counter", (numbers,))
            yield connection, _begun(found, numbers)

    @contextmanager
    def _moving(
        self, before: Position, after: Position, numbers: int, took: tuple[int, int, int, int], *, durable: bool
    ) -> Iterator[tuple[Connection, Writing]]:
        """Open a transaction that moves the position; raises Moved where it is not at *before*.

        *took*: handled, failed, and in microseconds the total and the longest.
        """
        handled, failed, total, longest = took
        with self._durably(durable=durable) as connection:
            found = connection.query(
                "UPDATE status SET generation = ?, stream_sequence = ?, handled = handled + ?, failed = failed + ?, "
                "us_total = us_total + ?, us_max = CASE WHEN us_max < ? THEN ? ELSE us_max END, counter = counter + ? "
                "WHERE generation = ? AND stream_sequence = ? RETURNING mode, counter",
                (*after, handled, failed, total, longest, longest, numbers, *before),
            )
            if not found:
                raise Moved
            yield connection, _begun(found, numbers)


def _is_known(connection: Connection, names: set[str]) -> bool:
    """Whether *names* has a status, and the status a row; raises DatabaseError `other_model`."""
    model = connection.query("SELECT model FROM status") if tables.STATUS.name in names else []
    if model and model[0][0] != tables.MODEL:
        raise DatabaseError("other_model", f"the tables are of model {model[0][0]}, this version has {tables.MODEL}")
    return bool(model)


def _begun(found: list[tuple[Mode, int]], numbers: int) -> Writing:
    if not found:
        raise DatabaseError("missing", "the status of the plugin is gone")
    mode, counter = found[0]
    return Writing(mode, counter - numbers + 1)


@contextmanager
def _advisory(connection: Connection, schema: str) -> Iterator[None]:
    name = f"{schema} {LEASE}"
    if not connection.query("SELECT pg_try_advisory_lock(hashtextextended(?, 0))", (name,))[0][0]:
        raise DatabaseError("in_use", f"another process holds {name!r}")
    try:
        yield
    finally:
        try:
            connection.query("SELECT pg_advisory_unlock(hashtextextended(?, 0))", (name,))
        except DatabaseError:
            connection.close()  # whatever state it is in, the lease ends with it
