"""Tables are described once, and what a connection can do with them, whichever database it leads to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

Row = tuple[Any, ...]


SCANNED = 2_000  # rows of a scan in memory at once: a few MB


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


def table_ddl(table: Table, kinds: dict[str, str]) -> str:
    """Return the CREATE TABLE of *table*; *kinds* are the database's names of `text`, `int` and `bytes`."""
    columns = ", ".join(
        f"{name} {kinds[kind]}{' NOT NULL' if place < table.key else ''}"
        for place, (name, kind) in enumerate(table.columns)
    )
    key = ", ".join(table.names[: table.key])
    return f"CREATE TABLE IF NOT EXISTS {table.name} ({columns}, PRIMARY KEY ({key}))"


def index_ddl(table: Table) -> list[str]:
    """Return the CREATE INDEX of every index of *table*."""
    return [
        f"CREATE INDEX IF NOT EXISTS {table.name}_by_{columns[-1]} ON {table.name} ({', '.join(columns)})"
        for columns in table.indexes
    ]


def or_update(table: Table) -> str:
    """Return the clause of an INSERT that replaces rows with the same key."""
    changed = ", ".join(f"{name} = excluded.{name}" for name in table.names[table.key :])
    return f"ON CONFLICT ({', '.join(table.names[: table.key])}) DO {f'UPDATE SET {changed}' if changed else 'NOTHING'}"


def key_condition(table: Table) -> str:
    """Return the condition that a row has a key, its values as parameters."""
    return " AND ".join(f"{name} = ?" for name in table.names[: table.key])


def in_order(table: Table) -> str:
    """Return the SELECT of every row of *table* in the order of its key."""
    return f"SELECT * FROM {table.name} ORDER BY {', '.join(table.names[: table.key])}"  # noqa: S608  names are ours
