"""That somebody's keys were destroyed is certified: a signed note, checked beside the leaves that stay in the log.

milepost erasure certificate v1
{"tenant": ..., "person": ..., "key_ids": [...], ..., "erased": {...}, "destroyed": {...}, "checkpoint": "..."}

The two events are in it as they were stored, with their proofs: what the certificate says is read from them.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence

import msgspec

from milepost_contracts.envelope import Envelope, EnvelopeError, decode
from milepost_contracts.events.person import Erased, KeysDestroyed
from milepost_contracts.proofs.checkpoints import Checkpoint, open_checkpoint
from milepost_contracts.proofs.merkle import leaf_hash, verify_inclusion
from milepost_contracts.proofs.notes import (
    ED25519,
    Note,
    NoteError,
    Signer,
    VerifierKey,
    decoded_base64,
    parse_note,
    signed_note,
)
from milepost_contracts.types import Id, Instant, KeyId, Name, PersonRef, Value

HEADER = "milepost erasure certificate v1"


class CertificateError(ValueError):
    """A certificate that does not hold; `code` is `certificate_malformed` or `certificate_differs`."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable *code* beside the message."""
        super().__init__(message)
        self.code = code


class Leaf(Value, frozen=True, kw_only=True):
    """An event in the log: its exact document, its leaf's index (sequence - 1) and hash, and the path to the root."""

    event: Id
    sequence: str
    leaf: int
    leaf_hash: str
    path: list[str]
    document: str


class Certificate(Value, frozen=True, kw_only=True):
    """Whose keys were destroyed, which, and when; both instants are those at which the events were recorded.

    `derived`: how many sealing keys had been made of them. `survivors`: keys of others, wrapped anew under
    `generation_after`; the wrapping key of `generation_before` was destroyed with them.
    """

    tenant: Name
    person: PersonRef
    key_ids: list[KeyId]
    derived: int
    survivors: int
    generation_before: int
    generation_after: int
    erased_at: Instant
    destroyed_at: Instant
    issued_at: Instant
    erased: Leaf
    destroyed: Leaf
    checkpoint: str


def leaf_of(document: bytes, path: Sequence[bytes]) -> Leaf:
    """Return the leaf of the stored *document*, with the *path* that leads from it to a checkpoint's root."""
    event = decode(document)
    return Leaf(
        event=event.id,
        sequence=event.sequence,
        leaf=int(event.sequence) - 1,
        leaf_hash=b64encode(leaf_hash(document)).decode(),
        path=[b64encode(one).decode() for one in path],
        document=document.decode(),
    )


def certified(erased: Leaf, destroyed: Leaf, checkpoint: str, *, issued_at: str, signers: Iterable[Signer]) -> Note:
    """Return the signed certificate of the two events; raises CertificateError where they are not of one erasure."""
    told = _told(erased, destroyed, checkpoint, issued_at)
    return signed_note(f"{HEADER}\n{msgspec.json.encode(told).decode()}\n", signers)


def open_certificate(note: Note | bytes | str, keys: Iterable[VerifierKey]) -> tuple[Certificate, Checkpoint]:
    """Return the certificate in *note* and the checkpoint that covers it, both signed by one of *keys*, all checked.

    Raises NoteError (signatures, checkpoint), ProofError (a leaf is not in the checkpoint), CertificateError.
    """
    known = list(keys)
    parsed = note if isinstance(note, Note) else parse_note(note)
    signers = [key for key in parsed.signed_by(known) if key.type == ED25519]
    if not signers:
        raise NoteError("signature_missing", "none of the known keys signed this certificate")
    header, _, text = parsed.text.removesuffix("\n").partition("\n")
    if header != HEADER:
        raise CertificateError("certificate_malformed", f"it does not begin with {HEADER!r}")
    try:
        told = msgspec.json.decode(text, type=Certificate)
    except msgspec.MsgspecError as error:
        raise CertificateError("certificate_malformed", str(error)) from error
    checkpoint = open_checkpoint(told.checkpoint, known)
    if checkpoint.origin not in {key.name for key in signers}:
        raise NoteError("origin_mismatch", f"a key of {signers[0].name} signed a certificate of {checkpoint.origin}")
    for leaf in (told.erased, told.destroyed):
        _check_leaf(leaf, checkpoint)
    if _told(told.erased, told.destroyed, told.checkpoint, _text(told.issued_at)) != told:
        raise CertificateError("certificate_differs", "what it says is not what its events say")
    if not checkpoint.origin.endswith(f"/{told.tenant}"):
        raise CertificateError("certificate_differs", f"the log of {checkpoint.origin} is not that of {told.tenant}")
    return told, checkpoint


def _check_leaf(leaf: Leaf, checkpoint: Checkpoint) -> None:
    hashes = [decoded_base64(one) for one in (leaf.leaf_hash, *leaf.path)]
    found = leaf_hash(leaf.document.encode())
    if hashes[0] != found or any(one is None for one in hashes):
        raise CertificateError(
            "certificate_differs", f"the leaf hash of event {leaf.event} is not that of its document"
        )
    verify_inclusion(found, leaf.leaf, checkpoint.size, [one for one in hashes[1:] if one is not None], checkpoint.root)


def _told(erased: Leaf, destroyed: Leaf, checkpoint: str, issued_at: str) -> Certificate:
    first, second = _event(erased, Erased.TAG), _event(destroyed, KeysDestroyed.TAG)
    event = second.event()
    if not isinstance(event, KeysDestroyed) or event.erased != first.id or first.subject != second.subject:
        raise CertificateError("certificate_differs", "its two events are not of one erasure")
    if first.tenant != second.tenant:
        raise CertificateError("certificate_differs", "its two events are of two tenants")
    return msgspec.convert(
        {
            "tenant": first.tenant,
            "person": f"user:{first.aggregate_id}",
            "key_ids": event.key_ids,
            "derived": event.derived,
            "survivors": event.survivors,
            "generation_before": event.generation_before,
            "generation_after": event.generation_after,
            "erased_at": first.time,
            "destroyed_at": second.time,
            "issued_at": issued_at,
            "erased": erased,
            "destroyed": destroyed,
            "checkpoint": checkpoint,
        },
        Certificate,
    )


def _event(leaf: Leaf, tag: str) -> Envelope:
    try:
        event = decode(leaf.document.encode())
    except EnvelopeError as error:
        raise CertificateError("certificate_malformed", f"event {leaf.event}: {error}") from error
    if (event.type, event.id, event.sequence) != (tag, leaf.event, leaf.sequence) or int(
        event.sequence
    ) != leaf.leaf + 1:
        raise CertificateError(
            "certificate_differs", f"the document of {leaf.event} is not the event that it stands for"
        )
    return event


def _text(moment: object) -> str:
    return str(msgspec.to_builtins(moment))
