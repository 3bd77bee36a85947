"""A tenant's events: it opens, gives and takes roles, learns of refills of its stream, and closes for good."""

from __future__ import annotations

import msgspec
from rpds import HashTrieMap

from milepost.decide.kernel import Case, Recorded, evolves
from milepost_contracts.commands import tenant as commands
from milepost_contracts.events import tenant as events
from milepost_contracts.subjects import tenant_id

PUBLISH = "service:publish"  # the relay: nobody else knows what happened to the stream


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant after its events so far. `roles`: reference (a plugin's without its version) -> its roles."""

    id: str
    state: str = "open"  # or `closed`
    title: str | None = None
    opened_for: frozenset[str] = frozenset()  # the admins that it was opened with
    roles: HashTrieMap[str, frozenset[str]] = HashTrieMap()
    generation: int = 0  # of its stream's last recorded refill
    successor: str | None = None

    def roles_of(self, ref: str) -> frozenset[str]:
        """Return the roles of *ref* across the tenant; a plugin has them whatever its version."""
        return self.roles.get(_holder(ref)) or frozenset()


def _holder(ref: str) -> str:
    return ref.partition("@")[0] if ref.startswith("plugin:") else ref


def must_be_open(case: Case) -> None:
    """Refuse every command where the tenant does not exist or is closed, and at once: nothing else matters then.

    Opening is what makes a tenant exist. A refill is recorded of a closed tenant too, since its events lie in the
    stream as before and their readers have to learn of it.
    """
    command, reasons = case.command, case.reasons
    own = tenant_id(case.frame.tenant_name)
    if command.AGGREGATE == "tenant":
        reasons.unless(
            command.id == own, "tenant_id_wrong", "The id of this tenant follows from its name: use it.", "id", id=own
        )
        reasons.raise_any()
        tenant = case.state
    else:
        tenant = case.frame.get(("tenant", own))
    if isinstance(command, commands.Open):
        return
    if tenant is None:
        reasons.refuse("tenant_unknown", "This tenant does not exist: a service opens it first.")
    elif tenant.state == "closed" and not isinstance(command, commands.RecordRefill):
        reasons.refuse(
            "tenant_closed", "This tenant is closed: go on in its successor, if it has one.", successor=tenant.successor
        )
    reasons.raise_any()


@evolves(events.Opened)
def opened(_state: Tenant | None, event: events.Opened, recorded: Recorded) -> Tenant:
    """Begin a tenant; its admins have the role `admin`."""
    roles: HashTrieMap[str, frozenset[str]] = HashTrieMap()
    for ref in event.admins:
        roles = roles.insert(_holder(ref), frozenset({"admin"}))
    return Tenant(id=recorded.aggregate_id, title=event.title, opened_for=frozenset(event.admins), roles=roles)


@evolves(events.RoleGranted)
def role_granted(state: Tenant, event: events.RoleGranted, _recorded: Recorded) -> Tenant:
    """Add the role."""
    return _with_roles(state, event.ref, state.roles_of(event.ref) | {event.role})


@evolves(events.RoleRevoked)
def role_revoked(state: Tenant, event: events.RoleRevoked, _recorded: Recorded) -> Tenant:
    """Take the role away."""
    return _with_roles(state, event.ref, state.roles_of(event.ref) - {event.role})


def _with_roles(state: Tenant, ref: str, roles: frozenset[str]) -> Tenant:
    kept = state.roles.insert(_holder(ref), roles) if roles else state.roles.discard(_holder(ref))
    return msgspec.structs.replace(state, roles=kept)


@evolves(events.StreamRefilled)
def stream_refilled(state: Tenant, event: events.StreamRefilled, _recorded: Recorded) -> Tenant:
    """Remember the generation."""
    return msgspec.structs.replace(state, generation=event.generation)


@evolves(events.Closed)
def closed(state: Tenant, event: events.Closed, _recorded: Recorded) -> Tenant:
    """End the tenant."""
    return msgspec.structs.replace(state, state="closed", successor=event.successor)
