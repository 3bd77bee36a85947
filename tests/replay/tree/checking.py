"""Whether a log holds: every checkpoint's root computed anew from the journal, and no two contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from milepost.replay.tree import ProofFolder, SigningKeys
from milepost_contracts.proofs.checkpoints import Checkpoint, open_checkpoint
from milepost_contracts.proofs.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)


def checked(
    proofs: Path, keys: SigningKeys, tenant: str, documents: Sequence[bytes], *, settled: bool = True
) -> list[Checkpoint]:
    """Return the tenant's checkpoints, oldest first, after checking each against *documents* and against the others.

    settled: False where the grower was killed: the newest one may not be the one that is served yet.
    """
    folder = ProofFolder(proofs, tenant)
    public = keys.verifiers(tenant)
    leaves = [leaf_hash(document) for document in documents]
    found: list[Checkpoint] = []
    for size in folder.sizes():
        note = folder.note(size)
        assert note is not None
        checkpoint = open_checkpoint(note, public)
        assert checkpoint.size == size
        assert checkpoint.root == root_of(leaves[:size])
        found.append(checkpoint)
    if not found:
        assert folder.newest() is None
        return []
    served = folder.newest()
    before = found[-2].text() if len(found) > 1 else None
    assert (served.text if served else None) in {found[-1].text(), found[-1].text() if settled else before}
    hashes = folder.tiles.hashes(found[-1].size)
    assert list(folder.tiles.leaves(0, found[-1].size)) == leaves[: found[-1].size]
    for index in {0, found[-1].size // 2, found[-1].size - 1}:
        path = inclusion_proof(index, found[-1].size, hashes)
        verify_inclusion(leaves[index], index, found[-1].size, path, found[-1].root)
    for place, later in enumerate(found):
        for earlier in found[:place]:
            # Every one against every later one, from the tiles as they are for that size.
            proof = consistency_proof(earlier.size, later.size, folder.tiles.hashes(later.size))
            verify_consistency(earlier.size, later.size, proof, earlier.root, later.root)
    return found
