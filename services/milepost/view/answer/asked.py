"""A question meets one state of the tables: who asks, what that person may see, and what day it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

from milepost.database import Connection
from milepost.decide.goal.clock import date_in
from milepost.view import rows, tables
from milepost.view.fold.tenants import holder
from milepost.view.rows import CardRow, DetailRow, MentorshipRow, ProgrammeRow
from milepost_contracts.answers import Problem

READERS = frozenset({"admin", "auditor"})
OPEN = ("drafted", "proposed", "active", "paused")
STATES = (*OPEN, "closed", "archived")  # as the column `state` has them


class Refusal(Exception):  # noqa: N818  the language of the domain: a question is refused
    """The question is not answered; `problems` say why, `invalid`: it is no question at all."""

    def __init__(self, *problems: Problem, invalid: bool = False) -> None:
        """Take the reasons."""
        super().__init__(", ".join(problem.code for problem in problems))
        self.problems = list(problems)
        self.invalid = invalid


def refused(code: str, message: str, field: str | None = None) -> Refusal:
    """Return a refusal with one reason."""
    return Refusal(Problem(code=code, message=message, field=field))


class Case:
    """One question on one state of the tables; what several parts of an answer need is read once."""

    def __init__(self, connection: Connection, tenant: str, actor: str, now: dt.datetime) -> None:
        """Take a connection in a reading transaction, who asks in which tenant, and what time it is (aware)."""
        self.connection = connection
        self.tenant = tenant
        self.actor = actor
        self.now = now
        self.today = now.astimezone(dt.UTC).date()
        body = connection.query("SELECT body FROM tenant WHERE tenant = ?", (tenant,))
        roles = rows.decode_tenant(body[0][0]).roles if body else {}
        self.roles = frozenset(roles.get(holder(actor), ()))
        member = connection.query(
            "SELECT aggregate, id, role FROM member WHERE tenant = ? AND person = ?", (tenant, actor)
        )
        self.runs = {id_ for kind, id_, role in member if kind == "programme" and role.startswith("admin")}
        self.programmes = {id_ for kind, id_, _ in member if kind == "programme"}
        self.mentorships = {id_ for kind, id_, _ in member if kind == "mentorship"}
        self._programmes: dict[str, ProgrammeRow | None] = {}
        self._mentorships: dict[str, MentorshipRow | None] = {}

    @property
    def sees_all(self) -> bool:
        """Whether the asker may see everything in the tenant."""
        return bool(self.roles & READERS)

    def sees(self, card: CardRow) -> bool:
        """Whether the asker may see the goal: by role against it, and by its visibility."""
        return (
            self.sees_all
            or self.actor in card.people
            or self.actor in card.contributors
            or card.visibility == "tenant"
            or (
                card.programme is not None
                and (
                    card.programme in self.runs
                    or (card.visibility == "programme" and card.programme in self.programmes)
                )
            )
        )

    def visible(self) -> tuple[str, list[Any]]:
        """Return an SQL condition on `goal` that keeps what `sees` may allow, and its parameters."""
        if self.sees_all:
            return "1 = 1", []
        mine = "goal.goal IN (SELECT goal_of.goal FROM goal_of WHERE goal_of.tenant = ? AND goal_of.ref = ?)"
        parts, parameters = ["goal.visibility = 'tenant'", mine], [self.tenant, self.actor]
        if self.runs:
            parts.append(f"goal.programme IN ({_marks(self.runs)})")
            parameters += sorted(self.runs)
        if self.programmes:
            parts.append(f"(goal.visibility = 'programme' AND goal.programme IN ({_marks(self.programmes)}))")
            parameters += sorted(self.programmes)
        return f"({' OR '.join(parts)})", parameters

    def day(self, card: CardRow) -> dt.date:
        """Return what day it is in the goal's zone."""
        return date_in(card.time_zone, self.now)

    def sequence(self) -> str:
        """Return the tenant's sequence that the answer is true at, 16 digits."""
        found = self.connection.query("SELECT number FROM sequence WHERE tenant = ?", (self.tenant,))
        return f"{found[0][0] if found else 0:016d}"

    def cards(self, ids: list[str]) -> dict[str, CardRow]:
        """Return the cards of the goals *ids* that exist, whoever may see them."""
        found = self.connection.fetch(tables.GOAL, [(self.tenant, id_) for id_ in ids])
        return {row[1]: rows.decode_card(row[6]) for row in found}

    def held(self, ref: str, states: Sequence[str] = STATES, *, detail: bool = False) -> list[tuple[str, bytes, bytes]]:
        """Return (id, card, detail) of every goal of *ref* in *states*, whoever may see it; by id.

        *ref* is a person, or `mentorship:ID` or `programme:ID` that goals are placed in; *detail*: with it, else None.
        """
        # Every part of it is this module's or has its values as parameters.
        sql = (
            f"SELECT goal.goal, goal.card, {'goal.detail' if detail else 'NULL'} FROM goal_of mine "  # noqa: S608
            "JOIN goal ON goal.tenant = mine.tenant AND goal.goal = mine.goal "
            f"WHERE mine.tenant = ? AND mine.ref = ? AND goal.state IN ({_marks(states)}) ORDER BY mine.goal"
        )
        return self.connection.query(sql, (self.tenant, ref, *states))

    def goal(self, id_: str) -> tuple[CardRow, DetailRow] | None:
        """Return a goal whole, None where there is none."""
        found = self.connection.fetch(tables.GOAL, [(self.tenant, id_)])
        return (rows.decode_card(found[0][6]), rows.decode_detail(found[0][7])) if found else None

    def programme(self, id_: str | None) -> ProgrammeRow | None:
        """Return a programme, None where there is none."""
        if id_ is None:
            return None
        if id_ not in self._programmes:
            found = self.connection.fetch(tables.PROGRAMME, [(self.tenant, id_)])
            self._programmes[id_] = rows.decode_programme(found[0][2]) if found else None
        return self._programmes[id_]

    def mentorship(self, id_: str | None) -> MentorshipRow | None:
        """Return a mentorship, None where there is none."""
        if id_ is None:
            return None
        if id_ not in self._mentorships:
            found = self.connection.fetch(tables.MENTORSHIP, [(self.tenant, id_)])
            self._mentorships[id_] = rows.decode_mentorship(found[0][3]) if found else None
        return self._mentorships[id_]


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))
