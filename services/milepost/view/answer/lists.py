"""Goals that need looking after: at risk, without their check-in, serving nothing; streaks of those that go well."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from milepost.view import rows
from milepost.view.answer.asked import OPEN, Case
from milepost.view.answer.cards import card_tree
from milepost.view.answer.pages import cursor_of, key_in
from milepost.view.answer.standing import check_ins_of, health_of, progress_of, readings_of, results_of
from milepost.view.rows import CardRow
from milepost_contracts.queries import AtRisk, OverdueCheckIns, Streaks, Unaligned
from milepost_contracts.queries.view import Narrowed

Tree = dict[str, Any]
CHUNK = 500  # goals read at once while a page fills
INITIATIVE = "initiative:"  # a goal with such a reference serves the organisation's strategy


def at_risk(case: Case, query: AtRisk) -> Tree:
    """Answer `at_risk`."""

    def shown(id_: str, card: CardRow) -> Tree | None:
        progress = progress_of(case, id_, card)
        health = health_of(card, progress, case.day(card))
        return card_tree(case, id_, card, progress=progress, health=health) if health.health in query.health else None

    return _page(case, query, ("active",), "goals", shown)


def overdue_check_ins(case: Case, query: OverdueCheckIns) -> Tree:
    """Answer `overdue_check_ins`."""

    def shown(id_: str, card: CardRow) -> Tree | None:
        since = check_ins_of(case, card, grace_days=query.grace_days).overdue_since
        if since is None:
            return None
        late = (case.day(card) - since).days - query.grace_days
        return {
            "goal": card_tree(case, id_, card),
            "due_on": since,
            "days_late": late,
            "last_held_on": card.last_held_on,
        }

    return _page(case, query, ("active",), "check_ins", shown)


def unaligned(case: Case, query: Unaligned) -> Tree:
    """Answer `unaligned`."""

    def shown(id_: str, card: CardRow) -> Tree | None:
        alone = not card.parents and not card.children and not (card.external_ref or "").startswith(INITIATIVE)
        return card_tree(case, id_, card) if alone else None

    return _page(case, query, OPEN, "goals", shown)


def streaks(case: Case, query: Streaks) -> Tree:
    """Answer `streaks`."""
    after = key_in(query.cursor, "streaks", str) or ("",)
    condition, parameters = case.visible()
    # Every part of it is this module's or has its values as parameters.
    sql = (
        "SELECT goal.goal, goal.card, goal.detail FROM goal_of mine "  # noqa: S608
        "JOIN goal ON goal.tenant = mine.tenant AND goal.goal = mine.goal "
        "WHERE mine.tenant = ? AND mine.ref = ? AND mine.roles <> 'contributor' AND mine.goal > ? "
        f"AND goal.state IN ('active', 'paused') AND {condition} ORDER BY mine.goal LIMIT ?"
    )
    of = query.of or case.actor
    found = case.connection.query(sql, (case.tenant, of, *after, *parameters, query.limit + 1))
    page = found[: query.limit]
    shown = []
    for id_, body, detail_body in page:
        card, detail = rows.decode_card(body), rows.decode_detail(detail_body)
        if not case.sees(card):
            continue
        held = [one.held_on for one in detail.held.values() if not one.voided]
        kept = check_ins_of(case, card, held)
        runs = {m: row for m, row in detail.measures.items() if row.terms["kind"] == "consecutive" and not row.retired}
        results = results_of(detail, readings_of(case, id_), case.day(card)) if runs else {}
        shown.append(
            {
                "goal": id_,
                "title": card.title,
                "current": kept.streak,
                "longest": kept.best,
                "last_held_on": card.last_held_on,
                "next_check_in_on": kept.next_due,
                "measures": [
                    {
                        "measure": measure,
                        "name": row.name,
                        "current": int(str(results[measure].current or 0)),
                        "target": row.terms["target"],
                    }
                    for measure, row in runs.items()
                ],
            }
        )
    return {"streaks": shown, "next": cursor_of("streaks", page[-1][0]) if len(found) > len(page) else None}


def _page(
    case: Case, query: Narrowed, states: Sequence[str], member: str, shown: Callable[[str, CardRow], Tree | None]
) -> Tree:
    """Return the next page of the goals that *shown* shows, by deadline."""
    page: list[Tree] = []
    last: tuple[str, str] = ("", "")
    for deadline, id_, card in goals_by_deadline(case, query, states):
        tree = shown(id_, card)
        if tree is not None:
            if len(page) == query.limit:
                return {member: page, "next": cursor_of(query.NAME, *last)}
            page.append(tree)
            last = (deadline, id_)
    return {member: page, "next": None}


def goals_by_deadline(case: Case, query: Narrowed, states: Sequence[str]) -> Iterator[tuple[str, str, CardRow]]:
    """Yield (deadline, id, card) of the goals in *states* that the asker may see, narrowed as *query* says."""
    deadline, id_ = key_in(query.cursor, query.NAME, str, str) or ("", "")
    condition, parameters = case.visible()
    narrowed = [query.of]
    narrowed += [f"{kind}:{value}" if value else None for kind, value in _places(query)]
    for ref in narrowed:
        if ref:
            condition += " AND goal.goal IN (SELECT goal_of.goal FROM goal_of WHERE tenant = ? AND ref = ?)"
            parameters = [*parameters, case.tenant, ref]
    marks = ", ".join("?" * len(states))
    # Every part of it is this module's or has its values as parameters.
    sql = (
        f"SELECT deadline, goal, card FROM goal WHERE tenant = ? AND state IN ({marks}) "  # noqa: S608
        f"AND (deadline > ? OR (deadline = ? AND goal > ?)) AND {condition} ORDER BY deadline, goal LIMIT ?"
    )
    while True:
        found = case.connection.query(sql, (case.tenant, *states, deadline, deadline, id_, *parameters, CHUNK))
        for deadline, id_, body in found:
            card = rows.decode_card(body)
            if case.sees(card) and query.cycle in (None, card.cycle):
                yield deadline, id_, card
        if len(found) < CHUNK:
            return


def _places(query: Narrowed) -> list[tuple[str, str | None]]:
    return [("mentorship", query.mentorship), ("programme", query.programme)]
