"""A person's key is destroyed here: the others' are wrapped under a new key, and the one before goes for good.

A copy of the wrapped key may lie where nobody can erase it: in a write-ahead log, a backup, a free page. So what could
unwrap it is destroyed. In this order, so that a crash anywhere loses nothing and is finished later:

1. The new wrapping key's file is made durable.
2. One transaction sets the tombstone, wraps every other key of the tenant anew, and keeps a row of `rewrappings`.
3. The old wrapping key's file is overwritten and removed. A crash before it is finished by the next start.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from milepost.journal.errors import WrappingKeyError
from milepost.journal.key_database import LOCKED, KeyDatabase, Row, Run
from milepost.journal.wrapping import KeyDirectory, WrappingKey

_KEY_ID_BYTES = 16
_COLUMNS = "number, tenant, holder, key_id, derived, keys, generation_before, generation_after, at_us"
_KNOWN = f"SELECT {_COLUMNS} FROM rewrappings WHERE tenant = %s AND holder = %s"  # noqa: S608  constants
_DONE = f"SELECT {_COLUMNS} FROM rewrappings WHERE tenant = %s AND generation_after = %s"  # noqa: S608  constants
_ALL = f"SELECT {_COLUMNS} FROM rewrappings ORDER BY number"  # noqa: S608  constants
_KEEP = (
    f"INSERT INTO rewrappings ({_COLUMNS})"  # noqa: S608  constants
    " SELECT COALESCE(MAX(number), 0) + 1, %s, %s, %s, %s, %s, %s, %s, %s FROM rewrappings"
)
_CURRENT = "SELECT generation, fingerprint FROM wrapping WHERE tenant = %s"
_NEXT = "UPDATE wrapping SET generation = %s, fingerprint = %s WHERE tenant = %s"
_HELD = "SELECT key_id, wrapped FROM holders WHERE tenant = %s AND holder = %s"
_ERASE = "UPDATE holders SET wrapped = NULL, generation = %s, erased_us = %s WHERE tenant = %s AND holder = %s"
_TOMBSTONE = (
    "INSERT INTO holders (tenant, holder, key_id, generation, wrapped, made_us, erased_us)"
    " VALUES (%s, %s, %s, %s, NULL, %s, %s)"
)
_SURVIVORS = "SELECT holder, key_id, wrapped FROM holders WHERE tenant = %s AND wrapped IS NOT NULL"
_REWRAP = "UPDATE holders SET wrapped = %s, generation = %s WHERE tenant = %s AND holder = %s"
_DERIVED = "SELECT COUNT(*) FROM kids WHERE tenant = %s AND (author_key_id = %s OR owner_key_id = %s)"


class Rewrapping(NamedTuple):
    """A tenant's keys were wrapped anew at *at_us* (microseconds since 1970), to erase *person* (None: to rotate).

    `key_ids`: the keys that are gone, and `derived`, how many sealing keys were made of them. `keys`: those that were
    wrapped again, the organisation's among them.
    """

    number: int
    tenant: str
    person: str | None
    key_ids: list[str]
    derived: int
    keys: int
    generation_before: int
    generation_after: int
    at_us: int


class Rewrapper:
    """Wraps tenants' keys anew, in the key store's database and its directory."""

    def __init__(
        self,
        database: KeyDatabase,
        directory: KeyDirectory,
        current: Callable[[str], WrappingKey],
        at: Callable[[str], None],
    ) -> None:
        """Take *current*, which gives a tenant's wrapping key and makes the first, and what is told of named points."""
        self._database = database
        self._directory = directory
        self._current = current
        self._at = at

    def rewrap(self, tenant: str, person: str | None) -> Rewrapping:
        """Destroy the key of *person*, once and for all, or with None only the wrapping key; return what was done.

        Raises KeysUnavailable and WrappingKeyError; then it may be asked again.
        """
        while (done := self._attempt(tenant, person)) is None:
            pass  # the keys were wrapped anew by somebody else in between
        self._destroy_before(tenant, done)
        return done

    def finish(self) -> None:
        """Destroy the wrapping keys that a crash has left; others may do the same at the same time."""
        files = Counter(tenant for tenant, _ in self._directory.files())
        for tenant in sorted(tenant for tenant, count in files.items() if count > 1):
            with self._database.transaction(writes=False) as run:
                rows = run(_CURRENT, (tenant,))
            if rows and self._destroy_older(tenant, *rows[0]):
                self._database.clean()

    def all(self) -> list[Rewrapping]:
        """Return everything that was ever wrapped anew, in order."""
        with self._database.transaction(writes=False) as run:
            return [_rewrapping(row) for row in run(_ALL, ())]

    def _attempt(self, tenant: str, person: str | None) -> Rewrapping | None:
        with self._database.transaction(writes=False) as run:
            if known := self._known(run, tenant, person):
                return known
            derived = self._derived(run, tenant, person)
        old = self._current(tenant)
        new = self._directory.make(tenant, old.generation + 1)
        with self._database.transaction(apart=True) as run:
            run(LOCKED, ())
            ((generation, _),) = run(f"{_CURRENT} FOR UPDATE", (tenant,))
            if known := self._known(run, tenant, person):
                return known
            if generation != old.generation:
                return None
            now = time.time_ns() // 1000
            key_id = self._tombstone(run, tenant, person, new, now) if person is not None else None
            survivors = [
                (new.wrap(old.unwrap(bytes(wrapped), place), place), new.generation, tenant, holder)
                for holder, held_id, wrapped in run(_SURVIVORS, (tenant,))
                for place in (place_of(tenant, holder, held_id),)
            ]
            run.many(_REWRAP, survivors)
            run(_NEXT, (new.generation, new.fingerprint, tenant))
            told = (tenant, person, key_id, derived, len(survivors), old.generation, new.generation, now)
            run(_KEEP, told)
            self._at("keys.before_commit")
        self._at("keys.after_commit")
        with self._database.transaction(writes=False) as run:
            return _rewrapping(run(_DONE, (tenant, new.generation))[0])

    def _tombstone(self, run: Run, tenant: str, person: str, new: WrappingKey, now: int) -> str | None:
        """Put the tombstone; return the id of the key that lay there, None where there was none."""
        if held := run(_HELD, (tenant, person)):
            run(_ERASE, (new.generation, now, tenant, person))
            return str(held[0][0])
        # Nothing was ever sealed for this person: nor will it be.
        run(_TOMBSTONE, (tenant, person, secrets.token_hex(_KEY_ID_BYTES), new.generation, now, now))
        return None

    def _known(self, run: Run, tenant: str, person: str | None) -> Rewrapping | None:
        rows = run(_KNOWN, (tenant, person)) if person is not None else []
        return _rewrapping(rows[0]) if rows else None

    def _derived(self, run: Run, tenant: str, person: str | None) -> int:
        held = run(_HELD, (tenant, person)) if person is not None else []
        return int(run(_DERIVED, (tenant, held[0][0], held[0][0]))[0][0]) if held else 0

    def _destroy_before(self, tenant: str, done: Rewrapping) -> None:
        self._at("keys.before_destroy")
        with self._database.transaction(writes=False) as run:
            ((generation, fingerprint),) = run(_CURRENT, (tenant,))
        if self._destroy_older(tenant, generation, fingerprint) or done.generation_after == generation:
            self._database.clean()

    def _destroy_older(self, tenant: str, generation: int, fingerprint: bytes) -> bool:
        """Destroy the keys before *generation*; whether there were any.

        Where the present one is not there, somebody has put another folder in its place: then nothing is destroyed.
        """
        older = [one for one in self._directory.generations(tenant) if one < generation]
        if older and self._directory.read(tenant, generation).fingerprint != bytes(fingerprint):
            raise WrappingKeyError(f"{tenant}.{generation}.key is not the one that this key store was made with")
        for one in older:
            self._directory.destroy(tenant, one)
        return bool(older)


def place_of(tenant: str, holder: str, held_id: str) -> str:
    """Return what a wrapped key is bound to: in another row it does not open."""
    return f"{tenant}\0{holder}\0{held_id}"


def _rewrapping(row: Row) -> Rewrapping:
    number, tenant, person, key_id, *rest = row
    return Rewrapping(number, tenant, person, [key_id] if key_id is not None else [], *rest)
