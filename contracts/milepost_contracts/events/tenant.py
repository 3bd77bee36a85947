"""Events of a tenant: opened, who has roles across it, refills of its stream, how long people are kept, closed."""

from __future__ import annotations

from typing import ClassVar

from milepost_contracts.events.base import Event
from milepost_contracts.types import ActorRef, Line, Name, TenantRole, Text


class TenantEvent(Event, frozen=True, kw_only=True):
    """An event of a tenant; its id is derived from the tenant's name (`subjects.tenant_id`)."""

    AGGREGATE: ClassVar[str] = "tenant"


class Opened(TenantEvent, frozen=True, kw_only=True):
    """The tenant exists; its admins may give roles."""

    title: Line | None = None
    admins: list[ActorRef] = []


class RoleGranted(TenantEvent, frozen=True, kw_only=True):
    """A person, service or plugin has a role across the whole tenant from now on."""

    ref: ActorRef
    role: TenantRole


class RoleRevoked(TenantEvent, frozen=True, kw_only=True):
    """The role is taken back."""

    ref: ActorRef
    role: TenantRole


class StreamRefilled(TenantEvent, frozen=True, kw_only=True, rename={"first": "from", "last": "to"}):
    """The stream was lost or purged and filled again from the journal: the tenant's sequences `from` to `to`."""

    generation: int
    first: str
    last: str


class RetentionSet(TenantEvent, frozen=True, kw_only=True):
    """Who has taken part in nothing for so many months is due for erasure; None: nobody ever is."""

    months: int | None = None


class WrappingKeyRotated(TenantEvent, frozen=True, kw_only=True):
    """The key that wraps persons' keys was changed: `keys` are wrapped anew, and the one before is destroyed."""

    keys: int
    generation_before: int
    generation_after: int


class SigningKeyRotated(TenantEvent, frozen=True, kw_only=True):
    """The log's checkpoints are signed by another key from now on, the first one by both; public vkey lines."""

    old: str
    new: str


class Closed(TenantEvent, frozen=True, kw_only=True):
    """The tenant takes no more commands; a merge names its successor."""

    successor: Name | None = None
    reason: Text | None = None
