"""Looks for what an erasure must have left nowhere: somebody's words in any form, and any key that opens them."""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
WRAPPED_BYTES = 12 + KEY_BYTES + 16  # nonce, key, tag
_SHORT = 8  # what is looked for has at least as many characters: fewer turn up by chance


def raw_files(*folders: Path) -> dict[Path, bytes]:
    """Return every file below *folders* as it lies on the disk."""
    return {
        path: path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def forms(words: str) -> Iterator[bytes]:
    """Yield *words* as they might lie somewhere: in UTF-8, UTF-16, escaped, and inside longer base64."""
    assert len(words) >= _SHORT
    yield words.encode()
    yield words.encode("utf-16-le")
    yield words.encode("unicode_escape")
    for shift in range(3):
        # Three ways to lie in a longer text that was encoded: the first and last characters depend on the neighbours.
        shifted = b"\0" * shift + words.encode()
        for encoded in (b64encode(shifted), urlsafe_b64encode(shifted)):
            yield encoded.rstrip(b"=")[4:-4]


def found_words(files: dict[Path, bytes], words: list[str]) -> list[str]:
    """Return where which of *words* was found."""
    return [
        f"{path}: {text!r}"
        for path, content in files.items()
        for text in words
        for form in forms(text)
        if form in content
    ]


def found_secrets(files: dict[Path, bytes], secrets: list[bytes]) -> list[str]:
    """Return where a secret lies as it is, in hexadecimal or in base64."""
    found = []
    for path, content in files.items():
        for number, secret in enumerate(secrets):
            ways = (secret, secret.hex().encode(), secret.hex().upper().encode(), b64encode(secret)[:-2])
            found += [f"{path}: secret {number}" for way in (*ways, urlsafe_b64encode(secret)[:-2]) if way in content]
    return found


def opens(files: dict[Path, bytes], wrapped: bytes, place: str) -> list[str]:
    """Return which 32 bytes, anywhere in *files* as a file of their own, unwrap *wrapped* for *place*."""
    found = []
    for path, content in files.items():
        if len(content) != KEY_BYTES:
            continue
        try:
            AESGCM(content).decrypt(wrapped[:12], wrapped[12:], place.encode())
        except InvalidTag:
            continue
        found.append(str(path))
    return found


def wrapping_key_files(files: dict[Path, bytes]) -> list[str]:
    """Return the names of what could be a tenant's wrapping key."""
    return sorted(
        path.name
        for path in files
        if re.fullmatch(r"[a-z0-9_-]+\.[0-9]+\.key", path.name) and path.parent.name == "keys"
    )
