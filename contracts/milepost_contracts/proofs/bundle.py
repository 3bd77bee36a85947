"""An event leaves the log in a bundle: a folder (or one .zip of it) that anybody can read, and check without us.

manifest.json        Manifest: what is in here, as of when, who exported it and why, every file's hash. Written last
README.txt           how to check the bundle with public tools
events.ndjson        the events' exact documents, one a line, in the order of their sequence
proofs.ndjson        InclusionLine, one for each line of events.ndjson; absent where the bundle holds the whole log
scan.ndjson          with --scan: the exact document of every event of the tenant, 1 to `as_of.sequence`, words sealed
checkpoint           the signed note (C2SP tlog-checkpoint) that the proofs lead to
keys.txt             vkey lines of the log: to be compared with what the verifier has from elsewhere
derived_keys.ndjson  with --keys: KeyLine, the keys that open the words which the exporter could read
facts.ndjson         of a person: facts of plugins about that person; no part of the log, and not proven
schemas/             JSON Schemas of the envelope and of every tag used, and upcasts.json
report.html          for people: timeline, changes, reasons, agreements, charts
tables/*.csv         timeline, changes, readings, agreements
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from milepost_contracts.types import ActorRef, Id, Instant, Key, Name, Value

FORMAT = "milepost-bundle/1"
MANIFEST = "manifest.json"
README = "README.txt"
EVENTS = "events.ndjson"
PROOFS = "proofs.ndjson"
SCAN = "scan.ndjson"
CHECKPOINT = "checkpoint"
KEYS = "keys.txt"
DERIVED_KEYS = "derived_keys.ndjson"
FACTS = "facts.ndjson"
SCHEMAS = "schemas"
REPORT = "report.html"
TABLES = "tables"

LINE_BYTES_MAX = 4 * 1024 * 1024  # of one line: the broker's largest message is 1 MiB, so no document is longer
MANIFEST_BYTES_MAX = 16 * 1024 * 1024  # one entry a file: a tag's schema each, and some tables
_CHUNK = 1 << 20

ScopeKind = Annotated[str, Meta(extra_json_schema={"x-known": ["goal", "person", "programme", "everything"]})]
Base64 = Annotated[str, Meta(description="standard base64 of 32 bytes")]


class BundleError(ValueError):
    """A folder that is no bundle of ours; `code` is `bundle_malformed` or `bundle_unknown_format`."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable *code* beside the message."""
        super().__init__(message)
        self.code = code


class Scope(Value, frozen=True, kw_only=True):
    """What is exported: `kind` goal, person, programme (with `id`) or everything; see selecting.Selection."""

    kind: ScopeKind
    id: Id | None = None


class AsOf(Value, frozen=True, kw_only=True):
    """Up to which event: its tenant `sequence` (16 digits) and `time`, and how that was `asked` for (null: the newest).

    Events after it are in no file of the bundle.
    """

    sequence: str
    time: str | None = None
    asked: str | None = None


class Prefix(Value, frozen=True, kw_only=True):
    """That the tree of the first `size` leaves (`root`) is the beginning of the checkpoint's: an RFC 6962 proof.

    There where a file holds every leaf up to `as_of` and the checkpoint goes further.
    """

    size: int
    root: Base64
    proof: list[Base64] = []


class Against(Value, frozen=True, kw_only=True):
    """The checkpoint that proofs lead to, as the file `checkpoint` says it too (which is what is signed)."""

    origin: str
    size: int
    root: Base64


class Exported(Value, frozen=True, kw_only=True):
    """Who made the bundle, when, and the reason that was given; the tenant's log has the same in its access log."""

    by: ActorRef
    at: Instant
    reason: str


class Counts(Value, frozen=True, kw_only=True):
    """How many lines: `events`, `proofs` (0: none are needed), `scanned`, `facts`; and how many `aggregates`."""

    events: int
    aggregates: int = 0
    proofs: int = 0
    scanned: int = 0
    facts: int = 0


class File(Value, frozen=True, kw_only=True):
    """A file of the bundle: its path with `/`, bytes, SHA-256 (lower-case hex), and what it is."""

    path: str
    size: int
    sha256: str
    what: str = ""


class Manifest(Value, frozen=True, kw_only=True):
    """What a bundle holds. Nothing in it is signed: believe what follows from `checkpoint` and from your own keys.

    `words`: `sealed`, or `opened` where report and tables show what the exporter could read. `proves` and `cannot` are
    sentences for people; what follows for a verifier is in `completeness`: `whole_log` (events.ndjson is every leaf),
    `scan` (scan.ndjson is), or `inclusion` (no event was changed or added, one may have been left out).
    """

    format: str
    milepost: str
    tenant: Name
    scope: Scope
    as_of: AsOf
    checkpoint: Against
    prefix: Prefix | None = None
    completeness: Annotated[str, Meta(extra_json_schema={"x-known": ["whole_log", "scan", "inclusion"]})]
    exported: Exported
    words: Annotated[str, Meta(extra_json_schema={"x-known": ["sealed", "opened"]})] = "sealed"
    counts: Counts
    proves: list[str] = []
    cannot: list[str] = []
    files: list[File] = []


class InclusionLine(Value, frozen=True, kw_only=True):
    """The proof that the event on the same line of events.ndjson is leaf `sequence` - 1 of the checkpoint's tree."""

    sequence: str
    id: Id
    proof: list[Base64] = []


class KeyLine(Value, frozen=True, kw_only=True):
    """A derived key (32 bytes, base64url without padding) that opens every sealed member with this `kid`."""

    kid: Key
    key: str


_manifest = msgspec.json.Decoder(Manifest)
_inclusion = msgspec.json.Decoder(InclusionLine)


def encoded(hash_: bytes) -> str:
    """Return a 32-byte hash as bundles write it: standard base64."""
    return b64encode(hash_).decode()


def decoded(text: str) -> bytes:
    """Return the bytes of a hash in a bundle; raises BundleError `bundle_malformed`."""
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        raise BundleError("bundle_malformed", f"{text[:60]!r} is no base64") from error


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the content of manifest.json: indented, for people read it too."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def parse_manifest(content: bytes) -> Manifest:
    """Return the manifest in *content*; raises BundleError `bundle_malformed`, `bundle_unknown_format`."""
    try:
        form = msgspec.json.decode(content, type=dict[str, Any]).get("format")
        if form != FORMAT:
            raise BundleError("bundle_unknown_format", f"the manifest's format is {form!r}, not {FORMAT!r}")
        return _manifest.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError("bundle_malformed", f"{MANIFEST}: {error}") from error


def inclusion_line(sequence: int, event_id: str, proof: list[bytes]) -> bytes:
    """Return a line of proofs.ndjson, with its newline."""
    line = InclusionLine(sequence=f"{sequence:016d}", id=event_id, proof=[encoded(one) for one in proof])
    return msgspec.json.encode(line) + b"\n"


def parse_inclusion(line: bytes) -> InclusionLine:
    """Return a *line* of proofs.ndjson; raises BundleError `bundle_malformed`."""
    try:
        return _inclusion.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError("bundle_malformed", f"{PROOFS}: {error}") from error


def lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of an NDJSON file without their newlines, in bounded memory; raises BundleError.

    A last line without a newline, an empty line and one above LINE_BYTES_MAX are `bundle_malformed`.
    """
    with path.open("rb") as file:
        while line := file.readline(LINE_BYTES_MAX + 1):
            if not line.endswith(b"\n") or len(line) == 1:
                raise BundleError("bundle_malformed", f"{path.name}: a line is empty, too long or has no end")
            yield line[:-1]


def file_entry(folder: Path, path: str, what: str = "") -> File:
    """Return the entry of the file *path* (with `/`) of the bundle in *folder*, read once in bounded memory."""
    digest = hashlib.sha256()
    size = 0
    with (folder / path).open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return File(path=path, size=size, sha256=digest.hexdigest(), what=what)


def proves(scope: Scope, completeness: str) -> list[str]:
    """Return what a bundle proves, in sentences for people."""
    said = [
        (
            "Every event in events.ndjson was in the tenant's log, byte for byte as it is here, when the checkpoint "
            "was signed: who did what, when it was recorded, and in which order."
        ),
        "No event was altered, added or moved since the checkpoint was signed: any changed byte breaks its proof.",
        "Within a goal, mentorship or other record, versions count 1, 2, 3 ...: an event missing in the middle shows.",
    ]
    if completeness == "whole_log":
        said.append("Nothing was left out: these are all events of the log up to this moment, and their root is there.")
    elif completeness == "scan":
        said.append(
            f"Nothing was left out: scan.ndjson holds every event of the log up to this moment, its root is the "
            f"checkpoint's, and whoever reads it sees for themselves that all events of this {scope.kind} are here."
        )
    return said


def cannot(completeness: str, *, opened: bool) -> list[str]:
    """Return what a bundle cannot prove, in sentences for people."""
    said = []
    if completeness == "inclusion":
        said.append(
            "That nothing was left out at the end: proofs of inclusion show that what is here is genuine, not that it "
            "is all. Ask for an export with --scan (the full sequence, for auditors and administrators): with it an "
            "event that was left out is found."
        )
    said += [
        (
            "That the log's operator shows everybody the same log: compare the checkpoint with one that you, "
            "another reader or a witness got elsewhere and earlier; the key in keys.txt must be the one that you know."
        ),
        "What happened after the checkpoint, and that what people wrote is true: the log proves what was recorded.",
        "When something happened (`occurredat`) somebody claims; when it was recorded (`time`) the server says.",
    ]
    if opened:
        said.append(
            "Words in report.html and tables/ were opened for whoever exported them. The log binds only their sealed "
            "form: that these words are what was sealed is shown by opening events.ndjson with the keys."
        )
        said.append(
            "Erasure cannot reach this copy: words that are shown here stay readable here after a person was erased. "
            "Keep it as long as its reason holds, then destroy it."
        )
    return said
