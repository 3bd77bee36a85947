"""Derived keys are given to who may read what they open."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

from milepost.decide import Ref
from milepost.replay.desk import Desk, Told
from milepost.replay.recording import READ
from milepost_contracts.queries import DerivedKey, Keys, KeysAnswer


def keys(desk: Desk, tenant: str, query: Keys, reader: str) -> Told:
    """Answer *query* with the keys that *reader* is entitled to; the others are left out as unknown ones are."""
    given: list[DerivedKey] = []
    allowed: dict[Ref, bool] = {}
    read: dict[Ref, None] = {}
    for kid, derived in desk.keys.derived(tenant, query.kids).items():
        if derived.ref not in allowed:
            allowed[derived.ref] = desk.may_read(tenant, reader, derived.ref)
        entitled = reader == derived.author if derived.audience == "author" else allowed[derived.ref]
        if entitled:
            secret = derived.key.secret if derived.key is not None else None
            if secret is not None:  # of erased words nothing can be read
                read[derived.ref] = None
            given.append(DerivedKey(kid=kid, key=urlsafe_b64encode(secret).rstrip(b"=").decode() if secret else None))
    details: dict[str, Any] = {"reader": reader, "asked": len(query.kids), "given": len(given), READ: tuple(read)}
    return KeysAnswer(sequence=f"{desk.newest(tenant):016d}", keys=given), details
