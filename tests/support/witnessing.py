"""A witness outside: takes a checkpoint's note as it is shown, and gives it back with its own line."""

from __future__ import annotations

import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from milepost_contracts.proofs.notes import Cosigner, Signature, parse_note

WITNESS = Cosigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(b"a witness that is for tests only"))


def cosigned(note: str) -> str:
    """Return *note* with the witness's line of now."""
    parsed = parse_note(note)
    line = WITNESS.sign(parsed.text, int(time.time()))
    return str(parsed.with_signatures([Signature.parse(line)]))
