"""A certificate of erasure is believed for what its events, its proofs and its signature say, and for nothing else."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from milepost_contracts.events.person import Erased, KeysDestroyed
from milepost_contracts.proofs.certificate import (
    HEADER,
    CertificateError,
    Leaf,
    certified,
    leaf_of,
    open_certificate,
)
from milepost_contracts.proofs.checkpoints import Checkpoint
from milepost_contracts.proofs.merkle import Frontier, ProofError, inclusion_proof, leaf_hash, node_hash
from milepost_contracts.proofs.notes import Note, NoteError, Signer, parse_note, signed_note
from milepost_contracts.testing.story import Story

ISSUED = "2026-03-02T10:00:00.000000Z"
SIGNER = Signer("milepost.local/acme", Ed25519PrivateKey.generate())
OTHER = Signer("milepost.local/globex", Ed25519PrivateKey.generate())
KEY_ID = "5f" * 16


class Log:
    """The log of a small tenant in which two people are erased."""

    def __init__(self) -> None:
        """Let it happen."""
        story = Story()
        self.gone, other = story.person("gone"), story.person("other")
        story.goal(self.gone, other)
        for person in (self.gone, other):
            erased = story.add(Erased(reason="Asked for"), by=story.person("admin"), id_=person.partition(":")[2])
            story.add(
                KeysDestroyed(
                    erased=erased.id, key_ids=[KEY_ID], derived=2, survivors=5, generation_before=1, generation_after=2
                ),
                by="service:accept",
                id_=person.partition(":")[2],
            )
        self.documents = story.documents
        leaves = [leaf_hash(document) for document in story.documents]
        self.size = len(leaves)

        def hashes(level: int, index: int) -> bytes:
            if level == 0:
                return leaves[index]
            return node_hash(hashes(level - 1, 2 * index), hashes(level - 1, 2 * index + 1))

        frontier = Frontier()
        frontier.extend(leaves)
        checkpoint = Checkpoint("milepost.local/acme", self.size, frontier.root())
        self.note = str(signed_note(checkpoint.text(), [SIGNER]))
        self.leaves = [leaf_of(one, inclusion_proof(at, self.size, hashes)) for at, one in enumerate(self.documents)]

    def certificate(self, erased: int = 1, destroyed: int = 2, **signing: Any) -> Note:
        """Return the certificate of the events at these places."""
        signers = signing.get("signers", [SIGNER])
        return certified(self.leaves[erased], self.leaves[destroyed], self.note, issued_at=ISSUED, signers=signers)


@pytest.fixture(scope="module")
def log() -> Log:
    """Give the log."""
    return Log()


def test_a_certificate_holds(log: Log) -> None:
    """With the log's public key alone it tells whose keys were destroyed, and in which checkpoint that stands."""
    told, checkpoint = open_certificate(str(log.certificate()), [SIGNER.verifier])
    assert (told.tenant, told.person, told.key_ids) == ("acme", log.gone, [KEY_ID])
    assert (told.erased.leaf, told.destroyed.leaf, checkpoint.size) == (1, 2, log.size)
    assert told.erased_at < told.destroyed_at


def test_another_key_is_not_believed(log: Log) -> None:
    """A signature by an unknown key, by another log's, or over another text proves nothing."""
    with pytest.raises(NoteError) as unknown:
        open_certificate(log.certificate(), [OTHER.verifier])
    assert unknown.value.code == "signature_missing"
    both = [SIGNER.verifier, OTHER.verifier]
    with pytest.raises(NoteError) as foreign:
        open_certificate(log.certificate(signers=[OTHER]), both)
    assert foreign.value.code == "origin_mismatch"
    with pytest.raises(NoteError) as altered:
        open_certificate(str(log.certificate()).replace('"survivors":5', '"survivors":6'), both)
    assert altered.value.code == "signature_invalid"


def test_two_erasures_make_no_certificate(log: Log) -> None:
    """The event that asked for it and the one that it was done are of one erasure."""
    with pytest.raises(CertificateError) as mixed:
        log.certificate(1, 4)
    assert mixed.value.code == "certificate_differs"
    with pytest.raises(CertificateError):
        log.certificate(0, 2)


def _resigned(log: Log, change: Callable[[dict[str, Any]], None]) -> Note:
    """Return the certificate changed by somebody who has the log's key, and signed again."""
    members = msgspec.json.decode(parse_note(str(log.certificate())).text.partition("\n")[2])
    change(members)
    return signed_note(f"{HEADER}\n{msgspec.json.encode(members).decode()}\n", [SIGNER])


def _says(**members: Any) -> Callable[[dict[str, Any]], None]:
    return lambda told: told.update(members)


def _leaf(name: str, **members: Any) -> Callable[[dict[str, Any]], None]:
    return lambda told: told[name].update(members)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_says(person="user:0199c0de-0000-7000-8000-000000000001"), "certificate_differs"),
        (_says(key_ids=["0" * 32]), "certificate_differs"),
        (_says(survivors=0), "certificate_differs"),
        (_says(destroyed_at=ISSUED), "certificate_differs"),
        (_says(tenant="globex"), "certificate_differs"),
        (_says(key_ids="all"), "certificate_malformed"),
        (_leaf("erased", leaf=2), "root_mismatch"),
        (_leaf("erased", leaf=999), "index_out_of_range"),
        (_leaf("erased", path=[]), "proof_malformed"),
        (_leaf("erased", path=["?"]), "certificate_differs"),
        (_leaf("erased", leaf_hash=b64encode(bytes(32)).decode()), "certificate_differs"),
        (_leaf("destroyed", event="0199c0de-0000-7000-8000-000000000001"), "certificate_differs"),
        (_leaf("destroyed", sequence="0000000000000009"), "certificate_differs"),
    ],
)
def test_what_it_says_is_what_its_events_say(log: Log, change: Callable[[dict[str, Any]], None], code: str) -> None:
    """Even signed by the log's own key, a certificate that says anything else than its leaves does not hold."""
    note = _resigned(log, change)
    with pytest.raises((CertificateError, ProofError)) as refused:
        open_certificate(note, [SIGNER.verifier])
    assert vars(refused.value)["code"] == code


def test_an_event_outside_the_log_does_not_count(log: Log) -> None:
    """A document that was altered, whole with its leaf hash, is in no checkpoint."""
    document = log.documents[2].replace(KEY_ID.encode(), b"0" * 32)
    leaf = leaf_of(document, [])
    forged = Leaf(**(msgspec.structs.asdict(log.leaves[2]) | {"document": leaf.document, "leaf_hash": leaf.leaf_hash}))
    note = certified(log.leaves[1], forged, log.note, issued_at=ISSUED, signers=[SIGNER])
    with pytest.raises(ProofError) as refused:
        open_certificate(note, [SIGNER.verifier])
    assert refused.value.code == "root_mismatch"


def test_other_notes_are_no_certificates(log: Log) -> None:
    """A checkpoint, or any other text that the log has signed, is not taken for one."""
    with pytest.raises(CertificateError) as refused:
        open_certificate(log.note, [SIGNER.verifier])
    assert refused.value.code == "certificate_malformed"
