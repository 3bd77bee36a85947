"""The strict form of a command: unknown members are refused and enumerations are closed.

Commands and events share their values. A reader of events must live with members and values younger than itself,
a command must not: so each command has a twin, derived here, that decodes the same JSON without mercy and refuses
dates that nobody can mean.
"""

from __future__ import annotations

import datetime as dt
import functools
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, Literal, Union

import msgspec

from milepost_contracts.types import YEAR_MAX, YEAR_MIN


@functools.cache
def strict(struct: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """Return the twin of *struct*, for decoding and for its JSON Schema; values decode with *struct* itself."""
    hints = typing.get_type_hints(struct, include_extras=True)
    fields: list[tuple[str, Any, Any]] = []
    for field in msgspec.structs.fields(struct):
        default = (
            msgspec.field(default_factory=field.default_factory)
            if field.default_factory is not msgspec.NODEFAULT
            else msgspec.field(default=field.default)
            if field.default is not msgspec.NODEFAULT
            else msgspec.field()
        )
        fields.append((field.name, _closed(hints[field.name]), default))
    dates = tuple(name for name, hint in hints.items() if _holds_date(hint))
    namespace = {"__doc__": struct.__doc__} | ({"__post_init__": _years_of(dates)} if dates else {})
    return msgspec.defstruct(
        struct.__name__,
        fields,
        rename={field.name: field.encode_name for field in msgspec.structs.fields(struct)},
        namespace=namespace,
        frozen=True,
        kw_only=True,
        omit_defaults=True,
        forbid_unknown_fields=True,
    )


def _holds_date(hint: Any) -> bool:
    """Whether a member of type *hint* is a date or an instant, perhaps optional."""
    if isinstance(hint, type):
        return issubclass(hint, dt.date)
    return typing.get_origin(hint) in (Annotated, Union, types.UnionType) and any(
        _holds_date(part) for part in typing.get_args(hint)
    )


def _years_of(names: tuple[str, ...]) -> Callable[[msgspec.Struct], None]:
    """Return the check that dates in members *names* can be meant; msgspec reports its ValueError with its place."""

    def check(value: msgspec.Struct) -> None:
        for name in names:
            date = getattr(value, name)
            if isinstance(date, dt.date) and not YEAR_MIN <= date.year <= YEAR_MAX:
                raise ValueError(f"{name}: the year must be {YEAR_MIN} to {YEAR_MAX}")

    return check


def _closed(hint: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin is Annotated:
        base, *metas = typing.get_args(hint)
        for meta in metas:
            if isinstance(meta, msgspec.Meta) and "x-known" in (meta.extra_json_schema or {}):
                return Literal[tuple(meta.extra_json_schema["x-known"])]  # type: ignore[index]  # checked above
        return Annotated[(_closed(base), *metas)]
    if origin in (Union, types.UnionType):
        return Union[tuple(_closed(part) for part in typing.get_args(hint))]  # noqa: UP007  built at run time
    if origin in (list, dict):
        return origin[tuple(_closed(part) for part in typing.get_args(hint))]
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return strict(hint)
    return hint
