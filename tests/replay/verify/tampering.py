"""Ways to change a journal behind its back, each with the places that must be named afterwards."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psycopg

from milepost.journal.batch import instant

COLUMNS = (
    "originator_id", "originator_version", "topic", "tenant", "sequence", "recorded_us", "event_id", "command",
    "command_events", "answer", "state",
)  # fmt: skip


class Mark(NamedTuple):
    """What was done, and to which sequences of *tenant*: each must be within a finding about that tenant."""

    what: str
    tenant: str
    sequences: tuple[int, ...]


class Table:
    """stored_events of a SQLite file or a PostgreSQL database, for writing what should never be written."""

    def __init__(self, where: Path | str) -> None:
        """Open it."""
        self._lite = sqlite3.connect(where, isolation_level=None) if isinstance(where, Path) else None
        self._post = psycopg.connect(where, autocommit=True) if isinstance(where, str) else None
        self.position = "rowid" if self._lite is not None else "notification_id"

    def run(self, statement: str, *values: Any) -> list[Any]:
        """Run *statement*, `?` for values."""
        if self._lite is not None:
            return self._lite.execute(statement, values).fetchall()
        assert self._post is not None
        cursor = self._post.execute(statement.replace("?", "%s"), values)
        return cursor.fetchall() if cursor.description else []

    def rows(self, tenant: str) -> list[dict[str, Any]]:
        """Return the tenant's rows by sequence."""
        names = (self.position, *COLUMNS)
        found = self.run(f"SELECT {', '.join(names)} FROM stored_events WHERE tenant = ? ORDER BY sequence", tenant)
        rows = [dict(zip(("position", *COLUMNS), row, strict=True)) for row in found]
        for row in rows:
            row["state"] = bytes(row["state"])
        return rows

    def update(self, row: dict[str, Any], **changed: Any) -> None:
        """Write *changed* into *row*."""
        names = ", ".join(f"{name} = ?" for name in changed)
        self.run(f"UPDATE stored_events SET {names} WHERE {self.position} = ?", *changed.values(), row["position"])

    def delete(self, row: dict[str, Any]) -> None:
        """Remove *row*."""
        self.run(f"DELETE FROM stored_events WHERE {self.position} = ?", row["position"])

    def insert(self, row: dict[str, Any]) -> None:
        """Add *row*."""
        names = ", ".join((self.position, *COLUMNS))
        marks = ", ".join("?" * (len(COLUMNS) + 1))
        values = [row["position"], *(row[name] for name in COLUMNS)]
        self.run(f"INSERT INTO stored_events ({names}) VALUES ({marks})", *values)

    def close(self) -> None:
        """Close it; what a write-ahead log holds goes to the file."""
        if self._lite is not None:
            self._lite.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._lite.close()
        if self._post is not None:
            self._post.close()


def rewritten(state: bytes, **members: Any) -> bytes:
    """Return the document *state* with other attributes, in the form in which events are stored."""
    document = msgspec.json.decode(state, type=dict[str, msgspec.Raw])
    document |= {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in members.items()}
    return msgspec.json.encode(document)


def _byte(table: Table, rows: Sequence[dict[str, Any]], chance: random.Random) -> Mark:
    row = chance.choice(rows)
    state = bytearray(row["state"])
    state[chance.randrange(len(state))] ^= 1 << chance.randrange(8)
    table.update(row, state=bytes(state))
    return Mark("a bit of a document", row["tenant"], (row["sequence"],))


def _cut(table: Table, rows: Sequence[dict[str, Any]], chance: random.Random) -> Mark:
    row = chance.choice(rows)
    table.update(row, state=row["state"][: chance.randrange(len(row["state"]))])
    return Mark("a document cut short", row["tenant"], (row["sequence"],))


def _words(table: Table, rows: Sequence[dict[str, Any]], chance: random.Random) -> Mark:
    row = chance.choice(rows)
    table.update(row, state=rewritten(row["state"], actor="user:00000000-0000-4000-8000-000000000001"))
    return Mark("another actor", row["tenant"], (row["sequence"],))


def _stamped(table: Table, rows: Sequence[dict[str, Any]], chance: random.Random) -> Mark:
    row = chance.choice(rows)
    table.update(row, recorded_us=row["recorded_us"] + chance.choice([-1, 1, 3_600_000_000, -86_400_000_000]))
    return Mark("a column's timestamp", row["tenant"], (row["sequence"],))


def _restamped(table: Table, rows: Sequence[dict[str, Any]], chance: random.Random) -> Mark:
    row = chance.choice(rows)
    recorded = row["recorded_us"] + chance.choice([-1, 1, -60_000_000])
    table.update(row, recorded_us=recorded, state=rewritten(row["state"], time=instant(recorded)))
    return Mark("a timestamp, column and document", row["tenant"], (row["sequence"],))


def _column(table: Table, rows: Sequence[dict[str, Any]], chance: random.Random) -> Mark:
    row = chance.choice([one for one in rows if one["command"]])
    changed = chance.choice(
        [
            {"topic": "goal.archived.v1"},
            {"event_id": "00000000-0000-7000-8000-000000000009"},
            {"originator_version": row["originator_version"] + 1000},
            {"originator_id": row["originator_id"][:-1] + ("0" if row["originator_id"][-1] != "0" else "1")},
            {"command": f"00000000{row['command'][8:]}"},
            {"command": row["command"][:-1] + ("0" if row["command"][-1] != "0" else "1")},
            {"command": None},
            {"command_events": row["command_events"] + 1},
            {"answer": b"{}"},
        ]
    )
    table.update(row, **changed)
    return Mark(f"the column {next(iter(changed))}", row["tenant"], (row["sequence"],))


def _swap(table: Table, rows: Sequence[dict[str, Any]], chance: random.Random) -> Mark:
    one, other = chance.sample(rows, 2)
    table.update(one, state=other["state"])
    table.update(other, state=one["state"])
    return Mark("two documents swapped", one["tenant"], (one["sequence"], other["sequence"]))


def _swap_whole(table: Table, rows: Sequence[dict[str, Any]], chance: random.Random) -> Mark:
    """Let two events change places, with columns, sequences and times as their new places want them."""
    place = chance.randrange(len(rows) - 1)
    one, other = rows[place], rows[place + 1]
    table.delete(one)
    table.delete(other)
    for row, where in ((one, other), (other, one)):
        time, number = instant(where["recorded_us"]), where["sequence"]
        moved = row | {name: where[name] for name in ("position", "sequence", "recorded_us")}
        table.insert(moved | {"state": rewritten(row["state"], time=time, sequence=f"{number:016d}")})
    return Mark("two events swapped whole", one["tenant"], (one["sequence"], other["sequence"]))


def _remove(table: Table, rows: Sequence[dict[str, Any]], chance: random.Random) -> Mark:
    row = chance.choice(rows)
    table.delete(row)
    return Mark("an event removed", row["tenant"], (row["sequence"],))


def _remove_some(table: Table, rows: Sequence[dict[str, Any]], chance: random.Random) -> Mark:
    first = chance.randrange(len(rows))
    gone = rows[first : first + chance.randrange(1, 40)]
    for row in gone:
        table.delete(row)
    return Mark("events removed", rows[0]["tenant"], tuple(row["sequence"] for row in gone))


def _remove_end(table: Table, rows: Sequence[dict[str, Any]], chance: random.Random) -> Mark:
    """Remove everything from somewhere on, what comes after *rows* included."""
    first = chance.choice(rows)["sequence"]
    tenant = rows[0]["tenant"]
    table.run("DELETE FROM stored_events WHERE tenant = ? AND sequence >= ?", tenant, first)
    return Mark("the end removed", tenant, tuple(row["sequence"] for row in rows if row["sequence"] >= first))


def _remove_tenant(table: Table, rows: Sequence[dict[str, Any]], chance: random.Random) -> Mark:
    table.run("DELETE FROM stored_events WHERE tenant = ?", rows[0]["tenant"])
    return Mark("a tenant removed", rows[0]["tenant"], tuple(row["sequence"] for row in rows))


def _shifted(table: Table, rows: Sequence[dict[str, Any]], first: int, by: int) -> None:
    """Renumber everything from sequence *first* on, consistently: columns and documents."""
    everything = [row for row in table.rows(rows[0]["tenant"]) if row["sequence"] >= first]
    for row in sorted(everything, key=lambda one: -by * one["sequence"]):
        number = row["sequence"] + by
        state = rewritten(row["state"], sequence=f"{number:016d}")
        table.run(
            f"UPDATE stored_events SET {table.position} = ?, sequence = ?, state = ? WHERE {table.position} = ?",
            row["position"] + (100_000 if by > 0 else 0), number, state, row["position"],
        )  # fmt: skip


def _insert(table: Table, rows: Sequence[dict[str, Any]], chance: random.Random) -> Mark:
    """Add an event in the middle, everything after it renumbered as if it had always been there."""
    row = chance.choice(rows)
    _shifted(table, rows, row["sequence"], 1)
    originator = f"{row['tenant']}/goal/00000000-0000-4000-8000-00000000000f"
    members = {"id": "00000000-0000-7000-8000-00000000000a", "subject": originator.split("/", 1)[1], "version": 1}
    table.insert(
        row
        | {
            "originator_id": originator, "originator_version": 1, "event_id": members["id"],
            "state": rewritten(row["state"], **members), "command": f"{'0' * 8}{(row['command'] or 'x' * 80)[8:]}",
            "command_events": 1,
        }
    )  # fmt: skip
    return Mark("an event added in the middle", row["tenant"], (row["sequence"],))


def _close_up(table: Table, rows: Sequence[dict[str, Any]], chance: random.Random) -> Mark:
    """Remove an event and renumber everything after it, so that no gap is left."""
    row = chance.choice(rows)
    table.delete(row)
    _shifted(table, rows, row["sequence"] + 1, -1)
    return Mark("an event removed, the rest closed up", row["tenant"], (row["sequence"],))


Way = Callable[[Table, Sequence[dict[str, Any]], random.Random], Mark]
WAYS: tuple[Way, ...] = (
    _byte, _cut, _words, _stamped, _restamped, _column, _swap, _swap_whole, _remove, _remove_some, _remove_end,
    _remove_tenant, _insert, _close_up,
)  # fmt: skip
