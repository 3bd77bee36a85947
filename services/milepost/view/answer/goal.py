"""A goal whole, and a person's portfolio."""

from __future__ import annotations

import datetime as dt
from typing import Any

from milepost.view import rows
from milepost.view.answer.asked import Case, Refusal, refused
from milepost.view.answer.cards import card_tree
from milepost.view.answer.entries import LISTS, entry_tree
from milepost.view.answer.pages import cursor_of, key_in
from milepost.view.answer.standing import (
    HealthNow,
    ReadingNow,
    cadence_of,
    health_of,
    progress_of,
    readings_of,
    results_of,
)
from milepost.view.fold.happenings import REFLECTION
from milepost.view.opening import Labels
from milepost.view.rows import CardRow, DetailRow
from milepost_contracts.queries import Goal, GoalsOf

Tree = dict[str, Any]
NUMBER_MAX = 2**62


def goal_unknown() -> Refusal:
    """Return the refusal for a goal that does not exist, and for one that the asker may not see."""
    return refused("goal_unknown", "There is no goal with this id that you may see.", "id")


def goal(case: Case, query: Goal) -> Tree:
    """Answer `goal`."""
    found = case.goal(query.id)
    if found is None or not case.sees(found[0]):
        raise goal_unknown()
    card, detail = found
    today = case.day(card)
    readings = readings_of(case, query.id)
    progress = progress_of(case, query.id, card)
    health = health_of(card, progress, today)
    entries, after = _entries(case, query)
    return {
        "next": after,
        "goal": card_tree(case, query.id, card, progress=progress, health=health)
        | _about(case, card, detail)
        | entries
        | {
            "measures": _measures(detail, readings, today),
            "health_today": _health(card, detail, health),
            "milestones": _milestones(card, detail, today),
            "actions": _actions(card, detail, today),
        },
    }


def _measures(detail: DetailRow, readings: list[ReadingNow], today: dt.date) -> list[Tree]:
    last_on = {one.measure: one.point.on for one in sorted(readings, key=lambda one: one.point.on) if not one.struck}
    results = results_of(detail, readings, today)
    return [
        row.terms
        | {"name": row.name, "retired": row.retired, "readings": row.readings, "last_on": last_on.get(id_)}
        | _result(results[id_], row.terms.get("scale"))
        for id_, row in detail.measures.items()
    ]


def _health(card: CardRow, detail: DetailRow, health: HealthNow) -> Tree:
    told: Tree = {"health": health.health, "derived": health.derived}
    if health.set and card.health is not None:
        told |= {"set_by": detail.health_by, "until": card.health[1], "reason": detail.health_reason}
    return told


def _milestones(card: CardRow, detail: DetailRow, today: dt.date) -> list[Tree]:
    return [
        {"milestone": id_}
        | _all(row)
        | {"overdue": row.hit_on is None and not row.dropped and card.open and row.due_on < today}
        for id_, row in sorted(detail.milestones.items(), key=lambda one: (one[1].due_on, one[0]))
    ]


def _actions(card: CardRow, detail: DetailRow, today: dt.date) -> list[Tree]:
    shown = []
    for id_, row in detail.actions.items():
        waits = row.completed_on is None and not row.dropped and card.open
        shown.append({"action": id_} | _all(row) | {"overdue": waits and row.due_on is not None and row.due_on < today})
    return shown


def _result(result: Any, scale: list[str] | None) -> Tree:
    step = None
    if scale and isinstance(result.current, str) and result.current.isdigit() and int(result.current) < len(scale):
        step = scale[int(result.current)]
    return {"current": result.current, "progress": result.progress, "met": result.met, "step": step}


def _about(case: Case, card: CardRow, detail: DetailRow) -> Tree:
    yes = card.agreements
    waiting = card.state == "proposed" or card.agreement_open
    evaluation = detail.evaluation
    return {
        "description": detail.description,
        "created": card.created,
        "changed": card.changed,
        "time_zone": card.time_zone,
        "start_on": card.start_on,
        "activated_on": card.activated_on,
        "cadence": cadence_of(case, card),
        "progress_from": card.progress_from,
        "external_ref": card.external_ref,
        "tags": Labels(detail.tags),
        "template": dict(zip(("programme", "id", "version"), detail.template, strict=True))
        if detail.template
        else None,
        "origin": detail.origin,
        "terms_hash": detail.terms_hash,
        "contributors": [{"ref": ref, "role": role} for ref, role in card.contributors.items()],
        "agreements": [
            {"party": party, "revision": revision, "on": detail.agreed_on.get(party, "")[:10] or None}
            for party, revision in yes.items()
        ],
        "waiting_for": sorted(person for person in card.people if yes.get(person) != card.revision) if waiting else [],
        "roles": roles_of(case, card),
        "evaluation": evaluation
        and _all(evaluation)
        | {
            "outdated": evaluation.revision != card.revision,
            "criteria": [{"criterion": name, "met": met, "note": note} for name, met, note in evaluation.criteria],
        },
        "waivers": [{"check": check, "reason": reason} for check, reason in detail.waivers],
        "pauses": [_all(pause) for pause in detail.pauses],
        "deadline_shifts": [_all(shift) for shift in detail.shifts],
        "parents": _aligned(case, card.parents),
        "children": _aligned(case, card.children),
        "closure": _all(detail.closure) if detail.closure else None,
    }


def roles_of(case: Case, card: CardRow) -> list[str]:
    """Return what the asker is to the goal."""
    actor = case.actor
    told = {
        "owner": actor == card.owner,
        "accountable": actor == card.accountable,
        "party": actor in card.people,
        "contributor": actor in card.contributors,
        "programme_admin": card.programme in case.runs,
    }
    return [role for role, held in told.items() if held] + sorted(case.roles)


def _aligned(case: Case, weights: dict[str, str]) -> list[Tree]:
    cards = case.cards(sorted(weights))
    shown = []
    for id_, weight in weights.items():
        card = cards.get(id_)
        told: Tree = {"goal": id_, "weight": weight}
        if card is not None and case.sees(card):
            told |= {"title": card.title, "state": card.state, "progress": progress_of(case, id_, card)}
        shown.append(told)
    return shown


def _entries(case: Case, query: Goal) -> tuple[Tree, str | None]:
    """Return a page of entries, newest first, in their lists, and the cursor of the next page."""
    before = key_in(query.cursor, "goal", int) or (NUMBER_MAX,)
    found = case.connection.query(
        "SELECT kind, number, layers FROM entry WHERE tenant = ? AND goal = ? AND number < ? "
        "AND (kind <> ? OR author = ?) ORDER BY number DESC LIMIT ?",
        (case.tenant, query.id, before[0], REFLECTION, case.actor, query.limit + 1),
    )
    page = found[: query.limit]
    lists: Tree = {name: [] for name in LISTS.values()}
    for kind, number, layers in page:
        lists[LISTS[kind]].append(entry_tree(kind, number, rows.decode_layers(layers)))
    return lists, cursor_of("goal", page[-1][1]) if len(found) > len(page) else None


def goals_of(case: Case, query: GoalsOf) -> Tree:
    """Answer `goals_of`."""
    of = query.of or case.actor
    after = key_in(query.cursor, "goals_of", str) or ("",)
    condition, parameters = case.visible()
    states = " AND goal.state <> 'archived'" if not query.archived else ""
    shown: list[Tree] = []
    last = after[0]
    # Every part of it is this module's or has its values as parameters.
    sql = (
        "SELECT goal.goal, mine.roles, goal.card FROM goal_of mine "  # noqa: S608
        "JOIN goal ON goal.tenant = mine.tenant AND goal.goal = mine.goal "
        f"WHERE mine.tenant = ? AND mine.ref = ? AND mine.goal > ? AND {condition}{states} ORDER BY mine.goal LIMIT ?"
    )
    while True:
        found = case.connection.query(sql, (case.tenant, of, last, *parameters, query.limit + 1))
        for id_, roles, body in found:
            card = rows.decode_card(body)
            fits = not query.states or card.state in query.states
            held = not query.roles or not set(query.roles).isdisjoint(roles.split(","))
            if fits and held and case.sees(card):
                if len(shown) == query.limit:
                    return {"goals": shown, "next": cursor_of("goals_of", last)}
                shown.append(card_tree(case, id_, card))
            last = id_
        if len(found) <= query.limit:
            return {"goals": shown, "next": None}


def _all(row: Any) -> Tree:
    return {name: getattr(row, name) for name in row.__struct_fields__}
