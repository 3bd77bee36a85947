"""`export`: all that happened to a goal, a person, a programme or everybody, in a bundle that others can check."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from milepost.cli.asking import short
from milepost.cli.errors import VerbError, failed, misused
from milepost.cli.out import Out
from milepost.cli.progress import progress
from milepost.cli.session import Session, session
from milepost.cli.verbs import Verb
from milepost.cli.where import Where
from milepost_contracts.proofs.bundle import Scope
from milepost_contracts.queries import DerivedKey, Export, ExportAnswer, Keys, KeysAnswer, Query
from milepost_contracts.queries.moments import MOMENT_PATTERN

if TYPE_CHECKING:
    from milepost.cli.exporting_facts import Facts
    from milepost.replay.export import Bundled, Plan, Sources

T = TypeVar("T", bound=msgspec.Struct)
# A checkpoint is signed at least every minute (MILEPOST_CHECKPOINT_S); one that takes longer needs looking after.
SIGNED_S = 90.0
LOOK_AGAIN_S = 0.5
NOT_YET = "not_proven_yet"


class Exporting:
    """One export: its questions, all with its reason and to the checkpoint that the first answer named."""

    def __init__(self, connected: Session, out: Out, values: dict[str, Any]) -> None:
        """Take who exports, and what was typed."""
        self._session = connected
        self._out = out
        self._values = values
        self._reason: str = values["reason"]

    async def scope(self) -> Scope:
        """Return what is to be exported; raises VerbError unless it is one thing."""
        from milepost.cli.finding import Finder

        given = [kind for kind in ("goal", "person", "programme", "everything") if self._values[kind]]
        if len(given) != 1:
            message = "Say what to export: one of --goal, --person, --programme and --everything."
            raise misused("bad_usage", message, hint="milepost export --help has examples.")
        kind, find = given[0], Finder(self._session)
        if kind == "goal":
            return Scope(kind=kind, id=await find.goal(self._values["goal"]))
        if kind == "programme":
            return Scope(kind=kind, id=await find.programme(self._values["programme"]))
        if kind == "person":
            return Scope(kind=kind, id=person_id(self._session, self._values["person"]))
        return Scope(kind=kind)

    async def begin(self, scope: Scope, folder: Path) -> tuple[ExportAnswer, str | None]:
        """Return the first answer, once a checkpoint covers what is asked for, and the moment; raises VerbError.

        What was broken off goes on at the moment and to the checkpoint that it began with.
        """
        from milepost.replay.export import Plan

        if self._values["resume"] and (kept := Plan.kept(folder)) is not None:
            begun = ExportAnswer(
                until=kept.until, time=kept.time, size=kept.size, checkpoint=kept.checkpoint, keys=kept.keys
            )
            return begun, kept.asked
        asked: str | None = self._values["as_of"]
        wanted = asked
        if asked is None:
            newest = await self._first(scope, None)
            head = int(newest.sequence)
            if newest.until >= head:
                return newest, None
            wanted = f"s{head}"
        return await self._first(scope, wanted), asked

    async def _first(self, scope: Scope, at: str | None) -> ExportAnswer:
        until = asyncio.get_running_loop().time() + SIGNED_S
        said = False
        while True:
            try:
                return await self.ask(Export, ExportAnswer, scope=scope, at=at, limit=1)
            except VerbError as error:
                codes = {problem.code for problem in error.problems}
                if not codes & {NOT_YET, "checkpoint_unknown"} or asyncio.get_running_loop().time() > until:
                    raise
            if not said:
                self._out.note("The newest events are not signed yet: waiting for the next checkpoint ...")
                said = True
            await asyncio.sleep(LOOK_AGAIN_S)

    async def ask(self, kind: type[Query], answer: type[T], **members: Any) -> T:
        """Ask as the exporter, for the export's reason."""
        return await self._session.ask(kind, answer, reason=self._reason, **members)

    def plan(self, scope: Scope, begun: ExportAnswer, asked: str | None) -> Plan:
        """Return what the bundle is to be."""
        from importlib.metadata import version

        from milepost.replay.export import Plan
        from milepost_contracts.proofs.bundle import encoded
        from milepost_contracts.proofs.checkpoints import Checkpoint
        from milepost_contracts.proofs.notes import parse_note

        values = self._values
        return Plan(
            milepost=version("milepost"), tenant=self._session.tenant, scope=scope, asked=asked, reason=self._reason,
            by=self._session.actor, at=f"{dt.datetime.now(dt.UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z",
            until=begun.until, time=begun.time, size=begun.size, checkpoint=begun.checkpoint, keys=begun.keys,
            root=encoded(Checkpoint.parse(parse_note(begun.checkpoint).text).root), scan=values["scan"],
            words="sealed" if values["sealed"] else "opened", with_keys=values["keys"], tables=values["csv"],
        )  # fmt: skip

    def sources(self, plan: Plan, facts: Facts) -> Sources:
        """Return where the parts of the bundle come from."""
        from milepost.replay.export import Sources

        async def page(after: int, *, scan: bool) -> ExportAnswer:
            members = {"scope": plan.scope, "until": plan.until, "size": plan.size, "after": after, "scan": scan}
            return await self.ask(Export, ExportAnswer, **members)

        async def keys(kids: list[str]) -> list[DerivedKey]:
            return (await self.ask(Keys, KeysAnswer, kids=kids)).keys

        return Sources(
            events=lambda after: page(after, scan=False),
            scan=lambda after: page(after, scan=True),
            keys=None if plan.words == "sealed" else keys,
            facts=facts if plan.scope.kind == "person" else None,
            called=self.called,
        )

    def called(self, ref: str) -> str:
        """Return what a person or thing is called: a name of the sample, else its kind and the end of its id."""
        names = self._session.names
        if known := names.name_of(ref) or names.name_of(ref.partition(":")[2] or f"user:{ref}"):
            return known
        kind, _, id_ = ref.rpartition(":")
        return ref if kind in ("service", "plugin") else f"{'person' if kind == 'user' else kind} {short(id_)}".strip()


def person_id(connected: Session, ref: str) -> str:
    """Return the id of the person *ref*: me, a name of the sample, user:UUID; raises VerbError."""
    from milepost.cli.filling import Filling
    from milepost.cli.forms import FormError, person

    try:
        return person(Filling(connected, "person"), ref).removeprefix("user:")
    except FormError as error:
        raise misused("bad_value", f"{error}.", "person") from error


async def _run(where: Where, out: Out, values: dict[str, Any]) -> Bundled:
    from milepost.cli.exporting_facts import Facts
    from milepost.replay.export import ExportError, Plan, make, prepared

    folder = Path(values["to"])
    async with session(where, lasting=True, patience_s=60.0) as connected:
        exporting = Exporting(connected, out, values)
        scope = await exporting.scope()
        try:
            begun, asked = await exporting.begin(scope, folder)
            plan = prepared(folder, exporting.plan(scope, begun, asked), resume=values["resume"])
            facts = Facts(where, connected.tenant, plan.scope.id or "")
            with progress(out, "Exporting") as advance:

                def told(_what: str, done: int, total: int) -> None:
                    advance(done, total)

                return await make(folder, plan, exporting.sources(plan, facts), told, zipped=values["zip_"])
        except ExportError as error:
            raise failed(error.code, f"{error}", hint=error.hint) from error
        except VerbError as error:
            if not error.hint and Plan.kept(folder) is not None:
                error.hint = f"What came so far is kept: the same again with --resume goes on in {folder}."
            raise
        except OSError as error:
            raise failed("export_failed", f"{folder}: {error}.", hint="--resume goes on where it ended.") from error


def _export(where: Where, out: Out, **values: Any) -> int:
    """Put everything that happened to a goal, a person, a programme or everybody into a folder that others can check.

    It holds the exact events, a proof for each that leads to a signed checkpoint, a report to read and print, and
    tables. Words are opened in report and tables as far as you may read them; in the events they stay sealed. That you
    exported, and why, is recorded.
    """
    if values["as_of"] is not None and not re.match(MOMENT_PATTERN, values["as_of"]):
        raise misused("bad_value", "Write 2026-03-01T09:30Z, a day, v7 or s1234.", "as-of")
    if values["sealed"] and values["keys"]:
        raise misused("bad_usage", "--sealed leaves words unread, --keys gives what opens them: choose one.")
    made = asyncio.run(_run(where, out, values))
    manifest = made.manifest
    if out.as_json:
        document = {"folder": str(made.folder), "zip": str(made.zipped) if made.zipped else None}
        out.document(document | {"manifest": msgspec.to_builtins(manifest)})
        return 0
    counts = manifest.counts
    unseen = "not to be seen from this: --scan shows it" if manifest.completeness == "inclusion" else "nothing"
    out.pairs([
        ("bundle", str(made.folder)),
        ("packed", str(made.zipped or "")),
        ("holds", f"{counts.events} events of {counts.aggregates} records"),
        ("facts", f"{counts.facts} of plugins" if counts.facts else ""),
        ("scan", f"{counts.scanned} events, sealed" if counts.scanned else ""),
        ("as of", f"{int(manifest.as_of.sequence)} ({manifest.as_of.time or 'the beginning'})"),
        ("checkpoint", f"{manifest.checkpoint.size} events, {manifest.checkpoint.origin}"),
        ("left out", unseen),
        ("bytes", str(sum(file.size for file in manifest.files))),
    ])  # fmt: skip
    out.note(f"Check it: milepost verify {made.folder} --key 'NAME+HASH+KEY' (the key you know from elsewhere)")
    return 0


def export() -> Verb:
    """Return `export`."""
    params: list[click.Parameter] = [
        click.Option(["--goal"], metavar="GOAL", help="all that happened to it"),
        click.Option(["--person"], metavar="WHO", help="all of and about a person (me, a name, user:UUID)"),
        click.Option(["--programme"], metavar="ID", help="it, and every goal and mentorship that was in it"),
        click.Option(["--everything"], is_flag=True, help="the tenant's whole log; for auditors and administrators"),
        click.Option(["--as-of"], metavar="MOMENT", help="up to 2026-03-01T09:30Z, v7 or s1234 [default: now]"),
        click.Option(["--reason"], metavar="TEXT", required=True, help="why: it stands in the bundle and is recorded"),
        click.Option(["--to"], metavar="DIR", required=True, help="a folder that is not there yet"),
        click.Option(["--zip", "zip_"], is_flag=True, help="also as DIR.zip"),
        click.Option(["--resume"], is_flag=True, help="go on with what was broken off in DIR"),
        click.Option(["--scan"], is_flag=True, help="with every event of the log, sealed: shows that none is missing"),
        click.Option(["--sealed"], is_flag=True, help="open no words, in the report neither"),
        click.Option(["--keys"], is_flag=True, help="with the keys that open the words: whoever has it reads them"),
        click.Option(["--csv/--no-csv"], default=True, help="tables for spreadsheets [default: yes]"),
    ]
    examples = [
        'milepost export --goal talk --reason "For the appraisal" --to talk-bundle',
        'milepost export --person me --reason "I want to see my data" --to my-data --zip',
    ]
    return Verb("export", _export, params, examples=examples)
