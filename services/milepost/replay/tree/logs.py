"""Where questions about proofs are answered from: a tenant's files, its public keys, and why its log is not signed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from milepost.replay.tree.folder import ProofFolder
from milepost.replay.tree.grower import Trouble
from milepost.replay.tree.signing import SigningKeys
from milepost_contracts.proofs.notes import Note, Signer, VerifierKey


def _elsewhere(_: str) -> None:
    """Leave it to the process that grows the trees, which signs when it is time."""


class Logs:
    """All tenants' logs, for reading; any number of processes may read what one grows."""

    def __init__(
        self,
        proofs: Path,
        keys: SigningKeys,
        troubles: Callable[[], Mapping[str, Trouble]] = dict,
        wish: Callable[[str], None] = _elsewhere,
    ) -> None:
        """Take the folder of proofs, the keys, what tells of tenants that are not signed, and how signing is asked for.

        *wish(tenant)* has the next checkpoint signed at once where the trees are grown in this process.
        """
        self._proofs = proofs
        self._keys = keys
        self._troubles = troubles
        self.wish = wish

    def folder(self, tenant: str) -> ProofFolder:
        """Return the tree and checkpoints of *tenant*, which may be none yet."""
        return ProofFolder(self._proofs, tenant)

    def keys(self, tenant: str) -> list[VerifierKey]:
        """Return every public key that the log was ever signed with, oldest first; raises SigningKeyError."""
        return self._keys.verifiers(tenant)

    def signers(self, tenant: str, note: Note) -> list[Signer]:
        """Return the private keys of those that signed *note*, the newest checkpoint; raises SigningKeyError."""
        generations = self._keys.generations(tenant)
        signed = note.signed_by(self.keys(tenant))
        return [self._keys.signer(tenant, one) for one in generations if self._keys.verifier(tenant, one) in signed]

    def trouble(self, tenant: str) -> Trouble | None:
        """Return why the tenant's log is not signed any more, as far as this process knows."""
        return self._troubles().get(tenant)
