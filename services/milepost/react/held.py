"""What a plugin holds is noted with its turns, so that its loss is seen, and emptied for a replay."""

from __future__ import annotations

from milepost.database import Connection
from milepost.react import tables


def held_sql() -> str:
    """Return the expression that says which of HELD have rows, a bit for each."""
    return " + ".join(
        f"CASE WHEN EXISTS (SELECT 1 FROM {table.name}) THEN {1 << place} ELSE 0 END"  # noqa: S608  names are ours
        for place, table in enumerate(tables.HELD)
    )


def note_held(connection: Connection) -> None:
    """Note which of HELD have rows now."""
    connection.execute(f"UPDATE status SET held = {held_sql()}")  # noqa: S608  names are ours


def empty(connection: Connection) -> None:
    """Delete what can be had again from the events, and what a dry run made; what prevents doubling stays.

    That is: keys of effects and commands, ids of facts, grants, and replays that were asked for, which end.
    """
    for table in (tables.STATE, tables.TIMER, tables.LISTED, tables.PARKED, tables.SEQUENCE):
        connection.execute(f"DELETE FROM {table.name}")  # noqa: S608  names are ours
    connection.execute("DELETE FROM granted WHERE dry = 1")
    connection.execute("DELETE FROM outbox WHERE dry = 1")
    connection.execute("DELETE FROM fact WHERE state = 'suppressed'")
    connection.execute("UPDATE replay SET next = last + 1")
    connection.execute(
        "UPDATE status SET generation = 0, stream_sequence = 0, started = 0, mode = 'live', replay_until = 0, "
        "handled = 0, failed = 0, us_total = 0, us_max = 0"
    )
    note_held(connection)
