"""`verify`: the log is held against what was signed, or a bundle against its own proofs; every fault is named."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import click
import msgspec

from milepost.cli.errors import BAD_USAGE, REFUSED, VerbError, failed, misused
from milepost.cli.out import Out
from milepost.cli.progress import progress
from milepost.cli.verbs import Parted, Verb
from milepost.cli.where import Where

if TYPE_CHECKING:
    from milepost.replay.verify.checking import Evidence
    from milepost.replay.verify.findings import Check, Finding, Report
    from milepost.replay.verify.held import Held

THERE = "Where things are"
HERE = ""  # --view without a URL: the installation's own
SHOWN_MAX = 100  # findings on a screen; --json has them all
STATUS = {"passed": "passed", "failed": "FAILED", "not_checkable": "not checkable", "not_proven": "not yet proven"}


def _verify(
    where: Where, out: Out, *, bundle: Path | None, checkpoint: tuple[Path, ...], key: tuple[str, ...], **more: Any
) -> int:
    """Check that nothing in the log was changed, removed, added or swapped; or check a BUNDLE, offline.

    Without BUNDLE the journal is read where it lies, and nothing is written. What was changed is found relative to a
    checkpoint: give one that you hold yourself with --checkpoint, and the log's public key with --key. Without them
    the newest checkpoint that the installation keeps is taken, and the report says so.

    With BUNDLE (a folder or .zip that `milepost export` made) the bundle and the public key are all that is needed.

    Exit status 0: nothing wrong was found. 1: something was. 2: it could not be checked.
    """
    if bundle is not None:
        return _bundle(out, bundle, key)
    where = where.having(**{name: value for name, value in more.items() if name in _SETTINGS and value is not None})
    with progress(out, "Checking") as advance:
        report = _journal(where, checkpoint, key, more, advance)
    document = {
        "verified": report.verified,
        "checks": msgspec.to_builtins(report.checks),
        "findings": msgspec.to_builtins(report.findings),
    }
    return _told(out, report.verified, report.checks, report.findings, document)


_SETTINGS = ("journal_url", "keys_url", "keys_dir", "proofs_dir", "signing_dir")


def _journal(where: Where, paths: Sequence[Path], keys: Sequence[str], more: dict[str, Any], advance: Any) -> Report:
    from milepost.journal.errors import BadURL, JournalError
    from milepost.replay.verify.checking import Evidence, check_journal
    from milepost.replay.verify.findings import Report
    from milepost.replay.verify.held import HeldError, given_checkpoints, given_keys

    settings = where.settings
    try:
        known = given_keys(keys)
        proofs, signing = _folder(settings.proofs_dir), _folder(settings.signing_dir)
        evidence = Evidence(keys=known, proofs=proofs, signing=signing)
        if paths:
            given = given_checkpoints(paths, known or _all_keys(signing))
            evidence = msgspec.structs.replace(evidence, checkpoints=given)
        findings: list[Finding] = []
        evidence = _elsewhere(where, evidence, findings, bus=_stream_wanted(where, more))
        report = check_journal(settings.journal_url, evidence, advance)
    except HeldError as error:
        raise misused(error.code, str(error)) from error
    except BadURL as error:
        raise misused(error.code, str(error)) from error
    except JournalError as error:
        raise _unreadable(error.code, f"The journal cannot be read: {error}.") from error
    checks, findings = list(report.checks), findings + report.findings
    for further, found in _further(where, more, advance, sum(c.count for c in checks[:1])):
        checks += further
        findings += found
    if not paths:
        checks.append(_own_trust(evidence))
    return Report(checks=checks, findings=findings)


def _own_trust(evidence: Evidence) -> Check:
    from milepost.replay.verify.findings import Check

    said = "checked against the installation's own checkpoints: keep one yourself, and give it with --checkpoint"
    said += "" if evidence.keys else " and --key"
    return Check(name="trust", status="not_proven", said=said)


def _further(where: Where, more: dict[str, Any], advance: Any, total: int) -> list[tuple[list[Check], list[Finding]]]:
    """Return what became of the checks beside the journal's own that were asked for."""
    results = []
    if more["hashes"]:
        results.append(_hashes(where, advance, total))
    if (view := more["view"]) is not None:
        from milepost.cli.verifying_view import check_view

        results.append(check_view(view or where.settings.view_url, where.settings.journal_url, advance))
    if _stream_wanted(where, more):
        from milepost.cli.verifying_stream import check_stream

        results.append(asyncio.run(check_stream(where, advance)))
    return results


def _hashes(where: Where, advance: Any, total: int) -> tuple[list[Check], list[Finding]]:
    from milepost.journal.errors import JournalError
    from milepost.journal.urls import sqlite_path
    from milepost.replay.verify.erasures import check_erasures
    from milepost.replay.verify.findings import Check
    from milepost.replay.verify.hashes import KeysToLookAt, check_hashes

    settings = where.settings
    path, folder = sqlite_path(settings.keys_url), Path(settings.keys_dir)
    if (path is not None and not path.is_file()) or not folder.is_dir():
        said = "the key store is not here: --keys-url and --keys-dir name it"
        return [Check(name="hashes of terms", status="not_checkable", of="hashes", said=said)], []
    try:
        with KeysToLookAt(settings.keys_url, folder) as keys:
            erasures, differing = check_erasures(settings.journal_url, keys)
            checks, findings = check_hashes(settings.journal_url, keys, total, advance)
            return [*checks, erasures], [*findings, *differing]
    except JournalError as error:
        said = f"the key store cannot be used: {error}"
        return [Check(name="hashes of terms", status="not_checkable", of="hashes", said=said)], []


def _elsewhere(where: Where, evidence: Evidence, findings: list[Finding], *, bus: bool) -> Evidence:
    """Return *evidence* with the checkpoints that the installation has put outside and, if wanted, on the bus."""
    from milepost.replay.verify.checking import keys_of
    from milepost.replay.verify.held import outside_checkpoints

    found: list[Held] = []
    target = urlsplit(where.settings.checkpoint_target)
    if target.scheme == "file" and (folder := Path(unquote(target.path))).is_dir():
        for tenant in sorted(path.name for path in folder.iterdir() if path.is_dir()):
            found += outside_checkpoints(folder, tenant, keys_of(evidence, tenant), findings)
    if bus:
        from milepost.cli.verifying_stream import published_checkpoints

        found += asyncio.run(published_checkpoints(where, evidence, findings))
    return msgspec.structs.replace(evidence, elsewhere=found)


def _stream_wanted(where: Where, more: dict[str, Any]) -> bool:
    return bool(more["stream"]) or where.resolved.sources["nats_url"] == "flag"


def _all_keys(signing: Path | None) -> list[Any]:
    """Return every public key that lies at hand, for who gives a checkpoint and no key."""
    from milepost.replay.verify.held import stored_keys

    if signing is None:
        return []
    tenants = {path.name.split(".")[0] for path in signing.glob("*.vkey")}
    return [key for tenant in sorted(tenants) for key in stored_keys(signing, tenant)]


def _folder(path: str) -> Path | None:
    return Path(path) if Path(path).is_dir() else None


def _bundle(out: Out, path: Path, keys: Sequence[str]) -> int:
    """Check a bundle; nothing but the bundle and the keys is read."""
    from milepost_contracts.proofs.bundle import BundleError
    from milepost_contracts.proofs.notes import NoteError
    from milepost_contracts.proofs.verify import parsed_keys, verify_bundle

    try:
        with progress(out, "Checking") as advance:
            report = verify_bundle(path, parsed_keys(keys), advance)
    except (BundleError, NoteError) as error:
        raise _unreadable(error.code, f"{error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable("unreadable", f"{error}.") from error
    document = {"verified": report.verified, **msgspec.to_builtins(report)}
    if not out.as_json:
        out.line(f"{report.scope} of {report.tenant}, as of event {report.as_of.lstrip('0')}")
    status = _told(out, report.verified, report.checks, report.findings, document)
    if not out.as_json:
        out.heading("What a bundle cannot prove")
        for sentence in report.cannot:
            out.line(f"- {sentence}")
    return status


def _told(out: Out, verified: bool, checks: Sequence[Any], findings: Sequence[Any], document: Any) -> int:  # noqa: FBT001  the outcome
    if out.as_json:
        out.document(document)
        return 0 if verified else REFUSED
    rows = [
        [check.name, getattr(check, "tenant", ""), STATUS[check.status], str(check.count or ""), check.of, check.said]
        for check in checks
    ]
    out.table(("check", "tenant", "outcome", "count", "of", "what it means"), rows)
    if findings:
        out.heading("Findings")
        out.table(("what", "tenant", "events", "where", "message"), [_row(one) for one in findings[:SHOWN_MAX]])
        if len(findings) > SHOWN_MAX:
            out.note(f"{len(findings) - SHOWN_MAX} more: --json has them all.")
        out.heading("What to do")
        for todo in dict.fromkeys(one.todo for one in findings if one.todo):
            out.line(f"- {todo}")
    out.line()
    out.line("Nothing wrong was found." if verified else "NOT VERIFIED: see the findings.", bold=True)
    return 0 if verified else REFUSED


def _row(one: Any) -> list[str]:
    first, last = one.first, getattr(one, "last", 0)
    events = "" if not first else str(first) if last in (0, first) else f"{first}-{last}"
    return [one.code.replace("_", " "), getattr(one, "tenant", ""), events, one.place, one.message]


def _unreadable(code: str, message: str) -> VerbError:
    error = failed(code, message)
    error.status = BAD_USAGE
    return error


def verify() -> Verb:
    """Return `verify`."""
    params: list[click.Parameter] = [
        click.Argument(["bundle"], required=False, type=click.Path(path_type=Path)),
        click.Option(
            ["--checkpoint"], multiple=True, type=click.Path(path_type=Path), metavar="FILE",
            help="a checkpoint that you hold, or a folder of them; may be given more than once",
        ),
        click.Option(["--key"], multiple=True, metavar="VKEY", help="a public key of the log, or a file of them"),
        click.Option(
            ["--view"], is_flag=False, flag_value=HERE, default=None, metavar="URL",
            help="also tell the view again and compare every row; without URL the installation's own",
        ),
        click.Option(["--stream"], is_flag=True, help="also compare every message on the bus; so does --nats-url"),
        click.Option(
            ["--hashes/--no-hashes"], default=True, help="compute hashes of terms again where the keys are"
        ),
        *(
            Parted([f"--{name.replace('_', '-')}"], part=THERE, metavar=kind, help=f"{text} [MILEPOST_{name.upper()}]")
            for name, kind, text in (
                ("journal_url", "URL", "the journal"),
                ("proofs_dir", "DIR", "trees and checkpoints"),
                ("signing_dir", "DIR", "the log's public keys"),
                ("keys_url", "URL", "the key store"),
                ("keys_dir", "DIR", "its wrapping keys"),
            )
        ),
    ]  # fmt: skip
    examples = ["milepost verify", "milepost verify --view --stream"]
    return Verb("verify", _verify, params, examples=examples, asks=False)
