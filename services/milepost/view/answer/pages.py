"""Long answers come in pages; a cursor says after which row the next one begins, whatever was inserted since."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import msgspec

from milepost.view.answer.asked import Refusal
from milepost_contracts.answers import Problem


def cursor_of(query: str, *key: str | int) -> str:
    """Return the cursor of the page of *query* after the row with *key*; opaque to those who send it back."""
    return urlsafe_b64encode(msgspec.msgpack.encode((query, *key))).rstrip(b"=").decode()


def key_in(cursor: str | None, query: str, *kinds: type[str | int]) -> tuple[Any, ...] | None:
    """Return the key in *cursor*, None for the first page; raises Refusal (invalid) for no cursor of *query*."""
    if cursor is None:
        return None
    try:
        parts = msgspec.msgpack.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (msgspec.MsgspecError, ValueError):
        parts = None
    if (
        not isinstance(parts, list)
        or len(parts) != len(kinds) + 1
        or parts[0] != query
        or not all(isinstance(part, kind) for part, kind in zip(parts[1:], kinds, strict=True))
    ):
        message = "Send back what the last page of this query gave as `next`, or leave it out for the first page."
        raise Refusal(Problem(code="invalid_cursor", message=message, field="cursor"), invalid=True)
    return tuple(parts[1:])
