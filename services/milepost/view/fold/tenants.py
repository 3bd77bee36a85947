"""Events of a tenant: who has roles across it. Those of persons change nothing here."""

from __future__ import annotations

from milepost.view.fold.kernel import At, folds
from milepost.view.rows import TenantRow
from milepost_contracts.events import person, tenant


@folds(tenant.Opened)
def opened(row: TenantRow, event: tenant.Opened, _at: At) -> None:
    """Begin with its admins."""
    for ref in event.admins:
        row.roles[holder(ref)] = ["admin"]


@folds(tenant.RoleGranted)
def role_granted(row: TenantRow, event: tenant.RoleGranted, _at: At) -> None:
    """Add the role."""
    roles = row.roles.setdefault(holder(event.ref), [])
    if event.role not in roles:
        roles.append(event.role)


@folds(tenant.RoleRevoked)
def role_revoked(row: TenantRow, event: tenant.RoleRevoked, _at: At) -> None:
    """Take it away."""
    ref = holder(event.ref)
    kept = [role for role in row.roles.get(ref, []) if role != event.role]
    if kept:
        row.roles[ref] = kept
    else:
        row.roles.pop(ref, None)


@folds(tenant.Closed)
def closed(row: TenantRow, _event: tenant.Closed, _at: At) -> None:
    """End it; what was said stays readable."""
    row.state = "closed"


@folds(
    tenant.StreamRefilled,
    tenant.RetentionSet,
    tenant.WrappingKeyRotated,
    tenant.SigningKeyRotated,
    person.Linked,
    person.Held,
    person.Released,
    person.Erased,
    person.KeysDestroyed,
)
def no_row(_row: TenantRow | None, _event: object, _at: At) -> None:
    """Change nothing here: the journal's side keeps directory and keys, the reader minds refills and who is erased."""


def holder(ref: str) -> str:
    """Return who holds a role: a plugin's are given to `plugin:NAME`, whatever its version."""
    return ref.partition("@")[0] if ref.startswith("plugin:") else ref
