"""Envelopes: one form of bytes, and nothing but documented errors for what is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost_contracts import sealing
from milepost_contracts.envelope import Envelope, EnvelopeError, decode, decode_data, encode
from milepost_contracts.events import EVENTS
from milepost_contracts.upcasts import UPCASTS
from tests.contracts.conftest import EXAMPLES
from tests.support.structs import LATER, NAMES, TEXT, UUIDS, values

GOLDEN = [path.read_bytes() for path in sorted(EXAMPLES.glob("golden/*.json"))]
ENVELOPES = st.builds(
    Envelope,
    specversion=st.just("1.0"),
    id=UUIDS,
    source=NAMES.map("/milepost/{}".format),
    type=st.sampled_from(sorted(EVENTS)),
    subject=UUIDS.map("goal/{}".format),
    time=st.just("2026-03-01T09:30:00.123456Z"),
    datacontenttype=st.just("application/json"),
    dataschema=NAMES.map("urn:milepost:schema:{}".format),
    tenant=NAMES,
    version=st.integers(0, 2**53),
    sequence=st.integers(0, 10**16 - 1).map("{:016d}".format) | st.just(""),
    actor=TEXT,
    onbehalfof=TEXT,
    occurredat=TEXT,
    traceparent=TEXT,
    data=st.dictionaries(TEXT, TEXT | st.integers(-(2**53), 2**53) | st.none()).map(
        lambda members: msgspec.Raw(msgspec.json.encode(members))
    ),
)


def document(data: bytes, tag: str = "goal.tagged.v1", **attributes: Any) -> bytes:
    """Return a document with *data* as it is."""
    head = msgspec.json.decode(GOLDEN[0]) | {"type": tag} | attributes
    del head["data"]
    return msgspec.json.encode(head)[:-1] + b',"data":' + data + b"}"


def code_of(use: Callable[[], object]) -> str:
    """Return the code of the error that *use* ends in, "" where it ends well; other errors are let through."""
    try:
        use()
    except (EnvelopeError, sealing.SealError) as error:
        return error.code
    return ""


def touch(raw: bytes) -> None:
    """Do with *raw* all that a reader does; nothing but documented errors may come of it."""
    if code := code_of(lambda: decode(raw)):
        assert code == "invalid_event"
        return
    envelope = decode(raw)
    assert envelope.number >= 0
    assert isinstance(envelope.name, str)
    assert code_of(envelope.event) in {"", "invalid_event", "unknown_event"}
    assert code_of(lambda: sealing.kids(envelope.data)) in {"", "invalid_event", "seal_malformed"}
    opened = code_of(lambda: sealing.open_event(envelope, {}, missing=""))
    assert opened in {"", "invalid_event", "unknown_event", "seal_malformed"}


@given(ENVELOPES)
def test_round_trip(envelope: Envelope) -> None:
    """An envelope decodes to what was encoded, its bytes never change, and nothing in it is null or empty."""
    raw = encode(envelope)
    assert decode(raw) == envelope
    assert encode(decode(raw)) == raw
    assert b"\n" not in raw
    attributes = msgspec.json.decode(raw)
    assert all(value not in (None, "") for name, value in attributes.items() if name not in {"data", "actor"})


@given(st.data())
def test_later_versions_are_read(data: st.DataObject) -> None:
    """Members and values of enumerations that came later change nothing for a reader that does not know them."""
    tag = data.draw(st.sampled_from(sorted(EVENTS.keys() - UPCASTS.keys())))
    members = data.draw(values(EVENTS[tag], later=True))
    assert LATER in members
    event = decode_data(tag, msgspec.json.encode(members))
    assert type(event) is EVENTS[tag]
    assert event == decode_data(tag, msgspec.json.encode(without_later(members)))
    assert b'"later_member":' not in msgspec.json.encode(event)


def without_later(node: Any) -> Any:
    """Return *node* without the members that came later; values that came later stay."""
    if isinstance(node, dict):
        return {name: without_later(value) for name, value in node.items() if name != LATER}
    return [without_later(item) for item in node] if isinstance(node, list) else node


@given(st.sampled_from(GOLDEN), st.data())
def test_mangled_documents_end_in_documented_errors(raw: bytes, data: st.DataObject) -> None:
    """Bytes cut out, doubled or replaced at any place never end in anything but EnvelopeError or SealError."""
    start = data.draw(st.integers(0, len(raw)))
    stop = data.draw(st.integers(start, min(len(raw), start + 20)))
    touch(raw[:start] + data.draw(st.binary(max_size=20)) + raw[stop:])


NESTED = b'{"a":' * 900 + b"1" + b"}" * 900
CRUEL = {
    "no JSON": b"goal",
    "cut off": b'{"added":["',
    "lone surrogate": b'{"added":["\\ud800"]}',
    "lone low surrogate as bytes": b'{"added":["\xed\xb0\x80"]}',
    "no UTF-8": b'{"added":["\xff"]}',
    "NaN": b'{"added":[NaN]}',
    "infinite": b'{"added":[1e999]}',
    "a number too large": b'{"added":[' + b"9" * 5000 + b"]}",
    "a list": b"[]",
    "nothing": b"null",
    "nested as deep as the decoder takes": NESTED,
    "nested deeper": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "lists nested deeper": b'{"added":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "sealed without its parts": b'{"added":["enc:v1:"]}',
    "sealed by a strange key": b'{"added":["enc:v1:AAAA:BBBB"]}',
    "of another type": b'{"added":5}',
}


@pytest.mark.parametrize("data", CRUEL.values(), ids=CRUEL)
@pytest.mark.parametrize("tag", ["goal.tagged.v1", "goal.resource_attached.v1", "goal.teleported.v1"])
def test_cruel_data_ends_in_documented_errors(data: bytes, tag: str) -> None:
    """Whatever stands in `data`, reading it ends in the documented errors."""
    touch(document(data, tag))


@pytest.mark.parametrize("sequence", ["1", "000000000000000x", "\u0660" * 16, "0000000000000001\n", 1, None])
def test_a_sequence_has_sixteen_digits(sequence: object) -> None:
    """What readers count with is checked on every read."""
    with pytest.raises(EnvelopeError):
        decode(document(b"{}", sequence=sequence))


def test_a_type_that_is_not_known() -> None:
    """An unknown type is told apart from data that does not fit, so that a reader may pass over it."""
    with pytest.raises(EnvelopeError, match="unknown to this version") as caught:
        decode(document(b"{}", "goal.teleported.v1")).event()
    assert caught.value.code == "unknown_event"


def test_a_member_missing_for_an_upcast() -> None:
    """An old event without the member that its upcast moves is invalid, not unknown."""
    with pytest.raises(EnvelopeError, match="'type' is missing") as caught:
        decode(document(b"{}", "goal.resource_attached.v1")).event()
    assert caught.value.code == "invalid_event"


def test_its_parts() -> None:
    """Aggregate, id and name come out of `subject` and `type`."""
    envelope = decode(document(b"{}", subject="goal/0199c0de-0000-7000-8000-000000000030"))
    assert (envelope.aggregate, envelope.aggregate_id) == ("goal", "0199c0de-0000-7000-8000-000000000030")
    assert envelope.name == "tagged"
    assert re.fullmatch(r"\d{16}", envelope.sequence)
