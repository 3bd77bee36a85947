"""Commands on a person."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from milepost_contracts.commands.base import Command
from milepost_contracts.types import (
    Account,
    Day,
    Id,
    KeyId,
    Line,
    Text,
)


class PersonCommand(Command, frozen=True, kw_only=True):
    """A command on a person."""

    AGGREGATE: ClassVar[str] = "person"


class Link(PersonCommand, frozen=True, kw_only=True):
    """Set the person's name and link accounts in other systems."""

    name: Line | None = None
    accounts: list[Account] = []


class Hold(PersonCommand, frozen=True, kw_only=True):
    """Forbid erasure until the hold is released."""

    reason: Text
    until: Day | None = None


class Release(PersonCommand, frozen=True, kw_only=True):
    """Release the hold."""

    reason: Text | None = None


class Erase(PersonCommand, frozen=True, kw_only=True):
    """Destroy the person's keys for good; the reason stays readable."""

    reason: Text


class RecordKeysDestroyed(PersonCommand, frozen=True, kw_only=True):
    """Record that the person's keys are destroyed; sent by accept."""

    erased: Id
    key_ids: list[KeyId]
    derived: Annotated[int, Meta(ge=0)]
    survivors: Annotated[int, Meta(ge=0)]
    generation_before: Annotated[int, Meta(ge=0)]
    generation_after: Annotated[int, Meta(ge=1)]
