"""Commands on a tenant."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

from msgspec import Meta

from milepost_contracts.commands.base import Command
from milepost_contracts.types import (
    ActorRef,
    Line,
    Name,
    TenantRole,
    Text,
    VerifierLine,
)

Sequence: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{16}(?!\n)$")]


class TenantCommand(Command, frozen=True, kw_only=True):
    """A command on a tenant."""

    AGGREGATE: ClassVar[str] = "tenant"


class Open(TenantCommand, frozen=True, kw_only=True):
    """Open the tenant; services only."""

    title: Line | None = None
    admins: list[ActorRef] = []


class GrantRole(TenantCommand, frozen=True, kw_only=True):
    """Give a role across the whole tenant."""

    ref: ActorRef
    role: TenantRole


class RevokeRole(TenantCommand, frozen=True, kw_only=True):
    """Take a role back."""

    ref: ActorRef
    role: TenantRole


class RecordRefill(TenantCommand, frozen=True, kw_only=True):
    """Record that the stream was filled again; sent by publish."""

    generation: Annotated[int, Meta(ge=1)]
    first: Sequence
    last: Sequence


class SetRetention(TenantCommand, frozen=True, kw_only=True):
    """Set after how many months without taking part in anything a person is due for erasure; none: never."""

    months: Annotated[int, Meta(ge=1, le=1200)] | None = None


class RecordKeyRotation(TenantCommand, frozen=True, kw_only=True):
    """Record that the key which wraps persons' keys was changed; services only."""

    keys: Annotated[int, Meta(ge=0)]
    generation_before: Annotated[int, Meta(ge=0)]
    generation_after: Annotated[int, Meta(ge=1)]


class RecordSigningKey(TenantCommand, frozen=True, kw_only=True):
    """Record that the log's checkpoints get another signing key; sent by replay."""

    old: VerifierLine
    new: VerifierLine


class Close(TenantCommand, frozen=True, kw_only=True):
    """Take no more commands; a merge names its successor."""

    successor: Name | None = None
    reason: Text | None = None
