"""Accept without a bus: a committer on a real journal and key store, asked directly."""

from __future__ import annotations

import asyncio
import concurrent.futures
import datetime as dt
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from milepost.accept import Committer, Decoder, Reviews, Ticket
from milepost.accept.decoding import Decoded
from milepost.decide import Limits
from milepost.journal import Journal, KeyStore
from milepost.logs import logger
from milepost.reviewers import reviewers
from milepost_contracts.answers import Accepted, Answer
from milepost_contracts.commands import Command, goal, tenant
from milepost_contracts.subjects import tenant_id

TENANT = "acme"
SERVICE = "service:tests"


def ident(name: str) -> str:
    """Return the id that *name* stands for."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def user(name: str) -> str:
    """Return the person *name*."""
    return f"user:{ident(name)}"


def reviewing(text: str = "", *, limit_s: float = 30.0, late_passes: bool = False) -> Reviews:
    """Return what asks the plugins that *text* names, as the setting does; nobody by default."""
    return Reviews(reviewers(text), limit_s=limit_s, late_passes=late_passes, log=logger("accept"))


class Acceptance:
    """Accept on the databases in *folder* or at the URLs; commands go in as Structs, answers come out."""

    def __init__(
        self,
        folder: Path,
        *,
        journal_url: str = "",
        keys_url: str = "",
        alone: bool = True,
        started: bool = True,
        at: Callable[[str], None] = lambda _: None,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        **options: Any,
    ) -> None:
        """Open the journal and the key store, and begin to take commands."""
        self.journal = Journal(journal_url or f"sqlite:///{folder / 'journal.sqlite'}", at=at)
        self.keys = KeyStore(keys_url or f"sqlite:///{folder / 'keys.sqlite'}", folder / "keys")
        self.committer = Committer(
            self.journal, self.keys, clock=clock, limits=Limits(), log=logger("accept"), alone=alone, **options
        )
        if started:
            self.committer.start()
        self.decoder = Decoder(gateways=frozenset({"tests"}), line_chars=200, text_chars=4000)

    def send(
        self, command: Command, tenant_name: str = TENANT, patience_s: float = 30.0
    ) -> concurrent.futures.Future[Answer]:
        """Send *command* as the bus would bring it; the future holds its answer."""
        subject = f"goals.command.v1.{tenant_name}.tests.{command.AGGREGATE}.{command.NAME}"
        decoded = self.decoder.decode(subject, msgspec.json.encode(command), None)
        future: concurrent.futures.Future[Answer] = concurrent.futures.Future()
        if not isinstance(decoded, Decoded):
            future.set_result(decoded)
            return future
        now = time.monotonic()
        self.committer.submit(Ticket(decoded, lambda _, answer: future.set_result(answer), now, now + patience_s))
        return future

    def ask(self, command: Command, tenant_name: str = TENANT) -> Answer:
        """Send *command* and wait for its answer."""
        return self.send(command, tenant_name).result(60)

    async def asked(self, tenant_name: str, command: Command) -> Answer:
        """Send *command* and wait for its answer, as stages do that ask."""
        return await asyncio.wrap_future(self.send(command, tenant_name))

    def accepted(self, command: Command, tenant_name: str = TENANT) -> Accepted:
        """Send *command*, which must be accepted."""
        answer = self.ask(command, tenant_name)
        assert isinstance(answer, Accepted), answer
        return answer

    def open_tenant(self, tenant_name: str = TENANT) -> None:
        """Open the tenant, which every other command needs."""
        self.accepted(
            tenant.Open(command_id=ident(f"open {tenant_name}"), id=tenant_id(tenant_name), actor=SERVICE), tenant_name
        )

    def close(self) -> None:
        """Commit and answer what was begun, then close the databases."""
        self.committer.stop()
        self.keys.close()
        self.journal.close()


def create(name: str, owner: str = "mentee", **fields: Any) -> goal.CreateGoal:
    """Return the command that brings the starter goal *name*."""
    return goal.CreateGoal(
        command_id=ident(f"create {name}"), id=ident(name), actor=user(owner), owner=user(owner), title=name, **fields
    )
