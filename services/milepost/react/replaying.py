"""Past events that an administrator asked a plugin to take again: how far each such replay is stands here."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from milepost.react import tables
from milepost.react.opened import Opened
from milepost.react.rows import Replaying
from milepost.react.writing import goes_out, numbered, write
from milepost_contracts.keeping import Kept
from milepost_contracts.plugin import Replay


class Replays(Opened):
    """Replays of a range that were asked for; for one thread at a time."""

    def replays(self, *, limit: int = 100, after: int = 0, done: bool = False) -> list[Replaying]:
        """Return replays in the order in which they were asked for, after number *after*; *done*: also those."""
        sql = (
            f"SELECT {', '.join(tables.REPLAY.names)} FROM replay "  # noqa: S608  names are ours
            f"WHERE number > ? {'' if done else 'AND next <= last'} ORDER BY number LIMIT ?"
        )
        return [_replaying(*row) for row in self._on().query(sql, (after, limit))]

    def keep_replayed(self, id_: str, kept: Sequence[Kept], *, before: int, next_: int) -> bool:
        """Keep what past events came to, and that *next_* comes next in the replay *id_*; both or neither.

        False (and nothing kept) where it is not at *before*: another copy wrote, or it was ended.
        """
        with self._writing(numbered(kept), durable=goes_out(kept)) as (connection, begun):
            sql = "UPDATE replay SET next = ? WHERE id = ? AND next = ? AND next <= last"
            if not connection.execute(sql, (next_, id_, before)):
                return False
            write(connection, kept, begun, self._clock())
            return True

    def end_replay(self, id_: str) -> bool:
        """Let nothing more of the replay *id_* come; False where it is over."""
        with self._durably() as connection:
            return connection.execute("UPDATE replay SET next = last + 1 WHERE id = ? AND next <= last", (id_,)) == 1


def _replaying(id_: str, number: int, tenant: str, first: int, last: int, next_: int, arguments: bytes) -> Replaying:
    replay = Replay(id=id_, first=first, last=last, arguments=msgspec.json.decode(arguments))
    return Replaying(number=number, tenant=tenant, replay=replay, next=next_)
