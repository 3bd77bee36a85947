"""What comes is a command, or is answered what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.accept.decoding import Decoded, Decoder
from milepost_contracts.answers import Invalid, Refused
from milepost_contracts.commands import COMMANDS
from tests.support.accepting import ident, user

DECODER = Decoder(gateways=frozenset({"web"}), line_chars=200, text_chars=4000)
SHIFT = "goals.command.v1.acme.web.goal.shift_deadline"


def body(**changes: Any) -> bytes:
    fields = {
        "command_id": ident("c"),
        "id": ident("g"),
        "actor": user("mentee"),
        "new": "2026-07-31",
        "reason": "The review was moved",
        "reason_code": "dependency",
    }
    return json.dumps({name: value for name, value in (fields | changes).items() if value is not ...}).encode()


def test_a_command_comes_through() -> None:
    """A well-formed request is a command, with its tenant, its caller and how its actor is known."""
    decoded = DECODER.decode(SHIFT, body(), {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    assert isinstance(decoded, Decoded)
    assert (decoded.tenant, decoded.caller, decoded.authenticated_by) == ("acme", "web", "gateway:web")
    assert decoded.command.NAME == "shift_deadline"
    assert decoded.traceparent.startswith("00-aaaa")


def test_a_wish_has_one_form() -> None:
    """Members in another order, and defaults that are sent or left out at any depth, make the same wish."""
    hold = "goals.command.v1.acme.web.goal.import_goal"
    party = {"ref": user("mentee"), "role": "mentee"}
    terms = {"title": "Speak", "owner": user("mentee"), "parties": [party]}
    who = {"command_id": ident("c"), "id": ident("g"), "actor": user("mentee")}
    told = who | {"as_of": "2026-01-01", "origin": {"system": "old"}}
    one = DECODER.decode(hold, json.dumps(told | {"state": "drafted", "terms": terms}).encode(), None)
    spelled = terms | {"parties": [dict(reversed(party.items()))], "measures": [], "description": None}
    other = DECODER.decode(hold, json.dumps({"terms": spelled, "state": "drafted"} | told).encode(), None)
    assert isinstance(one, Decoded), one
    assert isinstance(other, Decoded), other
    assert one.wish == other.wish


@pytest.mark.parametrize(
    ("what", "subject", "content", "code", "field"),
    [
        ("not JSON", SHIFT, b"shift it", "invalid_json", None),
        ("half of JSON", SHIFT, body()[:-1], "invalid_json", None),
        ("nothing", SHIFT, b"", "invalid_json", None),
        ("not UTF-8", SHIFT, body().replace(b"review", b"r\xffview"), "invalid_json", None),
        ("a lone surrogate", SHIFT, body(reason="\ud800"), "invalid_json", None),
        ("a raw surrogate", SHIFT, body().replace(b"review", b"\xed\xa0\x80"), "invalid_json", None),
        ("NaN", SHIFT, body(new=float("nan")), "invalid_json", None),
        ("deep nesting", SHIFT, b"[" * 50_000, "invalid_field", "$"),
        ("a list", SHIFT, b"[]", "invalid_field", "$"),
        ("a wrong type", SHIFT, body(new=20260731), "invalid_field", "$.new"),
        ("a missing member", SHIFT, body(new=...), "invalid_field", "$"),
        ("an unknown member", SHIFT, body(sooner=True), "invalid_field", "$"),
        ("an unknown value", SHIFT, body(reason_code="weather"), "invalid_field", "$.reason_code"),
        ("the year 10000", SHIFT, body(new="10000-01-01"), "invalid_field", "$.new"),
        ("the year 9999", SHIFT, body(new="9999-12-31"), "invalid_field", "$"),
        ("a day that is none", SHIFT, body(new="2026-02-30"), "invalid_field", "$.new"),
        ("a claimed instant without zone", SHIFT, body(occurred_at="2026-01-01T00:00:00"), "invalid_field",
         "$.occurred_at"),
        ("a claimed instant far away", SHIFT, body(occurred_at="9999-12-31T23:59:59-14:00"), "invalid_field", "$"),
        ("an id in capitals", SHIFT, body(id=ident("g").upper()), "invalid_field", "$.id"),
        ("an actor of no kind", SHIFT, body(actor="root"), "invalid_field", "$.actor"),
        ("too long a text", SHIFT, body(reason="x" * 4001), "text_too_long", "$.reason"),
        ("a NUL", SHIFT, body(reason="a\0b"), "text_not_allowed", "$.reason"),
        ("too large", SHIFT, body(reason="x" * 200_000), "message_too_large", None),
        ("an unknown command", SHIFT.replace("shift_deadline", "move"), body(), "unknown_command", None),
        ("an unknown aggregate", SHIFT.replace(".goal.", ".wish."), body(), "unknown_aggregate", None),
        ("a subject too long", f"{SHIFT}.now", body(), "invalid_subject", None),
        ("a tenant that is no name", SHIFT.replace("acme", "Acme!"), body(), "invalid_subject", None),
    ],
)  # fmt: skip
def test_bad_input_is_named(what: str, subject: str, content: bytes, code: str, field: str | None) -> None:
    """Each bad request is answered `invalid` with a stable code and the place in the JSON."""
    answer = DECODER.decode(subject, content, None)
    assert isinstance(answer, Invalid), what
    assert [(problem.code, problem.field) for problem in answer.errors] == [(code, field)]
    assert answer.errors[0].message


def test_unknown_members_are_refused_at_any_depth() -> None:
    """A member that a nested value does not have is an error, not ignored."""
    content = body(new=..., reason_code=..., party={"ref": user("peer"), "role": "peer", "boss": True})
    answer = DECODER.decode("goals.command.v1.acme.web.goal.add_party", content, None)
    assert isinstance(answer, Invalid)
    assert answer.errors[0].field == "$.party"


def test_every_text_that_is_too_long_is_named() -> None:
    """Lengths are checked at any depth and reported all at once."""
    content = body(
        new=..., reason=..., reason_code=..., check_in=ident("k"), held_on="2026-01-01", attendees=[],
        wins=["fine", "x" * 4001], next_step="y" * 4001,
    )  # fmt: skip
    answer = DECODER.decode("goals.command.v1.acme.web.goal.hold_check_in", content, None)
    assert isinstance(answer, Invalid)
    assert sorted(str(problem.field) for problem in answer.errors) == ["$.next_step", "$.wins[1]"]


@pytest.mark.parametrize("actor", [user("mentee"), "service:web", "plugin:okr@1.0"])
def test_only_gateways_name_others(actor: str) -> None:
    """A caller that is no gateway speaks for itself alone."""
    answer = DECODER.decode("goals.command.v1.acme.payroll.goal.shift_deadline", body(actor=actor), None)
    assert isinstance(answer, Refused)
    assert answer.errors[0].code == "actor_mismatch"


@pytest.mark.parametrize(("caller", "actor"), [("payroll", "service:payroll"), ("okr", "plugin:okr@1.0")])
def test_a_caller_speaks_for_itself(caller: str, actor: str) -> None:
    """A service or plugin is itself under its own name."""
    decoded = DECODER.decode(f"goals.command.v1.acme.{caller}.goal.shift_deadline", body(actor=actor), None)
    assert isinstance(decoded, Decoded)
    assert decoded.authenticated_by == "nats"


@given(content=st.binary(max_size=400), key=st.sampled_from(sorted(COMMANDS)))
def test_nothing_makes_the_decoder_raise(content: bytes, key: tuple[str, str]) -> None:
    """Whatever bytes come, there is an answer."""
    DECODER.decode(f"goals.command.v1.acme.web.{key[0]}.{key[1]}", content, None)


@given(
    content=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=20) | st.integers(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    ),
    key=st.sampled_from(sorted(COMMANDS)),
)
def test_no_json_makes_the_decoder_raise(content: Any, key: tuple[str, str]) -> None:
    """Whatever JSON comes, there is an answer."""
    fields = {"command_id": ident("c"), "id": ident("g"), "actor": user("mentee")}
    text = json.dumps(content | fields if isinstance(content, dict) else content).encode()
    DECODER.decode(f"goals.command.v1.acme.web.{key[0]}.{key[1]}", text, None)
