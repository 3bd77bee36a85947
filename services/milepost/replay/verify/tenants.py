"""One tenant's leaves are held against its checkpoints and tiles: what is proven, by whose copy, and what is not."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from milepost.replay.verify.findings import Check, Finding, failed_or_passed
from milepost.replay.verify.held import Held
from milepost.replay.verify.localising import Fault, differing, faults
from milepost.replay.verify.ours import Missing, Ours
from milepost.replay.verify.stored import StoredTiles
from milepost_contracts.proofs.merkle import EMPTY_ROOT, Frontier, ProofError
from milepost_contracts.proofs.tiles import TILE_HEIGHT, TILE_WIDTH, tile_path

_COPY = "Compare with a backup or another copy of the log, and keep this one as it is: it is evidence."
_GROW = "The journal is as it was signed: move the tenant's tile folder away, and the log grows it again."


class Judged(msgspec.Struct, frozen=True):
    """What is proven of one tenant: up to which sequence, and by whose checkpoint."""

    checks: list[Check]
    findings: list[Finding]
    proven: int
    proven_by_own: int


class Judge:
    """Judges one tenant. *trusted*: checkpoints that the verifier holds; *own*: those of the installation."""

    def __init__(self, ours: Ours, stored: StoredTiles | None, trusted: Sequence[Held], own: Sequence[Held]) -> None:
        """Take the journal's leaves (settled), the stored tiles, and checkpoints."""
        self._ours = ours
        self._stored = stored
        self._trusted = sorted(trusted, key=lambda held: held.checkpoint.size)
        self._own = sorted(own, key=lambda held: held.checkpoint.size)
        # Where a key is at hand that signed any of them, those that none signed prove nothing.
        self._newest = ([held for held in self._own if held.signed] or self._own)[-1:]
        self._findings: list[Finding] = []
        self._right: dict[int, bool | None] = {}

    def judged(self) -> Judged:
        """Return what is proven and what is wrong."""
        self._doubled()
        proven = self._against(self._trusted, 0)
        faulty = bool(self._findings)
        own = proven
        if not faulty:
            own = max(proven, self._against(self._newest, proven))
        self._holes()
        contradicting = self._contradicting()
        damaged = self._damaged(max(proven, own)) if self._stored is not None else []
        checks = self._checks(proven, own, contradicting, damaged)
        findings = [*self._findings, *contradicting, *damaged]
        return Judged(checks, findings, proven, own)

    def _against(self, checkpoints: Sequence[Held], proven: int) -> int:
        """Return up to which sequence *checkpoints* prove the journal; name what the first that does not shows."""
        for held in checkpoints:
            size, root = held.checkpoint.size, held.checkpoint.root
            if self._is_root(size, root):
                proven = max(proven, size)
                continue
            found = list(faults(self._ours, self._stored, size, root, proven))
            self._name(found, held)
            break
        return proven

    def _is_root(self, size: int, root: bytes) -> bool:
        try:
            return root == (self._ours.root(size) if size else EMPTY_ROOT)
        except Missing:
            return False

    def _name(self, found: Sequence[Fault], held: Held) -> None:
        signed_at = {fault.expected: fault.first for fault in found if fault.expected is not None}
        for fault in found:
            if not fault.told:
                message = (
                    "At least one of these events is not what was signed (changed, removed or added); which one "
                    "cannot be told, because the stored tiles were changed too."
                )
                self._say("changed_within", message, fault.first, fault.last, held.source)
                self._differing(fault)
                continue
            try:
                leaf = self._ours.leaf(fault.first - 1)
            except Missing:
                continue  # named among the holes
            elsewhere = signed_at.get(leaf)
            if elsewhere is not None and elsewhere != fault.first:
                message = f"Here lies the event that was signed at sequence {elsewhere}: events were swapped or moved."
                self._say("swapped", message, fault.first, fault.first, held.source)
            else:
                message = "The event's document is not the one that was signed: at least one byte of it was changed."
                self._say("changed", message, fault.first, fault.first, held.source)

    def _differing(self, fault: Fault) -> None:
        if self._stored is None:
            return
        for sequence in differing(self._ours, self._stored, fault.first, fault.last):
            message = "The stored tile has another hash for this event than the journal: one of both was changed."
            self._say("differs_from_tile", message, sequence, sequence, tile_path(0, (sequence - 1) // TILE_WIDTH))

    def _holes(self) -> None:
        ends = [held.checkpoint.size for held in (*self._trusted, *self._own) if held.signed]
        for first, last in self._ours.holes(max([self._ours.last, *ends])):
            signed = f"The log signs {max(ends)} events; these" if ends and last <= max(ends) else "These events"
            message = f"{signed} are not in the journal: they were removed."
            self._say("missing", message, first, last, "stored_events", last - first + 1)

    def _doubled(self) -> None:
        for index in self._ours.twice:
            self._say("added", "More than one row claims this place in the log.", index + 1, index + 1, "stored_events")

    def _contradicting(self) -> list[Finding]:
        """Return those of the installation's checkpoints that are of another log than the trusted ones and the tree."""
        found = []
        for held in self._own:
            size, root = held.checkpoint.size, held.checkpoint.root
            right = self._is_root(size, root)
            if right or (self._findings and self._by_tiles(size) == root):
                continue
            if self._findings and not self._tiles_are_right(size):
                continue  # nothing is left that it could be held against
            signed = "history was written twice" if held.signed else "no key at hand signed it either"
            message = f"The root that it states for {size} events is not that of this log: {signed}."
            todo = "Keep it beside the others: two signed checkpoints that contradict each other prove the fork."
            found.append(
                Finding(
                    code="checkpoint_contradicts",
                    message=message,
                    tenant=self._ours.tenant,
                    place=held.source,
                    todo=todo,
                )
            )
        return found

    def _tiles_are_right(self, size: int) -> bool:
        """Whether the stored tiles lead to a trusted checkpoint of *size* or above."""
        return any(
            held.checkpoint.size >= size and self._by_tiles(held.checkpoint.size) == held.checkpoint.root
            for held in self._trusted or self._newest
        )

    def _by_tiles(self, size: int) -> bytes | None:
        if self._stored is None:
            return None
        try:
            return Frontier.of(size, self._stored.tree(size)).root()
        except (ProofError, OSError):
            return None

    def _damaged(self, proven: int) -> list[Finding]:
        """Return the tiles that differ from the journal where that is proven, and those that are not there."""
        stored = self._stored
        upto = min(self._newest[0].checkpoint.size if self._newest else 0, proven)
        if stored is None or not upto or self._findings:
            return []
        wrong = [(0, number, TILE_WIDTH) for number in sorted(self._ours.odd) if (number + 1) * TILE_WIDTH <= upto]
        level, count = 0, upto
        while count:
            full, rest = divmod(count, TILE_WIDTH)
            places = [(level, number, TILE_WIDTH) for number in range(full)] if level else []
            places += [(level, full, rest)] if rest else []
            for place in places:
                hashes = [self._ours.whole(level, place[1] * TILE_WIDTH + inside) for inside in range(place[2])]
                if stored.read(*place) != b"".join(hashes):
                    wrong.append(place)
            level, count = level + 1, full
        return [self._tile(*place, missing=stored.read(*place) is None) for place in wrong]

    def _tile(self, level: int, index: int, width: int, *, missing: bool) -> Finding:
        span = 1 << (TILE_HEIGHT * level)
        first, last = index * TILE_WIDTH * span + 1, (index * TILE_WIDTH + width) * span
        what = "is not there, or has another length" if missing else "holds other hashes than the journal's"
        return Finding(
            code="tile_missing" if missing else "tile_damaged",
            message=f"A tile {what}.",
            tenant=self._ours.tenant,
            first=first,
            last=last,
            place=f"{self._ours.tenant}/{tile_path(level, index, width)}",
            todo=_GROW,
        )

    def _say(self, code: str, message: str, first: int, last: int, place: str, count: int = 1) -> None:
        self._findings.append(
            Finding(
                code=code, message=message, tenant=self._ours.tenant, first=first, last=last, place=place, todo=_COPY,
                count=count,
            )
        )  # fmt: skip

    def _checks(
        self, proven: int, own: int, contradicting: Sequence[Finding], damaged: Sequence[Finding]
    ) -> list[Check]:
        tenant, last = self._ours.tenant, self._ours.last
        checks = []
        if self._trusted:
            size = self._trusted[-1].checkpoint.size
            said = f"the log up to {size} is the one that your checkpoint signs"
            checks.append(failed_or_passed("your checkpoint", proven, "events", said, self._findings, tenant))
        if self._own and (not self._trusted or own > proven):
            said = f"up to {self._newest[0].checkpoint.size} it is the one that the installation's own checkpoint signs"
            said += "" if self._trusted else "; who can change the journal may be able to change that copy too"
            checks.append(failed_or_passed("own checkpoint", own - proven, "events", said, self._findings, tenant))
        if self._own:
            signed = sum(held.signed for held in self._own)
            said = f"each is a beginning of the same log; {signed} signed by keys at hand"
            checks.append(
                failed_or_passed("stored checkpoints", len(self._own), "checkpoints", said, contradicting, tenant)
            )
            unsigned = len(self._own) - signed
            if unsigned:
                said = "signed by keys that are not at hand: give them with --key"
                checks.append(
                    Check(
                        name="signatures",
                        status="not_checkable",
                        count=unsigned,
                        of="checkpoints",
                        said=said,
                        tenant=tenant,
                    )
                )
            if not self._findings:
                checks.append(failed_or_passed("tiles", own, "events", "hashes as stored", damaged, tenant))
        reached = max(proven, own)
        if last > reached and not self._findings:
            said = f"events {reached + 1} to {last} came after it: not yet proven" if reached else "no checkpoint yet"
            checks.append(
                Check(name="tail", status="not_proven", count=last - reached, of="events", said=said, tenant=tenant)
            )
        return checks
