"""One verb's connection: commands and queries of one person in one tenant, answered or ended with a VerbError."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from milepost.cli.errors import answered, failed
from milepost.cli.where import Names, Where
from milepost_contracts.answers import Accepted, Answer, Failed, Invalid, Problem, Refused
from milepost_contracts.commands import Command
from milepost_contracts.queries import VIEW_QUERIES

if TYPE_CHECKING:
    from nats.aio.client import Client

    from milepost_contracts.queries import Query, QueryAnswer

T = TypeVar("T", bound=msgspec.Struct)
CONNECT_S = 5.0  # a broker on this machine answers in milliseconds, one across the world within a second


class Asks(Protocol):
    """What a session needs of milepost.asking.Asker."""

    async def command(self, tenant: str, command: Command) -> Answer:
        """Send a command until its outcome is known."""

    async def query(self, tenant: str, query: Query) -> QueryAnswer:
        """Send a query until it is answered."""


class Reached:
    """An asker whose broker may go away in the middle: that is an answer too, and not known to have failed."""

    def __init__(self, asker: Asks) -> None:
        """Take the asker."""
        self._asker = asker

    async def command(self, tenant: str, command: Command) -> Answer:
        """Send a command."""
        from nats.errors import Error as NatsError

        try:
            return await self._asker.command(tenant, command)
        except (NatsError, OSError) as error:
            return _gone(error)

    async def query(self, tenant: str, query: Query) -> QueryAnswer:
        """Send a query."""
        from nats.errors import Error as NatsError

        try:
            return await self._asker.query(tenant, query)
        except (NatsError, OSError) as error:
            return _gone(error)


def _gone(error: Exception) -> Failed:
    message = f"The broker did not take or answer it: {error or type(error).__name__}."
    return Failed(errors=[Problem(code="no_answer", message=message)], retry=True)


class Memory(Protocol):
    """Where the newest sequence is kept from one verb to the next."""

    def seen(self, tenant: str) -> str | None:
        """Return the sequence that a question should include."""

    def saw(self, tenant: str, sequence: str) -> None:
        """Keep the sequence that a command was answered with."""


class Session:
    """Who asks (`actor`) in which `tenant`; `names` are those of the sample.

    Questions to the view include what was done a moment ago, by this verb or the one before.
    """

    def __init__(self, asker: Asks, *, tenant: str, actor: str, names: Names, memory: Memory | None = None) -> None:
        """Take the way to ask, and where the newest sequence is kept (None: nowhere)."""
        self._asker = asker
        self.tenant = tenant
        self.actor = actor
        self.names = names
        self._memory = memory

    async def tell(self, command: Command) -> Accepted:
        """Send *command*; raises VerbError where it is not accepted."""
        answer = await self._asker.command(self.tenant, command)
        if isinstance(answer, Accepted):
            if self._memory is not None and answer.sequence:
                self._memory.saw(self.tenant, answer.sequence)
            return answer
        hint = ""
        if isinstance(answer, Failed) and answer.retry:
            hint = (
                f"Whether it happened is not known. The same command again is safe: --command-id {command.command_id}"
            )
        raise answered(answer, hint=hint)

    async def ask(self, kind: type[Query], answer: type[T], **members: Any) -> T:
        """Send a query of *kind* as the session's actor; raises VerbError where it is not answered."""
        if kind.NAME in VIEW_QUERIES and self._memory is not None and members.get("min_sequence") is None:
            members["min_sequence"] = self._memory.seen(self.tenant)
        given = await self._asker.query(self.tenant, kind(actor=self.actor, **members))
        if isinstance(given, Refused | Invalid | Failed):
            raise answered(given)
        assert isinstance(given, answer)  # noqa: S101  a query's own answer is what the asker decodes
        return given


@asynccontextmanager
async def connection(where: Where, *, lasting: bool = False, **callbacks: Any) -> AsyncIterator[Client]:
    """Give a connection as the role `cli`; *lasting*: it comes back by itself. Raises VerbError where none is made."""
    import nats
    import nats.errors

    from milepost.permissions import RoleError
    from milepost.roles import connect_options, public_key

    seed = where.seed
    try:
        public_key(seed.read_bytes().strip())
    except (OSError, RoleError) as error:
        raise failed("invalid_key", f"{seed} is no key that can be used: {error}.") from error
    options: dict[str, Any] = {**connect_options(where.broker_url, "cli", seed)}
    callbacks.setdefault("error_cb", _quiet)  # nats-py would print; what matters reaches the verb as an answer
    try:
        # With reconnecting allowed the first connection would be tried for ever too: so a trial goes first.
        async with asyncio.timeout(CONNECT_S):
            trial = await nats.connect(**options, **callbacks, allow_reconnect=False)
    except (OSError, TimeoutError, nats.errors.Error) as error:
        hint = "Is it running? `milepost serve` starts everything; --nats-url names a broker elsewhere."
        message = f"No connection to the broker at {where.broker_url}: {error or 'it does not answer'}."
        raise failed("no_broker", message, hint=hint) from error
    client = trial
    if lasting:
        await trial.close()
        client = await nats.connect(**options, **callbacks, reconnect_time_wait=0.5)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def session(where: Where, *, lasting: bool = False, patience_s: float = 15.0) -> AsyncIterator[Session]:
    """Give a session on a connection of its own; raises VerbError."""
    from milepost.asking import Asker

    tenant, actor, names = where.tenant, where.actor, where.names
    async with connection(where, lasting=lasting) as client:
        asker = Reached(Asker(client, "cli", patience_s=patience_s))
        yield Session(asker, tenant=tenant, actor=actor, names=names, memory=where)


async def _quiet(_: Exception) -> None:
    """Say nothing."""
