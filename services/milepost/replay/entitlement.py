"""Who may read the words of an aggregate: by role against it, and by its visibility."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from milepost.decide import Ref
from milepost_contracts.subjects import tenant_id

# Stages that answer people and open words for them; whom they ask for is in `on_behalf_of`.
TRUSTED = frozenset({"service:view", "service:web", "service:react"})
# The plugin host asking for itself: it gets keys of what parties may read, and gives a plugin only the words that its
# manifest lists; in states it gets those words opened, and no others.
PLUGIN_HOST = "service:react"
READERS = frozenset({"admin", "auditor"})


class Entitlement:
    """Decides who may read what, on the newest states; *state(tenant, ref)* gives them, words still sealed."""

    def __init__(self, state: Callable[[str, Ref], Any]) -> None:
        """Take where states come from."""
        self._state = state

    def reads_all(self, tenant: str, reader: str) -> bool:
        """Whether *reader* may read everything in *tenant*: its admins and auditors may."""
        directory = self._state(tenant, ("tenant", tenant_id(tenant)))
        return directory is not None and not READERS.isdisjoint(directory.roles_of(reader.partition("@")[0]))

    def may_read(self, tenant: str, reader: str, ref: Ref) -> bool:
        """Whether *reader* may read what the parties of *ref* may."""
        if self.reads_all(tenant, reader):
            return True
        state = self._state(tenant, ref)
        if state is None:
            return False
        readers = {"goal": self._goal, "mentorship": self._mentorship, "programme": self._programme}
        if ref[0] == "person":  # name, accounts and the reasons of holds
            return reader == f"user:{ref[1]}"
        if ref[0] == "access":  # what one has read oneself
            return holder_of(reader) == holder_of(state.reader)
        # The tenant's own title is for everybody in it.
        return readers[ref[0]](tenant, reader, state) if ref[0] in readers else True

    def is_party(self, tenant: str, reader: str, ref: Ref) -> bool:
        """Whether *ref* is the reader's own: what a party reads of it is nobody else's business.

        Whoever reads by a role, or because it is visible, is none. The tenant's own aggregate is everybody's.
        """
        if ref[0] in ("tenant", "person"):
            return ref[0] == "tenant" or reader == f"user:{ref[1]}"
        state = self._state(tenant, ref)
        if state is None:
            return False
        if ref[0] == "access":
            return holder_of(reader) == holder_of(state.reader)
        if ref[0] == "goal":
            return reader in state.people or reader in state.contributors
        return reader in state.parties if ref[0] == "mentorship" else self._programme(tenant, reader, state)

    def by_role(self, tenant: str, reader: str, ref: Ref) -> bool:
        """Whether *reader*, who may read *ref*, may so by a role alone: it is neither theirs nor shown to them."""
        if self.is_party(tenant, reader, ref):
            return False
        goal = self._state(tenant, ref) if ref[0] == "goal" else None
        if goal is None or goal.visibility == "private":
            return True
        return goal.visibility == "programme" and not (
            goal.programme and self._in_programme(tenant, reader, goal.programme, participants=True)
        )

    def _goal(self, tenant: str, reader: str, goal: Any) -> bool:
        if reader in goal.people or reader in goal.contributors or goal.visibility == "tenant":
            return True
        return bool(goal.programme) and self._in_programme(
            tenant, reader, goal.programme, participants=goal.visibility == "programme"
        )

    def _mentorship(self, tenant: str, reader: str, mentorship: Any) -> bool:
        if reader in mentorship.parties:
            return True
        return bool(mentorship.programme) and self._in_programme(
            tenant, reader, mentorship.programme, participants=False
        )

    def _programme(self, _: str, reader: str, programme: Any) -> bool:
        return reader in programme.admins or reader in programme.participants

    def _in_programme(self, tenant: str, reader: str, programme_id: str, *, participants: bool) -> bool:
        programme = self._state(tenant, ("programme", programme_id))
        if programme is None:
            return False
        return reader in programme.admins or (participants and reader in programme.participants)


def holder_of(reader: str) -> str:
    """Return *reader* as whom rights and logs are kept: a plugin whatever its version."""
    return reader.partition("@")[0] if reader.startswith("plugin:") else reader
