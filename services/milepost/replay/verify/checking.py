"""The whole journal is checked: rows, columns, order, commands, references, and every tenant's tree and checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from milepost.replay.verify.findings import Check, Finding, Progress, Report, failed_or_passed, joined
from milepost.replay.verify.held import Held, stored_checkpoints, stored_keys
from milepost.replay.verify.naming import Resolving
from milepost.replay.verify.ours import Ours
from milepost.replay.verify.rows import Rows, open_rows
from milepost.replay.verify.scanning import Run, Scanned, Stretch
from milepost.replay.verify.spreading import scanned, stretches
from milepost.replay.verify.stored import StoredTiles
from milepost.replay.verify.tenants import Judge
from milepost_contracts.proofs.notes import VerifierKey

ROWS = frozenset({"column_differs", "column_type", "document_form", "document_unreadable", "rows_unreadable"})
ORDER = frozenset({"out_of_order", "sequence_invalid", "version_jumps", "time_backward"})
COMMANDS = frozenset({"command_missing", "command_differs", "command_incomplete", "answer_unreadable"})


class Evidence(msgspec.Struct, frozen=True):
    """What the journal is held against: checkpoints and keys that the verifier holds, the installation's own folders.

    `elsewhere`: what the installation has put on the bus or outside. `proofs`: the folder with a folder for each
    tenant; None: there is none. `signing`: where public keys lie.
    """

    checkpoints: Sequence[Held] = ()
    keys: Sequence[VerifierKey] = ()
    proofs: Path | None = None
    signing: Path | None = None
    elsewhere: Sequence[Held] = ()


def keys_of(evidence: Evidence, tenant: str) -> list[VerifierKey]:
    """Return the keys that may have signed a tenant's checkpoints: those given, then those that lie at hand."""
    keys = list(evidence.keys)
    if evidence.signing is not None:
        keys += [key for key in stored_keys(evidence.signing, tenant) if key not in keys]
    return keys


def check_journal(
    url: str, evidence: Evidence, progress: Progress = lambda _done, _total: None, *, cores: int = 0
) -> Report:
    """Return what became of checking the journal at *url*; raises BadURL, JournalUnavailable."""
    rows = open_rows(url)
    try:
        return _Checking(url, rows, evidence).run(progress, cores)
    finally:
        rows.close()


class _Checking:
    def __init__(self, url: str, rows: Rows, evidence: Evidence) -> None:
        self._url = url
        self._rows = rows
        self._evidence = evidence
        self._tenants: dict[str, Ours] = {}
        self._ends: dict[str, Run] = {}
        self._own: dict[str, list[Held]] = {}
        self._versions: dict[str, int] = {}
        self._resolving = Resolving()
        self._findings: list[Finding] = []
        self._answers = 0
        self._unknown: dict[str, int] = {}

    def run(self, progress: Progress, cores: int) -> Report:
        # Before the rows: whatever a checkpoint signs is in the journal by then, also where that goes on growing.
        self._own = {tenant: self._stored_of(tenant) for tenant in self._known_tenants()}
        bounds = self._rows.bounds()
        proofs = self._evidence.proofs
        work = stretches(bounds, str(proofs) if proofs is not None else "")
        count = 0
        for stretch, result in scanned(self._url, self._rows, work, bounds.rows, progress, cores):
            if result.scanned is None:
                self._unread(stretch, result.failed)
                continue
            count += result.scanned.rows
            self._take(result.scanned)
        checks = self._row_checks(count)
        for tenant in sorted({*self._tenants, *self._own}):
            checks += self._judge(tenant)
        return Report(checks=checks, findings=joined(self._findings))

    def _unread(self, stretch: Stretch, why: str) -> None:
        place = f"positions {stretch.after + 1} to {stretch.upto}"
        todo = "The database itself is damaged: `PRAGMA integrity_check` or the server's log tells more."
        message = f"Rows cannot be read: {why}."
        self._findings.append(Finding(code="rows_unreadable", message=message, place=place, todo=todo))

    def _take(self, result: Scanned) -> None:
        for run in result.runs:
            self._follow(run)
            self._ours(run.tenant).take(run.tiles, run.loose, run.odd)
        # What a stretch names may be in any before it, but its own versions count for no other.
        self._resolving.take(result.names, self._versions)
        for originator, (first, sequence, last) in result.versions.items():
            known = self._versions.get(originator, 0)
            if first != known + 1:
                tenant = originator.partition("/")[0]
                message = f"Version {first} of {originator} follows version {known}."
                place = f"{originator} version {first}"
                self._findings.append(
                    Finding(
                        code="version_jumps", message=message, tenant=tenant, first=sequence, last=sequence, place=place
                    )
                )
            self._versions[originator] = last
        self._findings += result.findings
        self._answers += result.answers
        for tag, events in result.unknown.items():
            self._unknown[tag] = self._unknown.get(tag, 0) + events

    def _follow(self, run: Run) -> None:
        """Hold the beginning of a stretch against the end of the one before."""
        before = self._ends.get(run.tenant)
        self._ends[run.tenant] = run
        if before is None:
            return
        told = []
        if run.first <= before.last:
            told.append(("out_of_order", f"Sequence {run.first} was stored after {before.last}."))
        if run.first_us < before.last_us:
            told.append(("time_backward", "It was recorded before the event in front of it."))
        for code, message in told:
            self._findings.append(
                Finding(code=code, message=message, tenant=run.tenant, first=run.first, last=run.first)
            )

    def _ours(self, tenant: str) -> Ours:
        if tenant not in self._tenants:
            self._tenants[tenant] = Ours(tenant, self._stored(tenant))
        return self._tenants[tenant]

    def _stored(self, tenant: str) -> StoredTiles | None:
        proofs = self._evidence.proofs
        folder = proofs / tenant if proofs is not None else None
        return StoredTiles(folder) if folder is not None and folder.is_dir() else None

    def _known_tenants(self) -> set[str]:
        known = {held.tenant for held in (*self._evidence.checkpoints, *self._evidence.elsewhere)}
        proofs = self._evidence.proofs
        if proofs is not None and proofs.is_dir():
            known |= {path.name for path in proofs.iterdir() if path.is_dir()}
        return known

    def _stored_of(self, tenant: str) -> list[Held]:
        """Return the installation's own checkpoints of *tenant*, from wherever it keeps them."""
        own = [held for held in self._evidence.elsewhere if held.tenant == tenant]
        if self._evidence.proofs is not None:
            keys = keys_of(self._evidence, tenant)
            own += stored_checkpoints(self._evidence.proofs / tenant, tenant, keys, self._findings)
        return own

    def _judge(self, tenant: str) -> list[Check]:
        ours = self._ours(tenant)
        ours.settle()
        trusted = [held for held in self._evidence.checkpoints if held.tenant == tenant]
        judged = Judge(ours, ours.stored, trusted, self._own.get(tenant, [])).judged()
        self._findings += judged.findings
        return judged.checks

    def _row_checks(self, count: int) -> list[Check]:
        codes = {one.code for one in self._findings}
        rows = [one for one in self._findings if one.code in ROWS]
        order = codes & ORDER
        commands = codes & COMMANDS
        checks = [
            failed_or_passed("documents and columns", count, "rows", "every column says what its document says", rows),
            failed_or_passed("order", count, "events", "versions dense, rows in order, time never back", _any(order)),
            failed_or_passed("commands", count, "events", "each command's events stand together", _any(commands)),
            failed_or_passed(
                "references", self._resolving.count, "names", "what events name was there before them",
                self._resolving.findings,
            ),
        ]  # fmt: skip
        self._findings += self._resolving.findings
        if self._answers:
            said = "the warnings a command was answered with are kept beside its event and are no part of the log"
            checks.append(Check(name="answers", status="not_checkable", count=self._answers, of="answers", said=said))
        if self._unknown:
            said = f"kinds of events that this version does not know: {', '.join(sorted(self._unknown))}"
            number = sum(self._unknown.values())
            checks.append(Check(name="unknown kinds", status="not_checkable", count=number, of="events", said=said))
        return checks


def _any(codes: set[str] | frozenset[str]) -> list[Finding]:
    return [Finding(code=code, message="") for code in codes]
