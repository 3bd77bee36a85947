"""Terms: every change of them raises the revision, voids the other parties' yes and is hashed when sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from milepost_contracts.events import Context, TermsEvent
from milepost_contracts.types import Party

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal

_encoder = msgspec.json.Encoder(order="deterministic")


def raised(goal: Goal, actor: str, *, editorial: bool = False) -> dict[str, Any]:
    """Return the members `revision` and `voided` of an event by which *actor* changes the terms of *goal*.

    The actor's own yes moves on to the new revision; an editorial change moves everybody's.
    """
    voided = [] if editorial else sorted(person for person in goal.agreements if person != actor)
    return {"revision": goal.revision + 1, "voided": voided}


def with_revision(goal: Goal, event: TermsEvent) -> Goal:
    """Return *goal* at the revision of *event*: voided yeses are gone, the others hold for the new revision."""
    voided = set(event.voided)
    agreements = goal.agreements
    for person in goal.agreements:
        agreements = agreements.remove(person) if person in voided else agreements.insert(person, event.revision)
    running = goal.state in ("active", "paused")
    return msgspec.structs.replace(
        goal,
        revision=event.revision,
        terms_hash=event.terms_hash,
        agreements=agreements,
        agreement_open=goal.agreement_open or (running and bool(voided)),
        # Terms that changed under a proposal are another proposal.
        state="drafted" if goal.state == "proposed" else goal.state,
    )


def terms_of(goal: Goal) -> bytes:
    """Return the terms of *goal* (words open) in one canonical JSON form, which is what terms_hash hashes."""
    return _encoder.encode(
        {
            "title": goal.title,
            "description": goal.description,
            "kind": goal.kind,
            "owner": goal.owner,
            "accountable": goal.accountable,
            "parties": dict(goal.parties.items()),
            "deadline": goal.deadline,
            "measures": dict(goal.measures.items()),
        }
    )


def context_of(goal: Goal) -> Context:
    """Return who and what *goal* belongs to, for the `context` of its events."""
    return Context(
        owner=goal.owner,
        accountable=goal.accountable,
        parties=[Party(ref=ref, role=role) for ref, role in sorted(goal.parties.items())],
        mentorship=goal.mentorship,
        programme=goal.programme,
        cycle=goal.cycle,
    )
