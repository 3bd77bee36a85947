"""Sealed words: what is sealed opens at its place and nowhere else."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from milepost_contracts.envelope import Envelope, decode
from milepost_contracts.events import EVENTS, WORDS
from milepost_contracts.sealing import (
    SealError,
    SealingKey,
    derive,
    info,
    key_id,
    kid_of,
    kids,
    open_data,
    open_event,
    open_member,
    seal_data,
    walk,
)
from tests.contracts.conftest import EXAMPLES
from tests.support.structs import TEXT, UUIDS, found_at, values

KEYS = {
    audience: derive(b"a" * 32, b"o" * 32, info("acme", "goal/x", audience, "author", "owner"))
    for audience in ("parties", "author")
}
BY_KID = {key.kid: key for key in KEYS.values()}


def sealed(tag: str, members: dict[str, Any], event_id: str) -> Envelope:
    """Return the envelope of *members*, sealed as the append seals them."""
    copy = msgspec.json.decode(msgspec.json.encode(members))
    seal_data(copy, WORDS[tag], event_id, KEYS.__getitem__)
    golden = decode((EXAMPLES / "golden/goal.tagged.v1.json").read_bytes())
    return msgspec.structs.replace(golden, id=event_id, type=tag, data=msgspec.Raw(msgspec.json.encode(copy)))


@given(st.data(), UUIDS)
def test_every_event_type_round_trips(data: st.DataObject, event_id: str) -> None:
    """In every event every member of people's words is sealed for its audience, and opens to what it was."""
    tag = data.draw(st.sampled_from(sorted(EVENTS)))
    members = data.draw(values(EVENTS[tag]))
    envelope = sealed(tag, members, event_id)
    stored = msgspec.json.decode(envelope.data)
    for path, audience, _ in WORDS[tag]:
        assert all(kid_of(word) == KEYS[audience].kid for word in found_at(stored, path) if word is not None)
    assert kids(envelope.data) <= BY_KID.keys()
    assert open_data(envelope, BY_KID) == members
    assert type(open_event(envelope, BY_KID)) in EVENTS.values()


@given(TEXT, UUIDS)
@example("enc:v1:looks:sealed", "0199c0de-0000-7000-8000-000000000001")
@example("\U0001f600\u202e\x00 e\u0301", "0199c0de-0000-7000-8000-000000000001")
@example("", "0199c0de-0000-7000-8000-000000000001")
def test_any_text_round_trips(words: str, event_id: str) -> None:
    """Any text opens to itself, one that looks sealed already included; each sealing looks different."""
    key = KEYS["parties"]
    once, again = key.seal(words, event_id, "/reason"), key.seal(words, event_id, "/reason")
    assert once != again
    assert open_member(BY_KID, once, event_id, "/reason") == words
    assert walk({"a": [once]}, lambda member, _: key.open(member, event_id, "/reason")) == {"a": [words]}


@given(TEXT, st.data())
def test_an_altered_member_is_refused(words: str, data: st.DataObject) -> None:
    """No other text of a sealed member opens: not one character more, less or different."""
    key, event_id = KEYS["parties"], "0199c0de-0000-7000-8000-000000000001"
    member = key.seal(words, event_id, "/reason")
    place = data.draw(st.integers(0, len(member)))
    replaced = data.draw(st.text(st.characters(codec="utf-8"), max_size=2))
    altered = member[:place] + replaced + member[place + data.draw(st.integers(0, 1)) :]
    assume(altered != member)
    with pytest.raises(SealError):
        open_member(BY_KID, altered, event_id, "/reason")


@given(TEXT, UUIDS, UUIDS)
def test_a_moved_member_is_refused(words: str, event_id: str, other: str) -> None:
    """A member is bound to its event and to its place there."""
    member = KEYS["parties"].seal(words, event_id, "/before/title")
    assume(event_id != other)
    for where in ((other, "/before/title"), (event_id, "/after/title"), (event_id, "/before")):
        with pytest.raises(SealError, match="not what was sealed there") as caught:
            open_member(BY_KID, member, *where)
        assert caught.value.code == "seal_broken"


@given(values(EVENTS["goal.check_in_held.v1"]), st.lists(TEXT, min_size=2, max_size=4))
def test_swapped_members_are_refused(members: dict[str, Any], wins: list[str]) -> None:
    """Two sealed members of one event that changed places do not open."""
    envelope = sealed("goal.check_in_held.v1", members | {"wins": wins}, "0199c0de-0000-7000-8000-000000000001")
    stored = msgspec.json.decode(envelope.data)
    stored["wins"].reverse()
    with pytest.raises(SealError, match="/wins/0 of event"):
        open_data(
            msgspec.structs.replace(envelope, data=msgspec.Raw(msgspec.json.encode(stored | {"obstacles": []}))), BY_KID
        )


def test_without_the_key() -> None:
    """Words whose key is missing are refused, or stand for what the reader says instead."""
    envelope = sealed(
        "goal.paused.v1", {"paused_on": "2026-05-04", "reason": "rest"}, "0199c0de-0000-7000-8000-000000000001"
    )
    with pytest.raises(SealError, match="not entitled, or the words were erased") as caught:
        open_data(envelope, {})
    assert caught.value.code == "key_missing"
    assert open_data(envelope, {}, missing="[erased]")["reason"] == "[erased]"


@pytest.mark.parametrize("text", ["", "AAAA", "é" * 43, "A" * 43 + "=", "A" * 44])
def test_a_key_that_is_none(text: str) -> None:
    """Only 32 bytes in base64url without padding are a key."""
    with pytest.raises(SealError) as caught:
        SealingKey.from_text("kid", text)
    assert caught.value.code == "key_malformed"


@pytest.mark.parametrize("member", ["enc:v1:", "enc:v1:kid", "enc:v1:a:b:c", "enc:v2:a:b", "words", ""])
def test_a_malformed_member(member: str) -> None:
    """A member has exactly the parts of its form."""
    with pytest.raises(SealError) as caught:
        kid_of(member)
    assert caught.value.code == "seal_malformed"


def test_keys_are_derived_as_the_wire_says(keys: dict[str, SealingKey]) -> None:
    """HKDF, kid and the keyed hash are the formulas of the wire, written out here with nothing but hmac and hashlib."""
    published = msgspec.json.decode((EXAMPLES / "keys.json").read_bytes())
    secrets = {person["key_id"]: urlsafe_b64decode(person["key"] + "=") for person in published["persons"]}
    for entry in published["keys"]:
        author, owner = entry["author_key_id"], entry["owner_key_id"]
        what = "\0".join([published["tenant"], entry["aggregate"], entry["audience"], author, owner]).encode()
        extracted = hmac.digest(b"milepost seal v1", secrets[author] + secrets[owner], "sha256")
        expanded = hmac.digest(extracted, what + b"\x01", "sha256")
        kid = urlsafe_b64encode(hashlib.sha256(b"milepost kid v1\0" + what).digest()[:16]).decode().rstrip("=")
        assert keys[entry["kid"]].secret == expanded
        assert keys[entry["kid"]].text == entry["key"]
        assert key_id(what) == entry["kid"] == kid
        assert derive(secrets[author], secrets[owner], what).secret == expanded
        hashed = urlsafe_b64encode(hmac.digest(expanded, b"terms", "sha256")).decode().rstrip("=")
        assert keys[entry["kid"]].hash(b"terms") == hashed


def test_the_audience_is_part_of_the_key(keys: dict[str, SealingKey]) -> None:
    """A diary entry does not open with the key that opens what all parties may read."""
    diary = decode((EXAMPLES / "golden/goal.reflection_recorded.v1.json").read_bytes())
    published = msgspec.json.decode((EXAMPLES / "keys.json").read_bytes())["keys"]
    parties = {entry["kid"]: keys[entry["kid"]] for entry in published if entry["audience"] == "parties"}
    with pytest.raises(SealError, match="no key"):
        open_data(diary, parties)
    assert open_data(diary, keys)["text"].startswith("I was proud")
