"""Answers to commands and queries, as the wire shows them."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost_contracts.answers import Accepted, EventRef, Failed, Invalid, Problem, Refused, Warn, decode
from milepost_contracts.queries import QUERIES
from milepost_contracts.strict import strict
from tests.support.structs import values


def test_accepted() -> None:
    """An accepted answer shows its members even when they are empty, so that nobody has to know defaults."""
    caused = Accepted(
        id="g",
        version=7,
        sequence="0000000000001234",
        events=[EventRef(id="e", type="goal.deadline_shifted.v1")],
        warnings=[Warn(code="backdated", field="held_on", message="Held in the past.")],
    )
    assert msgspec.json.encode(caused) == (
        b'{"status":"accepted","id":"g","version":7,"sequence":"0000000000001234",'
        b'"events":[{"id":"e","type":"goal.deadline_shifted.v1"}],'
        b'"warnings":[{"code":"backdated","message":"Held in the past.","field":"held_on"}]}'
    )
    assert decode(msgspec.json.encode(caused)) == caused
    nothing = msgspec.json.encode(Accepted(id="g", version=7))
    assert nothing == b'{"status":"accepted","id":"g","version":7,"sequence":"","events":[],"warnings":[]}'


def test_refused_invalid_failed() -> None:
    """The other three tell why; whether to try again is always written out."""
    problem = Problem(code="milestone_stranded", field="new", message="Move it first.", details={"milestones": ["m"]})
    for answer, status in ((Refused(errors=[problem]), "refused"), (Invalid(errors=[problem]), "invalid")):
        raw = msgspec.json.decode(msgspec.json.encode(answer))
        assert raw["status"] == status
        assert raw["errors"] == [
            {
                "code": "milestone_stranded",
                "message": "Move it first.",
                "field": "new",
                "details": {"milestones": ["m"]},
            }
        ]
    failed = Failed(errors=[Problem(code="unknown_outcome", message="Send it again.")])
    assert msgspec.json.decode(msgspec.json.encode(failed))["retry"] is True
    assert decode(msgspec.json.encode(failed)) == failed


NO_ANSWERS = [
    b"[" * 100_000,
    b'{"status":"accepted","id":"\\ud800"}',
    b'{"status":"refused","errors":[],"later":' + b"[" * 100_000,
    b'{"status":"accepted","id":"\xff","version":1}',
    b"{}",
]


@given(st.binary(max_size=40) | st.sampled_from(NO_ANSWERS))
def test_what_is_no_answer(raw: bytes) -> None:
    """Whatever comes back, decoding it ends in an answer or in MsgspecError."""
    with pytest.raises(msgspec.MsgspecError):
        decode(raw)


@given(st.data())
def test_queries(data: st.DataObject) -> None:
    """Every query decodes without mercy, and its name is its own."""
    name = data.draw(st.sampled_from(sorted(QUERIES)))
    members = data.draw(values(QUERIES[name]))
    assert name == QUERIES[name].NAME
    assert msgspec.json.decode(msgspec.json.encode(members), type=strict(QUERIES[name]))
    with pytest.raises(msgspec.ValidationError, match="unheard_of"):
        msgspec.json.decode(msgspec.json.encode(members | {"unheard_of": 1}), type=strict(QUERIES[name]))
