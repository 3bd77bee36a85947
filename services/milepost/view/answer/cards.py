"""A goal as lists show it."""

from __future__ import annotations

from typing import Any

from milepost.view.answer.asked import Case
from milepost.view.answer.standing import HealthNow, check_ins_of, health_of, progress_of
from milepost.view.rows import CardRow


def card_tree(
    case: Case, id_: str, card: CardRow, *, progress: str | None = None, health: HealthNow | None = None
) -> dict[str, Any]:
    """Return the members of a GoalCard, words still sealed; *progress* and *health* where they are known already."""
    if health is None:
        progress = progress_of(case, id_, card)
        health = health_of(card, progress, case.day(card))
    return {
        "id": id_,
        "version": card.version,
        "title": card.title,
        "kind": card.kind,
        "state": card.state,
        "archived": card.archived,
        "visibility": card.visibility,
        "owner": card.owner,
        "accountable": card.accountable,
        "parties": [{"ref": ref, "role": role} for ref, role in card.parties.items()],
        "mentorship": card.mentorship,
        "programme": card.programme,
        "cycle": card.cycle,
        "focus": card.focus,
        "priority": card.priority,
        "horizon": card.horizon,
        "deadline": card.deadline,
        "progress": progress,
        "expected": health.expected,
        "health": health.health,
        "health_set": health.set,
        "revision": card.revision,
        "agreement_open": card.agreement_open,
        "next_check_in_on": check_ins_of(case, card).next_due if card.state == "active" else None,
        "result": card.result,
        "score": card.score,
    }
