"""A value of any event or command: every member filled in with something of its kind, words always others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from milepost_contracts import types
from milepost_contracts.testing.story import uid

S = TypeVar("S", bound=msgspec.Struct)
Words = Callable[[str], str]
"""Gives people's words of a kind (`line`, `text`, `link`), never the same twice."""

_TEXTS: dict[str, str] = {  # by their pattern
    types.NAME_PATTERN: "sample",
    types.DECIMAL_PATTERN: "0.5",
    types.ZONE_PATTERN: "Europe/Stockholm",
    types.CODE_PATTERN: "hours",
    r"^[0-9]{16}(?!\n)$": "0000000000000001",
    types.KEY_ID_PATTERN: "5f" * 16,
    types.VERIFIER_PATTERN: "sample+0123abcd+" + "A" * 44,
}


class Generic:
    """Fills Structs in: ids are those that the member's name stands for, people those that are given."""

    def __init__(self, *, person: str, now: dt.datetime, words: Words, ids: str = "") -> None:
        """Take who is meant where a person is named, when it is, what people say, and what ids are told apart by."""
        self._person = person
        self._now = now
        self._words = words
        self._ids = ids

    def of(self, struct: type[S], given: Mapping[str, Any] | None = None) -> S:
        """Return a *struct*; *given* members are as they are."""
        made: S = msgspec.convert(self._members(struct, given or {}), struct)
        return made

    def _members(self, struct: type[msgspec.Struct], given: Mapping[str, Any]) -> dict[str, Any]:
        info = inspect.type_info(struct)
        assert isinstance(info, inspect.StructType)  # noqa: S101  a Struct's
        return {
            field.encode_name: msgspec.to_builtins(given[field.name])
            if field.name in given
            else self._value(field.type, field.name)
            for field in info.fields
            if field.name != "context"  # set where it is told
        }

    def _value(self, kind: inspect.Type, name: str) -> Any:  # noqa: C901, PLR0911  one line a kind
        match kind:
            case inspect.Metadata(type=inner, extra_json_schema=extra):
                if extra and "x-words" in extra:
                    return self._words(extra["x-words"])
                return extra["x-known"][0] if extra and "x-known" in extra else self._value(inner, name)
            case inspect.UnionType(types=parts):
                return self._value(next(part for part in parts if not isinstance(part, inspect.NoneType)), name)
            case inspect.StrType(pattern=pattern):
                return self._text(pattern, name)
            case inspect.LiteralType(values=values):
                return values[0]
            case inspect.BoolType():
                return True
            case inspect.IntType(ge=least):
                return max(least or 0, 1)
            case inspect.DateType():
                return self._now.date().isoformat()
            case inspect.DateTimeType():
                return self._now.isoformat()
            case inspect.ListType(item_type=item):
                return [self._value(item, name)]
            case inspect.DictType(key_type=key, value_type=item):
                return {self._value(key, name): self._value(item, name)}
            case inspect.StructType(cls=struct):
                return self._members(struct, {})
        raise TypeError(f"there is no sample of {kind}")

    def _text(self, pattern: str | None, name: str) -> str:
        if pattern in (types.PERSON_PATTERN, types.OWNER_PATTERN, types.ACTOR_PATTERN):
            return self._person
        if pattern == types.ID_PATTERN:
            return uid(f"{self._ids}{name}")
        return _TEXTS.get(pattern or "", "sample")
