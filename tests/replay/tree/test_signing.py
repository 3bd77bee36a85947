"""Signing keys follow each other: old checkpoints stay verifiable, and the first new one is signed by both."""

from __future__ import annotations

import pytest

from milepost.replay.tree import ProofFolder, SigningKeyError, SigningKeys
from milepost.replay.tree.tree import command_id
from milepost_contracts.proofs.checkpoints import open_checkpoint
from milepost_contracts.proofs.notes import VerifierKey
from milepost_contracts.subjects import tenant_id
from tests.replay.tree.checking import checked
from tests.replay.tree.conftest import Log


def signers(log: Log, size: int) -> list[int]:
    """Return the generations that signed the checkpoint of *size*."""
    note = ProofFolder(log.proofs, "acme").note(size)
    assert note is not None
    signed = note.signed_by(log.keys().verifiers("acme"))
    return [place for place, key in enumerate(log.keys().verifiers("acme"), 1) if key in signed]


def told(log: Log, new: VerifierKey) -> int:
    """Have the event of *new* stored, as accept does for the log's command; return its sequence."""
    return log.record("acme", f"tenant/{tenant_id('acme')}/{command_id('acme', new)}")


def test_a_rotation_is_signed_by_both(log: Log) -> None:
    """The new key signs from the checkpoint on that covers its event: there beside the old one, then alone."""
    grower = log.grower(events=5)
    log.write(5)
    grower.step()
    old, new = grower.rotate("acme")
    assert grower.rotate("acme") == (old, new)
    assert grower.unrecorded() == [("acme", old, new)]
    log.write(5)
    log.now += 1
    grower.step()
    assert signers(log, 10) == [1]
    at = told(log, new)
    log.now += 1
    grower.step()
    assert grower.unrecorded() == []
    assert signers(log, at) == [1, 2]
    log.write(5)
    log.now += 1
    grower.step()
    assert signers(log, at + 5) == [2]
    assert [one.size for one in checked(log.proofs, log.keys(), "acme", log.documents())] == [5, 10, 11, 16]
    folder = ProofFolder(log.proofs, "acme")
    for size, key in ((5, old), (10, old), (11, old), (11, new), (16, new)):
        note = folder.note(size)
        assert note is not None
        assert open_checkpoint(str(note), [VerifierKey.parse(str(key))]).size == size


def test_a_rotation_survives_an_end_anywhere(log: Log) -> None:
    """A key that was made is not made again; whether its event came before the end or not, both sign once."""
    log.write(5)
    log.grower().close()
    grower = log.grower()
    old, new = grower.rotate("acme")
    grower.close()
    grower = log.grower(events=1)
    assert grower.unrecorded() == [("acme", old, new)]
    grower.close()
    at = told(log, new)
    log.grower(events=1).close()
    assert signers(log, at) == [1, 2]
    log.write(1)
    log.grower().close()
    assert signers(log, at + 1) == [2]
    again = log.grower().rotate("acme")
    assert again[0] == new
    assert log.keys().generations("acme") == [1, 2, 3]


def test_a_damaged_key_is_refused(log: Log) -> None:
    """A seed that is not the one of its public line, or of another length, signs nothing."""
    keys = log.keys()
    keys.make("acme", 1)
    keys.make("globex", 1)
    seed, other = log.signing / "acme.1.key", (log.signing / "globex.1.key").read_bytes()
    for content, why in ((other, "is not the key of the .vkey beside it"), (b"short", "a seed has 32")):
        seed.write_bytes(content)
        with pytest.raises(SigningKeyError, match=why):
            keys.signer("acme", 1)
    with pytest.raises(SigningKeyError, match="cannot be read"):
        keys.signer("acme", 2)
    (log.signing / "acme.1.vkey").write_text("nonsense")
    with pytest.raises(SigningKeyError, match="NAME\\+HASH"):
        keys.verifiers("acme")


def test_a_log_keeps_its_origin(log: Log) -> None:
    """Under another origin nothing is signed with the old keys, since that would be another log."""
    log.keys().make("acme", 1)
    with pytest.raises(SigningKeyError, match="keeps its origin"):
        SigningKeys(log.signing, "elsewhere.example").verifiers("acme")


def test_an_open_folder_is_refused(log: Log) -> None:
    """Keys in a folder that others may look into are not used."""
    log.keys()
    log.signing.chmod(0o755)
    with pytest.raises(SigningKeyError, match="chmod 700"):
        log.keys()
