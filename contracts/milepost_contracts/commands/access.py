"""The command on an access log."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from milepost_contracts.commands.base import Command
from milepost_contracts.types import AccessKind, ActorRef, Day, Key, Scope, Text

SCOPES_MAX = 1000  # what one question about keys can touch; then 75 kB, below the largest command
MOMENTS_MAX = 2  # a difference lies between two


class AccessCommand(Command, frozen=True, kw_only=True):
    """A command on the access log of a reader's day."""

    AGGREGATE: ClassVar[str] = "access"


class Record(AccessCommand, frozen=True, kw_only=True):
    """Record what a reader is about to be given; sent by replay, or by who reads the databases with `verify`.

    What is recorded of that day already causes no event. A reader who is a person is named in `on_behalf_of` too.
    """

    reader: ActorRef
    day: Day
    kind: AccessKind
    via: ActorRef | None = None
    scopes: Annotated[list[Scope], Meta(max_length=SCOPES_MAX)] = []
    everything: bool = False
    moments: Annotated[list[Key], Meta(max_length=MOMENTS_MAX)] = []
    reason: Text | None = None
