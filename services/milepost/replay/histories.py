"""An aggregate is folded again from its events, up to any version, words sealed or opened."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from rpds import HashTrieMap, HashTrieSet

from milepost.decide import Ref, evolve
from milepost.evolving import recorded
from milepost.journal import Journal, Stored
from milepost.journal.opening import SealingKeys, opened_event, opened_members
from milepost_contracts.envelope import Envelope, convert_members
from milepost_contracts.events import Event
from milepost_contracts.permitted import permitted, sealed_places, words_of
from milepost_contracts.plugin import Permissions, strings

KEPT_MAX = 5_000  # newest states kept; as many goals as a large programme looks at in a day


class Past(NamedTuple):
    """An aggregate as it was, the version and sequence of its last event then, and the words opened for a plugin."""

    state: Any
    version: int
    sequence: str
    words: list[str]


class Histories:
    """States as the journal tells them; the newest ones are kept and only what came since is folded."""

    def __init__(self, journal: Journal, keys: SealingKeys) -> None:
        """Take the journal, and the keys that open words."""
        self._journal = journal
        self._keys = keys
        self._kept: OrderedDict[tuple[str, Ref], tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()  # queries are answered in threads

    def newest(self, tenant: str, ref: Ref) -> Any:
        """Return the newest state of *ref*, words sealed; None where it does not exist."""
        with self._lock:
            state, version = self._kept.get((tenant, ref), (None, 0))
        state, version = folded(ref, self._journal.load(tenant, ref, version), state, version)
        with self._lock:
            self._kept[tenant, ref] = (state, version)
            self._kept.move_to_end((tenant, ref))
            if len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return state

    def events(self, tenant: str, ref: Ref, sequence: int | None = None) -> list[Stored]:
        """Return the events of *ref* up to the tenant's *sequence* (None: all there are), in order."""
        until = None if sequence is None else self._journal.version_at(tenant, ref, sequence)
        return self._journal.load(tenant, ref, 0, until) if until != 0 else []

    def then(self, tenant: str, ref: Ref, sequence: int) -> tuple[Any, int]:
        """Return the state of *ref* (words sealed) and its version when the tenant's sequence was *sequence*.

        Without events until then: (None, 0).
        """
        return folded(ref, self.events(tenant, ref, sequence))

    def as_of(self, tenant: str, ref: Ref, version: int | None, *, opened: bool | Permissions) -> Past:
        """Return *ref* after *version* (None: the newest); without one its state is None.

        *opened*: whether the parties' words are, or which of them a plugin with these permissions reads.
        """
        state, last, sequence = None, 0, ""
        words: set[str] = set()
        for stored in self._journal.load(tenant, ref):
            if version is not None and stored.version > version:
                break
            envelope = stored.envelope
            if isinstance(opened, Permissions):
                event = self._permitted(tenant, ref, envelope, opened, words)
            else:
                event = opened_event(self._keys, tenant, ref, envelope) if opened else envelope.event()
            state, last, sequence = evolve(state, recorded(ref, envelope, event)), stored.version, envelope.sequence
        return Past(state, last, sequence, sorted(words.intersection(strings(members_of(state)))) if words else [])

    def _permitted(self, tenant: str, ref: Ref, envelope: Envelope, permissions: Permissions, words: set[str]) -> Event:
        """Return the event as a plugin with *permissions* reads it; what is opened for it is added to *words*."""
        if not sealed_places(permissions, envelope):
            return envelope.event()
        members = permitted(permissions, envelope, opened_members(self._keys, tenant, ref, envelope))
        words.update(words_of(envelope, members))
        return convert_members(envelope.type, members)


def folded(ref: Ref, events: Iterable[Stored], state: Any = None, version: int = 0) -> tuple[Any, int]:
    """Return what *events* of *ref* make of *state*, words sealed, and the version of the last."""
    for stored in events:
        state, version = evolve(state, recorded(ref, stored.envelope, stored.event())), stored.version
    return state, version


def members_of(state: Any) -> dict[str, Any]:
    """Return *state* as JSON members; maps become objects, sets sorted lists."""
    members = msgspec.to_builtins(state, enc_hook=_plain)
    assert isinstance(members, dict)  # noqa: S101  states are Structs
    return members


def _plain(value: Any) -> Any:
    if isinstance(value, HashTrieMap):
        return {str(name): value[name] for name in sorted(value, key=str)}
    if isinstance(value, HashTrieSet):
        return sorted(value)
    raise NotImplementedError(f"no JSON form of {type(value).__name__}")
