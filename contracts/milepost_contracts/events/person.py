"""Events of a person: the directory's entry, holds on what is known of the person, and its erasure for good."""

from __future__ import annotations

from typing import ClassVar

from milepost_contracts.events.base import Event
from milepost_contracts.types import Account, Day, Id, KeyId, Line, Text


class PersonEvent(Event, frozen=True, kw_only=True):
    """An event of a person."""

    AGGREGATE: ClassVar[str] = "person"


class Linked(PersonEvent, frozen=True, kw_only=True):
    """The person's name and accounts in other systems, sealed under the person's own key."""

    name: Line | None = None
    accounts: list[Account] = []


class Held(PersonEvent, frozen=True, kw_only=True):
    """A legal hold: nothing of this person may be erased until it is released."""

    reason: Text
    until: Day | None = None


class Released(PersonEvent, frozen=True, kw_only=True):
    """The legal hold ended."""

    reason: Text | None = None


class Erased(PersonEvent, frozen=True, kw_only=True):
    """Everything that this person said, and all that was said on goals of theirs, is unreadable for ever.

    The reason is sealed under the organisation's key alone, whoever gave it: why it happened is to be read afterwards.
    """

    OF_ORGANISATION: ClassVar[bool] = True

    reason: Text


class KeysDestroyed(PersonEvent, frozen=True, kw_only=True):
    """The person's keys are gone, and with them the wrapping key that could have opened copies of them.

    `erased`: the event that asked for it. `key_ids`: the destroyed keys; `derived`: how many sealing keys were made of
    them. `survivors`: keys of others, wrapped anew under `generation_after`; the key of `generation_before` is gone.
    """

    OF_ORGANISATION: ClassVar[bool] = True

    erased: Id
    key_ids: list[KeyId]
    derived: int
    survivors: int
    generation_before: int
    generation_after: int
