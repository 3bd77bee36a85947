"""The keys that sign a tenant's checkpoints: made once, followed by the next generation, never taken away."""

from __future__ import annotations

import contextlib
import re
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from milepost.replay.tree import durable
from milepost_contracts.proofs.notes import NoteError, Signer, VerifierKey

SEED_BYTES = 32
_OTHERS = 0o077
_LINE = re.compile(r"[^.]+\.([1-9][0-9]{0,8})\.vkey")


class SigningKeyError(RuntimeError):
    """A key that is missing, damaged, open to others or of another log; `code` is `signing_key_unusable`."""

    code = "signing_key_unusable"


class SigningKeys:
    """A folder (0700) with `{tenant}.{generation}.key` (0600, an Ed25519 seed) and `.vkey`, the public line of it.

    Back it up, apart from the journal: without the newest key nothing more is signed. Old keys are kept so that the
    folder tells every public line that checkpoints were ever signed with; their seeds may be removed.
    """

    def __init__(self, folder: Path, origin: str) -> None:
        """Make the folder where it is missing; *origin* is the first part of every key's name."""
        self._folder = folder
        self._origin = origin
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & _OTHERS:
            raise SigningKeyError(f"{folder} is open to others: chmod 700 it")

    def name(self, tenant: str) -> str:
        """Return the origin of a tenant's log, which its keys bear as their name."""
        return f"{self._origin}/{tenant}"

    def generations(self, tenant: str) -> list[int]:
        """Return the generations that have a public line, oldest first."""
        found = (_LINE.fullmatch(path.name) for path in self._folder.glob(f"{tenant}.*.vkey"))
        return sorted(int(match[1]) for match in found if match)

    def make(self, tenant: str, generation: int) -> Signer:
        """Return the key of *generation*, made now unless it is there; raises SigningKeyError, OSError."""
        path = self._path(tenant, generation)
        if not path.exists():
            with contextlib.suppress(durable.DiffersError):  # another process was first: its key is the one
                durable.once(path, secrets.token_bytes(SEED_BYTES), durable.PRIVATE)
        signer = self._read(tenant, generation)
        durable.once(path.with_suffix(".vkey"), f"{signer.verifier}\n".encode())
        return signer

    def signer(self, tenant: str, generation: int) -> Signer:
        """Return the private key of *generation*; raises SigningKeyError where it does not fit its public line."""
        signer = self._read(tenant, generation)
        if signer.verifier != self.verifier(tenant, generation):
            raise SigningKeyError(f"{self._path(tenant, generation)} is not the key of the .vkey beside it")
        return signer

    def verifier(self, tenant: str, generation: int) -> VerifierKey:
        """Return the public key of *generation*; raises SigningKeyError."""
        path = self._path(tenant, generation).with_suffix(".vkey")
        try:
            key = VerifierKey.parse(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, NoteError) as error:
            raise SigningKeyError(f"{path}: {error}") from error
        if key.name != self.name(tenant):
            raise SigningKeyError(
                f"{path} is a key of {key.name}, not of {self.name(tenant)}: a log keeps its origin for good; set "
                "MILEPOST_ORIGIN back, or begin a new log with new folders for proofs and signing keys"
            )
        return key

    def verifiers(self, tenant: str) -> list[VerifierKey]:
        """Return all public keys, oldest first; raises SigningKeyError."""
        return [self.verifier(tenant, generation) for generation in self.generations(tenant)]

    def _read(self, tenant: str, generation: int) -> Signer:
        path = self._path(tenant, generation)
        try:
            if path.stat().st_mode & _OTHERS:
                raise SigningKeyError(f"{path} is open to others: chmod 600 it")
            seed = path.read_bytes()
        except OSError as error:
            raise SigningKeyError(
                f"{path} cannot be read ({error.strerror}): nothing more of {tenant} is signed before it is back"
            ) from error
        if len(seed) != SEED_BYTES:
            raise SigningKeyError(f"{path} has {len(seed)} bytes, a seed has {SEED_BYTES}")
        return Signer(self.name(tenant), Ed25519PrivateKey.from_private_bytes(seed))

    def _path(self, tenant: str, generation: int) -> Path:
        return self._folder / f"{tenant}.{generation}.key"
