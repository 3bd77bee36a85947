"""Effects, commands and facts wait until they are done, and stay known afterwards: by their key nothing comes twice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import msgspec

from milepost.database import Row
from milepost.react import tables
from milepost.react.opened import Opened
from milepost.react.rows import EffectState, Entry, FactState, Told, Waiting, instant, plain, text
from milepost.react.writing import numbered, write
from milepost_contracts.keeping import Kept

# What was sent or listed can be looked at for so long; then key and hash stay alone, which is some 300 bytes.
ARGUMENTS_KEPT_DAYS = 30
TRIMMED_MAX = 1_000  # entries of one transaction: the plugin's turns wait for no more than some milliseconds
_NAMES = tables.OUTBOX.names


class Outbox(Opened):
    """What of a plugin's turns goes out; for one thread at a time."""

    def due_effects(self, now: dt.datetime, limit: int) -> list[Entry]:
        """Return effects and commands that are to be tried now, those due first at the front."""
        sql = "SELECT * FROM outbox WHERE state = 'waiting' AND due <= ? ORDER BY due, number LIMIT ?"
        return [_entry(row) for row in self._on().query(sql, (text(now), limit))]

    def next_effect(self) -> dt.datetime | None:
        """Return when the next effect is due, None where none waits."""
        found = self._on().query("SELECT MIN(due) FROM outbox WHERE state = 'waiting'")[0][0]
        return None if found is None else instant(found)

    def effect_sent(self, key: str, now: dt.datetime, kept: Kept | None = None) -> bool:
        """Note that the effect *key* was done, and keep what telling the plugin so came to.

        Here and in the next two: False, and nothing is kept, where the effect does not wait (any more).
        """
        return self._tried(key, kept, "state = 'sent', at = ?, document = NULL", (text(now),), tries=1)

    def effect_failed(
        self, key: str, code: str, next_at: dt.datetime, kept: Kept | None = None, *, tried: bool = True
    ) -> bool:
        """Note that the effect *key* failed, and when to try again; *tried* False: it was not even tried."""
        return self._tried(key, kept, "due = ?, last_code = ?", (text(next_at), plain(code)), tries=int(tried))

    def effect_dead(self, key: str, code: str, kept: Kept | None = None) -> bool:
        """Give the effect *key* up, until somebody asks for it again."""
        values = (text(self._clock()), plain(code))
        return self._tried(key, kept, "state = 'dead', at = ?, last_code = ?", values, tries=1)

    def retry_effect(self, key: str, now: dt.datetime) -> bool:
        """Have the effect *key*, which was given up, tried again from *now*; False where it was not given up."""
        sql = "UPDATE outbox SET state = 'waiting', due = ?, at = ?, tries = 0 WHERE key = ? AND state = 'dead'"
        with self._durably() as connection:
            return connection.execute(sql, (text(now), text(now), key)) == 1

    def effects(
        self, state: EffectState | None = None, *, limit: int = 100, after: int = 0, changed: bool = False
    ) -> list[Entry]:
        """Return entries in the order in which they were asked for, after number *after*.

        *changed*: only those under whose key other content came as well.
        """
        parameters: list[str | int]
        sql, parameters = "SELECT * FROM outbox WHERE number > ?", [after]
        if state is not None:
            sql, parameters = f"{sql} AND state = ?", [*parameters, state]
        if changed:
            sql += " AND changed > 0"
        return [_entry(row) for row in self._on().query(f"{sql} ORDER BY number LIMIT ?", (*parameters, limit))]

    def effect(self, key: str) -> Entry | None:
        """Return the entry *key*, None where there is none."""
        found = self._on().fetch(tables.OUTBOX, [(key,)])
        return _entry(found[0]) if found else None

    def trim(self, now: dt.datetime) -> int:
        """Drop the arguments of entries sent or suppressed ARGUMENTS_KEPT_DAYS ago; return of how many.

        At the most TRIMMED_MAX in one call.
        """
        sql = (
            "UPDATE outbox SET arguments = NULL, document = NULL, trimmed = 1 WHERE key IN (SELECT key FROM outbox "
            "WHERE trimmed = 0 AND at <= ? AND state IN ('sent', 'suppressed') ORDER BY at LIMIT ?)"
        )
        with self._durably(durable=False) as connection:
            return connection.execute(sql, (text(now - dt.timedelta(days=ARGUMENTS_KEPT_DAYS)), TRIMMED_MAX))

    def facts(self, state: FactState | None = None, *, limit: int = 100, after: int = 0) -> list[Told]:
        """Return facts in the order in which they were told, after number *after*."""
        names = Told.__struct_fields__
        sql = f"SELECT {', '.join(names)} FROM fact WHERE number > ?"  # noqa: S608  names are ours
        which = () if state is None else (state,)
        rows = self._on().query(
            f"{sql} {'AND state = ?' if which else ''} ORDER BY number LIMIT ?", (after, *which, limit)
        )
        return [Told(**dict(zip(names, row, strict=True))) for row in rows]

    def facts_waiting(self, limit: int) -> list[Waiting]:
        """Return facts that are to be published, in order."""
        sql = "SELECT id, subject, document FROM fact WHERE state = 'waiting' ORDER BY number LIMIT ?"
        return [Waiting(*row) for row in self._on().query(sql, (limit,))]

    def facts_published(self, ids: Iterable[str]) -> None:
        """Note that the facts *ids* are in GOALS_PLUGIN; their ids and hashes stay here, their documents there."""
        with self._durably() as connection:
            for id_ in ids:
                connection.execute(
                    "UPDATE fact SET state = 'published', document = NULL WHERE id = ? AND state = 'waiting'", (id_,)
                )

    def _tried(self, key: str, kept: Kept | None, what: str, values: tuple[str, ...], *, tries: int) -> bool:
        turns = [] if kept is None else [kept]
        sql = (
            f"UPDATE outbox SET {what}, attempts = attempts + ?, tries = tries + ? "  # noqa: S608  ours
            "WHERE key = ? AND state = 'waiting'"
        )
        with self._writing(numbered(turns)) as (connection, begun):
            if not connection.execute(sql, (*values, tries, tries, key)):
                return False
            write(connection, turns, begun, self._clock())
            return True


def _entry(row: Row) -> Entry:
    found = dict(zip(_NAMES, row, strict=True))
    return Entry(
        key=found["key"], number=found["number"], state=found["state"], kind=found["kind"], name=found["name"],
        tenant=found["tenant"], cause=found["cause"], due=instant(found["due"]), at=instant(found["at"]),
        dry=bool(found["dry"]), attempts=found["attempts"], tries=found["tries"], last_code=found["last_code"],
        changed=found["changed"],
        arguments=None if found["arguments"] is None else msgspec.json.decode(found["arguments"]),
        document=found["document"],
    )  # fmt: skip
