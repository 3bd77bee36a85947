"""What a log says of its events is signed so that public tools can check it (C2SP signed-note and tlog-cosignature).

key ID = SHA-256(name || 0x0A || type || public key)[:4]
types: 0x01 Ed25519 over the text, 0x04 a witness's cosignature
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 0x01
COSIGNATURE = 0x04
PUBLIC_BYTES = 32
KEY_ID_BYTES = 4
TIMESTAMP_BYTES = 8
TIMESTAMP_MAX = 2**63 - 1
NOTE_BYTES_MAX = 1_000_000  # what Go's note takes; 100 post-quantum signatures and a page of text fit
SIGNATURES_MAX = 100  # what Go's note takes; the specification wants at least 16
NAME_CHARS_MAX = 255  # a cosigner's name has a length byte in the later signature types
_LINE = "— "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_KEY = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)")


class NoteError(ValueError):
    """A note, key or checkpoint that is not to be believed; `code` tells why.

    `note_malformed`, `note_too_large`, `key_malformed`, `key_ambiguous`, `signature_invalid` (of a known key),
    `signature_missing` (no known key signed), `checkpoint_malformed`, `origin_mismatch`.
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable *code* beside the message."""
        super().__init__(message)
        self.code = code


class VerifierKey(msgspec.Struct, frozen=True):
    """A public key with its name: `str()` is the one line (vkey) that verifiers are given."""

    name: str
    key_id: int  # 32 bits
    public: bytes  # 32 bytes
    type: int = ED25519  # or COSIGNATURE: the key of a witness

    @classmethod
    def of(cls, name: str, public: bytes, type_: int = ED25519) -> VerifierKey:
        """Return the key *name* with these 32 public bytes; raises NoteError `key_malformed`."""
        if not _is_name(name):
            raise NoteError("key_malformed", "a key's name has neither spaces nor + nor control characters")
        if len(public) != PUBLIC_BYTES or type_ not in (ED25519, COSIGNATURE):
            raise NoteError("key_malformed", "keys here are Ed25519 (type 1, or 4 of a witness) and have 32 bytes")
        digest = hashlib.sha256(name.encode() + b"\n" + bytes([type_]) + public).digest()
        return cls(name, int.from_bytes(digest[:KEY_ID_BYTES]), public, type_)

    @classmethod
    def parse(cls, line: str) -> VerifierKey:
        """Return the key that a vkey *line* tells; raises NoteError `key_malformed`."""
        match = _KEY.fullmatch(line.strip())
        material = decoded_base64(match[3]) if match else None
        if match is None or not material:
            raise NoteError("key_malformed", "not of the form NAME+HASH+BASE64")
        key = cls.of(match[1], material[1:], material[0])
        if f"{key.key_id:08x}" != match[2]:
            raise NoteError("key_malformed", f"the hash of this key is {key.key_id:08x}, not {match[2]}")
        return key

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id:08x}+{b64encode(bytes([self.type]) + self.public).decode()}"


class Signature(msgspec.Struct, frozen=True):
    """A signature line: who signed, by name and key id, and the bytes after the key id."""

    name: str
    key_id: int
    signature: bytes

    @classmethod
    def parse(cls, line: str) -> Signature:
        """Return the signature in *line* (without its newline); raises NoteError `note_malformed`."""
        name, space, encoded = line.removeprefix(_LINE).partition(" ")
        content = decoded_base64(encoded)
        if not (line.startswith(_LINE) and space and content and len(content) > KEY_ID_BYTES and _is_name(name)):
            raise NoteError("note_malformed", "a signature line is an em dash, a name and base64, a space between them")
        return cls(name, int.from_bytes(content[:KEY_ID_BYTES]), content[KEY_ID_BYTES:])

    def __str__(self) -> str:
        return f"{_LINE}{self.name} {b64encode(self.key_id.to_bytes(KEY_ID_BYTES) + self.signature).decode()}"


class Verified(NamedTuple):
    """A signature that holds: whose, and of a cosignature when (POSIX seconds)."""

    key: VerifierKey
    timestamp: int | None


class Note(msgspec.Struct, frozen=True):
    """A text that ends with a newline, and its signatures; `str()` is the note as it is stored and sent."""

    text: str
    signatures: tuple[Signature, ...]

    def verified(self, keys: Iterable[VerifierKey]) -> list[Verified]:
        """Return the signatures by *keys*, one for each, in the note's order; lines of other keys are ignored.

        Raises NoteError `signature_invalid` where one in the name of a known key does not hold, `key_ambiguous`.
        """
        known: dict[tuple[str, int], VerifierKey] = {}
        for key in keys:
            if known.setdefault((key.name, key.key_id), key) != key:
                raise NoteError("key_ambiguous", f"two known keys are called {key.name}+{key.key_id:08x}")
        found: dict[VerifierKey, Verified] = {}
        for signature in self.signatures:
            if (signer := known.get((signature.name, signature.key_id))) is not None:
                found.setdefault(signer, _verified(signer, self.text, signature.signature))
        return list(found.values())

    def signed_by(self, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
        """Return those of *keys* that signed, cosigners included; raises what `verified` raises."""
        return [one.key for one in self.verified(keys)]

    def with_signatures(self, signatures: Iterable[Signature]) -> Note:
        """Return the note with further *signatures*; one of a key that signed already is left out."""
        held: dict[tuple[str, int], Signature] = {}
        for one in (*self.signatures, *signatures):
            held.setdefault((one.name, one.key_id), one)
        return Note(self.text, tuple(held.values()))

    def __str__(self) -> str:
        return self.text + "\n" + "".join(f"{signature}\n" for signature in self.signatures)


class Signer:
    """A private Ed25519 key that signs texts under *name*."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        """Take the name (for a log: its origin) and the key; raises NoteError `key_malformed`."""
        self._key = key
        self.verifier = VerifierKey.of(name, key.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """Return the signature line of *text*, without its newline; raises NoteError `note_malformed`."""
        _check_text(text)
        return str(Signature(self.verifier.name, self.verifier.key_id, self._key.sign(text.encode())))


class Cosigner:
    """A witness's private Ed25519 key: cosigns checkpoints (cosignature/v1)."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        """Take the witness's name and key; raises NoteError `key_malformed`."""
        self._key = key
        self.verifier = VerifierKey.of(name, key.public_key().public_bytes_raw(), COSIGNATURE)

    def sign(self, text: str, timestamp: int) -> str:
        """Return the cosignature line, without its newline, of a checkpoint's *text* at *timestamp* (POSIX seconds)."""
        _check_text(text)
        content = timestamp.to_bytes(TIMESTAMP_BYTES) + self._key.sign(_cosigned(text, timestamp))
        return str(Signature(self.verifier.name, self.verifier.key_id, content))


def signed_note(text: str, signers: Iterable[Signer]) -> Note:
    """Return *text* signed by all *signers*; raises NoteError `note_malformed`."""
    return Note(text, tuple(Signature.parse(signer.sign(text)) for signer in signers))


def parse_note(note: bytes | str) -> Note:
    """Return the *note* taken apart; nothing in it is believed yet. Raises NoteError."""
    content = note.encode() if isinstance(note, str) else note
    if len(content) > NOTE_BYTES_MAX:
        raise NoteError("note_too_large", f"a note has at most {NOTE_BYTES_MAX} bytes")
    try:
        whole = content.decode()
    except UnicodeDecodeError as error:
        raise NoteError("note_malformed", "a note is UTF-8") from error
    text, blank, rest = whole.rpartition("\n\n")
    if not blank or not rest.endswith("\n"):
        raise NoteError("note_malformed", "a note is a text, an empty line and signature lines")
    lines = rest[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise NoteError("note_too_large", f"a note has at most {SIGNATURES_MAX} signatures")
    _check_text(text + "\n")
    return Note(text + "\n", tuple(Signature.parse(line) for line in lines))


def _verified(key: VerifierKey, text: str, signature: bytes) -> Verified:
    timestamp, message = None, text.encode()
    if key.type == COSIGNATURE:
        timestamp = int.from_bytes(signature[:TIMESTAMP_BYTES])
        signature = signature[TIMESTAMP_BYTES:]
        message = _cosigned(text, timestamp)
    if timestamp is not None and timestamp > TIMESTAMP_MAX:
        raise NoteError("signature_invalid", f"no witness signs at {timestamp} seconds")
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except InvalidSignature as error:  # of another length too
        raise NoteError("signature_invalid", f"{key.name}+{key.key_id:08x} did not sign this") from error
    return Verified(key, timestamp)


def _cosigned(text: str, timestamp: int) -> bytes:
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def _check_text(text: str) -> None:
    if not text.endswith("\n") or _CONTROL.search(text):
        raise NoteError("note_malformed", "a note's text ends with a newline and has no other control character")


def _is_name(name: str) -> bool:
    return 0 < len(name) <= NAME_CHARS_MAX and "+" not in name and not any(c.isspace() or c < " " for c in name)


def decoded_base64(text: str) -> bytes | None:
    """Return what *text* encodes in standard base64, None unless it is the one way to write that."""
    try:
        content = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return None
    return content if b64encode(content).decode() == text else None
