"""An asker with scripted answers, for tests of what is sent and what is printed; the real one has a bus behind it."""

from __future__ import annotations

from typing import Any

import msgspec

from milepost_contracts.answers import Accepted, Answer, EventRef, Problem, Refused
from milepost_contracts.commands import Command
from milepost_contracts.queries import Query, QueryAnswer


class ScriptedAsker:
    """Keeps what it is sent; commands are accepted unless `refusal` is set, queries get what `answers` has for them."""

    def __init__(self) -> None:
        """Know no answers."""
        self.commands: list[tuple[str, Command]] = []
        self.queries: list[Query] = []
        self.answers: dict[type[Query], QueryAnswer] = {}
        self.refusal: Any = None

    async def command(self, tenant: str, command: Command) -> Answer:
        """Take a command as the receiver would: through its JSON."""
        self.commands.append((tenant, msgspec.json.decode(msgspec.json.encode(command), type=type(command))))
        if self.refusal is not None:
            refusal: Answer = self.refusal
            return refusal
        event = EventRef(id=command.command_id, type=f"{command.AGGREGATE}.{command.NAME}.v1")
        return Accepted(
            id=command.id, version=len(self.commands), sequence=f"{len(self.commands):016d}", events=[event]
        )

    async def query(self, _tenant: str, query: Query) -> QueryAnswer:
        """Answer a query."""
        self.queries.append(query)
        unknown = Refused(errors=[Problem(code="unknown", message=f"nothing scripted for {query.NAME}")])
        return self.answers.get(type(query), unknown)

    @property
    def sent(self) -> Command:
        """The only command that was sent."""
        ((_, command),) = self.commands
        return command
