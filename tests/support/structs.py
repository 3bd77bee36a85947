"""Arbitrary values of any Struct of the contracts: what may come over the wire, and then some."""

from __future__ import annotations

import datetime as dt
import functools
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from milepost_contracts import types
from milepost_contracts.queries.moments import MOMENT_PATTERN

LATER = "later_member"
# Any text that UTF-8 can carry: astral characters, controls and right-to-left too; lone surrogates are no text.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
UUIDS = st.uuids().map(str)
NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
DECIMALS = st.from_regex(r"-?[0-9]{1,18}(\.[0-9]{1,9})?", fullmatch=True)
DAYS = st.dates(dt.date(types.YEAR_MIN, 1, 1), dt.date(types.YEAR_MAX, 12, 31))
INSTANTS = st.datetimes(dt.datetime(1900, 1, 2), dt.datetime(2999, 12, 30), timezones=st.just(dt.UTC))  # noqa: DTZ001  bounds
PATTERNS: dict[str, st.SearchStrategy[str]] = {
    types.NAME_PATTERN: NAMES,
    types.ID_PATTERN: UUIDS,
    types.PERSON_PATTERN: UUIDS.map("user:{}".format),
    types.OWNER_PATTERN: st.tuples(st.sampled_from(["user", "mentorship", "programme"]), UUIDS).map(":".join),
    types.ACTOR_PATTERN: UUIDS.map("user:{}".format)
    | NAMES.map("service:{}".format)
    | NAMES.map("plugin:{}@1.0".format),
    types.DECIMAL_PATTERN: DECIMALS,
    types.ZONE_PATTERN: st.sampled_from(["UTC", "Europe/Stockholm", "America/Port-au-Prince", "Etc/GMT+1"]),
    types.CODE_PATTERN: st.from_regex(r"[A-Za-z0-9%][A-Za-z0-9 _./%-]{0,20}", fullmatch=True),
    r"^[a-z][a-z0-9_]{0,62}(?!\n)$": st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True),  # a question to a plugin
    types.VERIFIER_PATTERN: NAMES.map(lambda name: f"{name}+0123abcd+{'A' * 44}"),
    types.WORDS_PATTERN: st.sampled_from(["*", "goal.*/title", "goal.created/title", "goal.refined/*"]),
    types.KEY_ID_PATTERN: st.from_regex(r"[0-9a-f]{32}", fullmatch=True),  # a key's id
    MOMENT_PATTERN: st.sampled_from(["now", "v7", "s1234", "2026-03-01", "2026-03-01T09:30:00.5Z"]),
    r"^(?!enc:v1:)": TEXT.filter(bool),
    r"^[0-9]{16}(?!\n)$": st.integers(0, 10**16 - 1).map("{:016d}".format),
}


@functools.cache
def values(struct: type[msgspec.Struct], *, later: bool = False) -> st.SearchStrategy[Any]:
    """Return the strategy of JSON objects, as members, that decode as *struct*; optional members come and go.

    *later*: enumerations also have a value, and objects a member, that nobody knows yet.
    """
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    required = {field.encode_name: _any(field.type, later=later) for field in info.fields if field.required}
    optional = {field.encode_name: _any(field.type, later=later) for field in info.fields if not field.required}
    if later:
        required[LATER] = st.just({"of": ["a later version"]})
    return st.fixed_dictionaries(required, optional=optional)


def _any(node: Any, *, later: bool) -> st.SearchStrategy[Any]:  # noqa: C901, PLR0911  one line a kind of type
    known: list[str] = []
    while isinstance(node, inspect.Metadata):
        known = (node.extra_json_schema or {}).get("x-known", known)
        node = node.type
    match node:
        case inspect.StrType(pattern=str(pattern)):
            assert pattern in PATTERNS, f"no strategy for the pattern {pattern}: add it to PATTERNS"
            return PATTERNS[pattern]
        case inspect.StrType():
            return st.sampled_from([*known, LATER] if later else known) if known else TEXT.filter(bool)
        case inspect.LiteralType():
            return st.sampled_from(node.values)
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType():
            return st.integers(node.ge if node.ge is not None else -1000, node.le if node.le is not None else 1000)
        case inspect.DateType():
            return DAYS.map(dt.date.isoformat)
        case inspect.DateTimeType():
            return INSTANTS.map(lambda instant: instant.isoformat().replace("+00:00", "Z"))
        case inspect.NoneType():
            return st.none()
        case inspect.AnyType():  # JSON of a plugin's own
            return st.none() | st.booleans() | TEXT | st.lists(TEXT, max_size=2)
        case inspect.UnionType():
            return st.one_of([_any(part, later=later) for part in node.types])
        case inspect.ListType():
            return st.lists(_any(node.item_type, later=later), max_size=3)
        case inspect.DictType():
            return st.dictionaries(_any(node.key_type, later=later), _any(node.value_type, later=later), max_size=3)
        case inspect.StructType():
            return values(node.cls, later=later)
    raise AssertionError(f"no strategy for {node}")


def found_at(members: Any, path: tuple[str, ...]) -> list[Any]:
    """Return every value of JSON *members* at *path*, as types.words_paths writes paths."""
    if not path or members is None:
        return [members]
    step, rest = path[0], path[1:]
    if step == "[]":
        inner = members
    elif step == "{}":
        inner = members.values()
    else:
        inner = [members[step]] if step in members else []
    return [found for value in inner for found in found_at(value, rest)]
