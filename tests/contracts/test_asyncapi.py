"""The AsyncAPI document: valid by the official schema, complete, and true of what is on the bus."""

from __future__ import annotations

import copy
import functools
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from referencing import Registry, Resource

from milepost_contracts import subjects
from milepost_contracts.commands import COMMANDS
from milepost_contracts.envelope import decode
from milepost_contracts.events import EVENTS
from milepost_contracts.queries import QUERIES
from tests.contracts.conftest import CONTRACTS, EXAMPLES

SCHEMAS = CONTRACTS / "schemas"
DOCUMENT = json.loads((SCHEMAS / "asyncapi.json").read_bytes())
OFFICIAL = Draft7Validator(json.loads((Path(__file__).parent / "asyncapi" / "3.0.0.json").read_bytes()))
BASE = "file:///schemas/"


def test_valid() -> None:
    """The official JSON Schema of AsyncAPI 3.0.0 finds nothing wrong with it."""
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert [error.message for error in OFFICIAL.iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["channels", "goalEvents", "address"], 5),
        (["operations", "send_goal_events", "action"], "publish"),
        (["components", "messages", "goal.created.v1", "payloads"], {}),
        (["servers", "nats", "host"], None),
        (["info"], {}),
    ],
)
def test_the_official_schema_is_really_held_to(path: list[str], value: object) -> None:
    """A document with one thing wrong is found out: the check above can fail."""
    broken = copy.deepcopy(DOCUMENT)
    functools.reduce(lambda node, step: node[step], path[:-1], broken)[path[-1]] = value
    assert not OFFICIAL.is_valid(broken)


def refs(node: Any) -> list[str]:
    """Return every reference in *node*."""
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    own = [node["$ref"]] if isinstance(node, dict) and "$ref" in node else []
    return own + [ref for value in inner for ref in refs(value)]


def test_every_reference_leads_somewhere() -> None:
    """References inside lead to a part of the document, the others to a schema beside it; no schema is left out."""
    files = set()
    for ref in refs(DOCUMENT):
        if ref.startswith("#/"):
            assert functools.reduce(lambda node, step: node[step], ref[2:].split("/"), DOCUMENT)
        else:
            assert (SCHEMAS / ref).is_file(), ref
            files.add(ref)
    there = {str(path.relative_to(SCHEMAS)) for path in SCHEMAS.rglob("*.json")}
    assert files == there - {"asyncapi.json"}


def _retrieve(uri: str) -> Resource[Any]:
    contents = json.loads((SCHEMAS / uri.removeprefix(BASE)).read_bytes())
    # The files are reached by their path; their own id would only be another name.
    return Resource.from_contents({name: value for name, value in contents.items() if name != "$id"})


@pytest.mark.parametrize("tag", EVENTS)
def test_a_message_for_every_event(tag: str) -> None:
    """Each event is a message of its aggregate's channel, and its golden example is a valid payload of it alone."""
    message = DOCUMENT["components"]["messages"][tag]
    aggregate = tag.partition(".")[0]
    assert DOCUMENT["channels"][f"{aggregate}Events"]["messages"][tag] == {"$ref": f"#/components/messages/{tag}"}
    payload = message["payload"]["schema"] | {"$id": BASE, "$schema": "https://json-schema.org/draft/2020-12/schema"}
    registry: Registry[Any] = Registry(retrieve=_retrieve)  # type: ignore[call-arg]  # attrs gives it its arguments
    validator = Draft202012Validator(payload, registry=registry)
    validator.validate(json.loads((EXAMPLES / f"golden/{tag}.json").read_bytes()))
    other = "goal.paused.v1" if tag != "goal.paused.v1" else "goal.created.v1"
    assert not validator.is_valid(json.loads((EXAMPLES / f"golden/{other}.json").read_bytes()))


def fits(address: str, subject: str) -> bool:
    """Return whether *subject* is one of channel *address*."""
    return re.fullmatch(re.sub(r"\\{\w+\\}", "[^.]+", re.escape(address)), subject) is not None


def test_addresses_are_the_subjects() -> None:
    """What the contracts build as subjects fits the channels' addresses, and each event fits only its own."""
    channels = {name: channel["address"] for name, channel in DOCUMENT["channels"].items() if channel["address"]}
    for path in EXAMPLES.glob("golden/*.json"):
        event = decode(path.read_bytes())
        subject = subjects.event(event.tenant, event.aggregate, event.aggregate_id, event.name)
        assert [name for name, address in channels.items() if fits(address, subject)] == [f"{event.aggregate}Events"]
        assert event.name in DOCUMENT["channels"][f"{event.aggregate}Events"]["parameters"]["event"]["enum"]
    for aggregate, name in COMMANDS:
        subject = subjects.command("acme", "web", aggregate, name)
        assert fits(channels[f"{aggregate}Commands"], subject)
        assert name in DOCUMENT["channels"][f"{aggregate}Commands"]["parameters"]["command"]["enum"]
    for name in QUERIES:
        assert fits(channels[f"{name}Query"], subjects.query("acme", "web", name))
    assert fits(channels["pluginFacts"], subjects.fact("acme", "rewards", "badge_given"))
    assert fits(channels["reviews"], subjects.review("acme", "rewards"))
    assert fits(channels["deadLetters"], subjects.dead("acme", "rewards"))


def test_every_parameter_is_described() -> None:
    """The parameters of a channel are exactly those in its address."""
    for channel in DOCUMENT["channels"].values():
        named = set(re.findall(r"{(\w+)}", channel["address"] or ""))
        assert channel.get("parameters", {}).keys() == named


def test_requests_have_their_answers() -> None:
    """Every command and every query is received with a reply, a review is sent for one; events are only sent."""
    operations = DOCUMENT["operations"]
    for name, operation in operations.items():
        assert (operation["action"] == "receive" or name == "ask_review") is ("reply" in operation), name
    messages = DOCUMENT["components"]["messages"]
    assert {f"command.{aggregate}.{name}" for aggregate, name in COMMANDS} <= messages.keys()
    for name in QUERIES:
        reply = operations[f"answer_{name}"]["reply"]["channel"]["$ref"].rpartition("/")[2]
        assert DOCUMENT["channels"][reply]["messages"].keys() == {f"query.{name}.answer"}


def test_version() -> None:
    """Its version is that of the distribution."""
    project = tomllib.loads((CONTRACTS / "pyproject.toml").read_text())["project"]
    assert DOCUMENT["info"]["version"] == project["version"]
    assert DOCUMENT["info"]["license"]["name"] == project["license"]


def test_streams() -> None:
    """The streams are named with their subjects, and a channel says which stream keeps it."""
    assert {name: stream["subjects"] for name, stream in DOCUMENT["x-streams"].items()} == {
        subjects.STREAM: [subjects.EVENTS],
        subjects.STREAM_PLUGIN: [subjects.PLUGIN_FACTS],
        subjects.STREAM_DEAD: [subjects.DEAD_LETTERS],
        subjects.STREAM_CHECKPOINTS: [subjects.CHECKPOINTS],
    }
    assert {channel["x-stream"] for channel in DOCUMENT["channels"].values() if "x-stream" in channel} == set(
        DOCUMENT["x-streams"]
    )
