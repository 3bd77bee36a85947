"""Where read models are kept: numbered sets of tables, one of which is current, so that another can be built beside it.

SQLite: `view.sqlite` says which set is current, the sets are files beside it (`view.1.sqlite`). PostgreSQL: the schema
`milepost_view` says it, the sets are the schemas `milepost_view_1` and so on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from milepost.database import (
    Connection,
    DatabaseError,
    PostgresConnection,
    SQLiteConnection,
    Table,
    exclusive,
    sqlite_path,
)
from milepost.view import tables

CURRENT = Table("current_set", (("name", "text"), ("number", "int")), 1)
SCHEMA = "milepost_view"
RETIRED = -1  # the model of tables that are no longer current: no version writes them
# How often a reader follows a switch that happens while it opens the set; two switches in that time are one too many.
FOLLOWED = 5


class OldModel(RuntimeError):  # noqa: N818  says what the caller meets
    """The tables were written by another version; `code` is `view_outdated`."""

    code = "view_outdated"

    def __init__(self, model: int) -> None:
        """Tell which model the tables have."""
        super().__init__(
            f"the view's tables are of model {model}, this version has {tables.MODEL}: run `milepost view rebuild`"
        )


class _Idle(NamedTuple):
    number: int
    connection: Connection


class Sets:
    """The sets of one `MILEPOST_VIEW_URL`; may be used from several threads."""

    def __init__(self, url: str) -> None:
        """Take the URL; nothing is opened yet. Raises DatabaseError `bad_url`."""
        self._url = url
        self._path = sqlite_path(url)
        self._lock = threading.Lock()
        self._idle: list[_Idle] = []
        self._base: Connection | None = None

    def open(self) -> int:
        """Make the first set where there is none; return the number of the current one. Raises DatabaseError."""
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock, self._on_base() as base, base.writing():
            if self._path is None:
                # Of several first starts at once, PostgreSQL lets each find no schema and only one make it.
                base.query("SELECT pg_advisory_xact_lock(hashtext(?))", (f"{SCHEMA} first start",))
            base.create([CURRENT])
            found = base.query("SELECT number FROM current_set WHERE name = 'view'")
            if found:
                return int(found[0][0])
            self.create(1)
            base.upsert(CURRENT, [("view", 1)])
            return 1

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._drop_idle()
        with self._lock:
            base, self._base = self._base, None
        if base is not None:
            base.close()

    def current(self) -> int:
        """Return the number of the current set; raises DatabaseError."""
        with self._lock, self._on_base() as base:
            return int(base.query("SELECT number FROM current_set WHERE name = 'view'")[0][0])

    def connect(self, number: int) -> Connection:
        """Open a connection to set *number*; raises DatabaseError `missing` where a SQLite set is not there."""
        if self._path is not None:
            return SQLiteConnection(self.file(number), must_exist=True)
        return PostgresConnection(self._url, f"{SCHEMA}_{number}")

    def create(self, number: int) -> None:
        """Make the empty set *number*, with its checkpoint at the beginning."""
        if self._path is not None:
            connection: Connection = SQLiteConnection(self.file(number))
        else:
            connection = PostgresConnection(self._url, f"{SCHEMA}_{number}")
        try:
            connection.create(tables.TABLES)
            if not connection.query("SELECT 1 FROM checkpoint"):
                connection.upsert(tables.CHECKPOINT, [("view", 0, 0, tables.MODEL)])
        finally:
            connection.close()

    def file(self, number: int) -> Path:
        """Return the file of a SQLite set."""
        assert self._path is not None  # noqa: S101  asked for SQLite only
        return self._path.with_name(f"{self._path.stem}.{number}{self._path.suffix}")

    def numbers(self) -> list[int]:
        """Return the numbers of all sets, the current one and others."""
        if self._path is not None:
            found = self._path.parent.glob(f"{self._path.stem}.*{self._path.suffix}")
            names = [path.name.removeprefix(f"{self._path.stem}.").removesuffix(self._path.suffix) for path in found]
        else:
            with self._lock, self._on_base() as base:
                schemas = base.query("SELECT nspname FROM pg_namespace WHERE nspname ~ ?", (f"^{SCHEMA}_[0-9]+$",))
            names = [name.removeprefix(f"{SCHEMA}_") for (name,) in schemas]
        return sorted(int(name) for name in names if name.isdigit())

    def drop(self, number: int) -> None:
        """Remove set *number*, where it is there."""
        if self._path is not None:
            for end in ("", "-wal", "-shm"):
                self.file(number).with_name(f"{self.file(number).name}{end}").unlink(missing_ok=True)
            return
        schema = f"{SCHEMA}_{number}"
        with self._lock, self._on_base() as base, base.writing():
            if base.query("SELECT 1 FROM pg_tables WHERE schemaname = ? AND tablename = 'checkpoint'", (schema,)):
                base.execute(f"LOCK TABLE {schema}.checkpoint IN ACCESS EXCLUSIVE MODE")
            base.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")

    def drop_others(self) -> None:
        """Remove every set but the current one."""
        current = self.current()
        for number in self.numbers():
            if number != current:
                self.drop(number)

    def switch(self, old: int, new: int) -> None:
        """Make *new* the current set in place of *old*; raises DatabaseError `missing` where *old* is not current."""
        with self._lock, self._on_base() as base, base.writing():
            if not base.execute("UPDATE current_set SET number = ? WHERE name = 'view' AND number = ?", (new, old)):
                raise DatabaseError("missing", f"set {old} is not current any more")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the right to build another set, as a context; raises DatabaseError `in_use` where somebody has it."""
        with exclusive(self._url, SCHEMA):
            yield

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection to the current set in a transaction that sees one state of it, as a context.

        Raises OldModel, DatabaseError.
        """
        with ExitStack() as stack:
            connection = self._entered(stack)
            yield connection

    def _entered(self, stack: ExitStack) -> Connection:
        """Begin a transaction on the current set; *stack* ends it. A set that was just replaced is left for the new."""
        for attempt in range(FOLLOWED):
            try:
                with ExitStack() as trying:
                    idle = trying.enter_context(self._borrowed(self.current()))
                    trying.enter_context(idle.connection.reading())
                    _check_model(idle.connection)
                    stack.push(trying.pop_all())
                    return idle.connection
            except DatabaseError as error:
                if error.code != "missing" or attempt == FOLLOWED - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def _borrowed(self, number: int) -> Iterator[_Idle]:
        idle = self._take(number)
        try:
            yield idle
        except DatabaseError:
            idle.connection.close()
            self._drop_idle()  # what failed this one may have failed them all
            raise
        except BaseException:
            self._give_back(idle)
            raise
        self._give_back(idle)

    @contextmanager
    def _on_base(self) -> Iterator[Connection]:
        if self._base is None:
            self._base = self._connect_base()
        try:
            yield self._base
        except DatabaseError:
            self._base.close()
            self._base = None
            raise

    def _drop_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for one in idle:
            one.connection.close()

    def _take(self, number: int) -> _Idle:
        stale: list[_Idle] = []
        with self._lock:
            fitting = [one for one in self._idle if one.number == number]
            stale = [one for one in self._idle if one.number != number]
            self._idle = fitting[:-1]
        for one in stale:
            one.connection.close()
        return fitting[-1] if fitting else _Idle(number, self.connect(number))

    def _give_back(self, idle: _Idle) -> None:
        with self._lock:
            if self._base is not None:
                self._idle.append(idle)
                return
        idle.connection.close()

    def _connect_base(self) -> Connection:
        # Which set is current must survive a power failure: the old one is removed after a switch.
        if self._path is not None:
            return SQLiteConnection(self._path, durable=True)
        return PostgresConnection(self._url, SCHEMA, durable=True)


def _check_model(connection: Connection) -> None:
    """Raise OldModel for tables of another version.

    It is the first that every transaction reads, so that who drops a set can wait for its readers without a deadlock.
    """
    model = connection.query("SELECT model FROM checkpoint WHERE name = 'view'")[0][0]
    if model not in (tables.MODEL, RETIRED):
        raise OldModel(model)
