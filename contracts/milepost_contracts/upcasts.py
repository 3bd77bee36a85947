"""How older forms of events are read as newer ones: the table that `contracts/upcasts.json` is generated from."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Operation(msgspec.Struct, frozen=True, rename={"source": "from"}, omit_defaults=True, forbid_unknown_fields=True):
    """One JSON Patch operation (RFC 6902) on a direct member of `data`; upcasts need no other kinds."""

    op: Literal["add", "move", "remove"]
    path: str
    source: str = ""
    value: Any = msgspec.UNSET


class Vector(msgspec.Struct, frozen=True, rename={"source": "from", "target": "to"}, forbid_unknown_fields=True):
    """An example: `data` in the older form, and what every reader must make of it."""

    source: dict[str, Any]
    target: dict[str, Any]


class Upcast(msgspec.Struct, frozen=True, rename={"source": "from", "target": "to"}, forbid_unknown_fields=True):
    """The way from one tag to the next: operations in order, and vectors that every reader must reproduce."""

    source: str
    target: str
    patch: list[Operation]
    vectors: list[Vector]


_TABLE = (
    Upcast(
        source="goal.resource_attached.v1",
        target="goal.resource_attached.v2",
        patch=[Operation(op="move", source="/type", path="/kind")],
        vectors=[
            Vector(
                source={
                    "resource": "0199c0de-0000-7000-8000-000000000001",
                    "type": "book",
                    "title": "enc:v1:AAAA:BBBB",
                },
                target={
                    "resource": "0199c0de-0000-7000-8000-000000000001",
                    "title": "enc:v1:AAAA:BBBB",
                    "kind": "book",
                },
            ),
            Vector(
                source={
                    "resource": "0199c0de-0000-7000-8000-000000000002",
                    "type": "podcast",
                    "title": "x",
                    "later": {"kept": 1},
                },
                target={
                    "resource": "0199c0de-0000-7000-8000-000000000002",
                    "title": "x",
                    "later": {"kept": 1},
                    "kind": "podcast",
                },
            ),
        ],
    ),
)

UPCASTS = {upcast.source: upcast for upcast in _TABLE}


def upcast(tag: str, members: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return (newest tag, data) for *members* stored under *tag*; members that it does not name are kept.

    Raises KeyError when a member that is to be moved or removed is not there.
    """
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
