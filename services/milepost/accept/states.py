"""States of aggregates, folded from the journal and kept: what a decision starts from."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from rpds import HashTrieSet

from milepost.decide import Recorded, Ref, evolve
from milepost.evolving import recorded
from milepost.journal.opening import SealingKeys, opened_event
from milepost_contracts.envelope import Envelope, decode
from milepost_contracts.subjects import tenant_id

# Events whose words deciding never looks at: loading a goal does not open them.
UNREAD = frozenset(
    {
        "goal.check_in_held.v1",
        "goal.check_in_amended.v1",
        "goal.check_in_voided.v1",
        "goal.check_in_acknowledged.v1",
        "goal.progress_recorded.v1",
        "goal.progress_corrected.v1",
        "goal.comment_posted.v1",
        "goal.feedback_given.v1",
        "goal.feedback_retracted.v1",
        "goal.reflection_recorded.v1",
        "mentorship.reflection_recorded.v1",
        "mentorship.session_held.v1",
    }
)


class Document(Protocol):
    """A stored event, as the journal gives it."""

    @property
    def document(self) -> bytes:
        """The exact bytes."""


class Loaded(NamedTuple):
    """An aggregate's newest known state. `commands`: ids of the commands that caused its events.

    `context`: the encoded context of a goal's newest event, which most of its next events share; empty: not known.
    """

    state: Any
    version: int
    commands: HashTrieSet[str]
    context: bytes = b""


NOTHING = Loaded(None, 0, HashTrieSet())


Load = Callable[[str, Ref, int], Iterable[Document]]
"""(tenant, aggregate, after version) -> its events after that version, in order."""


class States:
    """A bounded cache of folded aggregates; the least recently used leave first."""

    # A goal of 100 events takes some 20 kB; so many fit into half a gigabyte.
    CACHED_MAX = 20_000

    def __init__(self, load: Load, opener: Opener) -> None:
        """Take *load(tenant, ref, after_version)*, the journal's, and what opens sealed words."""
        self._load = load
        self._opener = opener
        self._kept: OrderedDict[tuple[str, Ref], Loaded] = OrderedDict()

    def get(self, tenant: str, ref: Ref) -> Loaded:
        """Return the newest known state of *ref*, from the journal where it is not kept."""
        key = (tenant, ref)
        loaded = self._kept.get(key)
        if loaded is None:
            loaded = self.put(tenant, ref, self.fold(tenant, ref, NOTHING, self._load(tenant, ref, 0)))
        else:
            self._kept.move_to_end(key)
        return loaded

    def put(self, tenant: str, ref: Ref, loaded: Loaded) -> Loaded:
        """Keep *loaded* as the newest state of *ref*; returns it."""
        self._kept[tenant, ref] = loaded
        self._kept.move_to_end((tenant, ref))
        if len(self._kept) > self.CACHED_MAX:
            self._kept.popitem(last=False)
        return loaded

    def known(self, tenant: str, ref: Ref) -> Loaded | None:
        """Return the kept state of *ref*, None where there is none; nothing is read."""
        return self._kept.get((tenant, ref))

    def kept(self, tenant: str, ref: Ref) -> Loaded:
        """Return the kept state of *ref*, NOTHING where there is none; it is always a beginning of what is stored."""
        return self._kept.get((tenant, ref), NOTHING)

    def forget(self, tenant: str, ref: Ref) -> None:
        """Drop the kept state of *ref*."""
        self._kept.pop((tenant, ref), None)

    def clear(self) -> None:
        """Drop every kept state, e.g. when the outcome of a commit is unknown or keys were destroyed."""
        self._kept.clear()

    def fold(self, tenant: str, ref: Ref, loaded: Loaded, documents: Iterable[Document]) -> Loaded:
        """Return *loaded* after *documents*, which follow it."""
        state, version = loaded.state, loaded.version
        commands = loaded.commands
        for stored in documents:
            envelope = decode(stored.document)
            state = evolve(state, self._opener.recorded(tenant, ref, envelope))
            version = envelope.version
            commands = commands.insert(envelope.causationid)
        return Loaded(state, version, commands)


class Newest:
    """The states inside the append lock: what is kept, and what *load* has after it; the kept ones stay untouched."""

    def __init__(self, states: States, load: Load) -> None:
        """Take the kept states and how the lock's transaction reads."""
        self._states = states
        self._load = load
        self._seen: dict[Ref, Loaded] = {}

    def get(self, tenant: str, ref: Ref) -> Loaded:
        """Return the newest state of *ref* of the lock's one tenant."""
        if ref not in self._seen:
            kept = self._states.kept(tenant, ref)
            self._seen[ref] = self._states.fold(tenant, ref, kept, self._load(tenant, ref, kept.version))
        return self._seen[ref]

    def known(self, tenant: str, ref: Ref) -> Loaded | None:
        """Return what is known of *ref* without reading."""
        return self._seen.get(ref) or self._states.known(tenant, ref)


class Opener:
    """Opens the words of stored events for deciding; what cannot be opened any more stays sealed."""

    def __init__(self, keys: SealingKeys) -> None:
        """Take where keys come from."""
        self._keys = keys

    def recorded(self, tenant: str, ref: Ref, envelope: Envelope) -> Recorded:
        """Return the event of *envelope* with the words that deciding looks at."""
        unread = envelope.type in UNREAD
        event = envelope.event() if unread else opened_event(self._keys, tenant, ref, envelope)
        return recorded(ref, envelope, event)


def tenant_ref(tenant: str) -> Ref:
    """Return the aggregate of *tenant* itself."""
    return ("tenant", tenant_id(tenant))
