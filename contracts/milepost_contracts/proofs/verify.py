"""A bundle is checked offline: from its own files and a public key that the verifier has, with nothing else installed.

python -m milepost_contracts.proofs.verify BUNDLE --key NAME+HASH+KEY [--json]

Exit status 0: nothing wrong was found; 1: something was; 2: bad usage, or no bundle.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from milepost_contracts.proofs import bundle
from milepost_contracts.proofs.bundle import BundleError, parse_manifest
from milepost_contracts.proofs.checking import BundleReport, Checking, Progress
from milepost_contracts.proofs.notes import NoteError, VerifierKey
from milepost_contracts.proofs.unpacking import open_bundle


def verify_bundle(
    path: Path, keys: Sequence[VerifierKey] = (), progress: Progress = lambda _done, _total: None
) -> BundleReport:
    """Return what became of checking the bundle at *path*, a folder or a .zip, with the public *keys* of its log.

    Without *keys* those in the bundle are taken, and the report says that this proves nothing about who signed.
    Raises BundleError where it is no bundle at all.
    """
    opened = open_bundle(path)
    with opened.open(bundle.MANIFEST) as file:
        content = file.read(bundle.MANIFEST_BYTES_MAX + 1)
    if len(content) > bundle.MANIFEST_BYTES_MAX:
        raise BundleError("bundle_malformed", f"{bundle.MANIFEST} is too large")
    return Checking(opened, parse_manifest(content), keys, progress).run()


def parsed_keys(texts: Sequence[str]) -> list[VerifierKey]:
    """Return the keys in *texts*, each a vkey line or a file of such lines; raises NoteError, OSError."""
    found: list[VerifierKey] = []
    for text in texts:
        path = Path(text)
        content = path.read_text(encoding="utf-8") if path.is_file() else text
        found += [VerifierKey.parse(line.strip()) for line in content.splitlines() if line.strip()]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a bundle from the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m milepost_contracts.proofs.verify", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("bundle", type=Path, help="the folder, or its .zip")
    parser.add_argument("--key", action="append", default=[], help="public key line of the log, or a file of them")
    parser.add_argument("--json", action="store_true", help="the report as a document")
    asked = parser.parse_args(arguments)
    try:
        report = verify_bundle(asked.bundle, parsed_keys(asked.key))
    except (BundleError, NoteError, OSError, UnicodeDecodeError) as error:
        print(f"{getattr(error, 'code', 'unreadable')}: {error}", file=sys.stderr)  # noqa: T201  a command line
        return 2
    if asked.json:
        text = msgspec.json.encode(msgspec.to_builtins(report) | {"verified": report.verified}).decode()
    else:
        text = "\n".join(_told(report))
    print(text)  # noqa: T201  same
    return 0 if report.verified else 1


def _told(report: BundleReport) -> Iterator[str]:
    yield f"{report.scope} of {report.tenant}, as of event {report.as_of.lstrip('0')}"
    for check in report.checks:
        yield f"  {check.status.replace('_', ' '):<14}{check.name:<14}{check.count:>10} {check.of:<8} {check.said}"
    for found in report.findings:
        yield f"{found.code}: {found.place}: {found.message} {found.todo}"
    yield "verified" if report.verified else "NOT VERIFIED"
    yield from (f"It cannot be proven by this: {sentence}" for sentence in report.cannot)


if __name__ == "__main__":
    sys.exit(main())
