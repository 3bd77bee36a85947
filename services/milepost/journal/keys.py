"""The keys that events' words are sealed under: persons' and organisations', wrapped, in a store of their own."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Generic, NamedTuple, Self, TypeVar

from milepost.journal.appends import Ref
from milepost.journal.errors import KeyErased, WrappingKeyError
from milepost.journal.key_database import KeyDatabase, Row, open_key_database
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


class KeyStore:
    """The key store at a URL, with its directory of wrapping keys. Threads may share it; calls block on a miss.

    A cached key is used until it is evicted. Every method raises KeysUnavailable when the database cannot be reached
    and WrappingKeyError when the directory lacks or changed a tenant's wrapping key.
    """

    def __init__(self, url: str, directory: Path) -> None:
        """Open the store at *url* (`sqlite:///PATH`, `postgresql://...`) and *directory*, both made where missing.

        Raises BadURL, KeysUnavailable, JournalUnsafe, WrappingKeyError.
        """
        self._shown = shown(url)
        self._directory = KeyDirectory(directory)
        self._database: KeyDatabase = open_key_database(url)
        self._wrapping = _Cache[tuple[str, int], WrappingKey](_CACHED_MAX)
        self._holders = _Cache[tuple[str, str], HolderKey](_CACHED_MAX)
        self._sealing = _Cache[tuple[str, Ref, str, str, str], SealingKey](_CACHED_MAX)
        self._kids: dict[tuple[str, str], Row] = {}
        self._noting = threading.Lock()
        self._flushing = threading.Lock()

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
        by, of = self._holder_key(tenant, place[3]), self._holder_key(tenant, place[4])
        key = derive(by.secret, of.secret, info(tenant, f"{ref[0]}/{ref[1]}", audience, by.key_id, of.key_id))
        with self._noting:
            self._kids[tenant, key.kid] = (tenant, key.kid, *ref, audience, by.key_id, of.key_id)
        # Only after it is noted: whoever finds it in the cache and flushes must find the kid there.
        return self._sealing.put(place, key)

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
        with self._database.transaction(writes=False) as run:
            rows = run(_KIDS, (tenant, list(set(kids))))
        return {row[0]: self._derived(tenant, row) for row in rows}

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

    def _holder_key(self, tenant: str, holder: str) -> HolderKey:
        if (key := self._holders.get((tenant, holder))) is not None:
            return key
        with self._database.transaction(writes=False) as run:
            rows = run(_SELECT, (tenant, holder))
        row = rows[0] if rows else self._made(tenant, holder)
        if row[3] is None:
            raise KeyErased(f"{holder} of {tenant} was erased")
        return self._holders.put((tenant, holder), self._unwrapped(tenant, row))

    def _made(self, tenant: str, holder: str) -> Row:
        # Whoever inserts first has made the key; the other's is forgotten, and both return the stored one.
        while True:
            wrapping = self._current(tenant)
            new_id = secrets.token_hex(16)
            wrapped = wrapping.wrap(secrets.token_bytes(_KEY_BYTES), _place(tenant, holder, new_id))
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
        return self._wrapping.put((tenant, generation), self._directory.read(tenant, generation))

    def _unwrapped(self, tenant: str, row: Row) -> HolderKey:
        holder, held_id, generation, wrapped = row
        key = self._wrapping_key(tenant, generation)
        return HolderKey(held_id, key.unwrap(bytes(wrapped), _place(tenant, holder, held_id)))


def _place(tenant: str, holder: str, held_id: str) -> str:
    return f"{tenant}\0{holder}\0{held_id}"


def _person(holder: str) -> str | None:
    return None if holder == _ORGANISATION else holder


K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Cache(Generic[K, V]):
    """The most recently used keys, at most *limit* of them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: K) -> V | None:
        with self._lock:
            if (value := self._entries.get(name)) is not None:
                self._entries.move_to_end(name)
            return value

    def put(self, name: K, value: V) -> V:
        with self._lock:
            self._entries[name] = value
            if len(self._entries) > self._limit:
                self._entries.popitem(last=False)
            return value
