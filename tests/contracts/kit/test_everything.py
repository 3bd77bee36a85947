"""The history that plugins are checked with has everything in it, and all of it is what the wire allows."""

from __future__ import annotations

import json

import msgspec
import pytest
from jsonschema import Draft202012Validator

from milepost.decide.goal.state import Goal
from milepost_contracts.commands import COMMANDS
from milepost_contracts.envelope import decode
from milepost_contracts.events import EVENTS
from milepost_contracts.plugin import RETRACTIONS, Delivered
from milepost_contracts.schemas import envelope_schema, event_schema
from milepost_contracts.sealing import open_data
from milepost_contracts.strict import strict
from milepost_contracts.testing.everything import TENANTS, Everything


@pytest.fixture(scope="module")
def everything() -> Everything:
    return Everything()


def test_every_event_happens(everything: Everything) -> None:
    """Each tag that there is, old forms too, in both tenants; and a person is erased."""
    for tenant in TENANTS:
        told = {decode(document).type for document in everything.documents if decode(document).tenant == tenant}
        assert told == (EVENTS.keys() - {"tenant.closed.v1"}) | {"person.erased.v1"}


def test_every_document_is_valid(everything: Everything) -> None:
    """Against the published schemas of envelope and event."""
    envelope = Draft202012Validator(envelope_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)
    for document in everything.documents:
        whole = json.loads(document)
        envelope.validate(whole)
        if whole["type"] in EVENTS:
            Draft202012Validator(event_schema(whole["type"])).validate(whole["data"])
            assert Delivered(document).data is not None


def test_everything_is_in_order(everything: Everything) -> None:
    """Sequences and versions are dense per tenant and aggregate, and time never runs backward."""
    for tenant in TENANTS:
        events = [decode(document) for document in everything.documents if decode(document).tenant == tenant]
        assert [event.number for event in events] == list(range(1, len(events) + 1))
        assert [event.time for event in events] == sorted(event.time for event in events)
        versions: dict[str, list[int]] = {}
        for event in events:
            versions.setdefault(event.subject, []).append(event.version)
        assert all(found == list(range(1, len(found) + 1)) for found in versions.values())


def test_some_of_it_is_late_and_each_kind_is_taken_back(everything: Everything) -> None:
    """Events that happened long before they were told, and a retraction of every kind."""
    told = [Delivered(document) for document in everything.documents]
    assert sum(event.recorded - event.occurred > event.recorded - event.recorded for event in told) >= 8
    assert {event.name for event in told} >= RETRACTIONS.keys()
    assert set(everything.retracted.values()) == set(RETRACTIONS.values())


def test_people_say_something_else_each_time(everything: Everything) -> None:
    """Every sealed word is one that the check knows, and none is in the clear anywhere."""
    said: list[str] = []
    for document in everything.documents:
        if decode(document).type in EVENTS:
            members = open_data(decode(document), everything.keys)
            said += [text for text in _texts(members) if text in everything.words]
        assert not any(words.encode() in document for words in everything.words)
    assert len(said) == len(set(said))
    assert set(said) >= {words for words in everything.words if "leaver" in words}
    assert any(len(words) < 16 for words in said)


def _texts(node: object) -> list[str]:
    if isinstance(node, str):
        return [node]
    if isinstance(node, dict):
        return [text for value in node.values() for text in _texts(value)]
    if isinstance(node, list):
        return [text for value in node for text in _texts(value)]
    return []


def test_an_erasure_takes_keys_with_it(everything: Everything) -> None:
    """Some words open until the person is erased; afterwards nothing is told of the person any more."""
    assert all(everything.lost.values())
    for tenant, person in everything.erased.items():
        events = [decode(document) for document in everything.documents if decode(document).tenant == tenant]
        (place,) = [place for place, event in enumerate(events) if event.type == "person.erased.v1"]
        assert place + 1 < len(events)
        assert not any(person.encode() in bytes(event.data) for event in events[place:])


def test_one_of_each_command(everything: Everything) -> None:
    """Each is valid without mercy."""
    commands = everything.commands()
    assert [type(command) for command in commands] == list(COMMANDS.values())
    for command in commands:
        msgspec.convert(msgspec.to_builtins(command), strict(type(command)))


def test_goals_as_they_were_have_the_members_of_goals(everything: Everything) -> None:
    """What a check answers to `goal_at` is made of members that a goal's state has."""
    assert {"goal.created.v1"} < EVENTS.keys()
    for goal in everything.goals.values():
        assert goal.keys() <= set(Goal.__struct_fields__)
