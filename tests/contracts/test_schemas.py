"""JSON Schemas: valid themselves, true of the examples, and as strict or as open as the code."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from milepost_contracts.commands import COMMANDS
from milepost_contracts.commands import WORDS as COMMAND_WORDS
from milepost_contracts.envelope import decode
from milepost_contracts.events import EVENTS, WORDS
from milepost_contracts.queries import QUERIES
from milepost_contracts.sealing import SealingKey, open_data
from milepost_contracts.types import GoalKind, words_paths
from milepost_contracts.upcasts import UPCASTS
from tests.contracts.conftest import CONTRACTS, EXAMPLES
from tests.support.structs import LATER, values

FILES = {str(path.relative_to(CONTRACTS / "schemas")): path for path in sorted((CONTRACTS / "schemas").rglob("*.json"))}
SCHEMAS = {name: json.loads(path.read_bytes()) for name, path in FILES.items() if name != "asyncapi.json"}
ENVELOPE = Draft202012Validator(SCHEMAS["envelope.json"])


def event_validator(tag: str) -> Draft202012Validator:
    """Return the validator of the data of *tag*; formats are held to."""
    return Draft202012Validator(SCHEMAS[f"events/{tag}.json"], format_checker=Draft202012Validator.FORMAT_CHECKER)


def test_there_is_one_for_everything() -> None:
    """Every event, command, query and answer has its file, and there is no other."""
    assert SCHEMAS.keys() == (
        {"envelope.json", "answer.json", "review.json", "review.answer.json", "consumer.event_parked.json"}
        | {f"events/{tag}.json" for tag in EVENTS}
        | {f"commands/command.{aggregate}.{name}.json" for aggregate, name in COMMANDS}
        | {f"queries/{name}{kind}.json" for name in QUERIES for kind in ("", ".answer")}
    )


@pytest.mark.parametrize("name", SCHEMAS)
def test_valid_in_itself(name: str) -> None:
    """It says its dialect, is valid in it, has an id of its own, and every reference in it leads somewhere."""
    schema = SCHEMAS[name]
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)
    folder, _, file = name.rpartition("/")
    plain = file.removesuffix(".json")
    tag = None if folder else f"{plain}.v1"
    assert schema["$id"] == f"urn:milepost:schema:{tag or (f'query.{plain}' if folder == 'queries' else plain)}"
    refs = set(_refs(schema))
    assert refs == {f"#/$defs/{part}" for part in schema.get("$defs", {})}


def _refs(node: Any) -> list[str]:
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    own = [node["$ref"]] if isinstance(node, dict) and isinstance(node.get("$ref"), str) else []
    return own + [ref for value in inner for ref in _refs(value)]


@pytest.mark.parametrize("tag", EVENTS)
def test_golden_examples_are_valid(tag: str, keys: dict[str, SealingKey]) -> None:
    """The golden example of each event is valid, its words sealed and opened, in its envelope."""
    raw = (EXAMPLES / f"golden/{tag}.json").read_bytes()
    ENVELOPE.validate(json.loads(raw))
    event_validator(tag).validate(json.loads(raw)["data"])
    event_validator(tag).validate(open_data(decode(raw), keys))


def test_the_whole_stream_is_valid() -> None:
    """Every line of the example stream is valid against the schema that its `dataschema` names."""
    for line in (EXAMPLES / "stream.ndjson").read_bytes().splitlines():
        document = json.loads(line)
        ENVELOPE.validate(document)
        schema = SCHEMAS[f"events/{document['type']}.json"]
        assert document["dataschema"] == schema["$id"]
        Draft202012Validator(schema).validate(document["data"])


def marked(schema: dict[str, Any], node: Any, path: tuple[str, ...] = ()) -> set[tuple[tuple[str, ...], str, str]]:
    """Return (path, audience, words) of every member below *node* that the schema marks as sealed."""
    if "$ref" in node:
        node = schema["$defs"][node["$ref"].removeprefix("#/$defs/")]
    if "x-sealed" in node:
        return {(path, node["x-sealed"], node["x-words"])}
    found: set[tuple[tuple[str, ...], str, str]] = set()
    for name, form in node.get("properties", {}).items():
        found |= marked(schema, form, (*path, name))
    for choice in node.get("anyOf", []):
        found |= marked(schema, choice, path)
    if "items" in node:
        found |= marked(schema, node["items"], (*path, "[]"))
    if isinstance(node.get("additionalProperties"), dict):
        found |= marked(schema, node["additionalProperties"], (*path, "{}"))
    return found


def test_sealed_members_are_marked() -> None:
    """`x-sealed` stands at exactly the members that are sealed, in events and in the commands they come from."""
    for tag in EVENTS:
        schema = SCHEMAS[f"events/{tag}.json"]
        assert marked(schema, schema) == set(WORDS[tag])
    for (aggregate, name), words in COMMAND_WORDS.items():
        schema = SCHEMAS[f"commands/command.{aggregate}.{name}.json"]
        assert marked(schema, schema) == set(words) == set(words_paths(COMMANDS[aggregate, name]))


@given(st.data())
def test_commands_agree_with_their_twins(data: st.DataObject) -> None:
    """What a command's twin takes its schema takes; one unknown member or value more, and neither takes it."""
    aggregate, name = data.draw(st.sampled_from(sorted(COMMANDS)))
    validator = Draft202012Validator(SCHEMAS[f"commands/command.{aggregate}.{name}.json"])
    members = data.draw(values(COMMANDS[aggregate, name]))
    validator.validate(members)
    assert not validator.is_valid(members | {LATER: 1})
    assert not validator.is_valid({name: value for name, value in members.items() if name != "command_id"})


@given(st.data())
def test_events_agree_with_their_structs(data: st.DataObject) -> None:
    """What an event's Struct reads its schema takes, with members and values that came later too."""
    tag = data.draw(st.sampled_from(sorted(EVENTS)))
    members = data.draw(values(EVENTS[tag], later=True))
    msgspec.convert(members, EVENTS[tag])
    event_validator(tag).validate(members)


def test_enumerations_are_open_for_readers_and_closed_for_commands() -> None:
    """An event's schema lists the values known so far without holding to them; a command's holds to them."""
    kind = SCHEMAS["events/goal.created.v1.json"]["properties"]["kind"]
    assert kind == {"x-known": ["smart", "outcome", "exploratory"], "type": "string", "default": "smart"}
    assert kind["x-known"] == GoalKind.__metadata__[0].extra_json_schema["x-known"]  # type: ignore[attr-defined]  # Annotated
    closed = SCHEMAS["commands/command.goal.create_goal.json"]["properties"]["kind"]
    assert sorted(closed["enum"]) == sorted(kind["x-known"])
    for name, schema in SCHEMAS.items():
        text = json.dumps(schema)
        if name.startswith("commands/"):
            assert "x-known" not in text
            assert schema["additionalProperties"] is False
        if name.startswith("events/"):
            assert '"enum"' not in text
            assert '"additionalProperties": false' not in text
            assert "x-known" in schema["$comment"]


def test_old_forms_say_so() -> None:
    """The schema of an event that has a newer form is marked, and names it."""
    for tag in EVENTS:
        schema = SCHEMAS[f"events/{tag}.json"]
        assert schema.get("deprecated", False) is (tag in UPCASTS)
        assert schema.get("x-upcast-to") == (UPCASTS[tag].target if tag in UPCASTS else None)


@pytest.mark.parametrize(
    ("attribute", "bad"),
    [
        ("id", "x"),
        ("type", "goal.created"),
        ("time", "2026-03-01T09:30:00Z"),
        ("sequence", "12"),
        ("specversion", "0.3"),
        ("tenant", "Acme"),
        ("actor", "mara"),
        ("data", []),
        ("version", -1),
    ],
)
def test_the_envelope_is_described_closely(attribute: str, bad: object) -> None:
    """An attribute that the journal would never write so is not valid, though readers are milder."""
    document = json.loads((EXAMPLES / "golden/goal.created.v1.json").read_bytes())
    assert ENVELOPE.is_valid(document)
    assert not ENVELOPE.is_valid(document | {attribute: bad})
    assert not ENVELOPE.is_valid({name: value for name, value in document.items() if name != "id"})
