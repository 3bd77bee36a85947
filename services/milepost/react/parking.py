"""Events that a plugin could not take are put aside with the reason, looked at, and taken again in their order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from milepost.database import Connection, Row
from milepost.react import tables
from milepost.react.opened import Opened
from milepost.react.rows import Parked, ToPark, instant, plain, text, version
from milepost.react.writing import numbered, write
from milepost_contracts.keeping import Kept

ERROR_CHARS_MAX = 1_000  # of what is told of an error: enough to find its place, not a plugin's whole memory


class Parking(Opened):
    """Events put aside; for one thread at a time."""

    def park(self, one: ToPark, now: dt.datetime) -> None:
        """Put an event aside; of one that is there already, note the newer failure.

        The first time belongs into the transaction that moves the position past it: `keep(..., parked=[...])`.
        """
        with self._writing(1) as (connection, begun):
            write_parked(connection, [one], begun.number, now)
        self._on_parked()

    def unpark(self, event_id: str, kept: Kept | None) -> bool:
        """Take an event out and keep what it came to, both or neither; False (and nothing kept) where it is not there.

        None: it is given up.
        """
        turns = [] if kept is None else [kept]
        with self._writing(numbered(turns)) as (connection, begun):
            if not connection.execute("DELETE FROM parked WHERE event = ?", (event_id,)):
                return False
            write(connection, turns, begun, self._clock())
        self._on_parked()
        return True

    def parked(
        self, *, tenant: str | None = None, aggregate_id: str | None = None, limit: int = 100, after: int = 0
    ) -> list[Parked]:
        """Return events that are put aside, in the order in which they came, after number *after*."""
        conditions: list[str] = []
        parameters: list[str] = []
        for name, value in (("tenant", tenant), ("id", aggregate_id)):
            if value is not None:
                conditions.append(f"AND {name} = ?")
                parameters.append(value)
        sql = f"SELECT * FROM parked WHERE number > ? {' '.join(conditions)} ORDER BY number LIMIT ?"  # noqa: S608  ours
        return [_parked(row) for row in self._on().query(sql, (after, *parameters, limit))]

    def parked_event(self, event_id: str) -> Parked | None:
        """Return one event that is put aside, None where it is not."""
        found = self._on().fetch(tables.PARKED, [(event_id,)])
        return _parked(found[0]) if found else None

    def parked_versions(self) -> dict[str, str]:
        """Return event -> which writing of its row stands, see Parked.version, in the order in which they came."""
        rows = self._on().query("SELECT event, number, attempts, tried FROM parked ORDER BY number")
        return {event: version(number, attempts, tried) for event, number, attempts, tried in rows}

    def parked_goals(self) -> set[tuple[str, str, str]]:
        """Return (tenant, aggregate, id) of everything of which an event is put aside."""
        return set(self._on().query("SELECT DISTINCT tenant, aggregate, id FROM parked"))


def write_parked(connection: Connection, wanted: Sequence[ToPark], number: int, now: dt.datetime) -> None:
    """Write events that are put aside, numbered from *number*; those that are there keep their number."""
    known = {row[0]: _parked(row) for row in connection.fetch(tables.PARKED, [(one.event_id,) for one in wanted])}
    rows: list[Row] = []
    for place, one in enumerate(wanted, number):
        before = known.get(one.event_id)
        rows.append(
            (
                one.event_id, before.number if before else place, one.tenant, one.sequence, one.aggregate,
                one.aggregate_id, plain(one.code), plain(one.hook),
                plain(one.error, ERROR_CHARS_MAX), plain(one.place, ERROR_CHARS_MAX), one.attempts,
                before.mode if before else one.mode, text(before.since if before else now), text(now), one.document,
            )
        )  # fmt: skip
    connection.upsert(tables.PARKED, rows)


def _parked(row: Row) -> Parked:
    found = dict(zip(tables.PARKED.names, row, strict=True))
    return Parked(
        event_id=found["event"], number=found["number"], tenant=found["tenant"], sequence=found["sequence"],
        aggregate=found["aggregate"], aggregate_id=found["id"], code=found["code"], hook=found["hook"],
        error=found["error"], place=found["place"], attempts=found["attempts"], mode=found["mode"],
        since=instant(found["since"]), tried=instant(found["tried"]), document=found["document"],
    )  # fmt: skip
