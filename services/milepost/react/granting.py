"""Rewards that a plugin gave stay known, in their order: so that none is given twice, and each can be taken back."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from milepost.react import tables
from milepost.react.held import note_held
from milepost.react.opened import Opened
from milepost.react.rows import Given
from milepost.react.writing import grant_row
from milepost_contracts.plugin import Grant


class Granting(Opened):
    """A plugin's grants; for one thread at a time."""

    def grants(self, tenant: str, *, goal: str | None = None, person: str | None = None) -> list[Grant]:
        """Return what was granted in a tenant (of a goal, to a person), in the order in which it was given."""
        sql, parameters = "SELECT id, body FROM granted WHERE tenant = ?", [tenant]
        for column, value in (("goal", goal), ("person", person)):
            if value is not None:
                sql, parameters = f"{sql} AND {column} = ?", [*parameters, value]
        # The plus keeps SQLite from walking all of the tenant's for the sake of the order.
        rows = self._on().query(f"{sql} ORDER BY +number, dry", parameters)
        bodies: dict[str, bytes] = dict(rows)
        return [msgspec.json.decode(body, type=Grant) for body in bodies.values()]

    def given(
        self, *, tenant: str | None = None, person: str | None = None, goal: str | None = None, limit: int = 100,
        after: int = 0,
    ) -> list[Given]:  # fmt: skip
        """Return grants with their tenants in the order in which they were given, after number *after*."""
        sql = "SELECT number, tenant, body, dry FROM granted AS g WHERE number > ?"
        parameters: list[str | int] = [after]
        for column, value in (("tenant", tenant), ("person", person), ("goal", goal)):
            if value is not None:
                sql, parameters = f"{sql} AND {column} = ?", [*parameters, value]
        # A dry run's row lies over the other.
        over = "SELECT 1 FROM granted AS o WHERE o.tenant = g.tenant AND o.id = g.id AND o.dry = 1"
        sql = f"{sql} AND (dry = 1 OR NOT EXISTS ({over})) ORDER BY number LIMIT ?"
        rows = self._on().query(sql, (*parameters, limit))
        return [
            Given(number=number, tenant=of, grant=msgspec.json.decode(body, type=Grant), dry=bool(dry))
            for number, of, body, dry in rows
        ]

    def seed_grants(self, grants: Iterable[tuple[str, Grant]]) -> int:
        """Add (tenant, grant) as the facts tell them; known ones stay as they are; return how many are new."""
        given = {(tenant, grant.id): grant for tenant, grant in grants}
        with self._writing(len(given)) as (connection, begun):
            known = {row[:2] for row in connection.fetch(tables.GRANTED, [(*key, 0) for key in given])}
            fresh = [(key[0], grant) for key, grant in given.items() if key not in known]
            rows = [grant_row(tenant, grant, number, 0) for number, (tenant, grant) in enumerate(fresh, begun.number)]
            connection.upsert(tables.GRANTED, rows)
            note_held(connection)
        return len(fresh)
