"""What only the journal can answer: events after a sequence, keys by role and visibility, a goal as it was."""

from __future__ import annotations

import datetime as dt
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from milepost.broker import EmbeddedBroker
from milepost.journal import KeyStore
from milepost.logs import logger
from milepost.replay import ReplayService
from milepost.replay.histories import Histories
from milepost.wiring import subscribing
from milepost_contracts.answers import Failed, Refused
from milepost_contracts.commands import goal, mentorship, programme, tenant
from milepost_contracts.envelope import decode
from milepost_contracts.plugin import Permissions
from milepost_contracts.queries import AsOf, AsOfAnswer, EventsAfter, EventsAfterAnswer, Keys, KeysAnswer
from milepost_contracts.sealing import SealingKey, kids, open_data
from milepost_contracts.subjects import tenant_id
from milepost_contracts.types import Party, TermsChange
from tests.journal.wishes import run_sql
from tests.support.accepting import SERVICE, TENANT, Acceptance, create, ident, user
from tests.support.nats import Connect


@pytest.fixture
def acceptance(tmp_path: Path) -> Iterator[Acceptance]:
    """Give accept with a goal of a mentee and a mentor in a programme, and a reflection of the mentee."""
    accept = Acceptance(tmp_path)
    accept.open_tenant()
    mentee, mentor, admin = user("mentee"), user("mentor"), user("admin")
    accept.accepted(
        tenant.GrantRole(
            command_id=ident("g"), id=tenant_id(TENANT), actor=SERVICE, ref=user("auditor"), role="auditor"
        )
    )
    frame = ident("programme")
    accept.accepted(programme.Create(command_id=ident("p"), id=frame, actor=SERVICE, title="Growing", admins=[admin]))
    for name in ("mentee", "mentor", "colleague"):
        accept.accepted(
            programme.EnrolParticipant(
                command_id=ident(name), id=frame, actor=admin, participant=user(name), role="member"
            )
        )
    pair, parties = ident("pair"), [Party(ref=mentee, role="mentee"), Party(ref=mentor, role="mentor")]
    accept.accepted(
        mentorship.Request(
            command_id=ident("r"), id=pair, actor=mentee, parties=parties, format="one_to_one", programme=frame
        )
    )
    accept.accepted(mentorship.Accept(command_id=ident("y"), id=pair, actor=mentor))
    accept.accepted(create("a"))
    who: dict[str, Any] = {"id": ident("a"), "actor": mentee}
    accept.accepted(goal.PlaceGoal(command_id=ident("pl"), mentorship=pair, programme=frame, parties=parties, **who))
    accept.accepted(
        goal.RefineGoal(
            command_id=ident("re"), changes=TermsChange(title="Give three talks"), trigger="new_information", **who
        )
    )
    accept.accepted(goal.RecordReflection(command_id=ident("rr"), reflection=ident("rr"), text="I was afraid", **who))
    yield accept
    accept.close()


@pytest.fixture
def replay(acceptance: Acceptance) -> ReplayService:
    """Give replay on the same databases, asked without a bus."""
    return ReplayService(
        subscribing({"servers": [], "name": "x", "nkeys_seed": "x", "inbox_prefix": "x", "max_reconnect_attempts": 0}),
        acceptance.journal,
        acceptance.keys,
        gateways=frozenset({"cli"}),
        log=logger("replay"),
    )


def test_events_after_a_sequence_are_the_exact_documents_page_by_page(
    acceptance: Acceptance, replay: ReplayService
) -> None:
    """Asked again and again after the last one, every document comes once, in order, byte for byte."""
    stored = [one.document for one in acceptance.journal.events_after(TENANT, 0, 100)]
    got: list[bytes] = []
    more = True
    while more:
        answer, _ = replay.answer(TENANT, EventsAfter(actor=user("x"), sequence=len(got), limit=4))
        assert isinstance(answer, EventsAfterAnswer)
        assert len(answer.events) <= 4
        got += [bytes(event) for event in answer.events]
        more = answer.more
    assert got == stored
    answer, _ = replay.answer("globex", EventsAfter(actor=user("x")))
    assert isinstance(answer, EventsAfterAnswer)
    assert answer.events == []


def test_what_is_not_there_yet_is_asked_for_again(replay: ReplayService) -> None:
    """A sequence that the journal does not have is answered `failed, retry`."""
    answer, _ = replay.answer(TENANT, EventsAfter(actor=user("x"), min_sequence=f"{999:016d}"))
    assert isinstance(answer, Failed)
    assert answer.retry


READERS = [
    ("mentee", {"title", "text"}),
    ("mentor", {"title"}),
    ("admin", {"title"}),
    ("auditor", {"title"}),
    ("colleague", set()),
    ("stranger", set()),
]


@pytest.mark.parametrize(("reader", "opened"), READERS)
def test_keys_are_given_by_role(acceptance: Acceptance, replay: ReplayService, reader: str, opened: set[str]) -> None:
    """Parties, the programme's admin and auditors open the goal's words; a reflection only its author."""
    envelopes = [decode(one.document) for one in acceptance.journal.load(TENANT, ("goal", ident("a")))]
    wanted = sorted({kid for envelope in envelopes for kid in kids(envelope.data)})
    answer, details = replay.answer(TENANT, Keys(actor=user(reader), kids=wanted))
    assert isinstance(answer, KeysAnswer)
    read = (("goal", ident("a")),) if answer.keys else ()
    assert details == {"reader": user(reader), "asked": len(wanted), "given": len(answer.keys), "read": read}
    keys = {one.kid: SealingKey(one.kid, urlsafe_b64decode(f"{one.key}=")) for one in answer.keys if one.key}
    found: set[str] = set()
    for envelope in envelopes:
        members = open_data(envelope, keys, missing="?")
        found |= {name for name in ("title", "text") if members.get(name) not in (None, "?")}
    assert found == opened


def test_visibility_lets_more_people_read(acceptance: Acceptance, replay: ReplayService) -> None:
    """What is visible in the programme is opened for its participants, in the tenant for everybody in it."""
    envelope = decode(acceptance.journal.load(TENANT, ("goal", ident("a")))[0].document)
    wanted = sorted(kids(envelope.data))

    def given(reader: str) -> int:
        answer, _ = replay.answer(TENANT, Keys(actor=user(reader), kids=wanted))
        assert isinstance(answer, KeysAnswer)
        return len(answer.keys)

    assert (given("colleague"), given("stranger")) == (0, 0)
    for visibility, expected in (("programme", (1, 0)), ("tenant", (1, 1)), ("private", (0, 0))):
        acceptance.accepted(
            goal.ChangeVisibility(
                command_id=ident(visibility), id=ident("a"), actor=user("mentee"), visibility=visibility, reason="so"
            )
        )
        assert (given("colleague"), given("stranger")) == expected


def test_only_trusted_stages_ask_for_others(acceptance: Acceptance, replay: ReplayService) -> None:
    """The view may ask for whom it answers; anybody else is looked at for what he is."""
    wanted = sorted(kids(decode(acceptance.journal.load(TENANT, ("goal", ident("a")))[0].document).data))
    for actor, count in (("service:view", 1), ("service:payroll", 0), (user("stranger"), 0)):
        answer, _ = replay.answer(TENANT, Keys(actor=actor, on_behalf_of=user("mentee"), kids=wanted))
        assert isinstance(answer, KeysAnswer)
        assert len(answer.keys) == count


def test_kids_of_another_tenant_are_unknown(acceptance: Acceptance, replay: ReplayService) -> None:
    """A key id is worth nothing in another tenant, and unknown ones are left out."""
    wanted = sorted(kids(decode(acceptance.journal.load(TENANT, ("goal", ident("a")))[0].document).data))
    answer, _ = replay.answer("globex", Keys(actor=user("mentee"), kids=[*wanted, "unknown"]))
    assert isinstance(answer, KeysAnswer)
    assert answer.keys == []


def test_a_goal_as_it_was(replay: ReplayService) -> None:
    """As of a version the goal has the words it had then, opened for who may read them."""
    then, _ = replay.answer(TENANT, AsOf(actor=user("mentor"), id=ident("a"), version=1))
    now, _ = replay.answer(TENANT, AsOf(actor=user("mentor"), id=ident("a")))
    assert isinstance(then, AsOfAnswer)
    assert isinstance(now, AsOfAnswer)
    assert (then.state["title"], now.state["title"]) == ("a", "Give three talks")
    assert (then.version, now.version) == (1, 4)
    assert (then.state["parties"], sorted(now.state["parties"].values())) == ({}, ["mentee", "mentor"])
    assert now.state["created_on"] == str(dt.datetime.now(dt.UTC).date())


def test_a_goal_as_a_plugin_may_read_it(acceptance: Acceptance, replay: ReplayService, tmp_path: Path) -> None:
    """The plugin host gets words sealed but for those that it asks for, told by name; erased ones stay sealed."""
    asked: dict[str, Any] = {"actor": "service:react", "id": ident("a")}

    def answer(**more: Any) -> AsOfAnswer:
        found, _ = replay.answer(TENANT, AsOf(**asked, **more))
        assert isinstance(found, AsOfAnswer)
        return found

    _, recorded = replay.answer(TENANT, AsOf(**asked, words=["goal.created/title"]))
    assert recorded == {"aggregate": "goal", "id": ident("a"), "words": ["goal.created/title"]}
    for nothing in (answer(), answer(words=[]), answer(words=["goal.closed/*"])):
        assert (nothing.state["title"][:7], nothing.opened) == ("enc:v1:", [])
    then, now = answer(version=1, words=["goal.created/title"]), answer(words=["goal.created/title"])
    assert (then.state["title"], then.opened) == ("a", ["a"])
    assert (now.state["title"][:7], now.opened) == ("enc:v1:", [])  # another event brought it
    now = answer(words=["goal.created/title", "goal.refined/after"])
    assert (now.state["title"], now.opened) == ("Give three talks", ["Give three talks"])
    everything = answer(words=["*"])
    assert everything.state == answer(words=["*"], version=4).state
    assert "I was afraid" not in str(everything)
    person = replay.answer(TENANT, AsOf(actor=user("mentor"), id=ident("a"), words=["goal.created/title"]))[0]
    assert isinstance(person, AsOfAnswer)
    assert person.state["title"][:7] == "enc:v1:"
    url = f"sqlite:///{tmp_path / 'keys.sqlite'}"
    run_sql(url, f"UPDATE holders SET wrapped = NULL, erased_us = 1 WHERE holder = '{user('mentee')}'")
    with closing(KeyStore(url, tmp_path / "keys")) as left:
        past = Histories(acceptance.journal, left).as_of(
            TENANT, ("goal", ident("a")), None, opened=Permissions(words=("*",))
        )
        assert (past.state.title[:7], past.words) == ("enc:v1:", [])


def test_unknown_and_invisible_look_the_same(replay: ReplayService) -> None:
    """Who may not read a goal is told what those are told who ask for none."""
    invisible, _ = replay.answer(TENANT, AsOf(actor=user("stranger"), id=ident("a")))
    unknown, _ = replay.answer(TENANT, AsOf(actor=user("stranger"), id=ident("nowhere")))
    assert isinstance(invisible, Refused)
    assert invisible == unknown
    beyond, _ = replay.answer(TENANT, AsOf(actor=user("mentee"), id=ident("a"), version=99))
    assert isinstance(beyond, Refused)
    assert [problem.code for problem in beyond.errors] == ["version_unknown"]


async def test_over_the_bus(acceptance: Acceptance, broker: EmbeddedBroker, connect: Connect) -> None:
    """The queries are answered on their subjects; what is no query is answered `invalid`."""
    service = ReplayService(
        subscribing(broker.options("replay")),
        acceptance.journal,
        acceptance.keys,
        gateways=frozenset({"cli"}),
        log=logger("replay"),
    )
    await service.start()
    client = await connect("cli")
    answers = {
        name: msgspec.json.decode((await client.request(f"goals.query.v1.{TENANT}.cli.{name}", body, timeout=5)).data)
        for name, body in {
            "events_after": msgspec.json.encode(EventsAfter(actor=user("mentee"))),
            "keys": b'{"actor":"nobody","kids":[]}',
            "as_of": b"?",
        }.items()
    }
    await service.stop()
    assert answers["events_after"]["status"] == "answered"
    assert [answers[name]["errors"][0]["code"] for name in ("keys", "as_of")] == ["invalid_field", "invalid_json"]


def test_a_journal_that_does_not_answer_is_told(acceptance: Acceptance, replay: ReplayService) -> None:
    """Without its databases replay answers `failed, retry`; a defect is answered too, and not to be tried again."""
    acceptance.committer.stop()
    acceptance.journal.close()
    answer, _ = replay._answer(TENANT, EventsAfter(actor=user("x")))
    assert isinstance(answer, Failed)
    replay._desk = None  # type: ignore[assignment]  # a defect
    broken, _ = replay._answer(TENANT, AsOf(actor=user("x"), id=ident("a")))
    assert isinstance(broken, Failed)
    assert (broken.errors[0].code, broken.retry) == ("internal_error", False)
