"""What the turns of a batch came to is seen by the next ones before it is kept: as if each had been kept already."""

from __future__ import annotations

from typing import Any

from milepost_contracts.context import Port, Turn
from milepost_contracts.plugin import Grant


class Ahead:
    """Port over another one, with turns that are not kept yet on top of it; for one thread at a time."""

    def __init__(self, port: Port) -> None:
        """Take where that is read which is kept."""
        self._port = port
        self._writes: dict[str, dict[str, bytes | None]] = {}
        self._grants: dict[str, dict[str, Grant]] = {}

    def begin(self) -> None:
        """Forget all turns: by now they are kept, or will come again."""
        self._writes.clear()
        self._grants.clear()

    def took(self, tenant: str, turn: Turn) -> None:
        """Put *turn* on top."""
        if turn.writes:
            self._writes.setdefault(tenant, {}).update(turn.writes)
        if turn.granted or turn.revoked:
            self._grants.setdefault(tenant, {}).update({grant.id: grant for grant in (*turn.granted, *turn.revoked)})

    def get(self, tenant: str, key: str) -> bytes | None:
        """See Port."""
        written = self._writes.get(tenant, {})
        return written[key] if key in written else self._port.get(tenant, key)

    def scan(self, tenant: str, prefix: str) -> list[tuple[str, bytes]]:
        """See Port."""
        found: dict[str, bytes | None] = dict(self._port.scan(tenant, prefix))
        found |= {key: value for key, value in self._writes.get(tenant, {}).items() if key.startswith(prefix)}
        return [(key, value) for key, value in sorted(found.items()) if value is not None]

    def grants(self, tenant: str) -> list[Grant]:
        """See Port."""
        known = {grant.id: grant for grant in self._port.grants(tenant)}
        return list((known | self._grants.get(tenant, {})).values())

    def goal_at(self, tenant: str, id_: str, version: int | None) -> dict[str, Any]:
        """See Port."""
        return self._port.goal_at(tenant, id_, version)
