"""Commands are decoded without mercy; what is the matter is said with its place."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost_contracts.commands import COMMANDS, Command
from milepost_contracts.commands.goal import ImportGoal, RecordProgress, ShiftDeadline
from milepost_contracts.strict import strict
from tests.support.structs import LATER, TEXT, values

KEYS = sorted(COMMANDS)
HEAD = {
    "command_id": "0199c0de-0000-7000-8000-00000000c0de",
    "id": "0199c0de-0000-7000-8000-000000000030",
    "actor": "user:0199c0de-0000-7000-8000-000000000001",
}
SHIFT = HEAD | {"new": "2026-07-31", "reason": "late", "reason_code": "scope"}
READ = HEAD | {"measure": HEAD["id"], "reading": "1", "on": "2026-03-01"}


def objects(node: Any, *, map_of_words: bool = False) -> list[dict[str, Any]]:
    """Return every object in *node* whose members have names of ours; a map's names are anybody's."""
    found = [node] if isinstance(node, dict) and not map_of_words else []
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return found + [deeper for name, value in inner for deeper in objects(value, map_of_words=name == "values")]


def decode(kind: type[msgspec.Struct], members: dict[str, Any]) -> Any:
    """Decode *members* as accept does."""
    return msgspec.json.decode(msgspec.json.encode(members), type=kind)


@given(st.data())
def test_twins_take_what_the_open_form_takes(data: st.DataObject) -> None:
    """A whole command passes its strict twin, and both forms read the same."""
    command = COMMANDS[data.draw(st.sampled_from(KEYS))]
    members = data.draw(values(command))
    twin = decode(strict(command), members)
    assert decode(command, msgspec.to_builtins(twin)) == decode(command, members)
    assert isinstance(decode(command, members), Command)


@given(st.data())
def test_unknown_members_are_refused_at_any_depth(data: st.DataObject) -> None:
    """One member too many anywhere: the twin refuses it and names the place, the open form passes it over."""
    command = COMMANDS[data.draw(st.sampled_from(KEYS))]
    members = data.draw(values(command))
    more = copy.deepcopy(members)
    data.draw(st.sampled_from(objects(more)))[LATER] = data.draw(TEXT)
    with pytest.raises(msgspec.ValidationError, match=LATER):
        decode(strict(command), more)
    assert decode(command, more) == decode(command, members)


@pytest.mark.parametrize("key", KEYS, ids=".".join)
def test_enumerations_are_closed(key: tuple[str, str]) -> None:
    """Wherever a command's schema knows values, its twin takes no other."""
    schema = msgspec.json.encode(msgspec.json.schema(strict(COMMANDS[key])))
    assert b'"x-known"' not in schema
    open_schema = msgspec.json.encode(msgspec.json.schema(COMMANDS[key]))
    assert open_schema.count(b'"x-known"') <= schema.count(b'"enum"')


def test_an_unknown_value_of_an_enumeration() -> None:
    """A value that nobody knows is refused by the twin with its place and taken by the open form."""
    members = SHIFT | {"reason_code": "weather"}
    with pytest.raises(msgspec.ValidationError, match=r"weather.*reason_code"):
        decode(strict(ShiftDeadline), members)
    assert decode(ShiftDeadline, members).reason_code == "weather"


DECIMALS = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1_000",
    " 1 ",
    "1e9",
    "+1",
    ".5",
    "1.",
    "",
    "-",
    "1\n",
    "0x1",
    "\u0661",
    "1" * 19,
    "0." + "1" * 10,
]
DATES = ["10000-01-01", "2026-02-30", "2026-2-1", "2026-02-01T00:00:00Z", "", "today", 5]
YEARS = ["0001-01-01", "1899-12-31", "3000-01-01"]
IDS = [
    "",
    "x",
    HEAD["id"].upper(),
    HEAD["id"] + "\n",
    "{" + HEAD["id"] + "}",
    HEAD["id"].replace("-", ""),
    HEAD["id"] + "/..",
    None,
]
INSTANTS = ["2026-03-01T09:30:00", "10000-03-01T09:30:00Z", "2026-03-01", "now", 5]
ACTORS = [
    "user:x",
    "USER:" + HEAD["id"],
    "service:",
    "service:a.b",
    "service:*",
    "plugin:rewards",
    "plugin:rewards@",
    "",
    "root",
]


@pytest.mark.parametrize(
    ("command", "members", "member", "bad"),
    [
        *((RecordProgress, READ, "reading", bad) for bad in DECIMALS),
        *((ShiftDeadline, SHIFT, "new", bad) for bad in DATES),
        *((ShiftDeadline, SHIFT, "id", bad) for bad in IDS),
        *((ShiftDeadline, SHIFT, "command_id", bad) for bad in IDS),
        *((ShiftDeadline, SHIFT, "occurred_at", bad) for bad in INSTANTS),
        *((ShiftDeadline, SHIFT, "actor", bad) for bad in ACTORS),
        (ShiftDeadline, SHIFT, "expected_version", -1),
        (ShiftDeadline, SHIFT, "expected_version", 1.5),
        (ShiftDeadline, SHIFT, "expected_version", True),
        (ShiftDeadline, SHIFT, "reason", None),
        (ShiftDeadline, SHIFT, "reason", 5),
    ],
)
def test_bad_values_are_refused(command: type[Command], members: Any, member: str, bad: object) -> None:
    """Decimals, dates, ids, instants, actors and numbers that are none are refused, and the place is named."""
    assert decode(strict(command), members)
    with pytest.raises(msgspec.ValidationError, match=member):
        decode(strict(command), members | {member: bad})
    # The open form reads what once was accepted: only the years are no business of its.
    if not str(bad).startswith(("0001", "1899", "3000")):
        with pytest.raises(msgspec.ValidationError, match=member):
            decode(command, members | {member: bad})


@pytest.mark.parametrize("year", YEARS)
def test_years_that_nobody_means_are_refused(year: str) -> None:
    """A command's dates and instants lie within the years that goals have, those deep inside it too."""
    with pytest.raises(msgspec.ValidationError, match="new: the year must be 1900 to 2999"):
        decode(strict(ShiftDeadline), SHIFT | {"new": year})
    with pytest.raises(msgspec.ValidationError, match="occurred_at: the year must be 1900 to 2999"):
        decode(strict(ShiftDeadline), SHIFT | {"occurred_at": f"{year}T09:30:00Z"})
    terms = {"title": "x", "owner": HEAD["actor"], "deadline": year}
    members = HEAD | {"origin": {"system": "x"}, "as_of": "2026-01-01", "state": "drafted", "terms": terms}
    with pytest.raises(msgspec.ValidationError, match=r"deadline: the year must be 1900 to 2999 - at `\$.terms`"):
        decode(strict(ImportGoal), members)


@pytest.mark.parametrize(
    "raw", [b'{"reason":"\\ud800"}', b'{"reason":NaN}', b'{"reason":"\xff"}', b"[" * 100_000, b"", b"null", b"{}"]
)
def test_what_is_no_command_at_all(raw: bytes) -> None:
    """Broken JSON ends in the errors that a decoder documents: MsgspecError, UnicodeDecodeError, RecursionError."""
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError, RecursionError)):
        msgspec.json.decode(raw, type=strict(ShiftDeadline))
