r"""Sealed words: people's words in events are encrypted, each bound to its event and its place in it.

enc:v1:{kid}:{b64url(nonce[12] || ciphertext || tag[16])}
info = utf8(join("\0", tenant, "{aggregate}/{id}", audience, author_key_id, owner_key_id))
key  = HKDF-SHA256(ikm = K_author[32] || K_owner[32], salt = "milepost seal v1", info, 32)
kid  = b64url(SHA-256("milepost kid v1\0" || info)[0:16])
AAD  = utf8(event id || JSON Pointer within data)
"""

from __future__ import annotations

import hashlib
import hmac
import os
from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from milepost_contracts.envelope import Envelope, EnvelopeError, convert_members, decode_members
from milepost_contracts.events import Event

_URLSAFE = bytes.maketrans(b"+/", b"-_")
PREFIX = "enc:v1:"
NONCE_BYTES = 12
KEY_BYTES = 32

Path = tuple[str, ...]


class SealError(ValueError):
    """Words that cannot be opened; `code` is `key_missing`, `key_malformed`, `seal_broken` or `seal_malformed`."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable *code* beside the message."""
        super().__init__(message)
        self.code = code


class SealingKey:
    """A derived key: for one aggregate, audience, author and owner. `kid` names it in sealed words."""

    __slots__ = ("_aead", "_key", "kid")

    def __init__(self, kid: str, key: bytes) -> None:
        """Take the 32 bytes that `derive` gave; raises ValueError for any other number of them."""
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
        self.kid = kid
        self._key = key
        self._aead = AESGCM(key)

    @classmethod
    def from_text(cls, kid: str, text: str) -> SealingKey:
        """Return the key that the query `keys` gives as *text* (base64url); raises SealError `key_malformed`."""
        try:
            return cls(kid, _unb64(text))
        except ValueError as error:
            raise SealError("key_malformed", f"key {kid} is not 32 bytes in base64url without padding") from error

    @property
    def text(self) -> str:
        """The 32 bytes in base64url without padding, as the query `keys` gives them."""
        return _b64(self._key)

    @property
    def secret(self) -> bytes:
        """The 32 bytes, for handing them to who is entitled."""
        return self._key

    def seal(self, words: str, event_id: str, pointer: str) -> str:
        """Return *words* sealed for the member at *pointer* (JSON Pointer within data) of event *event_id*."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._aead.encrypt(nonce, words.encode(), f"{event_id}{pointer}".encode())
        return f"{PREFIX}{self.kid}:{_b64(nonce + sealed)}"

    def open(self, sealed: str, event_id: str, pointer: str) -> str:
        """Return the words; raises SealError `seal_broken` for a member that was altered or moved."""
        try:
            blob = _unb64(sealed.rpartition(":")[2])
            return self._aead.decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], f"{event_id}{pointer}".encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise SealError("seal_broken", f"{pointer} of event {event_id} is not what was sealed there") from error

    def hash(self, text: bytes) -> str:
        """Return the keyed hash (HMAC-SHA-256, b64url) that terms_hash and commandhash are."""
        return _b64(hmac.digest(self._key, text, "sha256"))


def info(tenant: str, aggregate: str, audience: str, author_key_id: str, owner_key_id: str) -> bytes:
    """Return what a key is derived for; *aggregate* is `{aggregate}/{id}`, *audience* `parties` or `author`."""
    parts = (tenant, aggregate, audience, author_key_id, owner_key_id)
    return "\0".join(parts).encode()


def key_id(key_info: bytes) -> str:
    """Return the `kid` of the key derived for *key_info* (see `info`)."""
    return _b64(hashlib.sha256(b"milepost kid v1\0" + key_info).digest()[:16])


def derive(author_key: bytes, owner_key: bytes, key_info: bytes) -> SealingKey:
    """Return the key for *key_info* out of the author's and the owner's 32-byte keys."""
    hkdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=b"milepost seal v1", info=key_info)
    return SealingKey(key_id(key_info), hkdf.derive(author_key + owner_key))


def kid_of(sealed: str) -> str:
    """Return the `kid` in a sealed member; raises SealError `seal_malformed`."""
    parts = sealed.split(":")
    if len(parts) != 4 or not sealed.startswith(PREFIX):  # noqa: PLR2004  the form above has four parts
        raise SealError("seal_malformed", "not of the form enc:v1:KID:WORDS")
    return parts[2]


def kids(data: bytes | msgspec.Raw) -> set[str]:
    """Return the `kid` of every sealed member in *data*, to ask the query `keys` for them.

    Raises SealError `seal_malformed` and EnvelopeError `invalid_event`.
    """
    found: set[str] = set()

    def note(sealed: str, _: str) -> str:
        found.add(kid_of(sealed))
        return sealed

    _opened(data, note)
    return found


def open_member(keys: Mapping[str, SealingKey], sealed: str, event_id: str, pointer: str) -> str:
    """Return the words of one sealed member; raises SealError `key_missing` when its key is not in *keys*."""
    kid = kid_of(sealed)
    if (key := keys.get(kid)) is None:
        raise SealError("key_missing", f"no key {kid}: not entitled, or the words were erased")
    return key.open(sealed, event_id, pointer)


def open_data(envelope: Envelope, keys: Mapping[str, SealingKey], *, missing: str | None = None) -> dict[str, Any]:
    """Return the `data` of *envelope* as members with every sealed one opened.

    Where a key is not in *keys*, *missing* stands in its place; without it SealError `key_missing` is raised.
    Members stay as they were stored: for the newest form see `open_event`. Raises EnvelopeError `invalid_event` too.
    """

    def opened(sealed: str, pointer: str) -> str:
        if missing is not None and kid_of(sealed) not in keys:
            return missing
        return open_member(keys, sealed, envelope.id, pointer)

    return _opened(envelope.data, opened)


def open_event(envelope: Envelope, keys: Mapping[str, SealingKey], *, missing: str | None = None) -> Event:
    """Return the event in *envelope* as its newest Struct with every sealed member opened; raises as `open_data`.

    Opened first, upcast afterwards: a member's place in its stored form is part of its seal.
    """
    return convert_members(envelope.type, open_data(envelope, keys, missing=missing))


def seal_data(
    members: dict[str, Any],
    words: tuple[tuple[Path, str, str], ...],
    event_id: str,
    key_for: Callable[[str], SealingKey],
) -> None:
    """Seal, in place, every member of *members* that *words* (events.WORDS) names, by its audience's key."""
    for path, audience, _ in words:
        name = path[0]  # of a Struct, so that it needs no escaping as a pointer
        if members.get(name) is None:
            continue
        if len(path) == 1:
            members[name] = key_for(audience).seal(members[name], event_id, f"/{name}")
        else:
            _seal_at(members[name], path[1:], f"/{name}", event_id, key_for(audience))


def _seal_at(node: Any, path: Path, pointer: str, event_id: str, key: SealingKey) -> None:
    step, rest = path[0], path[1:]
    if node is None:
        return
    places: list[Any]
    if step == "[]":
        places = list(range(len(node)))
    elif step == "{}":
        places = list(node)
    else:
        places = [step] if step in node else []
    for place in places:
        here = f"{pointer}/{_token(place)}"
        if rest:
            _seal_at(node[place], rest, here, event_id, key)
        elif node[place] is not None:
            node[place] = key.seal(node[place], event_id, here)


def walk(node: Any, opened: Callable[[str, str], Any], pointer: str = "") -> Any:
    """Return JSON *node* with every sealed string replaced by `opened(sealed, pointer)`."""
    if isinstance(node, str):
        return opened(node, pointer) if node.startswith(PREFIX) else node
    if isinstance(node, dict):
        return {name: walk(value, opened, f"{pointer}/{_token(name)}") for name, value in node.items()}
    if isinstance(node, list):
        return [walk(value, opened, f"{pointer}/{place}") for place, value in enumerate(node)]
    return node


def _opened(data: bytes | msgspec.Raw, opened: Callable[[str, str], Any]) -> dict[str, Any]:
    try:
        return {name: walk(value, opened, f"/{_token(name)}") for name, value in decode_members(data).items()}
    except RecursionError as error:
        raise EnvelopeError("invalid_event", "data is nested too deeply") from error


def _token(place: object) -> str:
    return str(place).replace("~", "~0").replace("/", "~1")


def _b64(octets: bytes) -> str:
    # What base64.urlsafe_b64encode does, in half its time: every sealed member and every hash comes through here.
    return b2a_base64(octets, newline=False).translate(_URLSAFE).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    octets = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # The decoder skips foreign characters and spare bits: one sealing has one text, or altering would go unseen.
    if _b64(octets) != text:
        raise ValueError("not base64url without padding")
    return octets
