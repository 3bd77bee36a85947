"""The asker's side of the bus: commands and queries as requests, sent again while their outcome is unknown."""

from __future__ import annotations

import asyncio
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec
from nats.errors import Error as NatsError

from milepost_contracts import answers, subjects
from milepost_contracts.answers import Answer, Failed, Problem
from milepost_contracts.commands import Command
from milepost_contracts.plugin import PluginError
from milepost_contracts.queries import (
    AsOf,
    AsOfAnswer,
    EventsAfter,
    EventsAfterAnswer,
    Keys,
    KeysAnswer,
    Query,
    QueryAnswer,
)
from milepost_contracts.sealing import SealingKey
from milepost_contracts.turns import GoalThen

if TYPE_CHECKING:
    from nats.aio.client import Client

A = TypeVar("A")
REQUEST_S = 5.0  # longer than accept's patience, so that its own answer comes first
PAUSE_S = 0.1  # before asking again: a stage that starts or has lost its broker is back within a few of these


class Asker:
    """Asks as *caller*, whose name the broker pins to the connection."""

    def __init__(self, nc: Client, caller: str, *, patience_s: float = 15.0, request_s: float = REQUEST_S) -> None:
        """Take the connection; *request_s*: for one answer; *patience_s*: how long one is asked for in all."""
        self._nc = nc
        self._caller = caller
        self._patience_s = patience_s
        self._request_s = request_s

    async def command(self, tenant: str, command: Command) -> Answer:
        """Send *command* until its outcome is known; the same command_id makes that harmless."""
        subject = subjects.command(tenant, self._caller, command.AGGREGATE, command.NAME)
        return cast("Answer", await self._ask(subject, msgspec.json.encode(command), answers.decode))

    async def query(self, tenant: str, query: Query) -> QueryAnswer:
        """Send *query* until it is answered."""
        subject = subjects.query(tenant, self._caller, query.NAME)
        decoder = msgspec.json.Decoder(type(query).ANSWER | answers.Refused | answers.Invalid | Failed)
        return cast("QueryAnswer", await self._ask(subject, msgspec.json.encode(query), decoder.decode))

    async def raw(self, subject: str, body: bytes) -> Answer:
        """Send *body* as it is, once; for those who bring their own JSON."""
        return answers.decode((await self._nc.request(subject, body, timeout=self._request_s)).data)

    async def _ask(self, subject: str, body: bytes, decode: Any) -> Any:
        until = time.monotonic() + self._patience_s
        while True:
            try:
                answer = decode((await self._nc.request(subject, body, timeout=self._request_s)).data)
            except NatsError:  # nobody is there, or the connection is gone for a moment: nats-py reconnects
                message = f"Nobody answered on {subject}: is Milepost running?"
                answer = Failed(errors=[Problem(code="no_answer", message=message)])
            if not (isinstance(answer, Failed) and answer.retry) or time.monotonic() > until:
                return answer
            await asyncio.sleep(PAUSE_S)


class AskedKeys:
    """Derived keys, asked of replay for whom a stage answers."""

    def __init__(self, asker: Asker, actor: str) -> None:
        """Take who asks: a stage (`service:view`) that asks for others."""
        self._asker = asker
        self._actor = actor

    async def __call__(
        self, tenant: str, reader: str, kids: Iterable[str], *, reason: str | None = None
    ) -> dict[str, SealingKey | None]:
        """Return the keys that *reader*, who may say why, may have; None: the words were erased.

        Raises ConnectionError.
        """
        wanted = sorted(set(kids))
        found: dict[str, SealingKey | None] = {}
        most = 1000
        for start in range(0, len(wanted), most):
            behalf = reader if reader.startswith("user:") else None
            part = wanted[start : start + most]
            query = Keys(actor=self._actor, on_behalf_of=behalf, kids=part, reason=reason)
            answer = await self._asker.query(tenant, query)
            if not isinstance(answer, KeysAnswer):
                raise ConnectionError(f"keys: {_codes(answer)}")
            for one in answer.keys:
                found[one.kid] = SealingKey(one.kid, urlsafe_b64decode(one.key + "=")) if one.key else None
        return found


class AskedEvents:
    """Events that the stream no longer has, asked of replay."""

    def __init__(self, asker: Asker, actor: str) -> None:
        """Take who asks."""
        self._asker = asker
        self._actor = actor

    async def __call__(self, tenant: str, after: int, limit: int) -> list[bytes]:
        """Return documents of *tenant* after sequence *after*, in order. Raises ConnectionError."""
        answer = await self._asker.query(tenant, EventsAfter(actor=self._actor, sequence=after, limit=limit))
        if not isinstance(answer, EventsAfterAnswer):
            raise ConnectionError(f"events_after: {_codes(answer)}")
        return [bytes(document) for document in answer.events]


class AskedGoals:
    """Goals as they were, asked of replay."""

    def __init__(self, asker: Asker, actor: str) -> None:
        """Take who asks."""
        self._asker = asker
        self._actor = actor

    async def __call__(self, tenant: str, id_: str, version: int | None, words: Sequence[str]) -> GoalThen:
        """Return the goal after *version* (None: the newest), with those *words* opened that patterns of these permit.

        Raises PluginError `unknown_goal`, `unknown_version`, ConnectionError.
        """
        answer = await self._asker.query(tenant, AsOf(actor=self._actor, id=id_, version=version, words=list(words)))
        if isinstance(answer, AsOfAnswer):
            return GoalThen(answer.state, answer.opened)
        if isinstance(answer, answers.Refused):
            code = "unknown_version" if "version_unknown" in _codes(answer) else "unknown_goal"
            raise PluginError(code, answer.errors[0].message)
        raise ConnectionError(f"as_of: {_codes(answer)}")


class AskedRoles:
    """The roles that a tenant gives, asked of replay and kept for a moment."""

    KEPT_S = 5.0  # a role that was taken away lasts so much longer
    KEPT_MAX = 1_000  # tenants

    def __init__(self, asker: Asker, actor: str) -> None:
        """Take who asks."""
        self._asker = asker
        self._actor = actor
        self._kept: dict[str, tuple[float, dict[str, list[str]]]] = {}

    async def __call__(self, tenant: str, actor: str) -> tuple[str, ...]:
        """Return the roles of *actor* in *tenant*; raises ConnectionError."""
        now = time.monotonic()
        since, roles = self._kept.get(tenant, (0.0, {}))
        if not since or now - since > self.KEPT_S:
            roles = await self._asked(tenant)
            if len(self._kept) >= self.KEPT_MAX:
                self._kept.clear()
            self._kept[tenant] = (now, roles)
        return tuple(roles.get(actor.partition("@")[0] if actor.startswith("plugin:") else actor, ()))

    async def _asked(self, tenant: str) -> dict[str, list[str]]:
        query = AsOf(actor=self._actor, aggregate="tenant", id=subjects.tenant_id(tenant))
        answer = await self._asker.query(tenant, query)
        if isinstance(answer, AsOfAnswer):
            return {ref: list(given) for ref, given in answer.state["roles"].items()}
        if isinstance(answer, answers.Refused):
            return {}
        raise ConnectionError(f"as_of: {_codes(answer)}")


def _codes(answer: Any) -> str:
    return ", ".join(problem.code for problem in getattr(answer, "errors", ()))
