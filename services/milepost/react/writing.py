"""What turns came to becomes rows, within the transaction that moves the position."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from milepost.database import Connection, Row, Table
from milepost.react import tables
from milepost.react.held import note_held
from milepost.react.opened import Writing
from milepost.react.rows import text
from milepost_contracts.envelope import decode
from milepost_contracts.keeping import Fact, Kept, Outgoing
from milepost_contracts.plugin import Grant

_encode_same = msgspec.json.Encoder(order="deterministic").encode  # the same content is the same bytes


def numbered(kept: Sequence[Kept]) -> int:
    """Return how many numbers *kept* takes at the most."""
    return sum(len(one.grants) + len(one.outgoing) + len(one.facts) + len(one.replays) for one in kept)


def goes_out(kept: Sequence[Kept]) -> bool:
    """Whether anything of *kept* leaves the house."""
    return any(
        any(not one.suppressed for one in turn.outgoing) or any(not one.suppressed for one in turn.facts)
        for turn in kept
    )


def write(connection: Connection, kept: Sequence[Kept], begun: Writing, now: dt.datetime) -> None:
    """Write *kept*, in order: of two with the same key in state, timers and grants the later counts."""
    number = begun.number
    dry = int(begun.mode == "dry_run")
    _write_state(connection, kept)
    _write_timers(connection, kept)
    number = _write_grants(connection, kept, number, dry)
    number = _write_outgoing(connection, kept, number, dry, text(now))
    number = _write_facts(connection, kept, number)
    _write_replays(connection, kept, number)
    if any(one.writes or one.timers or one.grants for one in kept):
        note_held(connection)


def _write_state(connection: Connection, kept: Sequence[Kept]) -> None:
    last = {(one.tenant, key): value for one in kept for key, value in one.writes.items()}
    connection.upsert(tables.STATE, [(*key, value) for key, value in last.items() if value is not None])
    connection.delete(tables.STATE, [key for key, value in last.items() if value is None])


def _write_timers(connection: Connection, kept: Sequence[Kept]) -> None:
    last = {(one.tenant, key): at for one in kept for key, at in one.timers.items()}
    connection.upsert(tables.TIMER, [(*key, text(at)) for key, at in last.items() if at is not None])
    connection.delete(tables.TIMER, [key for key, at in last.items() if at is None])


def _write_grants(connection: Connection, kept: Sequence[Kept], number: int, dry: int) -> int:
    last = {(one.tenant, grant.id): grant for one in kept for grant in one.grants}
    keys = [(*key, over) for key in last for over in {0, dry}]
    known = {row[:2]: row[3] for row in connection.fetch(tables.GRANTED, keys)}
    rows = []
    for (tenant, id_), grant in last.items():
        place = known.get((tenant, id_))
        if place is None:
            place, number = number, number + 1
        rows.append(grant_row(tenant, grant, place, dry))
    connection.upsert(tables.GRANTED, rows)
    return number


def grant_row(tenant: str, grant: Grant, number: int, dry: int) -> Row:
    """Return *grant* as a row."""
    return (tenant, grant.id, dry, number, grant.aggregate_id, grant.reward.to, msgspec.json.encode(grant))


def _write_outgoing(connection: Connection, kept: Sequence[Kept], number: int, dry: int, now: str) -> int:
    """Write effects and commands under new keys; what comes under a known key is at most counted.

    The first decision about a key stands. One that was suppressed stays so when it comes again in live mode: it was
    listed because its event is history, and a redelivery does not make it news. One that waits or was sent is no
    less so when a replay suppresses it.
    """
    wanted = [one for turn in kept for one in turn.outgoing]
    known = {key: hash_ for key, (_, hash_) in _known(connection, tables.OUTBOX, [one.key for one in wanted]).items()}
    rows: list[Row] = []
    changed: list[str] = []
    for one in wanted:
        hash_ = _outgoing_hash(one)
        if one.key not in known:
            known[one.key] = hash_
            rows.append(_outbox_row(one, number, dry, hash_, now))
            number += 1
        elif known[one.key] != hash_:
            changed.append(one.key)
    connection.upsert(tables.OUTBOX, rows)
    for key in changed:
        connection.execute("UPDATE outbox SET changed = changed + 1 WHERE key = ?", (key,))
    return number


def _outbox_row(one: Outgoing, number: int, dry: int, hash_: str, now: str) -> Row:
    return (
        one.key, number, "suppressed" if one.suppressed else "waiting", dry, one.kind, one.name, one.tenant, one.cause,
        text(one.due), now, 0, 0, "", hash_, 0, 0, _encode_same(one.arguments),
        None if one.suppressed else one.document,  # who only lists it needs no event
    )  # fmt: skip


def _outgoing_hash(one: Outgoing) -> str:
    """Return the hash of what is asked for; by which version of the plugin a command is sent does not count."""
    arguments = {name: value for name, value in one.arguments.items() if one.kind != "command" or name != "actor"}
    return _hash([one.kind, one.name, one.tenant, one.cause, arguments])


def _write_facts(connection: Connection, kept: Sequence[Kept], number: int) -> int:
    """Write facts under new ids; the first content stays, as with effects.

    One that a dry run has listed was never told: it gives way when it comes to be told.
    """
    wanted = [one for turn in kept for one in turn.facts]
    known = _known(connection, tables.FACT, [one.id for one in wanted])
    rows: dict[str, Row] = {}
    changed: list[str] = []
    for one in wanted:
        state, hash_ = "suppressed" if one.suppressed else "waiting", _fact_hash(one)
        before, content = known.get(one.id, ("", ""))
        if not before or (before == "suppressed" and state == "waiting"):
            known[one.id] = (state, hash_)
            rows[one.id] = (one.id, number, state, one.subject, hash_, 0, one.document)
            number += 1
        elif content != hash_:
            changed.append(one.id)
    connection.upsert(tables.FACT, list(rows.values()))
    for id_ in changed:
        connection.execute("UPDATE fact SET changed = changed + 1 WHERE id = ?", (id_,))
    return number


def _fact_hash(fact: Fact) -> str:
    """Return the hash of what is told; when, why, and by which version of the plugin does not count."""
    one = decode(fact.document)
    return _hash([fact.subject, one.type, msgspec.json.decode(one.data)])


def _hash(content: Any) -> str:
    return hashlib.sha256(_encode_same(content)).hexdigest()


def _known(connection: Connection, table: Table, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return key -> state and hash of those rows that are there."""
    state, hash_ = table.names.index("state"), table.names.index("hash")
    return {row[0]: (row[state], row[hash_]) for row in connection.fetch(table, [(key,) for key in keys])}


def _write_replays(connection: Connection, kept: Sequence[Kept], number: int) -> None:
    """Write which past events are to come again; what was asked for once, by its id, is not begun again."""
    wanted = {one.id: (turn.tenant, one) for turn in kept for one in turn.replays}
    for row in connection.fetch(tables.REPLAY, [(id_,) for id_ in wanted]):
        del wanted[row[0]]
    connection.upsert(
        tables.REPLAY,
        [
            (one.id, place, tenant, one.first, one.last, one.first, _encode_same(one.arguments))
            for place, (tenant, one) in enumerate(wanted.values(), number)
        ],
    )
