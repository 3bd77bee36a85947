"""A programme: its frame for those who take part, its figures for those who run it."""

from __future__ import annotations

import datetime as dt
import statistics
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from milepost.view import rows
from milepost.view.answer.asked import Case, refused
from milepost.view.answer.standing import check_ins_of, health_of, number_text, progress_of
from milepost.view.rows import CardRow, ProgrammeRow
from milepost_contracts.queries import Programme

Tree = dict[str, Any]
STATES = ("drafted", "proposed", "active", "paused", "closed")
# Somebody who has done nothing on any goal for a month is not at it: goals are checked in on monthly at the least.
ENGAGED_WITHIN = dt.timedelta(days=30)


def programme(case: Case, query: Programme) -> Tree:
    """Answer `programme`; it takes no cursor, since it is one page."""
    row = case.programme(query.id)
    runs = case.sees_all or query.id in case.runs
    if row is None or not (runs or query.id in case.programmes):
        raise refused("programme_unknown", "There is no programme with this id that you may see.", "id")
    return {
        "id": query.id,
        "version": row.version,
        "title": row.title,
        "description": row.description,
        "state": row.state,
        "admins": row.admins,
        "cap": row.cap,
        "cadence": row.cadence,
        "rubric": dict(zip(("id", "version", "criteria"), row.rubric, strict=True)) if row.rubric else None,
        "cycles": [_all("cycle", id_, cycle) for id_, cycle in row.cycles.items()],
        "templates": [_all("template", id_, template) for id_, template in row.templates.items()],
        "participants": [
            {
                "participant": who,
                "role": one.role,
                "enrolled_on": one.enrolled,
                "withdrawn_on": one.withdrawn or None,
            }
            for who, one in row.participants.items()
            if runs
        ],
        "figures": _figures(case, row, list(_goals(case, query))) if runs else None,
    }


def _goals(case: Case, query: Programme) -> Iterable[tuple[str, CardRow]]:
    for id_, body, _ in case.held(f"programme:{query.id}"):
        card = rows.decode_card(body)
        # The owner of a shared goal is a programme too, and that alone does not place the goal.
        if card.programme == query.id and query.cycle in (None, card.cycle):
            yield id_, card


def _figures(case: Case, row: ProgrammeRow, goals: list[tuple[str, CardRow]]) -> Tree:
    cards = [card for _, card in goals]
    states = Counter(card.state for card in cards)
    scores = [Decimal(card.score) for card in cards if card.score is not None]
    active = [(id_, card) for id_, card in goals if card.state == "active"]
    health = Counter(health_of(card, progress_of(case, id_, card), case.day(card)).health for id_, card in active)
    return {
        "goals": len(cards),
        "funnel": {state: states[state] for state in STATES},
        "reached": {
            "created": len(cards),
            "proposed": sum(bool(card.proposed) for card in cards),
            "agreed": sum(bool(card.first_agreed) for card in cards),
            "activated": sum(card.activated_on is not None for card in cards),
            "closed": states["closed"],
        },
        "results": dict(Counter(card.result for card in cards if card.result)),
        "health": dict(health),
        "mean_score": number_text(sum(scores) / len(scores)) if scores else None,
        "time_to_agreement": _time_to_agreement(cards),
        "deadline_slip": _slip(cards),
        "engagement": _engagement(case, row, cards),
        "attrition": _attrition(case, row, cards),
        "surveys": _surveys(row),
        "money": _money(row),
    }


def _time_to_agreement(cards: list[CardRow]) -> Tree:
    days = sorted(card.agreement_days for card in cards if card.agreement_days is not None)
    if not days:
        return {"goals": 0}
    p90 = days[min(len(days) - 1, round(0.9 * len(days) + 0.5) - 1)]
    return {"goals": len(days), "median_days": _days(statistics.median(days)), "p90_days": _days(p90)}


def _days(days: float) -> str | None:
    return number_text(round(Decimal(days), 2))


def _slip(cards: list[CardRow]) -> Tree:
    shifts = [shift for card in cards for shift in card.shifts]
    return {
        "shifts": len(shifts),
        "goals": sum(bool(card.shifts) for card in cards),
        "days": sum(days for days, _ in shifts),
        "by_reason": dict(Counter(reason for _, reason in shifts)),
    }


def _engagement(case: Case, row: ProgrammeRow, cards: list[CardRow]) -> Tree:
    present = {who for who, one in row.participants.items() if not one.withdrawn}
    with_goal = {person for card in cards if card.open for person in card.people}
    since = (case.today - ENGAGED_WITHIN).isoformat()
    at_work = {person for card in cards for person, on in card.active.items() if on >= since}
    check_ins = sum(card.check_ins for card in cards)
    running = [card for card in cards if card.state == "active"]
    return {
        "participants": len(present),
        "with_goal": len(present & with_goal),
        "active_last_30_days": len(present & at_work),
        "check_ins": check_ins,
        "check_ins_overdue": sum(check_ins_of(case, card).overdue_since is not None for card in running),
        "check_ins_per_goal": number_text(Decimal(check_ins) / len(cards)) if cards else None,
        "feedback": sum(card.feedback for card in cards),
    }


def _attrition(case: Case, row: ProgrammeRow, cards: list[CardRow]) -> Tree:
    withdrawn = sum(bool(one.withdrawn) for one in row.participants.values())
    enrolled = len(row.participants)
    mentorships = {card.mentorship for card in cards if card.mentorship}
    cancelled = sum((case.mentorship(id_) or rows.MentorshipRow()).state == "cancelled" for id_ in mentorships)
    return {
        "enrolled": enrolled,
        "withdrawn": withdrawn,
        "rate": number_text(Decimal(withdrawn) / enrolled) if enrolled else None,
        "goals_abandoned": sum(card.result == "abandoned" for card in cards),
        "mentorships_cancelled": cancelled,
    }


def _surveys(row: ProgrammeRow) -> list[Tree]:
    return [
        _all("survey", id_, survey)
        | {
            "response": number_text(Decimal(survey.answered) / survey.invited) if survey.invited else None,
            "scores": [
                {"question": question, "mean": mean, "answers": answers} for question, mean, answers in survey.scores
            ],
        }
        for id_, survey in row.surveys.items()
    ]


def _money(row: ProgrammeRow) -> list[Tree]:
    """Return what was recorded by currency; sums in different ones are never mixed."""
    costs, benefits = _sums(row.costs.values()), _sums(row.benefits.values())
    shown = []
    for currency in sorted(costs.keys() | benefits.keys()):
        cost, benefit = costs.get(currency), benefits.get(currency)
        known = cost is not None and benefit is not None and cost != 0
        shown.append(
            {
                "currency": currency,
                "cost": None if cost is None else format(cost, "f"),
                "benefit": None if benefit is None else format(benefit, "f"),
                "return_on_investment": number_text(benefit / cost) if known and cost and benefit is not None else None,
            }
        )
    return shown


def _sums(recorded: Iterable[tuple[str, str, dt.date]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for amount, currency, _ in recorded:
        sums[currency] = sums.get(currency, Decimal(0)) + Decimal(amount)
    return sums


def _all(name: str, id_: str, row: Any) -> Tree:
    return {name: id_} | {field: getattr(row, field) for field in row.__struct_fields__}
