"""Which events belong to a bundle's scope: one rule for who exports and for who checks that nothing was left out."""

from __future__ import annotations

from typing import Any

from milepost_contracts.envelope import Envelope, decode, decode_members
from milepost_contracts.proofs.bundle import Scope

_PLACED = ("goal", "mentorship")


class Selection:
    """The events of *scope*, told in two passes over the log: `look` at every event, then ask `holds` of each.

    goal: the goal's own events. programme: its own, and those of every goal and mentorship that was ever in it.
    person: the directory entry's, those of every goal and mentorship that the person ever owned, answered for or was a
    party of, and each event elsewhere that names the person: as author, on whose behalf, or as whom it is about.
    everything: every event. Only events up to the bundle's moment may be shown to it.
    """

    def __init__(self, scope: Scope) -> None:
        """Begin with nothing seen."""
        self.scope = scope
        self.refs: set[str] = set()  # subjects (`goal/UUID`) whose events all belong to it
        self._needle = (scope.id or "").encode()
        if scope.kind != "everything" and scope.id:
            self.refs.add(f"{scope.kind}/{scope.id}")

    @property
    def looks(self) -> bool:
        """Whether the first pass is needed at all."""
        return self.scope.kind in ("person", "programme")

    def look(self, document: bytes) -> None:
        """Take note of the event's aggregate where all of its events belong to the scope; raises EnvelopeError."""
        if not self.looks or self._needle not in document:
            return
        envelope = decode(document)
        if envelope.aggregate in _PLACED and envelope.subject not in self.refs and self._within(envelope):
            self.refs.add(envelope.subject)

    def holds(self, subject: str, document: bytes) -> bool:
        """Whether the event of *subject* (`goal/UUID`) belongs to the scope."""
        return (
            self.scope.kind == "everything"
            or subject in self.refs
            or (self.scope.kind == "person" and self._needle in document)
        )

    def _within(self, envelope: Envelope) -> bool:
        """Whether the event says that its goal or mentorship is in the programme, or is one of the person's."""
        members = decode_members(envelope.data)
        told: dict[str, Any] = members.get("context") or members
        if self.scope.kind == "programme":
            return self.scope.id == told.get("programme") or told.get("owner") == f"programme:{self.scope.id}"
        person = f"user:{self.scope.id}"
        parties = [party.get("ref") for party in told.get("parties") or []]
        new = members.get("new")  # of party_replaced: who came
        came = new.get("ref") if isinstance(new, dict) else None
        return person in (told.get("owner"), told.get("accountable"), came, *parties)


def scope_text(scope: Scope) -> str:
    """Return how a scope is written in one word: `goal/UUID`, `everything`."""
    return f"{scope.kind}/{scope.id}" if scope.id else scope.kind
