"""A tenant's events: it opens, gives and takes roles, learns of refills and new keys, and closes for good."""

from __future__ import annotations

import msgspec
from rpds import HashTrieMap

from milepost.decide.checks import permit, within
from milepost.decide.kernel import Case, Change, Frame, Recorded, decides, evolves
from milepost_contracts.commands import access, person
from milepost_contracts.commands import tenant as commands
from milepost_contracts.events import tenant as events
from milepost_contracts.subjects import tenant_id

AFTER_CLOSING = (
    commands.RecordRefill,
    commands.RecordKeyRotation,
    commands.RecordSigningKey,
    person.Erase,
    person.RecordKeysDestroyed,
    access.Record,
)
PUBLISH = "service:publish"  # the relay: nobody else knows what happened to the stream
REPLAY = "service:replay"  # the log: it alone has the signing keys
WHO = "an admin of the tenant or a service"


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant after its events so far. `roles`: reference (a plugin's without its version) -> its roles."""

    id: str
    state: str = "open"  # or `closed`
    title: str | None = None
    opened_for: frozenset[str] = frozenset()  # the admins that it was opened with
    roles: HashTrieMap[str, frozenset[str]] = HashTrieMap()
    generation: int = 0  # of its stream's last recorded refill
    refilled: tuple[str, str] | None = None  # its sequences that the last refill covers
    successor: str | None = None
    signing_key: str | None = None  # the newest public line that an event told of
    retention_months: int | None = None  # without taking part in anything; then a person is due for erasure
    wrapping: int = 0  # generation of the wrapping key after its last recorded rotation

    def roles_of(self, ref: str) -> frozenset[str]:
        """Return the roles of *ref* across the tenant; a plugin has them whatever its version."""
        return self.roles.get(_holder(ref)) or frozenset()


def _holder(ref: str) -> str:
    return ref.partition("@")[0] if ref.startswith("plugin:") else ref


def must_be_open(case: Case) -> None:
    """Refuse every command where the tenant does not exist or is closed, and at once: nothing else matters then.

    Opening is what makes a tenant exist. What happened to the stream or to keys is recorded of a closed tenant too,
    and people are erased there: its events lie where they lay, and readers have to learn of it.
    """
    command, reasons = case.command, case.reasons
    own = tenant_id(case.frame.tenant_name)
    if command.AGGREGATE == "tenant":
        message = "The id of a tenant follows from its name: use this one."
        reasons.unless(command.id == own, "tenant_id_wrong", message, "id", id=own)
        reasons.raise_any()
        tenant = case.state
    else:
        tenant = case.frame.get(("tenant", own))
    if tenant is None:
        if not isinstance(command, commands.Open):
            reasons.refuse("tenant_unknown", "This tenant does not exist: a service opens it first.")
    elif tenant.state == "closed" and not isinstance(command, AFTER_CLOSING):
        message = "This tenant is closed: go on in its successor, where it has one."
        reasons.refuse("tenant_closed", message, successor=tenant.successor)
    reasons.raise_any()


def has_role(frame: Frame, actor: str, *roles: str) -> bool:
    """Whether the tenant gives *actor* one of *roles*: admin, importer, auditor."""
    tenant = frame.get(("tenant", tenant_id(frame.tenant_name)))
    return tenant is not None and not tenant.roles_of(actor).isdisjoint(roles)


def is_service(actor: str) -> bool:
    """Whether *actor* is a part of the installation; who may speak as one is settled where it connects."""
    return actor.startswith("service:")


def _permit_admins(case: Case) -> None:
    command = case.command
    permit(case, is_service(command.actor) or "admin" in case.state.roles_of(command.actor), WHO)


@decides(commands.Open)
def open_(case: Case) -> list[Change]:
    """Open the tenant; to open it again in the same way changes nothing, so that every start may ask for it."""
    command, tenant = case.command, case.state
    permit(case, is_service(command.actor), "a service")
    if tenant is None:
        within(case, len(command.admins), "items", "admins")
        return [case.change(events.Opened(title=command.title, admins=command.admins))]
    case.reasons.unless(
        tenant.opened_for == frozenset(command.admins) and tenant.title == command.title,
        "tenant_taken",
        "This tenant was opened with another title or other admins: grant and revoke roles instead.",
        "id",
    )
    return []


@evolves(events.Opened)
def opened(_state: Tenant | None, event: events.Opened, recorded: Recorded) -> Tenant:
    """Begin a tenant; its admins have the role `admin`."""
    roles: HashTrieMap[str, frozenset[str]] = HashTrieMap()
    for ref in event.admins:
        roles = roles.insert(_holder(ref), frozenset({"admin"}))
    return Tenant(id=recorded.aggregate_id, title=event.title, opened_for=frozenset(event.admins), roles=roles)


@decides(commands.GrantRole)
def grant_role(case: Case) -> list[Change]:
    """Give a role."""
    command = case.command
    _permit_admins(case)
    if command.role in case.state.roles_of(command.ref):
        return []
    return [case.change(events.RoleGranted(ref=command.ref, role=command.role))]


@evolves(events.RoleGranted)
def role_granted(state: Tenant, event: events.RoleGranted, _recorded: Recorded) -> Tenant:
    """Add the role."""
    return _with_roles(state, event.ref, state.roles_of(event.ref) | {event.role})


@decides(commands.RevokeRole)
def revoke_role(case: Case) -> list[Change]:
    """Take a role back; the last admin's too, since a service can always grant it anew."""
    command, tenant = case.command, case.state
    _permit_admins(case)
    if command.role not in tenant.roles_of(command.ref):
        return []
    if command.role == "admin" and not any(
        "admin" in roles for ref, roles in tenant.roles.items() if ref != _holder(command.ref)
    ):
        case.reasons.warn("no_admin_left", "Nobody is an admin of this tenant now: only a service can name one.", "ref")
    return [case.change(events.RoleRevoked(ref=command.ref, role=command.role))]


@evolves(events.RoleRevoked)
def role_revoked(state: Tenant, event: events.RoleRevoked, _recorded: Recorded) -> Tenant:
    """Take the role away."""
    return _with_roles(state, event.ref, state.roles_of(event.ref) - {event.role})


def _with_roles(state: Tenant, ref: str, roles: frozenset[str]) -> Tenant:
    kept = state.roles.insert(_holder(ref), roles) if roles else state.roles.discard(_holder(ref))
    return msgspec.structs.replace(state, roles=kept)


@decides(commands.RecordRefill)
def record_refill(case: Case) -> list[Change]:
    """Record what the relay did to the stream; asked again after a crash, it changes nothing."""
    command, tenant, reasons = case.command, case.state, case.reasons
    permit(case, command.actor == PUBLISH, "the relay (service:publish)")
    if (command.generation, (command.first, command.last)) == (tenant.generation, tenant.refilled):
        return []
    reasons.unless(
        command.generation > tenant.generation,
        "generation_not_rising",
        "A refill has a higher generation than the one before.",
        "generation",
        generation=tenant.generation,
    )
    reasons.unless(command.first <= command.last, "range_empty", "The last sequence is before the first.", "last")
    return [case.change(events.StreamRefilled(generation=command.generation, first=command.first, last=command.last))]


@evolves(events.StreamRefilled)
def stream_refilled(state: Tenant, event: events.StreamRefilled, _recorded: Recorded) -> Tenant:
    """Remember the generation and what it covers."""
    return msgspec.structs.replace(state, generation=event.generation, refilled=(event.first, event.last))


@decides(commands.SetRetention)
def set_retention(case: Case) -> list[Change]:
    """Set after how long people are due for erasure, or that nobody is."""
    command = case.command
    _permit_admins(case)
    if command.months == case.state.retention_months:
        return []
    return [case.change(events.RetentionSet(months=command.months))]


@evolves(events.RetentionSet)
def retention_set(state: Tenant, event: events.RetentionSet, _recorded: Recorded) -> Tenant:
    """Remember it."""
    return msgspec.structs.replace(state, retention_months=event.months)


@decides(commands.RecordKeyRotation)
def record_key_rotation(case: Case) -> list[Change]:
    """Record that an operator changed the wrapping key; asked again, it changes nothing."""
    command = case.command
    permit(case, is_service(command.actor), "a service")
    if command.generation_after == case.state.wrapping:
        return []
    case.reasons.unless(
        command.generation_after > max(case.state.wrapping, command.generation_before),
        "generation_not_rising",
        "A new wrapping key has a higher generation than the one before.",
        "generation_after",
        generation=case.state.wrapping,
    )
    return [
        case.change(
            events.WrappingKeyRotated(
                keys=command.keys,
                generation_before=command.generation_before,
                generation_after=command.generation_after,
            )
        )
    ]


@evolves(events.WrappingKeyRotated)
def wrapping_key_rotated(state: Tenant, event: events.WrappingKeyRotated, _recorded: Recorded) -> Tenant:
    """Remember its generation."""
    return msgspec.structs.replace(state, wrapping=event.generation_after)


@decides(commands.RecordSigningKey)
def record_signing_key(case: Case) -> list[Change]:
    """Record that the log signs with another key; asked again, it changes nothing."""
    command, known = case.command, case.state.signing_key
    permit(case, command.actor == REPLAY, "the log (service:replay)")
    if command.new == known:
        return []
    message = "A new key follows the one that signs."
    case.reasons.unless(known in (None, command.old), "signing_key_stale", message, "old", signing_key=known)
    case.reasons.unless(command.old != command.new, "signing_key_same", "The new key is another one.", "new")
    return [case.change(events.SigningKeyRotated(old=command.old, new=command.new))]


@evolves(events.SigningKeyRotated)
def signing_key_rotated(state: Tenant, event: events.SigningKeyRotated, _recorded: Recorded) -> Tenant:
    """Remember the new key."""
    return msgspec.structs.replace(state, signing_key=event.new)


@decides(commands.Close)
def close(case: Case) -> list[Change]:
    """Close the tenant for good; a merge names where its goals go, and imports them there with their origin."""
    command = case.command
    _permit_admins(case)
    case.reasons.unless(
        command.successor != case.frame.tenant_name,
        "successor_is_itself",
        "A tenant cannot be its own successor: name another one, or none.",
        "successor",
    )
    return [case.change(events.Closed(successor=command.successor, reason=command.reason))]


@evolves(events.Closed)
def closed(state: Tenant, event: events.Closed, _recorded: Recorded) -> Tenant:
    """End the tenant."""
    return msgspec.structs.replace(state, state="closed", successor=event.successor)
