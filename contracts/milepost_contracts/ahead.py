"""What a plugin reads from within its process: asked of its host, with what is not kept yet laid over the answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Literal, NoReturn

import msgspec

from milepost_contracts.frames import Asked, Line
from milepost_contracts.plugin import Grant, Later, PluginError, is_of
from milepost_contracts.turns import GoalThen, Port, Turn

_decode = msgspec.msgpack.Decoder().decode


class AskedPort:
    """Reads of the plugin, answered by its host."""

    def __init__(self, line: Line, gone: Callable[[], NoReturn]) -> None:
        """Take the second socket, and what to do when nobody answers on it any more."""
        self._line = line
        self._gone = gone
        self._turn = threading.Lock()  # a handler may read from threads of its own

    def get(self, tenant: str, key: str) -> bytes | None:
        """See Port."""
        found: bytes | None = self._ask("get", tenant, key)
        return found

    def scan(self, tenant: str, prefix: str) -> list[tuple[str, bytes]]:
        """See Port."""
        return [(key, value) for key, value in self._ask("scan", tenant, prefix)]

    def grants(self, tenant: str, goal: str | None, person: str | None) -> list[Grant]:
        """See Port."""
        return msgspec.convert(self._ask("grants", tenant, goal, person), list[Grant])

    def goal_at(self, tenant: str, id_: str, version: int | None) -> GoalThen:
        """See Port."""
        return msgspec.json.decode(self._ask("goal_at", tenant, id_, version), type=GoalThen)

    def _ask(self, verb: Literal["get", "scan", "grants", "goal_at"], *arguments: Any) -> Any:
        try:
            with self._turn:
                self._line.send(Asked(verb, list(arguments)))
                content = self._line.receive()
        except OSError:
            content = None
        if content is None:
            self._gone()
        code, found = _decode(content)
        if code == "later":
            raise Later(float(found), "host_not_ready", tried=False)
        if code:
            raise PluginError(code, found)
        return found


_Writes = dict[tuple[str, str], bytes | None]
_Grants = dict[tuple[str, str], Grant]


class Ahead:
    """Reads as they will be when the turns of a batch that are made so far are kept: the host keeps them afterwards."""

    def __init__(self, port: Port) -> None:
        """Take what is kept."""
        self._port = port
        # Of the question before, which may still be on its way to the disk, and of this one.
        self._writes: tuple[_Writes, _Writes] = ({}, {})
        self._grants: tuple[_Grants, _Grants] = ({}, {})

    def begin(self) -> None:
        """Forget what was made before the last question: the host had kept it when it sent this one."""
        self._writes = (self._writes[1], {})
        self._grants = (self._grants[1], {})

    def made(self, tenant: str, turn: Turn) -> None:
        """Take in a turn that will be kept."""
        for key, value in turn.writes.items():
            self._writes[1][tenant, key] = value
        for grant in (*turn.granted, *turn.revoked):
            self._grants[1][tenant, grant.id] = grant

    def get(self, tenant: str, key: str) -> bytes | None:
        """See Port."""
        place = (tenant, key)
        for writes in reversed(self._writes):
            if place in writes:
                return writes[place]
        return self._port.get(tenant, key)

    def scan(self, tenant: str, prefix: str) -> list[tuple[str, bytes]]:
        """See Port."""
        found: dict[str, bytes | None] = dict(self._port.scan(tenant, prefix))
        for writes in self._writes:
            found |= {key: value for (of, key), value in writes.items() if of == tenant and key.startswith(prefix)}
        return sorted((key, value) for key, value in found.items() if value is not None)

    def grants(self, tenant: str, goal: str | None, person: str | None) -> list[Grant]:
        """See Port."""
        found = {grant.id: grant for grant in self._port.grants(tenant, goal, person)}
        for grants in self._grants:
            found |= {id_: grant for (of, id_), grant in grants.items() if of == tenant and is_of(grant, goal, person)}
        return list(found.values())

    def goal_at(self, tenant: str, id_: str, version: int | None) -> GoalThen:
        """See Port."""
        return self._port.goal_at(tenant, id_, version)
