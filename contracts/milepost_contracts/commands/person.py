"""Commands on a person; erasure comes with the audit side."""

from __future__ import annotations

from typing import ClassVar

from milepost_contracts.commands.base import Command
from milepost_contracts.types import (
    Account,
    Day,
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
