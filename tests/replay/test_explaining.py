"""One event explained: every kind there is, and the question an auditor asks of a deadline that moved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from milepost.journal import KeyStore
from milepost.replay import explaining_which
from milepost.replay.desk import Desk
from milepost.replay.explaining import explain
from milepost.replay.recording import READ
from milepost_contracts.commands import goal
from milepost_contracts.envelope import decode, encode
from milepost_contracts.events import EVENTS
from milepost_contracts.plugin import stable_id
from milepost_contracts.proofs.checkpoints import open_checkpoint
from milepost_contracts.proofs.merkle import leaf_hash, verify_inclusion
from milepost_contracts.proofs.notes import VerifierKey, parse_note
from milepost_contracts.queries import Explain, ExplainAnswer
from tests.journal.wishes import run_sql
from tests.replay import goldens
from tests.replay.audited import AUDITOR, GOAL, MENTEE, MENTOR, Audited, audited, day
from tests.support.accepting import TENANT, ident, user
from tests.support.golden.world import INES, LENA, MARA

PARTS = ("status", "event", "changes", "terms", "agreements", "now", "causes", "removed", "proof", "unread")


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Audited]:
    """Give a goal that was made SMART, agreed, begun, and whose deadline moved."""
    with audited(tmp_path) as made:
        made.bring()
        made.made_smart()
        made.begun()
        yield made


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Give a desk on the golden examples."""
    folder = tmp_path_factory.mktemp("golden")
    journal, keys = goldens.journal_of(folder, goldens.documents()), goldens.keys_of(folder)
    yield goldens.desk_of(journal, keys)
    keys.close()
    journal.close()


def about(desk: Desk, reader: str, sequence: int) -> ExplainAnswer:
    """Return the explanation of a golden event."""
    answer, _ = explain(desk, goldens.TENANT, Explain(actor=reader, sequence=sequence), reader)
    assert isinstance(answer, ExplainAnswer), answer
    return answer


def test_every_type_of_event_is_explained(golden: Desk) -> None:
    """Of every golden example each part is told, with the sentence, the command and nothing missing."""
    explained = set()
    for document in goldens.documents():
        event = decode(document)
        answer = about(golden, INES.ref, event.number)
        members = msgspec.json.decode(msgspec.json.encode(answer))
        assert set(PARTS) <= members.keys(), event.type
        assert (answer.event.event, answer.event.type, answer.aggregate) == (event.id, event.type, event.aggregate)
        assert answer.event.sentence
        assert (answer.terms is None, answer.agreements is None) == (event.aggregate != "goal",) * 2, event.type
        assert (answer.removed.finding, answer.proof.leaf) == ("nothing_missing", event.number - 1)
        command = answer.causes.command
        assert command.id == event.causationid
        assert event.id in [one.id for one in command.together]
        assert command.events in (None, len(command.together))
        assert {one.why for one in answer.unread} <= {"not_entitled"}, event.type
        explained.add(event.type)
    assert explained == set(EVENTS)


def test_a_party_reads_what_the_parties_may_and_its_own_diary(golden: Desk) -> None:
    """Of a reflection its author reads the words, another party that somebody wrote, and why they are not shown."""
    (number, author), *_ = [
        (event.number, event.actor)
        for event in map(decode, goldens.documents())
        if event.type == "goal.reflection_recorded.v1"
    ]
    assert author == MARA.ref
    own, others = about(golden, author, number), about(golden, LENA.ref, number)
    assert own.event.data["text"]
    assert own.unread == []
    assert others.event.data["text"] is None
    assert ("/event/data/text", "not_entitled") in [(one.at, one.why) for one in others.unread]


def test_who_moved_the_deadline_why_and_who_had_agreed(told: Audited) -> None:
    """The auditor's question: who, why, the terms then, whose yes it voided and when that person agreed again."""
    moved = told.slipped()
    again = told.agreed_again()
    answer = told.explained(sequence=moved)
    assert (answer.event.actor, answer.event.reason, answer.event.reason_code) == (
        MENTEE, "The room is closed", "dependency",
    )  # fmt: skip
    (deadline,) = [one for one in answer.changes if one.field == "deadline"]
    assert (deadline.before, deadline.after, deadline.now) == (str(day(60)), str(day(90)), str(day(90)))
    assert deadline.changed_by is None
    terms, agreements = answer.terms, answer.agreements
    assert terms is not None
    assert agreements is not None
    assert (terms.title, terms.deadline, terms.revision - terms.revision_before) == ("Give three talks", day(90), 1)
    assert [one.name for one in terms.measures] == ["Talks given"]
    assert sorted(one.party for one in agreements.before) == sorted([MENTEE, MENTOR])
    assert {one.given_to for one in agreements.before} == {terms.revision_before}
    assert (agreements.complete_before, agreements.complete, agreements.waiting_for) == (True, False, [MENTOR])
    (ended,) = agreements.ended
    assert (ended.party, ended.why, ended.ended.sequence) == (MENTOR, "voided", moved)
    assert ended.again is not None
    assert ended.again.sequence == again
    assert [one.party for one in answer.now.agreed] == sorted([MENTEE, MENTOR])


def test_a_yes_is_followed_to_its_end(told: Audited) -> None:
    """Of a yes it is told by which event it ended; later events are told who had not agreed, and since when."""
    agreed = told.desk.newest(TENANT) - 1
    moved = told.slipped()
    yes = told.explained(sequence=agreed)
    assert yes.event.name == "agreed"
    assert [(one.how, one.event.sequence) for one in yes.causes.later] == [("voids", moved)]
    assert [one.event.sequence for one in yes.removed.taken_back_by] == [moved]
    after = told.explained(sequence=told.say(MENTEE, goal.PostComment, comment=ident("c"), text="Sorry"))
    assert after.agreements is not None
    assert [(one.party, one.ended.sequence) for one in after.agreements.ended_before] == [(MENTOR, moved)]
    assert after.agreements.ended == []
    taken_back = told.say(MENTEE, goal.WithdrawAgreement, reason="Too much")
    withdrawn = told.explained(sequence=taken_back).agreements
    assert withdrawn is not None
    assert [(one.party, one.why, one.again) for one in withdrawn.ended] == [(MENTEE, "withdrawn", None)]


def test_what_is_no_longer_so_is_told(told: Audited) -> None:
    """A field that changed again is told with what it is now, and by which event it changed first."""
    moved = told.slipped()
    told.agreed_again()
    later = told.slipped(days=120)
    told.slipped(days=150)
    (deadline,) = [one for one in told.explained(sequence=moved).changes if one.field == "deadline"]
    assert (deadline.after, deadline.now) == (str(day(90)), str(day(150)))
    assert deadline.changed_by is not None
    assert deadline.changed_by.sequence == later


def test_corrections_are_found_from_both_ends(told: Audited) -> None:
    """A reading tells that it was struck, and the strike which reading it struck."""
    recorded = told.say(MENTEE, goal.RecordProgress, measure=ident("talks"), reading="1", on=day(0))
    event = told.explained(sequence=recorded).event.event
    struck = told.say(MENTEE, goal.CorrectProgress, corrects=event, strike=True, reason="It was a rehearsal")
    reading, strike = told.explained(sequence=recorded), told.explained(sequence=struck)
    assert [(one.how, one.event.sequence) for one in reading.removed.taken_back_by] == [("strikes", struck)]
    assert [(one.how, one.event.sequence) for one in strike.causes.earlier] == [("strikes", recorded)]
    assert reading.removed.finding == "nothing_missing"


def test_one_command_s_events_are_told_together(told: Audited) -> None:
    """A goal that joins a mentorship tells of the event there, which one command wrote with it."""
    parties = [{"ref": MENTEE, "role": "mentee"}, {"ref": MENTOR, "role": "mentor"}]
    members = {"parties": parties, "mentorship": ident("pair"), "programme": ident("programme"), "reason": "A pair"}
    placed = msgspec.convert(members | {"command_id": ident("x"), "id": GOAL, "actor": MENTEE}, goal.PlaceGoal)
    last = int(told.accept.accepted(placed).sequence)
    command = told.explained(sequence=last).causes.command
    assert command.events == len(command.together) > 1
    assert [one.aggregate for one in command.together] == ["goal", *["mentorship"] * (len(command.together) - 1)]
    joined = told.explained(sequence=command.together[-1].sequence)
    assert joined.causes.command == command


def test_a_plugin_is_told_with_the_event_that_it_answered(told: Audited) -> None:
    """A plugin's event names plugin, version and the event that caused it; that event tells what it caused."""
    moved = told.slipped()
    cause = told.explained(sequence=moved).event.event
    command_id = stable_id("command", "nudges", cause, "2")
    actor = "plugin:nudges@1.4.0"
    told.say(MENTEE, goal.AddContributor, ref=user("c"), role="peer")
    told.accept.accepted(
        goal.PostComment(command_id=command_id, id=GOAL, actor=MENTEE, comment=ident("c"), text="Look again?")
    )
    # accept has no plugins here: the document is told as if one had asked.
    asked = told.desk.newest(TENANT)
    stored = told.desk.journal.at(TENANT, asked)
    assert stored is not None
    document = encode(msgspec.structs.replace(stored.envelope, actor=actor))
    journal = f"sqlite:///{told.folder / 'journal.sqlite'}"
    run_sql(journal, f"UPDATE stored_events SET state = x'{document.hex()}' WHERE sequence = {asked}")
    plugin = told.explained(sequence=asked).causes.plugin
    assert plugin is not None
    assert (plugin.name, plugin.version) == ("nudges", "1.4.0")
    assert plugin.cause is not None
    assert plugin.cause.sequence == moved
    assert ("causes", asked) in [(one.how, one.event.sequence) for one in told.explained(sequence=moved).causes.later]
    document = encode(msgspec.structs.replace(stored.envelope, actor=actor, causationid=ident("a timer")))
    run_sql(journal, f"UPDATE stored_events SET state = x'{document.hex()}' WHERE sequence = {asked}")
    timer = told.explained(sequence=asked).causes.plugin
    assert timer is not None
    assert (timer.cause, timer.sought) == (None, asked - 1)


@pytest.mark.parametrize("back", [1, 3])
def test_what_was_removed_is_missed(told: Audited, back: int) -> None:
    """An event that is gone from the journal is missed by its number in what stands around it."""
    moved = told.slipped()
    told.agreed_again()
    run_sql(f"sqlite:///{told.folder / 'journal.sqlite'}", f"DELETE FROM stored_events WHERE sequence = {moved - back}")
    removed = told.explained(sequence=moved).removed
    assert removed.finding == "missing"
    assert removed.sequences.missing == [moved - back]
    assert (removed.before is None) == (back == 1)
    assert removed.versions.missing


def test_times_that_run_backward_are_told(told: Audited) -> None:
    """An event that claims to have been recorded before the one before it is told as out of order."""
    moved = told.slipped()
    stored = told.desk.journal.at(TENANT, moved)
    assert stored is not None
    document = encode(msgspec.structs.replace(stored.envelope, time="2020-01-01T00:00:00.000000Z"))
    run_sql(
        f"sqlite:///{told.folder / 'journal.sqlite'}",
        f"UPDATE stored_events SET state = x'{document.hex()}' WHERE sequence = {moved}",
    )
    assert told.explained(sequence=moved).removed.finding == "out_of_order"


def test_an_event_is_proven_by_the_newest_checkpoint(told: Audited) -> None:
    """What is signed comes with a proof that holds with public tools alone; what came later is not yet proven."""
    moved = told.slipped()
    assert told.explained(sequence=moved).proof.status == "not_yet"
    told.signed()
    proof = told.explained(sequence=moved).proof
    assert proof.status == "proven"
    stored = told.desk.journal.at(TENANT, moved)
    assert stored is not None
    assert proof.note is not None
    checkpoint = open_checkpoint(parse_note(proof.note), [VerifierKey.parse(line) for line in proof.keys])
    path = [msgspec.convert(one, bytes) for one in proof.path]
    verify_inclusion(leaf_hash(stored.document), proof.leaf, checkpoint.size, path, checkpoint.root)
    later = told.explained(sequence=told.agreed_again()).proof
    assert (later.status, later.size) == ("not_yet", checkpoint.size)
    assert f"s{checkpoint.size}" in later.message
    document = stored.document.replace(b"dependency", b"estimate__")
    run_sql(
        f"sqlite:///{told.folder / 'journal.sqlite'}",
        f"UPDATE stored_events SET state = x'{document.hex()}' WHERE sequence = {moved}",
    )
    assert told.explained(sequence=moved).proof.status == "broken"
    bare = told.desk._replace(logs=None)
    assert told.explained(sequence=moved, desk=bare).proof.status == "unavailable"


def test_an_event_is_named_in_three_ways(told: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sequence, id, and aggregate with version name the same event; none or several ways are refused."""
    moved = told.slipped()
    by_sequence = told.explained(sequence=moved)
    event, version = by_sequence.event.event, by_sequence.event.version
    assert told.explained(event=event) == told.explained(id=GOAL, version=version) == by_sequence
    first = told.explained(sequence=1)
    assert told.explained(event=first.event.event) == first
    monkeypatch.setattr(explaining_which, "SCANNED_MAX", 3)
    assert told.explained(event=event) == by_sequence
    for named in ({}, {"sequence": 1, "event": event}, {"id": GOAL}, {"version": 2}):
        assert told.unexplained(**named) == ["event_not_named"]
    for named in ({"sequence": 10_000}, {"event": ident("nothing")}, {"id": GOAL, "version": 999}):
        assert told.unexplained(**named) == ["event_unknown"]


def test_who_may_not_read_is_told_what_is_told_of_nothing(told: Audited) -> None:
    """A stranger, a colleague in the programme and the plugin host learn nothing; parties do, and it is recorded."""
    moved = told.slipped()
    for reader in (user("stranger"), user("colleague"), "service:react"):
        assert told.unexplained(reader, sequence=moved) == ["event_unknown"]
    for reader in (MENTEE, MENTOR, user("admin"), AUDITOR):
        assert told.explained(reader, sequence=moved).event.reason == "The room is closed"
    _, details = explain(told.desk, TENANT, Explain(actor=AUDITOR, sequence=moved), AUDITOR)
    assert details[READ] == [("goal", GOAL)]


def test_erased_words_are_shown_as_erased(told: Audited, tmp_path: Path) -> None:
    """Once the mentee's key is gone the mentee's words are null and named, and everything else is still told."""
    moved = told.slipped()
    run_sql(
        f"sqlite:///{tmp_path / 'keys.sqlite'}",
        f"UPDATE holders SET wrapped = NULL, erased_us = 1 WHERE holder = '{MENTEE}'",
    )
    keys = KeyStore(f"sqlite:///{tmp_path / 'keys.sqlite'}", tmp_path / "keys")
    answer = told.explained(sequence=moved, desk=told.desk_with(keys))
    keys.close()
    assert answer.terms is not None
    assert (answer.event.reason, answer.terms.title, answer.terms.deadline) == (None, None, day(90))
    assert {one.why for one in answer.unread} == {"erased"}
    assert {"/event/reason", "/terms/title"} <= {one.at for one in answer.unread}
    assert answer.removed.finding == "nothing_missing"
