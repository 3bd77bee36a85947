"""A bundle's parts are held against each other and against its checkpoint; every fault is named with its place."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import msgspec

from milepost_contracts.envelope import Envelope, EnvelopeError, decode
from milepost_contracts.proofs import bundle
from milepost_contracts.proofs.bundle import BundleError, Manifest, parse_inclusion
from milepost_contracts.proofs.checkpoints import Checkpoint, open_checkpoint
from milepost_contracts.proofs.merkle import Frontier, ProofError, leaf_hash, verify_consistency, verify_inclusion
from milepost_contracts.proofs.notes import NOTE_BYTES_MAX, NoteError, VerifierKey
from milepost_contracts.proofs.selecting import Selection, scope_text
from milepost_contracts.proofs.unpacking import Opened, lines
from milepost_contracts.sealing import SealError, SealingKey, kids, open_data

Status = Literal["passed", "failed", "not_checkable", "not_proven"]
Progress = Callable[[int, int], None]
_CHUNK = 1 << 20
_ASK = "Ask whoever gave you the bundle for a new export, and keep this one: it is evidence."
_SMALL_FILE_MAX = NOTE_BYTES_MAX  # checkpoint and keys
# What reading a file of a bundle may come to, whatever somebody put there.
_UNREADABLE = (BundleError, EnvelopeError, OSError, zipfile.BadZipFile, zlib.error, EOFError)


class BundleFinding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that is not as it must be: a stable `code`, the file and line or sequence that it is about."""

    code: str
    message: str
    place: str = ""
    first: int = 0
    todo: str = _ASK


class BundleCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was checked, how much of it (`count` of `of`), and what that means."""

    name: str
    status: Status
    count: int = 0
    of: str = ""
    said: str = ""


class BundleReport(msgspec.Struct, frozen=True, kw_only=True):
    """All checks and findings; `cannot`: what no bundle of this kind can prove, in sentences."""

    tenant: str
    scope: str
    as_of: str
    checks: list[BundleCheck]
    findings: list[BundleFinding]
    cannot: list[str] = []

    @property
    def verified(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.findings


class Checking:
    """Checks one bundle, once."""

    def __init__(self, opened: Opened, manifest: Manifest, keys: Sequence[VerifierKey], progress: Progress) -> None:
        """Take the bundle's files, its manifest and the keys that may have signed it (none: its own)."""
        self._opened = opened
        self._manifest = manifest
        self._keys = list(keys)
        self._progress = progress
        self._checks: list[BundleCheck] = []
        self._findings: list[BundleFinding] = []
        self._names = set(opened.names())
        self._until = int(manifest.as_of.sequence) if manifest.as_of.sequence.isdecimal() else 0

    def run(self) -> BundleReport:
        """Return what became of it."""
        manifest = self._manifest
        self._files()
        checkpoint = self._checkpoint()
        if checkpoint is not None:
            self._events(checkpoint)
            if bundle.SCAN in self._names:
                self._scan(checkpoint)
        self._words()
        self._unproven()
        return BundleReport(
            tenant=manifest.tenant,
            scope=scope_text(manifest.scope),
            as_of=manifest.as_of.sequence,
            checks=self._checks,
            findings=self._findings,
            cannot=bundle.cannot(self._completeness(), opened=manifest.words == "opened"),
        )

    def _completeness(self) -> str:
        """Return what the files can prove, whatever the manifest says."""
        if bundle.SCAN in self._names:
            return "scan"
        return "inclusion" if bundle.PROOFS in self._names else "whole_log"

    def _find(self, code: str, message: str, place: str = "", first: int = 0) -> None:
        self._findings.append(BundleFinding(code=code, message=message, place=place, first=first))

    def _check(self, name: str, before: int, count: int, of: str, said: str) -> None:
        """Note a check that has failed where there are more findings than *before*."""
        status: Status = "failed" if len(self._findings) > before else "passed"
        self._checks.append(BundleCheck(name=name, status=status, count=count, of=of, said=said))

    def _files(self) -> None:
        before = len(self._findings)
        listed = {file.path: file for file in self._manifest.files}
        for name in sorted({name for name in self._opened.names() if self._opened.names().count(name) > 1}):
            self._find("file_twice", "The file is in the bundle twice.", name)
        for name in sorted(self._names - listed.keys() - {bundle.MANIFEST}):
            self._find("file_unlisted", "The manifest does not list this file.", name)
        done, total = 0, sum(file.size for file in self._manifest.files)
        for name, file in listed.items():
            try:
                size, digest = self._hashed(name)
            except _UNREADABLE as error:
                self._find("file_missing", f"The file cannot be read: {error}.", name)
                continue
            if (size, digest) != (file.size, file.sha256):
                self._find("file_changed", "The file is not the one that the manifest lists.", name)
            done += size
            self._progress(done, total)
        self._check("files", before, len(listed), "files", "each is as the manifest lists it")

    def _hashed(self, name: str) -> tuple[int, str]:
        digest, size = hashlib.sha256(), 0
        with self._opened.open(name) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
        return size, digest.hexdigest()

    def _small(self, name: str) -> bytes:
        with self._opened.open(name) as file:
            return file.read(_SMALL_FILE_MAX + 1)

    def _checkpoint(self) -> Checkpoint | None:
        before = len(self._findings)
        own = not self._keys
        try:
            if own:
                self._keys = [VerifierKey.parse(line) for line in self._small(bundle.KEYS).decode().splitlines()]
            checkpoint = open_checkpoint(self._small(bundle.CHECKPOINT), self._keys)
        except (NoteError, UnicodeDecodeError, *_UNREADABLE) as error:
            self._find("checkpoint_invalid", f"The checkpoint is not to be believed: {error}.", bundle.CHECKPOINT)
            self._check("checkpoint", before, 0, "events", "no key that is known signed it")
            return None
        told = self._manifest.checkpoint
        if (told.origin, told.size, told.root) != (checkpoint.origin, checkpoint.size, bundle.encoded(checkpoint.root)):
            self._find("manifest_differs", "The manifest tells of another checkpoint.", bundle.MANIFEST)
        if checkpoint.origin.rpartition("/")[2] != self._manifest.tenant:
            self._find("origin_mismatch", f"It is a checkpoint of {checkpoint.origin}.", bundle.CHECKPOINT)
        said = f"signed by {checkpoint.origin}, {checkpoint.size} events"
        self._check("checkpoint", before, checkpoint.size, "events", said)
        if own:
            said = "the key is the bundle's own: whoever made the bundle may have made it too; give yours with --key"
            self._checks.append(BundleCheck(name="who signed", status="not_proven", count=1, of="keys", said=said))
        return checkpoint

    def _decoded(self, name: str) -> Iterator[tuple[int, bytes, Envelope]]:
        """Yield (line number, document, envelope) of an NDJSON file of events, in rising sequence up to the moment."""
        last = 0
        for number, document in enumerate(lines(self._opened, name), 1):
            envelope = decode(document)
            place = f"{name} line {number}"
            if envelope.tenant != self._manifest.tenant:
                self._find("tenant_mismatch", f"It is an event of {envelope.tenant}.", place, envelope.number)
            if envelope.number <= last:
                self._find("out_of_order", "Its sequence is not above the one before it.", place, envelope.number)
            if envelope.number > self._until:
                self._find("after_the_moment", f"It came after event {self._until}.", place, envelope.number)
            last = envelope.number
            yield number, document, envelope

    def _events(self, checkpoint: Checkpoint) -> None:
        before = len(self._findings)
        count = 0
        try:
            if bundle.PROOFS in self._names:
                count = self._included(checkpoint)
                said = "each is in the log, byte for byte, at its place"
            else:
                count = self._whole(checkpoint, bundle.EVENTS)
                said = "they are all events of the log up to the moment, byte for byte"
        except _UNREADABLE as error:
            self._find("bundle_malformed", f"{error}.", bundle.EVENTS)
            said = "they cannot be read"
        if count != self._manifest.counts.events and len(self._findings) == before:
            message = f"The manifest tells of {self._manifest.counts.events} events; there are {count}."
            self._find("manifest_differs", message, bundle.EVENTS)
        self._check("events", before, count, "events", said)
        self._versions()

    def _included(self, checkpoint: Checkpoint) -> int:
        count = 0
        proofs = lines(self._opened, bundle.PROOFS)
        for number, document, envelope in self._decoded(bundle.EVENTS):
            count += 1
            place = f"{bundle.EVENTS} line {number}"
            line = next(proofs, None)
            if line is None:
                self._find("proof_missing", "There is no proof for the event.", place, envelope.number)
                continue
            told = parse_inclusion(line)
            if (told.sequence, told.id) != (envelope.sequence, envelope.id):
                self._find("proof_mismatch", "The proof on its line is that of another event.", place, envelope.number)
            try:
                proof = [bundle.decoded(one) for one in told.proof]
                verify_inclusion(leaf_hash(document), envelope.number - 1, checkpoint.size, proof, checkpoint.root)
            except ProofError as error:
                message = f"The event is not in the log like this: {error}."
                self._find("event_not_proven", message, place, envelope.number)
        if next(proofs, None) is not None:
            self._find("proof_unused", "There are more proofs than events: an event was taken out.", bundle.PROOFS)
        return count

    def _whole(self, checkpoint: Checkpoint, name: str, look: Callable[[bytes], None] = lambda _: None) -> int:
        """Hold all leaves of a file against the checkpoint; *look* sees each document. Return how many there are."""
        frontier = Frontier()
        for number, document, envelope in self._decoded(name):
            if envelope.number != frontier.size + 1:
                message = f"Event {frontier.size + 1} should stand here."
                self._find("event_missing", message, f"{name} line {number}", envelope.number)
                return frontier.size
            frontier.append(leaf_hash(document))
            look(document)
        if frontier.size != self._until:
            self._find("event_missing", f"It ends before event {self._until}.", name, frontier.size + 1)
        prefix = self._manifest.prefix
        proof = [bundle.decoded(one) for one in prefix.proof] if prefix is not None else []
        try:
            verify_consistency(frontier.size, checkpoint.size, proof, frontier.root(), checkpoint.root)
        except ProofError as error:
            message = f"At least one of these events is not what was signed, or one is missing: {error}."
            self._find("root_mismatch", message, name)
        return frontier.size

    def _versions(self) -> None:
        """Hold the versions of each record against each other: 1, 2, 3 ... where all of its events belong here."""
        before = len(self._findings)
        selection = Selection(self._manifest.scope)
        versions: dict[str, int] = {}
        try:
            for document in lines(self._opened, bundle.EVENTS):
                selection.look(document)
            for number, document, envelope in self._quietly(bundle.EVENTS):
                place, known = f"{bundle.EVENTS} line {number}", versions.get(envelope.subject, 0)
                whole = self._manifest.scope.kind == "everything" or envelope.subject in selection.refs
                if not selection.holds(envelope.subject, document):
                    self._find("not_in_scope", f"{envelope.subject} is no part of what was exported.", place)
                if envelope.version <= known or (whole and envelope.version != known + 1):
                    message = f"Version {envelope.version} of {envelope.subject} follows {known}."
                    self._find("version_jumps", message, place, envelope.number)
                versions[envelope.subject] = envelope.version
        except _UNREADABLE:
            return  # said by who read it first
        self._check("versions", before, len(versions), "records", "no event is missing in the middle of a record")

    def _quietly(self, name: str) -> Iterator[tuple[int, bytes, Envelope]]:
        for number, document in enumerate(lines(self._opened, name), 1):
            yield number, document, decode(document)

    def _scan(self, checkpoint: Checkpoint) -> None:
        """Read the whole log that came with it: it must be the signed one, and nothing of the scope left out."""
        before = len(self._findings)
        selection = Selection(self._manifest.scope)
        count = 0
        try:
            count = self._whole(checkpoint, bundle.SCAN, selection.look)
            if len(self._findings) == before:
                self._complete(selection)
        except _UNREADABLE as error:
            self._find("bundle_malformed", f"{error}.", bundle.SCAN)
        self._check("scan", before, count, "events", "the whole log: every event of the scope is in the bundle")

    def _complete(self, selection: Selection) -> None:
        events = lines(self._opened, bundle.EVENTS)
        for _, document, envelope in self._quietly(bundle.SCAN):
            if not selection.holds(envelope.subject, document):
                continue
            told = next(events, None)
            if told != document:
                message = "The log has this event of the scope; in the bundle it is missing, or another stands there."
                self._find("event_left_out", message, f"sequence {envelope.number}", envelope.number)
                return
        if next(events, None) is not None:
            self._find("event_not_in_scan", "There are events that the scan does not have.", bundle.EVENTS)

    def _words(self) -> None:
        """Open what the enclosed keys open: words that were changed would not."""
        if bundle.DERIVED_KEYS not in self._names:
            return
        before, count = len(self._findings), 0
        try:
            told = [msgspec.json.decode(line, type=bundle.KeyLine) for line in lines(self._opened, bundle.DERIVED_KEYS)]
            keys = {one.kid: SealingKey.from_text(one.kid, one.key) for one in told}
            for number, _, envelope in self._quietly(bundle.EVENTS):
                try:
                    if kids(envelope.data) & keys.keys():
                        open_data(envelope, keys, missing="")
                        count += 1
                except SealError as error:
                    self._find("words_broken", f"{error}.", f"{bundle.EVENTS} line {number}", envelope.number)
        except (SealError, msgspec.MsgspecError, UnicodeDecodeError, *_UNREADABLE) as error:
            self._find("bundle_malformed", f"{error}.", bundle.DERIVED_KEYS)
        self._check("words", before, count, "events", "the enclosed keys open what was sealed")

    def _unproven(self) -> None:
        said = "who exported it, when and why is what the manifest says: nothing signs that"
        self._checks.append(BundleCheck(name="manifest", status="not_checkable", count=1, of="files", said=said))
        told = [name for name in self._names if name == bundle.REPORT or name.startswith(f"{bundle.TABLES}/")]
        if told:
            said = "report and tables are made of the events by whoever exported them: no proof covers them"
            self._checks.append(
                BundleCheck(name="report", status="not_checkable", count=len(told), of="files", said=said)
            )
        if bundle.FACTS in self._names:
            said = "what plugins told is no part of the log"
            count = self._manifest.counts.facts
            self._checks.append(BundleCheck(name="facts", status="not_checkable", count=count, of="facts", said=said))
        if self._completeness() == "inclusion":
            said = "that no event was left out at the end: only an export with --scan, or of everything, shows that"
            self._checks.append(BundleCheck(name="completeness", status="not_proven", count=1, of="bundles", said=said))
