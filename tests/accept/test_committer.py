"""Commands are decided on the newest state, committed together, and answered once and for all."""

from __future__ import annotations

import concurrent.futures
import datetime as dt
from pathlib import Path

import msgspec
import pytest

from milepost.accept import Ticket
from milepost.accept.committer import QUEUE_MAX
from milepost.accept.decoding import Decoded
from milepost.journal import JournalUnavailable, OutcomeUnknown
from milepost_contracts.answers import Accepted, Answer, Failed, Refused
from milepost_contracts.commands import goal, tenant
from milepost_contracts.envelope import decode
from milepost_contracts.subjects import tenant_id
from tests.support.accepting import SERVICE, TENANT, Acceptance, create, ident, user


def codes(answer: Answer) -> list[str]:
    assert not isinstance(answer, Accepted), answer
    return [problem.code for problem in answer.errors]


def comment(name: str, number: int | str, actor: str = "mentee", text: str = "well done") -> goal.PostComment:
    return goal.PostComment(
        command_id=ident(f"comment {name} {number}"), id=ident(name), actor=user(actor),
        comment=ident(f"{name} {number}"), text=text,
    )  # fmt: skip


def test_accepted_means_stored_and_sealed(acceptance: Acceptance) -> None:
    """An accepted command's event is in the journal, its words sealed, its context and hashes set."""
    answer = acceptance.accepted(create("get better at presentations"))
    stored = acceptance.journal.load(TENANT, ("goal", answer.id))
    assert [one.event_id for one in stored] == [event.id for event in answer.events]
    assert (answer.version, answer.sequence) == (1, f"{stored[0].sequence:016d}")
    envelope = decode(stored[0].document)
    data = msgspec.json.decode(envelope.data)
    assert data["title"].startswith("enc:v1:")
    assert b"presentations" not in stored[0].document
    assert data["context"]["owner"] == user("mentee")
    assert data["terms_hash"]
    assert envelope.commandhash
    assert (envelope.causationid, envelope.authnby) == (ident("create get better at presentations"), "gateway:tests")


def test_the_same_command_is_answered_the_same(acceptance: Acceptance) -> None:
    """A command sent again, later, and after a restart, gets its first answer and writes nothing."""
    first = acceptance.accepted(create("a"))
    acceptance.accepted(comment("a", 1))
    assert acceptance.ask(create("a")) == first
    acceptance.committer.forget()
    assert acceptance.ask(create("a")) == first
    assert len(acceptance.journal.load(TENANT, ("goal", first.id))) == 2


def test_warnings_are_part_of_the_first_answer(acceptance: Acceptance) -> None:
    """A command that was accepted with warnings is answered with them again."""
    acceptance.accepted(create("a"))
    held = goal.DefineMeasure(
        command_id=ident("m"), id=ident("a"), actor=user("mentee"), measure=ident("m"), name="talks", kind="count",
        direction="increase", unit="talks", baseline="0", target="3",
    )  # fmt: skip
    acceptance.accepted(held)
    late = goal.RecordProgress(
        command_id=ident("r"), id=ident("a"), actor=user("mentee"), measure=ident("m"), reading="1",
        on=dt.date.today() - dt.timedelta(days=90),  # noqa: DTZ011  long ago in every zone
    )  # fmt: skip
    first = acceptance.accepted(late)
    assert [warning.code for warning in first.warnings] == ["backdated"]
    acceptance.committer.forget()
    assert acceptance.ask(late) == first


def test_a_command_id_belongs_to_one_command(acceptance: Acceptance) -> None:
    """The same command_id with another body on the same aggregate is refused, on another aggregate it is another."""
    acceptance.accepted(create("a"))
    acceptance.accepted(create("b"))
    one = comment("a", 1)
    acceptance.accepted(one)
    assert codes(acceptance.ask(msgspec.structs.replace(one, text="another"))) == ["command_id_reused"]
    acceptance.accepted(msgspec.structs.replace(one, id=ident("b")))


def test_a_command_id_belongs_to_one_kind_of_command(acceptance: Acceptance) -> None:
    """Two commands that differ in nothing but their name are two: the second is refused, not taken for the first."""
    grant = tenant.GrantRole(
        command_id=ident("g"), id=tenant_id(TENANT), actor=SERVICE, ref=user("auditor"), role="auditor"
    )
    acceptance.accepted(grant)
    revoke = msgspec.convert(msgspec.to_builtins(grant), tenant.RevokeRole)
    assert codes(acceptance.ask(revoke)) == ["command_id_reused"]


def test_a_look_at_the_journal_that_fails_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With several writers a refusal looks whether it still holds; where the journal does not answer, it says so."""
    accept = Acceptance(tmp_path, alone=False)
    accept.open_tenant()
    accept.accepted(create("a"))

    def down(*_: object) -> int:
        raise JournalUnavailable("the database has gone")

    with monkeypatch.context() as patched:
        patched.setattr(accept.journal, "head", down)
        assert codes(accept.ask(comment("a", 1, "stranger"))) == ["journal_unavailable"]
    assert codes(accept.ask(comment("a", 2, "stranger"))) == ["not_allowed"]
    accept.close()


def test_a_clock_that_moves_to_another_day_leaves_no_other_state(tmp_path: Path) -> None:
    """What was decided before midnight and stored after it is the same whether it was kept or is read again."""
    accept = Acceptance(tmp_path, clock=lambda: dt.datetime(2020, 3, 1, 23, 59, tzinfo=dt.UTC))
    accept.open_tenant()
    accept.accepted(create("a"))
    ref = ("goal", ident("a"))
    states = accept.committer._states
    kept = states.get(TENANT, ref)
    states.clear()
    assert states.get(TENANT, ref).state == kept.state
    accept.close()


def test_the_queue_is_bounded_in_commands(tmp_path: Path) -> None:
    """However many come in one frame, more than fit are answered `failed, retry` at once."""
    accept = Acceptance(tmp_path, started=False)
    answered: list[Answer] = []
    decoded = accept.decoder.decode(
        "goals.command.v1.acme.tests.goal.create_goal", msgspec.json.encode(create("a")), None
    )
    assert isinstance(decoded, Decoded)
    tickets = [Ticket(decoded, lambda _, answer: answered.append(answer), 0, 0) for _ in range(QUEUE_MAX // 2)]
    accept.committer.submit(*tickets)
    accept.committer.submit(*tickets)
    assert not answered
    accept.committer.submit(*tickets[:1])
    assert [codes(answer) for answer in answered] == [["overloaded"]]
    accept.keys.close()
    accept.journal.close()


def test_two_of_the_same_at_once_write_once(acceptance: Acceptance) -> None:
    """Copies of one command in the same batch get one and the same answer."""
    acceptance.accepted(create("a"))
    futures = [acceptance.send(comment("a", 1)) for _ in range(20)]
    answers = {msgspec.json.encode(future.result(60)) for future in futures}
    assert len(answers) == 1
    assert len(acceptance.journal.load(TENANT, ("goal", ident("a")))) == 2


def test_a_stale_expected_version_is_a_conflict(acceptance: Acceptance) -> None:
    """Given and stale it is refused with the current version; right, it is accepted."""
    acceptance.accepted(create("a"))
    answer = acceptance.ask(msgspec.structs.replace(comment("a", 1), expected_version=0))
    assert isinstance(answer, Refused)
    assert (answer.errors[0].code, answer.errors[0].details) == ("version_conflict", {"version": 1})
    acceptance.accepted(msgspec.structs.replace(comment("a", 2), expected_version=1))


def test_many_in_flight_on_one_goal_all_count(acceptance: Acceptance) -> None:
    """Commands in flight on one aggregate are all written, in one dense line of versions."""
    acceptance.accepted(create("a"))
    futures = [acceptance.send(comment("a", number)) for number in range(300)]
    given = [future.result(60) for future in futures]
    assert sorted(answer.version for answer in given if isinstance(answer, Accepted)) == list(range(2, 302))


def test_a_refused_neighbour_hurts_nobody(acceptance: Acceptance) -> None:
    """Refused, unknown and accepted commands in one batch each get their own answer."""
    acceptance.accepted(create("a"))
    futures = [acceptance.send(comment("a", number, "mentee" if number % 3 else "stranger")) for number in range(60)]
    lost = acceptance.send(comment("nowhere", 1))
    answers = [future.result(60) for future in futures]
    assert [isinstance(answer, Accepted) for answer in answers] == [bool(number % 3) for number in range(60)]
    assert codes(answers[0]) == ["not_allowed"]
    assert codes(lost.result(60)) == ["goal_unknown"]


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    """A new process decides on what the old one committed."""
    first = Acceptance(tmp_path)
    first.open_tenant()
    first.accepted(create("a"))
    first.close()
    second = Acceptance(tmp_path)
    assert second.accepted(comment("a", 1)).version == 2
    second.close()


def test_stopping_answers_everybody(tmp_path: Path) -> None:
    """Every command sent before the stop is either committed and accepted, or answered `failed, retry`."""
    accept = Acceptance(tmp_path, batch_max=8)
    accept.open_tenant()
    accept.accepted(create("a"))
    futures = [accept.send(comment("a", number)) for number in range(200)]
    accept.committer.stop()
    late = accept.send(comment("a", "late"))
    answers = [future.result(0) for future in [*futures, late]]
    stored = accept.journal.load(TENANT, ("goal", ident("a")))
    assert sum(isinstance(answer, Accepted) for answer in answers) == len(stored) - 1
    assert all(isinstance(answer, Accepted) or (isinstance(answer, Failed) and answer.retry) for answer in answers)
    assert codes(answers[-1]) == ["stopping"]
    accept.close()


def test_an_unknown_outcome_is_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the connection is lost around COMMIT, stored commands are answered from the journal, others decided anew."""
    lost: list[str] = []

    def lose(point: str) -> None:
        if point == f"journal.{where}" and lost != ["done"] and armed:
            lost.append("done")
            raise OutcomeUnknown("cut by the test")

    for where in ("before_commit", "after_commit"):
        armed = False
        lost.clear()
        folder = tmp_path / where
        folder.mkdir()
        accept = Acceptance(folder, at=lose)
        accept.open_tenant()
        accept.accepted(create("a"))
        armed = True
        futures = [accept.send(comment("a", number)) for number in range(20)]
        assert all(isinstance(future.result(60), Accepted) for future in futures)
        assert len(accept.journal.load(TENANT, ("goal", ident("a")))) == 21
        assert lost == ["done"]
        accept.close()


def test_commands_of_many_threads_keep_the_order_of_each(acceptance: Acceptance) -> None:
    """Eight threads, each with goals of its own, are served together; each goal's versions are dense."""

    def work(thread: int) -> None:
        name = f"goal of {thread}"
        acceptance.accepted(create(name))
        for number in range(25):
            assert acceptance.accepted(comment(name, number)).version == number + 2

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, thread) for thread in range(8)]:
            done.result(120)
    assert acceptance.journal.heads()[TENANT].sequence == 1 + 8 * 26
