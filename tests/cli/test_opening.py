"""Words are opened for who reads; what stays shut says why."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import msgspec
import pytest

from milepost.cli.errors import VerbError
from milepost.cli.opening import Opener
from milepost.cli.session import Session
from milepost.cli.where import Names
from milepost_contracts.answers import Failed, Problem
from milepost_contracts.envelope import Envelope
from milepost_contracts.queries import DerivedKey, Keys, KeysAnswer
from milepost_contracts.sealing import SealingKey
from tests.support.asking import ScriptedAsker
from tests.support.scenario import GOAL, MENTEE, uid

MINE = SealingKey("mine", bytes(32))
ERASED = SealingKey("erased", bytes([1]) * 32)
FOREIGN = SealingKey("foreign", bytes([2]) * 32)
EVENT = uid("event")


def envelope(**data: object) -> Envelope:
    return Envelope(
        specversion="1.0",
        id=EVENT,
        source="/milepost/acme",
        type="goal.comment_posted.v1",
        subject=f"goal/{GOAL}",
        time="2026-03-02T09:30:00.000000Z",
        datacontenttype="application/json",
        dataschema="urn:milepost:schema:goal.comment_posted.v1",
        tenant="acme",
        actor=MENTEE,
        data=msgspec.Raw(msgspec.json.encode(data)),
    )


@pytest.fixture
def asker() -> ScriptedAsker:
    """Give an asker that has MINE, and knows that ERASED is gone."""
    asker = ScriptedAsker()
    key = urlsafe_b64encode(MINE.secret).rstrip(b"=").decode()
    asker.answers[Keys] = KeysAnswer(keys=[DerivedKey(kid="mine", key=key), DerivedKey(kid="erased")])
    return asker


def opener(asker: ScriptedAsker) -> Opener:
    return Opener(Session(asker, tenant="acme", actor=MENTEE, names=Names()))


async def test_every_way_in_which_words_are_read_or_not(asker: ScriptedAsker) -> None:
    """What one may read is opened at any depth; the rest is null, with its place and the reason."""
    event = envelope(
        text=MINE.seal("hello", EVENT, "/text"),
        tags=[MINE.seal("deep", EVENT, "/tags/0"), FOREIGN.seal("x", EVENT, "/tags/1")],
        reason=ERASED.seal("x", EVENT, "/reason"),
        title=MINE.seal("moved", EVENT, "/elsewhere"),
        days=3,
    )
    ((members, unread),) = await opener(asker).open([event])
    assert members == {"text": "hello", "tags": ["deep", None], "reason": None, "title": None, "days": 3}
    assert {(one["at"], one["why"]) for one in unread} == {
        ("/tags/1", "not_entitled"),
        ("/reason", "erased"),
        ("/title", "broken"),
    }


async def test_keys_are_asked_for_once(asker: ScriptedAsker) -> None:
    """A key that was given is kept, one that was not is asked for again: a role may have come since."""
    mine, foreign = MINE.seal("a", EVENT, "/text"), FOREIGN.seal("b", EVENT, "/text")
    opening = opener(asker)
    await opening.open([envelope(text=mine), envelope(text=foreign)])
    await opening.open([envelope(text=mine), envelope(text=foreign)])
    await opening.open([envelope(days=1)])
    assert [query.kids for query in asker.queries if isinstance(query, Keys)] == [["foreign", "mine"], ["foreign"]]


async def test_keys_that_cannot_be_had(asker: ScriptedAsker) -> None:
    """Nothing is told as unreadable that only cannot be asked for now."""
    asker.answers[Keys] = Failed(errors=[Problem(code="no_answer", message="Nobody.")])
    with pytest.raises(VerbError) as caught:
        await opener(asker).open([envelope(text=MINE.seal("a", EVENT, "/text"))])
    assert caught.value.word == "failed"
