"""The state of a mentorship: what its events have made of it, as far as deciding needs to know."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec
from rpds import HashTrieMap

from milepost_contracts.events.mentorship import Requested
from milepost_contracts.types import Cadence

if TYPE_CHECKING:
    from milepost.decide.programme.state import Programme

# Two or three goals at once is what people manage; more is the classic mistake.
CAP_DEFAULT = 3

ENDED = frozenset({"completed", "cancelled", "rejected"})


class Mentorship(msgspec.Struct, frozen=True, kw_only=True):
    """A mentorship after its events so far; maps are persistent, so older states stay as they were."""

    id: str
    requester: str
    requested: Requested  # as it began, to tell a repeated wish from another mentorship's
    state: str = "requested"  # requested, active, completed, cancelled, rejected
    parties: HashTrieMap[str, str] = HashTrieMap()  # person -> role
    accepted: frozenset[str] = frozenset()  # who has said yes to the request, the requester left out
    format: str = "one_to_one"
    purpose: str | None = None
    expectations: str | None = None
    expectations_agreed: frozenset[str] = frozenset()  # who has said yes to these expectations
    programme: str | None = None
    cadence: Cadence | None = None
    cap: int | None = None  # None: the programme's, else CAP_DEFAULT; see cap_for
    quorum: str = "all"
    key_areas: HashTrieMap[str, str] = HashTrieMap()  # active goal -> owner
    goals: HashTrieMap[str, str] = HashTrieMap()  # open goal -> owner
    sessions: HashTrieMap[str, dt.date] = HashTrieMap()  # -> held on
    reflections: HashTrieMap[str, str] = HashTrieMap()  # -> author
    resources: HashTrieMap[str, str] = HashTrieMap()  # -> kind
    ended_on: dt.date | None = None

    @property
    def open(self) -> bool:
        """Requested or active."""
        return self.state not in ENDED


def cap_for(mentorship: Mentorship, programme: Programme | None) -> int:
    """Return how many active goals an owner may have in *mentorship*, which belongs to *programme* if to any."""
    if mentorship.cap is not None:
        return mentorship.cap
    return programme.cap if programme is not None and programme.cap is not None else CAP_DEFAULT


def put(mentorship: Mentorship, collection: str, key: str, value: Any) -> Mentorship:
    """Return *mentorship* with `collection[key] = value`."""
    return msgspec.structs.replace(mentorship, **{collection: getattr(mentorship, collection).insert(key, value)})


def drop(mentorship: Mentorship, collection: str, key: str) -> Mentorship:
    """Return *mentorship* without `collection[key]`; unchanged where it is not there."""
    return msgspec.structs.replace(mentorship, **{collection: getattr(mentorship, collection).discard(key)})
