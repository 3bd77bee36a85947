"""The members of a command's Struct become what a person can type: their form, their choices, their help."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect as kinds

from milepost_contracts.commands.base import Command
from milepost_contracts.types import (
    ACTOR_PATTERN,
    DECIMAL_PATTERN,
    ID_PATTERN,
    NAME_PATTERN,
    OWNER_PATTERN,
    PERSON_PATTERN,
    ZONE_PATTERN,
)

_PATTERNS = {
    ID_PATTERN: "id",
    PERSON_PATTERN: "person",
    OWNER_PATTERN: "owner",
    ACTOR_PATTERN: "actor",
    DECIMAL_PATTERN: "decimal",
    ZONE_PATTERN: "zone",
    NAME_PATTERN: "name",
}
# Of the envelope of every command: options of their own, alike everywhere.
ENVELOPE = ("command_id", "id", "actor", "on_behalf_of", "expected_version", "occurred_at")


class Member(NamedTuple):
    """One member: `form` names how it is written (see forms.py); `many`: a list; `empties`: null means something."""

    name: str
    form: str
    required: bool
    many: bool = False
    choices: tuple[str, ...] = ()
    default: Any = None
    low: int | None = None
    high: int | None = None
    struct: type[msgspec.Struct] | None = None


@functools.cache
def members(struct: type[msgspec.Struct]) -> dict[str, Member]:
    """Return the members of *struct* by name, those of every command's envelope left out."""
    hidden = ENVELOPE if issubclass(struct, Command) else ()
    info = kinds.type_info(struct)
    assert isinstance(info, kinds.StructType)  # noqa: S101  a Struct's type info
    return {field.name: _member(field) for field in info.fields if field.name not in hidden}


def _member(field: kinds.Field) -> Member:
    node, choices = _bare(field.type)
    many = isinstance(node, kinds.ListType)
    if isinstance(node, kinds.ListType):
        node, choices = _bare(node.item_type)
    form, struct = _form(node, choices)
    default = None if field.default in (msgspec.NODEFAULT, msgspec.UNSET) else field.default
    low, high = (node.ge, node.le) if isinstance(node, kinds.IntType) else (None, None)
    return Member(field.name, form, field.required, many, choices, default, low, high, struct)


def _bare(node: kinds.Type) -> tuple[kinds.Type, tuple[str, ...]]:
    """Return what *node* holds apart from null and absence, and the known values of an enumeration."""
    if isinstance(node, kinds.Metadata):
        known = (node.extra_json_schema or {}).get("x-known", ())
        inner, choices = _bare(node.type)
        return inner, tuple(known) or choices
    if isinstance(node, kinds.UnionType):
        parts = [part for part in node.types if not isinstance(part, kinds.NoneType)]
        if len(parts) == 1:
            return _bare(parts[0])
    return node, ()


def _form(node: kinds.Type, choices: tuple[str, ...]) -> tuple[str, type[msgspec.Struct] | None]:
    if choices:
        return "choice", None
    if isinstance(node, kinds.StrType):
        return _PATTERNS.get(node.pattern or "", "text"), None
    if isinstance(node, kinds.StructType):
        return node.cls.__name__, node.cls
    if isinstance(node, kinds.UnionType):
        return "reading", None  # the one union there is: a decimal, or yes or no
    plain = {
        kinds.BoolType: "flag",
        kinds.IntType: "integer",
        kinds.DateType: "day",
        kinds.DateTimeType: "instant",
        kinds.DictType: "map",
    }
    return plain[type(node)], None
