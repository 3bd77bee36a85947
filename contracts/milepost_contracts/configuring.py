"""What an operator has written becomes the Struct that a plugin asks for, or an error that names the place."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import inspect

from milepost_contracts.plugin import PluginError

_FIELD = re.compile(r" - at `\$\.?(.*)`$")
HIDDEN = "***"
SECRET_CHARS_MIN = 8  # shorter ones are `true`, `prod` or a port, and occur everywhere


def convert_config(members: Mapping[str, Any], schema: type[Any], *, source: str, secret: bool = False) -> Any:
    """Return *members* as *schema*; raises PluginError `invalid_config` that names the source and the place.

    Members that the Struct does not have are refused at any depth: whoever misspelt one would look for it in vain.
    *secret*: no value is told, not even in what the plugin's own checks say.
    """
    for place, name, known in _unknown(members, inspect.type_info(schema), ""):
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known) or 'none'}"
        raise PluginError("invalid_config", f"{source}: {place}: no such setting: {hint}", field=place)
    try:
        return msgspec.convert(members, schema, strict=False)
    except msgspec.ValidationError as error:
        place_ = _FIELD.search(str(error))
        what = _FIELD.sub("", str(error))
        field = place_[1] if place_ and place_[1] else "(top)"
        wrong = PluginError("invalid_config", f"{source}: {field}: {_hidden(what, members) if secret else what}")
        wrong.details["field"] = field
        raise wrong from (None if secret else error)


def _hidden(what: str, members: Mapping[str, Any]) -> str:
    """Return *what* without any value of *members*."""
    for value in sorted(map(str, _values(members)), key=len, reverse=True):
        what = what.replace(value, HIDDEN) if value else what
    return what


def _values(node: Any) -> Iterator[Any]:
    if isinstance(node, Mapping):
        for value in node.values():
            yield from _values(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _values(value)
    else:
        yield node


def secrets_in(secrets: Any) -> frozenset[str]:
    """Return every text in *secrets* (a Struct, or None) that is long enough to be one."""
    values = _values(msgspec.to_builtins(secrets))
    return frozenset(text for text in values if isinstance(text, str) and len(text) >= SECRET_CHARS_MIN)


def _unknown(node: Any, kind: inspect.Type, place: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield (place, name, known names) of every member in *node* that *kind* does not have."""
    match kind:
        case inspect.Metadata(type=inner):
            yield from _unknown(node, inner, place)
        case inspect.StructType() if isinstance(node, Mapping):
            yield from _unknown_of(node, kind, place)
        case inspect.UnionType():
            if (chosen := _chosen(node, kind)) is not None:
                yield from _unknown(node, chosen, place)
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item) if isinstance(node, list | tuple):
            for number, value in enumerate(node):
                yield from _unknown(value, item, f"{place}[{number}]")
        case inspect.DictType(value_type=item) if isinstance(node, Mapping):
            for name, value in node.items():
                yield from _unknown(value, item, f"{place}.{name}".lstrip("."))


def _unknown_of(node: Mapping[str, Any], kind: inspect.StructType, place: str) -> Iterator[tuple[str, str, list[str]]]:
    fields = {field.encode_name: field.type for field in kind.fields}
    for name, value in node.items():
        here = f"{place}.{name}".lstrip(".")
        if name in fields:
            yield from _unknown(value, fields[name], here)
        elif name != kind.tag_field:
            yield here, name, list(fields)


def _chosen(node: Any, union: inspect.UnionType) -> inspect.Type | None:
    """Return the part of *union* that *node* is meant to be; None where no Struct is."""
    parts = [part.type if isinstance(part, inspect.Metadata) else part for part in union.types]
    if isinstance(node, Mapping):
        structs = [part for part in parts if isinstance(part, inspect.StructType)]
        tagged = [part for part in structs if part.tag_field and node.get(part.tag_field) == part.tag]
        if tagged or len(structs) == 1:
            return (tagged or structs)[0]
        return next((part for part in parts if isinstance(part, inspect.DictType)), None)
    if isinstance(node, list | tuple):
        return next((part for part in parts if isinstance(part, inspect.ListType | inspect.VarTupleType)), None)
    return None
