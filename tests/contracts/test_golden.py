"""Golden examples: one document per released event, frozen, readable for ever."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from milepost.decide import Recorded, evolve
from milepost.decide.goal.terms import context_of
from milepost.journal import Append, Attributes, Committed, Journal, Stored, Wanted
from milepost_contracts.envelope import Envelope, decode, encode
from milepost_contracts.events import EVENTS, WORDS, GoalEvent
from milepost_contracts.sealing import SealingKey, kids, open_data, open_event
from milepost_contracts.upcasts import upcast
from tests.contracts.conftest import EXAMPLES
from tests.support.structs import LATER, found_at

GOLDEN = sorted(EXAMPLES.glob("golden/*.json"))
STREAM = (EXAMPLES / "stream.ndjson").read_bytes().splitlines()
ATTRIBUTES = [
    *("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema"),
    *("tenant", "version", "sequence", "actor", "onbehalfof", "authnby", "correlationid", "causationid"),
    *("commandhash", "occurredat", "traceparent", "data"),
]


def golden(path: Path) -> Envelope:
    """Return the envelope in *path*."""
    return decode(path.read_bytes())


def test_every_released_event_has_one() -> None:
    """There is one example for each tag, and none for anything else."""
    assert {path.stem for path in GOLDEN} == set(EVENTS)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_form(path: Path) -> None:
    """Its bytes are what the wire says: one line, no blanks, attributes in order, none null or empty, plain UTF-8."""
    raw = path.read_bytes()
    attributes = json.loads(raw)
    assert raw == json.dumps(attributes, ensure_ascii=False, separators=(",", ":")).encode()
    assert [name for name in ATTRIBUTES if name in attributes] == list(attributes)
    assert all(value not in (None, "") for value in attributes.values())
    assert attributes["specversion"] == "1.0"
    assert attributes["source"] == f"/milepost/{attributes['tenant']}"
    assert attributes["dataschema"] == f"urn:milepost:schema:{path.stem}"
    assert attributes["type"] == path.stem
    assert attributes["subject"].startswith(path.stem.partition(".")[0] + "/")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", attributes["time"])
    assert re.fullmatch(r"\d{16}", attributes["sequence"])


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_decodes_for_ever(path: Path, keys: dict[str, SealingKey]) -> None:
    """It decodes to its newest Struct, sealed and opened, and its bytes come out again as they went in."""
    envelope = golden(path)
    newest, _ = upcast(path.stem, msgspec.json.decode(envelope.data))
    assert type(envelope.event()) is EVENTS[newest]
    assert type(open_event(envelope, keys)) is EVENTS[newest]
    assert encode(envelope) == path.read_bytes()


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_sealed_members_open(path: Path, keys: dict[str, SealingKey]) -> None:
    """Exactly the members that hold people's words are sealed, and the published keys open all of them."""
    envelope = golden(path)
    stored, opened = msgspec.json.decode(envelope.data), open_data(envelope, keys)
    sealed: list[str] = []
    for member, _, _ in WORDS[path.stem]:
        sealed += [word for word in found_at(stored, member) if word is not None]
    assert all(word.startswith("enc:v1:") for word in sealed)
    assert json.dumps(stored).count("enc:v1:") == len(sealed)
    assert "enc:v1:" not in json.dumps(opened)
    assert kids(envelope.data) <= keys.keys()


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_what_came_later_is_passed_over(path: Path) -> None:
    """An attribute, a member at any depth or a value of an enumeration that came later changes nothing else."""
    attributes = json.loads(path.read_bytes())
    event = golden(path).event()
    attributes["laterattribute"] = {"a": 1}
    attributes["data"] = _with_later(attributes["data"])
    later = decode(json.dumps(attributes).encode())
    assert later.event() == event
    if "kind" in attributes["data"]:
        attributes["data"]["kind"] = "unheard_of"
        assert decode(json.dumps(attributes).encode()).event().kind == "unheard_of"  # type: ignore[attr-defined]  # it has


def _with_later(node: Any) -> Any:
    if isinstance(node, dict):
        # The names in a template's values are anybody's: one more there is no later member.
        inner = {name: value if name == "values" else _with_later(value) for name, value in node.items()}
        return inner | {LATER: [{"a": None}]}
    return [_with_later(item) for item in node] if isinstance(node, list) else node


def test_the_stream_is_whole() -> None:
    """Sequence and versions are dense, ids unique, time never runs backward; each example is a line of the stream."""
    envelopes = [decode(line) for line in STREAM]
    assert [envelope.number for envelope in envelopes] == list(range(1, len(STREAM) + 1))
    assert len({envelope.id for envelope in envelopes}) == len(STREAM)
    assert all(one.time <= other.time for one, other in itertools.pairwise(envelopes))
    versions: dict[str, int] = {}
    for envelope in envelopes:
        versions[envelope.subject] = versions.get(envelope.subject, 0) + 1
        assert envelope.version == versions[envelope.subject]
    assert {path.read_bytes() for path in GOLDEN} <= set(STREAM)


def test_the_journal_writes_them(tmp_path: Path) -> None:
    """Given the same parts in the same order, the journal writes every line of the stream, byte for byte."""
    envelopes = [decode(line) for line in STREAM]
    times = iter([round(dt.datetime.fromisoformat(envelope.time).timestamp() * 1e6) for envelope in envelopes])
    journal = Journal(f"sqlite:///{tmp_path / 'journal.db'}", clock_us=lambda: next(times))
    try:
        for envelope, line in zip(envelopes, STREAM, strict=True):
            assert [written.document for written in _appended(journal, envelope)] == [line]
    finally:
        journal.close()


def _appended(journal: Journal, envelope: Envelope) -> list[Stored]:
    ref = (envelope.aggregate, envelope.aggregate_id)
    attributes = Attributes(
        actor=envelope.actor,
        onbehalfof=envelope.onbehalfof,
        authnby=envelope.authnby,
        correlationid=envelope.correlationid,
        causationid=envelope.causationid,
        occurredat=envelope.occurredat,
        traceparent=envelope.traceparent,
    )
    event = Wanted(*ref, envelope.type, envelope.id, bytes(envelope.data), envelope.commandhash)
    wish = Append(
        tenant=envelope.tenant,
        command=f"{envelope.subject}/{envelope.id}",
        reads={ref: envelope.version - 1},
        events=[event],
        attributes=attributes,
    )
    (outcome,) = journal.append([wish])
    assert isinstance(outcome, Committed)
    return outcome.events


def test_the_story_holds(keys: dict[str, SealingKey]) -> None:
    """The events fold into states, and the context in each goal's event is what deciding would have set."""
    states: dict[str, Any] = {}
    for line in STREAM:
        envelope = decode(line)
        event = open_event(envelope, keys)
        at = dt.datetime.fromisoformat(envelope.time)
        recorded = Recorded(event, envelope.id, envelope.actor, at, None, envelope.aggregate_id)
        states[envelope.subject] = evolve(states.get(envelope.subject), recorded)
        assert states[envelope.subject] is not None
        if isinstance(event, GoalEvent):
            assert event.context == context_of(states[envelope.subject]), envelope.type
