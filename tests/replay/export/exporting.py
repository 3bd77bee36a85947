"""The sample programme with its signed tree, and exports of it as the command line makes them, without a bus."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec

from milepost.logs import logger
from milepost.replay.desk import Desk
from milepost.replay.entitlement import Entitlement
from milepost.replay.export import Bundled, ExportError, Plan, Sources, make, prepared
from milepost.replay.export.answering import export
from milepost.replay.export.scoping import Searches
from milepost.replay.histories import Histories
from milepost.replay.tree.grower import Grower, Options
from milepost.replay.tree.logs import Logs
from milepost.replay.tree.signing import SigningKeys
from milepost.replay.unlocking import keys as unlocking
from milepost.sample import person, story
from milepost.sample.loading import load
from milepost.sample.telling import TENANT
from milepost_contracts.answers import Answer
from milepost_contracts.commands import Command
from milepost_contracts.proofs.bundle import Scope, encoded
from milepost_contracts.proofs.checkpoints import Checkpoint
from milepost_contracts.proofs.notes import VerifierKey, parse_note
from milepost_contracts.queries import DerivedKey, Export, ExportAnswer, Keys, KeysAnswer
from tests.support.accepting import Acceptance

TODAY = dt.date(2026, 11, 21)
ORIGIN = "milepost.test"
AT = "2026-11-22T08:00:00Z"
REASON = "The yearly audit"
Paged = Callable[[int], None]


class Exporting:
    """A journal, its keys and its tree in *folder*; `export` makes bundles of it."""

    def __init__(self, folder: Path) -> None:
        """Open accept with nothing in the journal."""
        self.accept = Acceptance(folder)
        self.proofs = folder / "proofs"
        self.signing = SigningKeys(folder / "signing", ORIGIN)
        histories = Histories(self.accept.journal, self.accept.keys)
        journal, entitlement = self.accept.journal, Entitlement(histories.newest)
        self.desk = Desk(
            journal, self.accept.keys, histories, entitlement, logs=Logs(self.proofs, self.signing),
            searches=Searches(journal),
        )  # fmt: skip

    def tell_sample(self) -> None:
        """Let the sample programme happen, and sign all of it."""

        async def ask(tenant: str, command: Command) -> Answer:
            return self.accept.ask(command, tenant)

        asyncio.run(load(ask, story(TODAY)))
        self.sign()

    def sign(self) -> None:
        """Let the tree take all that is new, and sign a checkpoint."""
        options = Options(events=1, seconds=0.0)
        grower = Grower(self.accept.journal, self.proofs, self.signing, options, log=logger("replay"))
        grower.open()
        grower.step()
        grower.close()

    @property
    def key(self) -> VerifierKey:
        """The log's public key, as somebody knows it from elsewhere."""
        return self.signing.verifiers(TENANT)[0]

    @property
    def size(self) -> int:
        """How many events are signed."""
        return self.desk.newest(TENANT)

    def ask(self, query: Any, reader: str) -> Any:
        """Answer *query* to *reader*, as the service would, across JSON."""
        answer, _ = (export if isinstance(query, Export) else unlocking)(self.desk, TENANT, query, reader)
        return msgspec.json.decode(msgspec.json.encode(answer), type=type(answer))

    def first(self, scope: Scope, reader: str, **members: Any) -> Any:
        """Return the first answer to an export of *scope* by *reader*."""
        return self.ask(Export(actor=reader, reason=REASON, scope=scope, **members), reader)

    def plan(self, scope: Scope, by: str, *, at: str | None = None, **members: Any) -> Plan:
        """Return what a bundle of *scope* by the person *by* is to be; raises ExportError where it is refused."""
        begun = self.first(scope, by, at=at, limit=1)
        if not isinstance(begun, ExportAnswer):
            raise ExportError(begun.errors[0].code, begun.errors[0].message)
        root = encoded(Checkpoint.parse(parse_note(begun.checkpoint).text).root)
        return Plan(
            milepost="0", tenant=TENANT, scope=scope, asked=at, reason=REASON, by=by, at=AT, until=begun.until,
            time=begun.time, size=begun.size, checkpoint=begun.checkpoint, keys=begun.keys, root=root, **members,
        )  # fmt: skip

    def sources(self, plan: Plan, paged: Paged, *, limit: int = 500, facts: list[bytes] | None = None) -> Sources:
        """Return where the parts of a bundle come from; *paged* is called with each question's last sequence."""

        async def page(after: int, *, scan: bool) -> ExportAnswer:
            paged(after)
            query = Export(
                actor=plan.by, reason=REASON, scope=plan.scope, until=plan.until, size=plan.size, after=after,
                scan=scan, limit=limit,
            )  # fmt: skip
            answer = self.ask(query, plan.by)
            assert isinstance(answer, ExportAnswer), answer
            return answer

        async def keys(kids: list[str]) -> list[DerivedKey]:
            answer = self.ask(Keys(actor=plan.by, kids=kids), plan.by)
            assert isinstance(answer, KeysAnswer)
            return answer.keys

        async def told() -> AsyncIterator[bytes]:
            for fact in facts or []:
                yield fact

        return Sources(
            events=lambda after: page(after, scan=False),
            scan=lambda after: page(after, scan=True),
            keys=None if plan.words == "sealed" else keys,
            facts=told if facts is not None else None,
            called=called,
        )

    def export(  # noqa: PLR0913  what the verb's flags say
        self, folder: Path, scope: Scope, by: str = "priya", *, at: str | None = None, resume: bool = False,
        zipped: bool = False, paged: Paged = lambda _: None, limit: int = 500, facts: list[bytes] | None = None,
        **members: Any,
    ) -> Bundled:  # fmt: skip
        """Make a bundle of *scope* in *folder* as *by*, a person of the sample."""
        plan = prepared(folder, self.plan(scope, person(by), at=at, **members), resume=resume)
        sources = self.sources(plan, paged, limit=limit, facts=facts)
        return asyncio.run(make(folder, plan, sources, lambda *_: None, zipped=zipped))

    def close(self) -> None:
        """Close the databases."""
        self.accept.close()


def called(ref: str) -> str:
    """Return what a reference is called: its end."""
    kind, _, id_ = ref.rpartition(":")
    return f"{kind or 'record'} {id_[-4:]}"
