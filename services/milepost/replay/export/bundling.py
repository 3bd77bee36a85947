"""A bundle is made: planned, collected, told, and declared whole at last by its manifest."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from milepost.replay.export.collecting import Advance, Ask, Included, Whole, collect
from milepost.replay.export.folding import Called
from milepost.replay.export.opening import AskKeys
from milepost.replay.export.plan import UNFINISHED, ExportError, Plan
from milepost.replay.export.readme import readme
from milepost.replay.export.telling import Telling
from milepost_contracts import schemas
from milepost_contracts.proofs import bundle
from milepost_contracts.proofs.bundle import Against, AsOf, Counts, Exported, Manifest, Prefix
from milepost_contracts.proofs.checkpoints import Checkpoint
from milepost_contracts.proofs.merkle import ProofError
from milepost_contracts.proofs.notes import parse_note
from milepost_contracts.upcasts import UPCASTS

_WHAT = {
    bundle.EVENTS: "the events' exact documents, in order",
    bundle.PROOFS: "the inclusion proof of each event",
    bundle.SCAN: "every event of the log up to the moment",
    bundle.CHECKPOINT: "the signed tree head",
    bundle.KEYS: "the log's public keys",
    bundle.DERIVED_KEYS: "keys that open words in the events",
    bundle.FACTS: "facts of plugins about the person; not proven",
    bundle.REPORT: "for people",
    bundle.README: "how to check all this",
}
_ZIP_FROM = 1980  # the first year that a .zip can say
_ZIP64_FROM = 1 << 31  # larger files need the newer form, which old programs cannot read


class Sources(NamedTuple):
    """Where a bundle's parts come from: pages of its events, and of the whole log; keys; facts; names of people."""

    events: Ask
    scan: Ask
    keys: AskKeys | None
    facts: Callable[[], AsyncIterator[bytes]] | None
    called: Called


class Bundled(NamedTuple):
    """A bundle that is whole."""

    folder: Path
    manifest: Manifest
    zipped: Path | None = None


def prepared(folder: Path, plan: Plan, *, resume: bool) -> Plan:
    """Make the folder, or take up what is in it; returns the plan that counts: of a broken export its own.

    Raises ExportError: `folder_not_empty`, `export_unfinished`, `nothing_to_resume`, `export_differs`; OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # people's words are for who exports them
    begun = Plan.kept(folder)
    if begun is None:
        if resume:
            raise ExportError("nothing_to_resume", f"No export was broken off in {folder}.")
        if any(folder.iterdir()):
            raise ExportError(
                "folder_not_empty", f"{folder} is not empty.", hint="Name a folder that is not there yet."
            )
        plan.keep(folder)
        return plan
    if not resume:
        message = f"An export was broken off in {folder}."
        raise ExportError("export_unfinished", message, hint="--resume goes on with it; or name another folder.")
    mine, kept = ((one.tenant, one.scope, one.scan, one.words, one.with_keys, one.by) for one in (plan, begun))
    if mine != kept:
        message = f"What was broken off in {folder} is another export: {begun.scope.kind} {begun.scope.id or ''}."
        raise ExportError("export_differs", message, hint="Resume it with the same flags, or name another folder.")
    for left in (f"{bundle.MANIFEST}.part", f"{UNFINISHED}.part", f"{bundle.REPORT}.parts"):
        (folder / left).unlink(missing_ok=True)  # of the moment in which it broke off
    return begun


async def make(folder: Path, plan: Plan, sources: Sources, advance: Advance, *, zipped: bool = False) -> Bundled:
    """Fill *folder* (see `prepared`) by *plan* and declare it whole; what is there already and verifies is kept.

    Raises ExportError, OSError, and what *sources* raise; then the same again with the same folder goes on.
    """
    checkpoint = Checkpoint.parse(parse_note(plan.checkpoint).text)
    (folder / bundle.CHECKPOINT).write_text(plan.checkpoint, encoding="utf-8", newline="")
    (folder / bundle.KEYS).write_text("".join(f"{key}\n" for key in plan.keys), encoding="utf-8", newline="")
    whole = plan.scope.kind == "everything"
    prefix: Prefix | None = None
    if whole:
        events, prefix = await _whole(folder / bundle.EVENTS, plan, checkpoint, sources.events, advance)
    else:
        events = await _included(folder, plan, checkpoint, sources.events, advance)
    if not events:
        message = "There are no events of it up to this moment."
        raise ExportError("nothing_to_export", message, hint=f"{folder} can be removed.")
    scanned = 0
    if plan.scan and not whole:
        scanned, prefix = await _whole(folder / bundle.SCAN, plan, checkpoint, sources.scan, advance)
    facts = await _facts(folder / bundle.FACTS, sources.facts) if sources.facts is not None else 0
    with Telling(folder, plan, sources.keys, sources.called) as telling:
        aggregates = await telling.run(advance)
        _schemas(folder / bundle.SCHEMAS, telling.tags)
    (folder / bundle.README).write_text(readme(plan), encoding="utf-8", newline="\n")
    counts = Counts(events=events, aggregates=aggregates, proofs=0 if whole else events, scanned=scanned, facts=facts)
    manifest = _manifest(folder, plan, checkpoint, counts, prefix)
    packed = _zip(folder, plan, manifest) if zipped else None
    _declare(folder, manifest)
    return Bundled(folder, manifest, packed)


async def _included(folder: Path, plan: Plan, checkpoint: Checkpoint, ask: Ask, advance: Advance) -> int:
    kept = Included(folder, checkpoint, plan.until)
    try:
        await collect(kept, ask, advance, "Events")
    finally:
        kept.close()
    return kept.count


async def _whole(
    path: Path, plan: Plan, checkpoint: Checkpoint, ask: Ask, advance: Advance
) -> tuple[int, Prefix | None]:
    kept = Whole(path, plan.until)
    try:
        prefix = (await collect(kept, ask, advance, "Events" if path.name == bundle.EVENTS else "Scan")).prefix
        kept.prove(checkpoint, prefix)
    except ProofError as error:
        message = f"The events are not those that were signed: {error}."
        raise ExportError("not_as_signed", message, hint="`milepost verify` says what was changed.") from error
    finally:
        kept.close()
    return kept.count, prefix


async def _facts(path: Path, facts: Callable[[], AsyncIterator[bytes]]) -> int:
    count = 0
    with path.open("wb") as file:
        async for document in facts():
            file.write(document + b"\n")
            count += 1
    return count


def _schemas(folder: Path, tags: set[str]) -> None:
    """Write the schemas of *tags*, of the forms that those are read as, of the envelope, and the upcasts."""
    wanted = set(tags)
    for tag in tags:
        while (step := UPCASTS.get(tag)) is not None:
            wanted.add(tag := step.target)
    known = schemas.files()
    files = {"envelope.json": known["envelope.json"]}
    files |= {path: known[path] for tag in wanted if (path := f"events/{tag}.json") in known}
    (folder / "events").mkdir(parents=True, exist_ok=True)
    for path, schema in files.items():
        (folder / path).write_bytes(msgspec.json.format(msgspec.json.encode(schema)) + b"\n")
    table = {"upcasts": msgspec.to_builtins([step for step in UPCASTS.values() if step.source in wanted])}
    (folder / "upcasts.json").write_bytes(msgspec.json.format(msgspec.json.encode(table)) + b"\n")


def _manifest(folder: Path, plan: Plan, checkpoint: Checkpoint, counts: Counts, prefix: Prefix | None) -> Manifest:
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    files = [bundle.file_entry(folder, path, _WHAT.get(path, "")) for path in paths if path != UNFINISHED]
    return Manifest(
        format=bundle.FORMAT,
        milepost=plan.milepost,
        tenant=plan.tenant,
        scope=plan.scope,
        as_of=AsOf(sequence=f"{plan.until:016d}", time=plan.time, asked=plan.asked),
        checkpoint=Against(origin=checkpoint.origin, size=checkpoint.size, root=bundle.encoded(checkpoint.root)),
        prefix=prefix,
        completeness=plan.completeness,
        exported=Exported(by=plan.by, at=dt.datetime.fromisoformat(plan.at), reason=plan.reason),
        words=plan.words,
        counts=counts,
        proves=bundle.proves(plan.scope, plan.completeness),
        cannot=bundle.cannot(plan.completeness, opened=plan.words == "opened"),
        files=files,
    )


def _declare(folder: Path, manifest: Manifest) -> None:
    """Write the manifest durably, whole or not at all; with it the export is finished."""
    part = folder / f"{bundle.MANIFEST}.part"
    with part.open("wb") as file:
        file.write(bundle.manifest_bytes(manifest))
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / bundle.MANIFEST)
    (folder / UNFINISHED).unlink()
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _zip(folder: Path, plan: Plan, manifest: Manifest) -> Path:
    """Pack the bundle into FOLDER.zip beside it; the same bundle gives the same bytes."""
    at = dt.datetime.fromisoformat(plan.at)
    when = (max(at.year, _ZIP_FROM), at.month, at.day, at.hour, at.minute, at.second)
    part, final = (folder.with_name(f"{folder.name}.zip{end}") for end in (".part", ""))

    def entry(path: str) -> zipfile.ZipInfo:
        made = zipfile.ZipInfo(f"{folder.name}/{path}", when)
        made.compress_type = zipfile.ZIP_DEFLATED
        made.external_attr = 0o600 << 16
        return made

    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        archive.writestr(entry(bundle.MANIFEST), bundle.manifest_bytes(manifest))
        for file in manifest.files:
            with (
                (folder / file.path).open("rb") as source,
                archive.open(entry(file.path), "w", force_zip64=True) as target,
            ):
                shutil.copyfileobj(source, target)
    part.replace(final)
    return final
