"""Where read models are kept: numbered sets of tables, one of which is current, so that another can be built beside it.

SQLite: `view.sqlite` says which set is current, the sets are files beside it (`view.1.sqlite`). PostgreSQL: the schema
`milepost_view` says it, the sets are the schemas `milepost_view_1` and so on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from milepost.database import (
    Connection,
    DatabaseError,
    PostgresConnection,
    SQLiteConnection,
    Table,
    sqlite_path,
)
from milepost.view import rows

CURRENT = Table("current_set", (("name", "text"), ("number", "int")), 1)
SCHEMA = "milepost_view"
# How often a reader follows a switch that happens while it opens the set; two switches in that time are one too many.
FOLLOWED = 5


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
        with self._lock, self._on_base() as base:
            base.create([CURRENT])
            with base.writing():
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
            connection.create(rows.TABLES)
            if not connection.query("SELECT 1 FROM checkpoint"):
                connection.upsert(rows.CHECKPOINT, [("view", 0, 0, rows.MODEL)])
        finally:
            connection.close()

    def file(self, number: int) -> Path:
        """Return the file of a SQLite set."""
        assert self._path is not None  # noqa: S101  asked for SQLite only
        return self._path.with_name(f"{self._path.stem}.{number}{self._path.suffix}")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection to the current set in a transaction that sees one state of it, as a context."""
        for attempt in range(FOLLOWED):
            try:
                idle = self._take(self.current())
                break
            except DatabaseError as error:
                if error.code != "missing" or attempt == FOLLOWED - 1:
                    raise
        try:
            with idle.connection.reading():
                yield idle.connection
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
        return SQLiteConnection(self._path) if self._path is not None else PostgresConnection(self._url, SCHEMA)
