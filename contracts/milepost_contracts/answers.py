"""What a command or a query is answered."""

from __future__ import annotations

from typing import Any

import msgspec

from milepost_contracts.types import Value


class Problem(Value, frozen=True, kw_only=True):
    """One reason: a stable `code`, the `field` it is about, a sentence that a person can act on, and details."""

    code: str
    message: str
    field: str | None = None
    details: dict[str, Any] = {}


class Warn(Value, frozen=True, kw_only=True):
    """Something that the asker should know although the command was accepted."""

    code: str
    message: str
    field: str | None = None


class EventRef(Value, frozen=True, kw_only=True):
    """An event that the command caused."""

    id: str
    type: str


class Accepted(Value, frozen=True, kw_only=True, omit_defaults=False, tag_field="status", tag="accepted"):
    """The events are durably committed; `version` and `sequence` are the last ones of the command's aggregate.

    No events and an unchanged version: nothing was to be changed.
    """

    id: str
    version: int
    sequence: str = ""
    events: list[EventRef] = []
    warnings: list[Warn] = []


class Refused(Value, frozen=True, kw_only=True, tag_field="status", tag="refused"):
    """Every reason why the command causes nothing."""

    errors: list[Problem]


class Invalid(Value, frozen=True, kw_only=True, tag_field="status", tag="invalid"):
    """What came is no command or query at all; `field` names the place in the JSON."""

    errors: list[Problem]


class Failed(Value, frozen=True, kw_only=True, omit_defaults=False, tag_field="status", tag="failed"):
    """The outcome is unknown or the service is not able now; `retry`: send the same `command_id` again."""

    errors: list[Problem]
    retry: bool = True


Answer = Accepted | Refused | Invalid | Failed

_decoder: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def decode(answer: bytes) -> Answer:
    """Return the answer to a command; raises msgspec.MsgspecError for what is none."""
    try:
        return _decoder.decode(answer)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
