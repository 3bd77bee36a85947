"""What an administrator asks for, taken apart: which endpoint, and which range of past events."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from milepost_contracts.plugin import PluginError


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing can be said of the endpoints that are asked for: it is all of them."""


class Named(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Enable or disable an endpoint."""

    endpoint: str


class Again(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Send past events again: a sequence, or a date or instant, each included; both left out: what was missed.

    new_ids: with another `webhook-id` than the first time, so that receivers take them for new.
    """

    endpoint: str
    from_: int | str | None = None
    to: int | str | None = None
    new_ids: bool = False


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """A range taken apart: sequences and instants, None: open."""

    first: int = 1
    last: int | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


def parsed(arguments: dict[str, Any], kind: type[Any]) -> Any:
    """Return *arguments* as *kind*; raises PluginError `invalid_request`."""
    try:
        return msgspec.convert(arguments, kind, strict=False)
    except msgspec.ValidationError as error:
        raise PluginError("invalid_request", str(error)) from error


def ranged(again: Again) -> Range:
    """Return the range that is meant; raises PluginError `invalid_request`."""
    first = last = since = until = None
    if again.from_ is not None:
        first, since = _bound(again.from_, "from")
    if again.to is not None:
        last, until = _bound(again.to, "to")
    if (first is not None and last is not None and first > last) or (since and until and since > until):
        raise PluginError("invalid_request", "the range ends before it begins")
    return Range(first=first or 1, last=last, since=since, until=until)


def _bound(value: int | str, name: str) -> tuple[int | None, dt.datetime | None]:
    text = str(value)
    if text.isascii() and text.isdigit():
        if int(text) < 1:
            raise PluginError("invalid_request", f"{name}: sequences begin with 1")
        return int(text), None
    try:
        if len(text) == len("2026-03-01"):  # a day, in UTC: all of it
            day = dt.date.fromisoformat(text)
            return None, dt.datetime.combine(day, dt.time.min if name == "from" else dt.time.max, dt.UTC)
        at = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise PluginError("invalid_request", f"{name}: a sequence, 2026-03-01 or 2026-03-01T09:30:00Z") from error
    if at.tzinfo is None:
        raise PluginError("invalid_request", f"{name}: an instant needs a time zone, e.g. 2026-03-01T09:30:00Z")
    return None, at
