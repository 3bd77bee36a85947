"""What every event has: its tag, its aggregate, and for goals the context that readers route by."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import msgspec

from milepost_contracts.types import Id, OwnerRef, Party, PersonRef, Value


class Event(Value, frozen=True, kw_only=True):
    """A past fact, the `data` of an envelope. Its tag is `{aggregate}.{name}.v{n}`, from the class name."""

    AGGREGATE: ClassVar[str] = ""
    TAG: ClassVar[str] = ""
    NAME: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1
    # Whether its words are sealed under the organisation's key alone, whoever says them of whom.
    OF_ORGANISATION: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give *cls* its tag: `MilestoneHit` of goals is `goal.milestone_hit.v1`, `ThingV2` is `.v2`."""
        super().__init_subclass__(**kwargs)
        match = re.fullmatch(r"(.+?)(?:V([2-9]))?", cls.__name__)
        assert match is not None  # noqa: S101  the pattern takes any class name
        cls.NAME = re.sub(r"(?<!^)(?=[A-Z])", "_", match[1]).lower()
        cls.VERSION = int(match[2] or 1)
        cls.TAG = f"{cls.AGGREGATE}.{cls.NAME}.v{cls.VERSION}"


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Who and what a goal belongs to after the event; every member is always present."""

    owner: OwnerRef
    accountable: PersonRef | None
    parties: list[Party]
    mentorship: Id | None
    programme: Id | None
    cycle: Id | None


class GoalEvent(Event, frozen=True, kw_only=True):
    """An event of a goal; `context` is set when it is appended."""

    AGGREGATE: ClassVar[str] = "goal"

    context: Context | None = None


class TermsEvent(GoalEvent, frozen=True, kw_only=True):
    """An event that may change terms: the revision it leaves, the keyed hash of the terms, whose yes it voids."""

    revision: int = 0
    terms_hash: str = ""
    voided: list[PersonRef] = []
