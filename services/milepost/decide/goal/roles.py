"""Who asks: the roles of an actor against a goal, and the refusal of everybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from milepost.decide.kernel import Case, Frame
from milepost_contracts.subjects import tenant_id

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal

OWNER, PARTY, CONTRIBUTOR, ADMIN, IMPORTER, AUDITOR = "O", "P", "C", "A", "I", "Au"
_TENANT_ROLES = {"admin": ADMIN, "importer": IMPORTER, "auditor": AUDITOR}


def roles_in_tenant(actor: str, frame: Frame) -> set[str]:
    """Return the roles that the tenant gives *actor*; a plugin's are given to `plugin:NAME`, whatever its version."""
    tenant = frame.get(("tenant", tenant_id(frame.tenant_name)))  # it exists, or nothing would be decided
    return {_TENANT_ROLES[role] for role in tenant.roles_of(actor.partition("@")[0]) if role in _TENANT_ROLES}


def roles_of(goal: Goal, actor: str) -> set[str]:
    """Return the roles that *goal* itself gives to *actor*: O, P, C."""
    roles: set[str] = set()
    if actor in (goal.owner, goal.accountable):
        roles.add(OWNER)
    if actor in goal.people:
        roles.add(PARTY)
    if actor in goal.contributors:
        roles.add(CONTRIBUTOR)
    return roles


def existing(case: Case) -> Goal:
    """Return the command's goal; refuses `goal_unknown` at once where there is none."""
    if case.state is None:
        case.reasons.refuse("goal_unknown", "There is no goal with this id in this tenant.", "id")
        case.reasons.raise_any()
    goal: Goal = case.state
    return goal


def asked(case: Case, *roles: str) -> Goal:
    """Return the command's goal; refuses `goal_unknown` and `not_allowed` at once: a stranger learns no more."""
    goal = existing(case)
    allow(case, *roles)
    case.reasons.raise_any()
    return goal


def asked_open(case: Case, *roles: str) -> Goal:
    """Do as `asked` does; refuses `goal_closed` beside the other reasons."""
    goal = asked(case, *roles)
    case.reasons.unless(goal.open, "goal_closed", "This goal is closed: reopen it first.", "id", state=goal.state)
    return goal


def allow(case: Case, *roles: str) -> bool:
    """Refuse `not_allowed` unless the asker has one of *roles* against the goal; returns whether it has.

    The programme is read only where the asker's own roles do not settle it, so that it conflicts with nobody else.
    """
    wanted, actor, goal = set(roles), case.command.actor, case.state
    if goal is not None and wanted & roles_of(goal, actor):
        return True
    if wanted & roles_in_tenant(actor, case.frame):
        return True
    if ADMIN in wanted and goal is not None and goal.programme:
        programme = case.frame.get(("programme", goal.programme))
        if programme is not None and actor in programme.admins:
            return True
    names = {"O": "owner", "P": "party", "C": "contributor", "A": "admin", "I": "importer", "Au": "auditor"}
    who = " or ".join(names[role] for role in roles)
    case.reasons.refuse("not_allowed", f"Only the {who} of this goal may do this.", "actor", roles=list(roles))
    return False
