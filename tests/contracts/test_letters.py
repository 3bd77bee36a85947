"""Dead letters: what they say is read by their contract, and what is none is told to be none."""

from __future__ import annotations

import json

import msgspec
import pytest
from jsonschema import Draft202012Validator

from milepost_contracts import subjects
from milepost_contracts.envelope import Envelope, EnvelopeError, decode
from milepost_contracts.letters import TAG, EventParked, parked
from tests.contracts.conftest import CONTRACTS

DATA = {
    "plugin": "rewards", "event": "0199c1a0-004c-7000-8000-00000000004c", "type": "goal.milestone_hit.v1",
    "sequence": "0000000000000007", "code": "raised", "hook": "on_event", "place": "rules.py:12 in on_event",
    "attempts": 5, "since": "2026-03-01T09:30:00.123456Z",
}  # fmt: skip


def letter(tag: str = TAG, **members: object) -> Envelope:
    """Return a dead letter as it comes over the bus."""
    document = {
        "specversion": "1.0", "id": "0199c1a0-004c-5000-8000-00000000004c", "source": "/milepost/acme/plugin/rewards",
        "type": tag, "subject": "goal/0199c0de-0000-7000-8000-000000000030", "time": "2026-03-01T09:30:00.123456Z",
        "datacontenttype": "application/json", "dataschema": f"urn:milepost:schema:{tag}", "tenant": "acme",
        "actor": "service:react", "causationid": DATA["event"], "data": DATA | members,
    }  # fmt: skip
    schema = json.loads((CONTRACTS / "schemas" / "envelope.json").read_bytes())
    Draft202012Validator(schema).validate(document)
    return decode(json.dumps(document).encode())


def test_a_letter_is_read() -> None:
    """What it says fits its schema, is read, and is written as it was; members of later versions are ignored."""
    said = parked(letter(later="version"))
    assert said == msgspec.convert(DATA, EventParked)
    written = json.loads(msgspec.json.encode(said))
    assert written == DATA
    schema = json.loads((CONTRACTS / "schemas" / f"{TAG.removesuffix('.v1')}.json").read_bytes())
    Draft202012Validator(schema).validate(written)


@pytest.mark.parametrize(
    ("envelope", "code"),
    [
        (letter("rewards.reward_granted.v1"), "unknown_event"),
        (letter(attempts=-1), "invalid_event"),
        (letter(event="none"), "invalid_event"),
        (letter(sequence="7"), "invalid_event"),
    ],
)
def test_what_is_none_is_told(envelope: Envelope, code: str) -> None:
    """A document of another type, or one that does not fit, is refused with its code."""
    with pytest.raises(EnvelopeError) as refused:
        parked(envelope)
    assert refused.value.code == code


def test_all_letters_of_a_plugin() -> None:
    """The filter of a plugin's letters takes every tenant and no other plugin, and no name can widen it."""
    assert subjects.dead_of("rewards") == "goals.dead.v1.*.rewards"
    with pytest.raises(subjects.SubjectError):
        subjects.dead_of(">")
