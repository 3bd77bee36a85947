"""What one plugin keeps: its turns, whole and in order, in one transaction with how far it has read."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from milepost.react import tables
from milepost.react.granting import Granting
from milepost.react.held import empty, held_sql, note_held
from milepost.react.outbox import Outbox
from milepost.react.parking import Parking, write_parked
from milepost.react.replaying import Replays
from milepost.react.rows import (
    Counts,
    EffectState,
    Entry,
    FactState,
    Given,
    Moved,
    Parked,
    Position,
    Replaying,
    Status,
    Timer,
    Told,
    ToPark,
    Waiting,
    plain,
)
from milepost.react.timers import Timers
from milepost.react.writing import goes_out, numbered, write
from milepost_contracts.keeping import Kept
from milepost_contracts.plugin import Mode

__all__ = [
    "Counts",
    "EffectState",
    "Entry",
    "FactState",
    "Given",
    "Moved",
    "Parked",
    "Position",
    "Replaying",
    "Status",
    "Store",
    "Timer",
    "ToPark",
    "Told",
    "Waiting",
]

ALL = 2**62  # more than there is
_SURROGATES, _AFTER_SURROGATES = 0xD800, 0xE000  # what lies between are no characters

Taken = tuple[Kept | None, str, int]
"""What an event came to (None: nothing, or it was put aside), its tenant and its sequence."""


class Store(Granting, Outbox, Parking, Replays, Timers):
    """Everything that is stored of one plugin; for one thread at a time. Every call raises DatabaseError.

    After an error of a call that writes nobody knows whether it was kept: `open` again and read the status.
    """

    # How far it is

    def status(self) -> Status:
        """Return how the plugin stands."""
        row = dict(zip(tables.STATUS.names, self._on().query("SELECT * FROM status")[0], strict=True))
        return Status(
            position=Position(row["generation"], row["stream_sequence"]), mode=row["mode"],
            replay_until=row["replay_until"], paused=row["paused"], why=row["why"], disabled=bool(row["disabled"]),
            version=row["version"], started=bool(row["started"]), since=row["since"], handled=row["handled"],
            failed=row["failed"], ms_total=row["us_total"] / 1000, ms_max=row["us_max"] / 1000,
        )  # fmt: skip

    def numbers(self) -> dict[str, int]:
        """Return tenant -> sequence of the last event that was taken."""
        return dict(self._on().query("SELECT tenant, number FROM sequence"))

    # What turns come to

    def keep(
        self,
        kept: Sequence[Taken],
        position: Position,
        *,
        before: Position,
        handled: int = 0,
        failed: int = 0,
        ms_total: float = 0.0,
        ms_max: float = 0.0,
        parked: Sequence[ToPark] = (),
    ) -> None:
        """Keep what events came to, in order, put *parked* aside, and move from *before* to *position*: all or nothing.

        An event at or before its tenant's last sequence was taken before: it changes nothing. handled, failed, ms_total
        and ms_max are added to the plugin's counters. Raises Moved where the position is not *before*.
        """
        turns = [one for one, _, _ in kept if one is not None]
        took = (handled, failed, round(ms_total * 1000), round(ms_max * 1000))
        now = self._clock()
        numbers = numbered(turns) + len(parked)
        durable = bool(parked) or goes_out(turns)
        with self._moving(before, position, numbers, took, durable=durable) as (connection, begun):
            reached: dict[str, int] = dict(
                connection.fetch(tables.SEQUENCE, [(tenant,) for tenant in {one[1] for one in kept}])
            )
            fresh: list[Kept] = []
            moved: dict[str, int] = {}
            for turn, tenant, sequence in kept:
                if sequence <= moved.get(tenant, reached.get(tenant, 0)):
                    continue
                moved[tenant] = sequence
                if turn is not None:
                    fresh.append(turn)
            write(connection, fresh, begun, now)
            new = [one for one in parked if one.sequence > reached.get(one.tenant, 0)]
            write_parked(connection, new, begun.number + numbered(turns), now)
            connection.upsert(tables.SEQUENCE, list(moved.items()))
        if parked:
            self._on_parked()

    def keep_apart(self, kept: Kept) -> None:
        """Keep a turn that belongs to no position: what an administrator asked for, for instance."""
        with self._writing(numbered([kept])) as (connection, begun):
            write(connection, [kept], begun, self._clock())

    # What a plugin reads: Port without goal_at

    def get(self, tenant: str, key: str) -> bytes | None:
        """Return the value of *key*, None where there is none."""
        found = self._on().query("SELECT value FROM state WHERE tenant = ? AND key = ?", (tenant, key))
        return bytes(found[0][0]) if found else None

    def scan(self, tenant: str, prefix: str, *, after: str = "", limit: int | None = None) -> list[tuple[str, bytes]]:
        """Return keys that begin with *prefix* and come after *after*, in order, with their values; up to *limit*."""
        if plain(prefix, len(prefix)) != prefix:
            return []  # it has what no database takes, so no key has it
        sql, parameters = "SELECT key, value FROM state WHERE tenant = ? AND key >= ?", [tenant, prefix]
        if (end := _after(prefix)) is not None:
            sql, parameters = f"{sql} AND key < ?", [*parameters, end]
        if after:
            sql, parameters = f"{sql} AND key > ?", [*parameters, after]
        return self._on().query(f"{sql} ORDER BY key LIMIT ?", [*parameters, ALL if limit is None else limit])

    # What an operator decides

    def set_paused(self, paused: str, why: str = "") -> None:
        """Pause the plugin for the reason *paused*; empty: let it run."""
        self._set("paused = ?, why = ?", (paused, why))

    def set_disabled(self, disabled: bool) -> None:  # noqa: FBT001  what is set
        """Switch the plugin off, or on again."""
        self._set("disabled = ?", (int(disabled),))

    def set_version(self, version: str) -> None:
        """Note which version of the plugin writes now."""
        self._set("version = ?", (version,))

    def set_mode(self, mode: Mode, replay_until: int = 0) -> None:
        """Go on in another mode. What a dry run granted or revoked is forgotten when it ends: nobody was told."""
        with self._writing() as (connection, begun):
            if begun.mode == "dry_run" and mode != "dry_run":
                connection.execute("DELETE FROM granted WHERE dry = 1")
                note_held(connection)
            connection.execute("UPDATE status SET mode = ?, replay_until = ?", (mode, replay_until))

    def begin(
        self, position: Position, mode: Mode, replay_until: int = 0, numbers: Mapping[str, int] | None = None,
        *, anew: bool = False, since: str = "",
    ) -> None:  # fmt: skip
        """Start reading at *position*, with tenants at *numbers*; *anew*: with nothing kept, see `reset`.

        *since*: when the last event was recorded that is passed over (as `time` has it); of the others all count.

        Raises DatabaseError `in_use` where another holds the lease.
        """
        with self._alone(), self._writing() as (connection, _):
            if anew:
                empty(connection)
            connection.execute("DELETE FROM sequence")
            connection.upsert(tables.SEQUENCE, list((numbers or {}).items()))
            connection.execute(
                "UPDATE status SET generation = ?, stream_sequence = ?, mode = ?, replay_until = ?, since = ?, "
                "started = 1",
                (*position, mode, replay_until, since),
            )

    def reset(self) -> None:
        """Forget what can be had again from the events: state, timers, parked events, position, counters.

        What prevents doubling stays: the keys of effects and commands, the ids of facts, and grants, which a replay
        finds and does not give again. What a dry run granted or listed goes: it never counted. Replays of a range that
        were asked for end. Raises DatabaseError `in_use` where another holds the lease.
        """
        with self._alone(), self._writing() as (connection, _):
            empty(connection)

    # What is looked at

    def looks_emptied(self) -> bool:
        """Whether a table that had rows when it was written last is empty: somebody took them away."""
        held, now, started = self._on().query(f"SELECT held, {held_sql()}, started FROM status")[0]  # noqa: S608  ours
        return bool(started) and bool(held & ~now)

    def counts(self) -> Counts:
        """Return how much is stored."""
        connection = self._on()
        with connection.reading():
            effects: dict[str, int] = dict(connection.query("SELECT state, COUNT(*) FROM outbox GROUP BY state"))
            facts: dict[str, int] = dict(connection.query("SELECT state, COUNT(*) FROM fact GROUP BY state"))
            parked, changed, timers, listed, keys, grants, replays = connection.query(
                "SELECT (SELECT COUNT(*) FROM parked), (SELECT COUNT(*) FROM outbox WHERE changed > 0), "
                "(SELECT COUNT(*) FROM timer), (SELECT COUNT(*) FROM listed), (SELECT COUNT(*) FROM state), "
                "(SELECT COUNT(*) FROM (SELECT DISTINCT tenant, id FROM granted) AS g), "
                "(SELECT COUNT(*) FROM replay WHERE next <= last)"
            )[0]
        return Counts(
            parked=parked, waiting=effects.get("waiting", 0), sent=effects.get("sent", 0),
            suppressed=effects.get("suppressed", 0), dead=effects.get("dead", 0), changed=changed,
            facts_waiting=facts.get("waiting", 0), facts_published=facts.get("published", 0),
            facts_suppressed=facts.get("suppressed", 0), timers=timers, timers_listed=listed, keys=keys, grants=grants,
            replays=replays,
        )  # fmt: skip

    def _set(self, what: str, values: tuple[str | int, ...]) -> None:
        with self._durably() as connection:
            connection.execute(f"UPDATE status SET {what}", values)  # noqa: S608  ours


def _after(prefix: str) -> str | None:
    """Return the first text after all that begin with *prefix*; None where nothing comes after them."""
    while prefix:
        last = ord(prefix[-1])
        if last < sys.maxunicode:
            return prefix[:-1] + chr(_AFTER_SURROGATES if last + 1 == _SURROGATES else last + 1)
        prefix = prefix[:-1]
    return None
