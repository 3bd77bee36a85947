"""The keys that events' words are sealed under: persons' and organisations', wrapped, in a store of their own."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

from milepost.journal.appends import Ref
from milepost.journal.errors import KeyErased, WrappingKeyError
from milepost.journal.key_database import KeyDatabase, Row, open_key_database
from milepost.journal.keys_cache import Cache
from milepost.journal.keys_rewrapping import Rewrapper, Rewrapping, place_of
from milepost.journal.urls import shown
from milepost.journal.wrapping import KeyDirectory, WrappingKey
from milepost_contracts.sealing import SealingKey, derive, info

# Cached keys, about 1 kB each: 16 MB hold a day's goals of a large tenant, a miss costs 0.1 ms and one row.
_CACHED_MAX = 16_384
_ORGANISATION = "organisation"
_KEY_BYTES = 32

_SELECT = "SELECT holder, key_id, generation, wrapped FROM holders WHERE tenant = %s AND holder = %s"
_INSERT = (
    "INSERT INTO holders (tenant, holder, key_id, generation, wrapped, made_us)"
    " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
)
_WRAPPING = "SELECT generation, fingerprint FROM wrapping WHERE tenant = %s FOR SHARE"
_NEW_WRAPPING = "INSERT INTO wrapping (tenant, generation, fingerprint) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
_NEW_KID = (
    "INSERT INTO kids (tenant, kid, aggregate, aggregate_id, audience, author_key_id, owner_key_id)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
)
_NEWEST = "SELECT COALESCE(MAX(number), 0) FROM rewrappings"
_SINCE = "SELECT DISTINCT tenant FROM rewrappings WHERE number > %s"
_ERASED = "SELECT holder FROM rewrappings WHERE tenant = %s AND holder IS NOT NULL"
_PLACES = (
    "SELECT k.kid, k.aggregate, k.aggregate_id, k.audience, a.holder, o.holder FROM kids AS k"
    " JOIN holders AS a ON a.key_id = k.author_key_id JOIN holders AS o ON o.key_id = k.owner_key_id"
    " WHERE k.tenant = %s AND (a.holder = %s OR o.holder = %s) ORDER BY k.aggregate, k.aggregate_id, k.kid"
)
_KIDS = (
    "SELECT k.kid, k.aggregate, k.aggregate_id, k.audience, a.holder, a.key_id, a.generation, a.wrapped,"
    " o.holder, o.key_id, o.generation, o.wrapped FROM kids AS k"
    " JOIN holders AS a ON a.key_id = k.author_key_id JOIN holders AS o ON o.key_id = k.owner_key_id"
    " WHERE k.tenant = %s AND k.kid = ANY(%s)"
)


class HolderKey:
    """A person's or an organisation's own 32-byte key; `key_id` is random and tells nothing of the person."""

    __slots__ = ("key_id", "secret")

    def __init__(self, key_id: str, secret: bytes) -> None:
        """Take what the store unwrapped."""
        self.key_id = key_id
        self.secret = secret

    def __repr__(self) -> str:
        return f"<HolderKey {self.key_id}>"


class Derived(NamedTuple):
    """What a kid was derived for; persons are `user:UUID`, None the organisation. `key` is None: words erased."""

    key: SealingKey | None
    ref: Ref
    audience: str
    author: str | None
    owner: str | None


class Place(NamedTuple):
    """An aggregate, audience, author and owner for which words were sealed; persons are `user:UUID`."""

    kid: str
    ref: Ref
    audience: str
    author: str | None
    owner: str | None


T = TypeVar("T")


def _nowhere(_: str) -> None:
    """Pass a fault point."""


class KeyStore:
    """The key store at a URL, with its directory of wrapping keys. Threads may share it; calls block on a miss.

    A cached key is used until it is evicted, or until `renew` sees that its tenant's keys were wrapped anew. Every
    method raises KeysUnavailable when the database cannot be reached and WrappingKeyError when the directory lacks or
    changed a tenant's wrapping key.
    """

    def __init__(
        self, url: str, directory: Path, *, finishes: bool = True, at: Callable[[str], None] = _nowhere
    ) -> None:
        """Open the store at *url* (`sqlite:///PATH`, `postgresql://...`) and *directory*, both made where missing.

        finishes: destroy the wrapping keys that a crash has left; False for who only reads.
        at: called with the name of each fault point (`keys.before_commit`, `keys.after_commit`,
        `keys.before_destroy`), so that tests can end the process there.

        Raises BadURL, KeysUnavailable, JournalUnsafe, WrappingKeyError.
        """
        self._shown = shown(url)
        self._directory = KeyDirectory(directory)
        self._database: KeyDatabase = open_key_database(url)
        self._wrapping = Cache[WrappingKey](_CACHED_MAX)
        self._holders = Cache[HolderKey](_CACHED_MAX)
        self._sealing = Cache[SealingKey](_CACHED_MAX)
        self._erased = Cache[frozenset[str]](_CACHED_MAX)
        self._kids: dict[tuple[str, str], Row] = {}
        self._noting = threading.Lock()
        self._flushing = threading.Lock()
        self._renewing = threading.Lock()
        self._rewrapper = Rewrapper(self._database, self._directory, self._current, at)
        with self._database.transaction(writes=False) as run:
            self._rewrappings = int(run(_NEWEST, ())[0][0])  # number of the last one that is known here
        if finishes:
            self._rewrapper.finish()

    def __repr__(self) -> str:
        return f"<KeyStore {self._shown}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def person_key(self, tenant: str, person: str) -> HolderKey:
        """Return the key of *person* (`user:UUID`), durably made on first use; raises KeyErased, now and for ever."""
        return self._holder_key(tenant, person)

    def sealing_key(self, tenant: str, ref: Ref, audience: str, author: str | None, owner: str | None) -> SealingKey:
        """Return the key that words of *ref* by *author* are sealed under; None is the tenant's organisation.

        *audience* is `parties` or `author`. The next `flush` makes durable what the kid stands for. Raises KeyErased.
        """
        place = (tenant, ref, audience, author or _ORGANISATION, owner or _ORGANISATION)
        if (key := self._sealing.get(place)) is not None:
            return key
        time_ = self._sealing.time(tenant)
        by, of = self._holder_key(tenant, place[3]), self._holder_key(tenant, place[4])
        key = derive(by.secret, of.secret, info(tenant, f"{ref[0]}/{ref[1]}", audience, by.key_id, of.key_id))
        with self._noting:
            self._kids[tenant, key.kid] = (tenant, key.kid, *ref, audience, by.key_id, of.key_id)
        # Only after it is noted: whoever finds it in the cache and flushes must find the kid there.
        return self._sealing.put(place, key, time_)

    def flush(self) -> None:
        """Make every kid that was given out durable; call it before the commit of what was sealed. Group work."""
        with self._flushing:  # also waits for another's flush that may carry our kids
            with self._noting:
                kids = list(self._kids.items())
            if not kids:
                return
            with self._database.transaction() as run:
                for _, row in kids:
                    run(_NEW_KID, row)
            with self._noting:
                for kid, _ in kids:
                    del self._kids[kid]

    def derived(self, tenant: str, kids: Iterable[str]) -> dict[str, Derived]:
        """Return what is known of *kids*, unknown ones left out; read afresh, so that an erasure counts at once."""
        wanted = list(set(kids))

        def read() -> dict[str, Derived]:
            with self._database.transaction(writes=False) as run:
                rows = run(_KIDS, (tenant, wanted))
            return {row[0]: self._derived(tenant, row) for row in rows}

        return self._steadily(tenant, read)

    def renew(self) -> frozenset[str]:
        """Forget what erasures and rotations have made old since the last call; return their tenants.

        One short look at the database: for once a batch of commands, and once a question.
        """
        with self._renewing:
            with self._database.transaction(writes=False) as run:
                newest = int(run(_NEWEST, ())[0][0])
                if newest == self._rewrappings:
                    return frozenset()
                tenants = frozenset(row[0] for row in run(_SINCE, (self._rewrappings,)))
            for tenant in tenants:
                self._forget(tenant)
            self._rewrappings = newest
            return tenants

    def is_erased(self, tenant: str, person: str) -> bool:
        """Whether *person* (`user:UUID`) was erased, as far as the last `renew` knows."""
        erased = self._erased.get((tenant,))
        if erased is None:
            time_ = self._erased.time(tenant)
            with self._database.transaction(writes=False) as run:
                erased = frozenset(row[0] for row in run(_ERASED, (tenant,)))
            self._erased.put((tenant,), erased, time_)
        return person in erased

    def erase(self, tenant: str, person: str) -> Rewrapping:
        """Destroy the key of *person* for good, once; asked again, return what was done, and finish it.

        Takes some 20 us for each key of the tenant; who seals new keys waits for as long, nobody else does.
        """
        return self._rewrapped(tenant, person)

    def rotate(self, tenant: str) -> Rewrapping:
        """Wrap the tenant's keys under a new key and destroy the one before."""
        return self._rewrapped(tenant, None)

    def generation(self, tenant: str) -> int:
        """Return the generation of the tenant's wrapping key; 0: the store has none of its keys."""
        with self._database.transaction(writes=False) as run:
            rows = run(_WRAPPING, (tenant,))
        return int(rows[0][0]) if rows else 0

    def rewrappings(self) -> list[Rewrapping]:
        """Return every erasure and rotation, in order."""
        return self._rewrapper.all()

    def places(self, tenant: str, person: str) -> list[Place]:
        """Return where words were sealed that nobody can open once *person* is erased."""
        with self._database.transaction(writes=False) as run:
            rows = run(_PLACES, (tenant, person, person))
        return [
            Place(kid, (kind, id_), audience, _person(by), _person(of)) for kid, kind, id_, audience, by, of in rows
        ]

    def close(self) -> None:
        """Close the database; pending kids are made durable first."""
        self.flush()
        self._database.close()

    def _derived(self, tenant: str, row: Row) -> Derived:
        _, aggregate, aggregate_id, audience, *holders = row
        author, owner = tuple(holders[:4]), tuple(holders[4:])
        key = None
        if author[3] is not None and owner[3] is not None:
            by, of = self._unwrapped(tenant, author), self._unwrapped(tenant, owner)
            place = info(tenant, f"{aggregate}/{aggregate_id}", audience, by.key_id, of.key_id)
            key = derive(by.secret, of.secret, place)
        return Derived(key, (aggregate, aggregate_id), audience, _person(author[0]), _person(owner[0]))

    def _rewrapped(self, tenant: str, person: str | None) -> Rewrapping:
        self.flush()  # so that all that was sealed until now is counted
        try:
            return self._steadily(tenant, lambda: self._rewrapper.rewrap(tenant, person))
        finally:
            self._forget(tenant)

    def _forget(self, tenant: str) -> None:
        for cache in (self._wrapping, self._holders, self._sealing, self._erased):
            cache.forget(tenant)

    def _steadily(self, tenant: str, read: Callable[[], T]) -> T:
        """Return what *read* does; again where the keys were wrapped anew while it read."""
        while True:
            time_ = self._wrapping.time(tenant)
            try:
                return read()
            except WrappingKeyError:
                self.renew()
                if self._wrapping.time(tenant) == time_:
                    raise

    def _holder_key(self, tenant: str, holder: str) -> HolderKey:
        if (key := self._holders.get((tenant, holder))) is not None:
            return key
        time_ = self._holders.time(tenant)

        def read() -> HolderKey:
            with self._database.transaction(writes=False) as run:
                rows = run(_SELECT, (tenant, holder))
            row = rows[0] if rows else self._made(tenant, holder)
            if row[3] is None:
                raise KeyErased(f"{holder} of {tenant} was erased")
            return self._unwrapped(tenant, row)

        return self._holders.put((tenant, holder), self._steadily(tenant, read), time_)

    def _made(self, tenant: str, holder: str) -> Row:
        # Whoever inserts first has made the key; the other's is forgotten, and both return the stored one.
        while True:
            wrapping = self._current(tenant)
            new_id = secrets.token_hex(16)
            wrapped = wrapping.wrap(secrets.token_bytes(_KEY_BYTES), place_of(tenant, holder, new_id))
            with self._database.transaction() as run:
                ((generation, _),) = run(_WRAPPING, (tenant,))
                if generation != wrapping.generation:
                    continue  # an erasure changed the wrapping key in between
                run(_INSERT, (tenant, holder, new_id, generation, wrapped, time.time_ns() // 1000))
                return run(_SELECT, (tenant, holder))[0]

    def _current(self, tenant: str) -> WrappingKey:
        """Return the tenant's wrapping key, made when the tenant is first seen."""
        with self._database.transaction(writes=False) as run:
            rows = run(_WRAPPING, (tenant,))
        if not rows:
            # The file first: a row without its file would promise a key that nobody has.
            first = self._directory.make(tenant, 1)
            with self._database.transaction() as run:
                run(_NEW_WRAPPING, (tenant, first.generation, first.fingerprint))
                rows = run(_WRAPPING, (tenant,))
        generation, fingerprint = rows[0]
        key = self._wrapping_key(tenant, generation)
        if key.fingerprint != bytes(fingerprint):
            raise WrappingKeyError(f"{tenant}.{generation}.key is not the one that this key store was made with")
        return key

    def _wrapping_key(self, tenant: str, generation: int) -> WrappingKey:
        if (key := self._wrapping.get((tenant, generation))) is not None:
            return key
        time_ = self._wrapping.time(tenant)
        return self._wrapping.put((tenant, generation), self._directory.read(tenant, generation), time_)

    def _unwrapped(self, tenant: str, row: Row) -> HolderKey:
        holder, held_id, generation, wrapped = row
        key = self._wrapping_key(tenant, generation)
        return HolderKey(held_id, key.unwrap(bytes(wrapped), place_of(tenant, holder, held_id)))


def _person(holder: str) -> str | None:
    return None if holder == _ORGANISATION else holder
