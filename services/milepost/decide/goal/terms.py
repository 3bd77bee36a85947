"""Terms: every change of them raises the revision, voids the other parties' yes and is hashed when sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from rpds import HashTrieMap

from milepost_contracts.events import Context, TermsEvent
from milepost_contracts.events.goal import Refined
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


def unchanged(goal: Goal) -> dict[str, Any]:
    """Return the members `revision` and `voided` of an event that might change terms and does not."""
    return {"revision": goal.revision, "voided": []}


def with_revision(goal: Goal, event: TermsEvent) -> Goal:
    """Return *goal*, whose terms *event* has changed, at its revision: who still agrees, and whether that is all.

    Voided yeses are gone, and those of people who left; the others hold for the new revision. An editorial change
    leaves agreement and evaluation as they were.
    """
    if event.revision == goal.revision:
        return msgspec.structs.replace(goal, terms_hash=event.terms_hash)
    gone = set(event.voided) | (set(goal.agreements) - goal.people)
    agreements: HashTrieMap[str, int] = HashTrieMap(
        {person: event.revision for person in goal.agreements if person not in gone}
    )
    evaluation, agreement_open = goal.evaluation, goal.agreement_open
    if isinstance(event, Refined) and event.editorial:
        if evaluation is not None and evaluation.revision == goal.revision:
            evaluation = msgspec.structs.replace(evaluation, revision=event.revision)
    elif goal.state in ("active", "paused"):
        # At most one yes is left, the actor's, and no quorum is content with one where there are others.
        agreement_open = any(person not in agreements for person in goal.people)
    return msgspec.structs.replace(
        goal,
        revision=event.revision,
        terms_hash=event.terms_hash,
        agreements=agreements,
        agreement_open=agreement_open,
        evaluation=evaluation,
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
