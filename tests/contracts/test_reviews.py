"""What a plugin is asked before a command counts, and what it may say, as the wire shows them."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from milepost_contracts.answers import Failed, Problem, Refused
from milepost_contracts.commands import COMMANDS
from milepost_contracts.reviews import ANSWER_BYTES_MAX, Passed, Review, ReviewAnswer, decode, decode_answer
from tests.contracts.conftest import CONTRACTS
from tests.support.structs import values

PROBLEM = Problem(code="budget_spent", message="Ask for a budget first.", field="cycle", details={"left": 0})
SCHEMAS = CONTRACTS / "schemas"


@given(st.data())
def test_a_review_holds_its_command(data: st.DataObject) -> None:
    """Every command arrives as it is; later members of the request are ignored; its schema takes it."""
    key = data.draw(st.sampled_from(sorted(COMMANDS)))
    command = msgspec.convert(data.draw(values(COMMANDS[key])), COMMANDS[key])
    body = msgspec.Raw(msgspec.json.encode(command))
    request = msgspec.json.encode(Review(aggregate=key[0], command=key[1], version=7, body=body))
    asked = decode(b'{"later":1,' + request[1:])
    assert (asked.name, asked.version) == (".".join(key), 7)
    assert asked.asked() == command
    Draft202012Validator(json.loads((SCHEMAS / "review.json").read_bytes())).validate(json.loads(request))


def test_a_command_of_a_later_release() -> None:
    """What these contracts do not know is read, and said to be unknown when it is looked into."""
    asked = decode(b'{"aggregate":"goal","command":"sing_about","version":0,"body":{}}')
    with pytest.raises(msgspec.ValidationError, match=r"goal\.sing_about is unknown"):
        asked.asked()


@pytest.mark.parametrize(
    ("answer", "raw"),
    [
        (Passed(), b'{"status":"passed"}'),
        (
            Refused(errors=[PROBLEM]),
            (
                b'{"status":"refused","errors":[{"code":"budget_spent","message":"Ask for a budget first.",'
                b'"field":"cycle","details":{"left":0}}]}'
            ),
        ),
        (
            Failed(errors=[Problem(code="no_rates", message="The rates are not there.")], retry=False),
            b'{"status":"failed","errors":[{"code":"no_rates","message":"The rates are not there."}],"retry":false}',
        ),
    ],
)
def test_answers(answer: ReviewAnswer, raw: bytes) -> None:
    """The three are told apart by their status, and fit their schema."""
    assert msgspec.json.encode(answer) == raw
    assert decode_answer(raw) == answer
    Draft202012Validator(json.loads((SCHEMAS / "review.answer.json").read_bytes())).validate(json.loads(raw))


NO_ANSWERS = [
    b"{}",
    b'{"status":"accepted","id":"g","version":1}',
    b'{"status":"refused"}',
    b'{"status":"refused","errors":[]}',
    b'{"status":"refused","errors":[{"code":"","message":"No."}]}',
    b'{"status":"refused","errors":[{"code":"Two\\nlines","message":"No."}]}',
    b'{"status":"refused","errors":[{"code":"no","message":""}]}',
    b'{"status":"passed","why":"' + b"x" * ANSWER_BYTES_MAX + b'"}',
    b'{"status":"passed","later":' + b"[" * 20_000,
    b'{"status":"\xff"}',
]


@given(st.binary(max_size=40) | st.sampled_from(NO_ANSWERS))
def test_what_is_no_answer(raw: bytes) -> None:
    """Whatever a plugin says, reading it ends in an answer or in MsgspecError; a refusal has its reasons."""
    with pytest.raises(msgspec.MsgspecError):
        decode_answer(raw)


@given(st.binary(max_size=40) | st.sampled_from([b"[" * 100_000, b'{"aggregate":"\xff"}', b"{}"]))
def test_what_is_no_review(raw: bytes) -> None:
    """The same holds for what a plugin is asked."""
    with pytest.raises(msgspec.MsgspecError):
        decode(raw)
