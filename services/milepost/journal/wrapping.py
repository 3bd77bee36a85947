"""The keys that wrap persons' keys: files outside every database, so that a database alone opens nothing."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from milepost.journal.errors import WrappingKeyError

_KEY_BYTES = 32
_NONCE_BYTES = 12
_OTHERS = 0o007
_PARTS = 3  # of a file's name: tenant, generation, "key"


class WrappingKey:
    """One tenant's wrapping key of one generation; it shows itself to nobody."""

    __slots__ = ("_aead", "fingerprint", "generation")

    def __init__(self, key: bytes, generation: int) -> None:
        """Take the 32 bytes of the file."""
        self._aead = AESGCM(key)
        self.generation = generation
        # Kept in the database, so that another directory's key is noticed before it wraps anything.
        self.fingerprint = hashlib.sha256(b"milepost wrapping key\0" + key).digest()[:16]

    def wrap(self, key: bytes, place: str) -> bytes:
        """Return *key* wrapped for *place* (tenant, holder and key id): in another row it does not open."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, key, place.encode())

    def unwrap(self, wrapped: bytes, place: str) -> bytes:
        """Return the key; raises WrappingKeyError for one that was wrapped by another key or for another place."""
        try:
            return self._aead.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], place.encode())
        except InvalidTag as error:
            holder = place.replace("\0", " ")
            raise WrappingKeyError(f"the key of {holder} was not wrapped by generation {self.generation}") from error


class KeyDirectory:
    """A folder (0700) with one file (0600) `{tenant}.{generation}.key` for each tenant's wrapping key, 32 bytes.

    Back it up apart from the databases. Several hosts need the same folder. Access for the group is left to whoever
    mounts it; a folder or file open to all is refused (WrappingKeyError).
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder where it is missing."""
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _demand_private(folder)

    def make(self, tenant: str, generation: int) -> WrappingKey:
        """Return the key of *generation*, made now unless somebody was first; durable, and whole or absent."""
        # Until it is linked it wraps nothing, and afterwards both names are one file: what is left of it by a crash is
        # overwritten with that.
        new = self._folder / f".{secrets.token_hex(8)}.new"
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(file, "wb") as output:
                output.write(secrets.token_bytes(_KEY_BYTES))
                output.flush()
                os.fsync(output.fileno())
            # A link never replaces: of two processes that make it at once, one is first and both read that one.
            with suppress(FileExistsError):
                os.link(new, self._path(tenant, generation))
        finally:
            new.unlink()
        self._sync()
        return self.read(tenant, generation)

    def read(self, tenant: str, generation: int) -> WrappingKey:
        """Return the key of *generation*; raises WrappingKeyError where it is missing, damaged or open to all."""
        path = self._path(tenant, generation)
        try:
            _demand_private(path)
            key = path.read_bytes()
        except OSError as error:
            newest = max(self.generations(tenant), default=0)
            if newest > generation:
                raise WrappingKeyError(
                    f"This key store is older than its directory: it wants {path.name}, which an erasure or a rotation "
                    f"destroyed, and the newest is of generation {newest}. Restore a backup of the key store that was "
                    "made after it; in an older one the keys are lost by design (deploy/README.md, Backups)."
                ) from error
            raise WrappingKeyError(
                f"{path}: cannot be read ({error.strerror}). Without it nothing of {tenant} can be sealed or opened: "
                "put the file back from its backup."
            ) from error
        if len(key) != _KEY_BYTES:
            raise WrappingKeyError(f"{path}: {len(key)} bytes, a wrapping key has {_KEY_BYTES}")
        return WrappingKey(key, generation)

    def generations(self, tenant: str) -> list[int]:
        """Return the generations of which *tenant* has a file, in order."""
        return sorted(generation for name, generation in self.files() if name == tenant)

    def files(self) -> list[tuple[str, int]]:
        """Return (tenant, generation) of every file."""
        found = (path.name.split(".") for path in self._folder.glob("*.key"))
        return [(parts[0], int(parts[1])) for parts in found if len(parts) == _PARTS and parts[1].isdigit()]

    def destroy(self, tenant: str, generation: int) -> None:
        """Overwrite and remove the key of *generation*, durably; one that is gone already is fine.

        What the file system or the disk keeps of old blocks (copy on write, flash) is out of our reach.
        """
        path = self._path(tenant, generation)
        try:
            file = os.open(path, os.O_WRONLY)
        except FileNotFoundError:
            return
        with os.fdopen(file, "wb", closefd=True) as output:
            output.write(bytes(_KEY_BYTES))
            output.flush()
            os.fsync(output.fileno())
        path.unlink(missing_ok=True)
        self._sync()

    def _sync(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _path(self, tenant: str, generation: int) -> Path:
        return self._folder / f"{tenant}.{generation}.key"


def _demand_private(path: Path) -> None:
    if path.stat().st_mode & _OTHERS:
        raise WrappingKeyError(f"{path} is open to every user of this machine: chmod o-rwx it")
