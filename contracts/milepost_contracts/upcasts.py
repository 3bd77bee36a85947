"""How older forms of events are read as newer ones; the table is `upcasts.json`, for readers in any language."""

from __future__ import annotations

from importlib import resources
from typing import Any, Literal

import msgspec


class Operation(msgspec.Struct, frozen=True, rename={"source": "from"}, forbid_unknown_fields=True):
    """One JSON Patch operation on a member of `data`; add, move and remove are what upcasts need."""

    op: Literal["add", "move", "remove"]
    path: str
    source: str = ""
    value: Any = None


class Upcast(msgspec.Struct, frozen=True, rename={"source": "from", "target": "to"}, forbid_unknown_fields=True):
    """The way from one tag to the next, with vectors that every reader must reproduce."""

    source: str
    target: str
    patch: list[Operation]
    vectors: list[dict[str, Any]]


class _Table(msgspec.Struct, frozen=True):
    upcasts: list[Upcast]


def _load() -> dict[str, Upcast]:
    text = resources.files(__package__).joinpath("upcasts.json").read_bytes()
    return {upcast.source: upcast for upcast in msgspec.json.decode(text, type=_Table).upcasts}


UPCASTS = _load()


def upcast(tag: str, members: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return (newest tag, data) for *members* stored under *tag*; members that it does not name are kept."""
    while step := UPCASTS.get(tag):
        members = dict(members)
        for operation in step.patch:
            _apply(members, operation)
        tag = step.target
    return tag, members


def _apply(members: dict[str, Any], operation: Operation) -> None:
    # JSON Pointers of upcasts name direct members of `data`; a test holds the table to that.
    path = operation.path.removeprefix("/")
    if operation.op == "add":
        members[path] = operation.value
    elif operation.op == "remove":
        del members[path]
    else:
        members[path] = members.pop(operation.source.removeprefix("/"))
