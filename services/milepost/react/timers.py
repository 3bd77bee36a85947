"""Instants that a plugin asked for stand here until they come: then each is fired once, or listed in a replay."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from milepost.react import tables
from milepost.react.held import note_held
from milepost.react.opened import Opened
from milepost.react.parking import write_parked
from milepost.react.rows import Timer, ToPark, instant, text
from milepost.react.writing import numbered, write
from milepost_contracts.keeping import Kept


class Timers(Opened):
    """A plugin's timers; for one thread at a time."""

    def due_timers(self, now: dt.datetime, limit: int) -> list[Timer]:
        """Return timers that are due, the earliest first."""
        sql = "SELECT tenant, key, at FROM timer WHERE at <= ? ORDER BY at, tenant, key LIMIT ?"
        return _timers(self._on().query(sql, (text(now), limit)))

    def next_timer(self) -> dt.datetime | None:
        """Return when the next timer is due, None where none stands."""
        found = self._on().query("SELECT MIN(at) FROM timer")[0][0]
        return None if found is None else instant(found)

    def keep_timer(self, kept: Kept, tenant: str, key: str, at: dt.datetime, *, parked: Sequence[ToPark] = ()) -> bool:
        """Keep what a timer came to and remove it, both or neither; *parked*: it is put aside instead.

        False (and nothing kept) where it does not stand at *at* any more: it was fired, moved or cancelled.
        """
        with self._writing(numbered([kept]) + len(parked)) as (connection, begun):
            sql = "DELETE FROM timer WHERE tenant = ? AND key = ? AND at = ?"
            if not connection.execute(sql, (tenant, key, text(at))):
                return False
            write(connection, [kept], begun, self._clock())
            write_parked(connection, parked, begun.number + numbered([kept]), self._clock())
            note_held(connection)
        if parked:
            self._on_parked()
        return True

    def drop_due_timers(self, now: dt.datetime) -> list[Timer]:
        """Remove the timers that are due without firing them, list them as such, return them: after a replay."""
        with self._writing() as (connection, _):
            due = connection.query(
                "SELECT tenant, key, at FROM timer WHERE at <= ? ORDER BY at, tenant, key", (text(now),)
            )
            connection.upsert(tables.LISTED, [(*row, text(now)) for row in due])
            connection.delete(tables.TIMER, [row[:2] for row in due])
            note_held(connection)
        return _timers(due)

    def list_timers(self, *, tenant: str | None = None, limit: int = 100, after: Timer | None = None) -> list[Timer]:
        """Return timers that stand, the earliest first, after the timer *after*."""
        return self._list("timer", tenant, limit, after)

    def listed_timers(self, *, tenant: str | None = None, limit: int = 100, after: Timer | None = None) -> list[Timer]:
        """Return timers that came due in a replay and were listed instead, the earliest first."""
        return self._list("listed", tenant, limit, after)

    def _list(self, table: str, tenant: str | None, limit: int, after: Timer | None) -> list[Timer]:
        where, parameters = "1 = 1", []
        if tenant is not None:
            where, parameters = "tenant = ?", [tenant]
        if after is not None:
            where += " AND (at, tenant, key) > (?, ?, ?)"
            parameters += [text(after.at), after.tenant, after.key]
        sql = f"SELECT tenant, key, at FROM {table} WHERE {where} ORDER BY at, tenant, key LIMIT ?"  # noqa: S608  ours
        return _timers(self._on().query(sql, (*parameters, limit)))


def _timers(rows: list[tuple[str, str, str]]) -> list[Timer]:
    return [Timer(tenant, key, instant(at)) for tenant, key, at in rows]
