"""The golden examples as a journal has them, with the published keys in a key store: every type of event there is."""

from __future__ import annotations

import sqlite3
from base64 import urlsafe_b64decode
from contextlib import closing
from pathlib import Path

import msgspec

from milepost.journal import Journal, KeyStore
from milepost.replay.desk import Desk
from milepost.replay.entitlement import Entitlement
from milepost.replay.histories import Histories
from milepost_contracts.envelope import Envelope, decode

EXAMPLES = Path(__file__).parents[2] / "contracts" / "examples"
TENANT = "acme"
_ROW = (
    "INSERT INTO stored_events (originator_id, originator_version, topic, tenant, sequence, recorded_us, event_id,"
    " command, command_events, answer, state) VALUES (?,?,?,?,?,?,?,?,?,NULL,?)"
)
_HOLDER = "INSERT INTO holders (tenant, holder, key_id, generation, wrapped, made_us) VALUES (?,?,?,?,?,0)"


def documents() -> list[bytes]:
    """Return the golden stream."""
    return (EXAMPLES / "stream.ndjson").read_bytes().splitlines()


def journal_of(folder: Path, stream: list[bytes]) -> Journal:
    """Return a journal at *folder* that holds *stream* as it is, each command noted with its first event."""
    path = folder / "journal.sqlite"
    Journal(f"sqlite:///{path}").close()
    events = [decode(document) for document in stream]
    with closing(sqlite3.connect(path)) as connection, connection:
        noted: set[str] = set()
        for event, document in zip(events, stream, strict=True):
            together = sum(one.causationid == event.causationid for one in events)
            first = event.causationid not in noted
            noted.add(event.causationid)
            connection.execute(_ROW, _row(event, document, together if first else None))
    return Journal(f"sqlite:///{path}", writes=False)


def _row(event: Envelope, document: bytes, together: int | None) -> tuple[object, ...]:
    command = f"{event.causationid}/{event.subject}" if together else None
    return (
        f"{event.tenant}/{event.subject}", event.version, event.type, event.tenant, event.number, event.number,
        event.id, command, together, document,
    )  # fmt: skip


def keys_of(folder: Path) -> KeyStore:
    """Return a key store at *folder* that holds the published persons' keys."""
    store = KeyStore(f"sqlite:///{folder / 'keys.sqlite'}", folder / "keys")
    published = msgspec.json.decode((EXAMPLES / "keys.json").read_bytes())
    store.person_key(TENANT, "user:nobody")  # makes the wrapping key
    wrapping = store._wrapping_key(TENANT, 1)
    with closing(sqlite3.connect(folder / "keys.sqlite")) as connection, connection:
        for person in published["persons"]:
            place = f"{TENANT}\0{person['ref']}\0{person['key_id']}"
            wrapped = wrapping.wrap(urlsafe_b64decode(person["key"] + "="), place)
            connection.execute(_HOLDER, (TENANT, person["ref"], person["key_id"], 1, wrapped))
    return store


def desk_of(journal: Journal, keys: KeyStore) -> Desk:
    """Return a desk that answers from them."""
    histories = Histories(journal, keys)
    return Desk(journal, keys, histories, Entitlement(histories.newest))
