"""An erasure is answered when the keys are gone, nobody else waits for it, and what a crash leaves is finished."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from milepost.journal import KeyErased, KeysUnavailable, Rewrapping
from milepost_contracts.answers import Accepted, Answer, Failed, Refused
from milepost_contracts.commands import goal, person, tenant
from milepost_contracts.events.person import KeysDestroyed
from milepost_contracts.subjects import tenant_id
from tests.support.accepting import TENANT, Acceptance, create, ident, user

ADMIN, GONE, STAYS = user("admin"), user("gone"), user("mentee")


@pytest.fixture
def acceptance(tmp_path: Path) -> Iterator[Acceptance]:
    """Give accept with an open tenant and its admin."""
    accept = Acceptance(tmp_path)
    opened(accept)
    yield accept
    accept.close()


def opened(accept: Acceptance) -> None:
    """Open the tenant for its admin."""
    given = tenant.Open(command_id=ident("open"), id=tenant_id(TENANT), actor="service:tests", admins=[ADMIN])
    accept.accepted(given)


def erase(number: int = 1, by: str = ADMIN, **fields: Any) -> person.Erase:
    """Return the command that erases the person who goes."""
    id_ = GONE.partition(":")[2]
    return person.Erase(command_id=ident(f"erase {number}"), id=id_, actor=by, reason="Asked for", **fields)


def comment(name: str, number: object, by: str, **fields: Any) -> goal.PostComment:
    """Return a comment of *by* on the goal *name*."""
    return goal.PostComment(
        command_id=ident(f"comment {name} {number}"), id=ident(name), actor=by, comment=ident(f"c {name} {number}"),
        text="A comment", **fields,
    )  # fmt: skip


def codes(answer: Answer) -> list[str]:
    """Return the codes of a refusal or failure."""
    assert isinstance(answer, Refused | Failed), answer
    return [problem.code for problem in answer.errors]


def tags(accept: Acceptance) -> list[str]:
    """Return the tags of what happened to the person who goes."""
    return [one.tag for one in accept.journal.load(TENANT, ("person", GONE.partition(":")[2]))]


def is_gone(accept: Acceptance) -> bool:
    """Whether the person's key is."""
    try:
        accept.keys.person_key(TENANT, GONE)
    except KeyErased:
        return True
    return False


def test_accepted_means_destroyed_and_recorded(acceptance: Acceptance) -> None:
    """When the answer is there, so are the tombstone and the event that tells what was destroyed."""
    acceptance.accepted(create("own", "gone"))
    key_id = acceptance.keys.person_key(TENANT, GONE).key_id
    answer = acceptance.accepted(erase())
    assert is_gone(acceptance)
    assert tags(acceptance) == ["person.erased.v1", "person.keys_destroyed.v1"]
    (erased, destroyed) = acceptance.journal.load(TENANT, ("person", GONE.partition(":")[2]))
    told = destroyed.event()
    assert isinstance(told, KeysDestroyed)
    assert (told.erased, told.key_ids) == (erased.event_id, [key_id]) == (answer.events[0].id, [key_id])
    assert (told.generation_before, told.generation_after, told.derived) == (1, 2, 1)
    assert (destroyed.envelope.actor, erased.envelope.actor) == ("service:accept", ADMIN)
    assert b"Asked for" not in erased.document
    sealed = acceptance.keys.sealing_key(TENANT, erased.ref, "parties", None, None)
    reason = erased.event().reason  # type: ignore[attr-defined]  # it is a person.erased
    assert sealed.open(reason, erased.event_id, "/reason") == "Asked for"


def test_asked_again_it_answers_and_writes_nothing(acceptance: Acceptance) -> None:
    """The same command, and another one like it, are accepted; there is one erasure."""
    first = acceptance.accepted(erase())
    assert acceptance.accepted(erase()) == first
    assert acceptance.accepted(erase(2)).events == []
    assert acceptance.accepted(erase(3, by=GONE)).events == []
    assert len(tags(acceptance)) == 2


def test_nothing_is_taken_from_or_for_somebody_erased(acceptance: Acceptance) -> None:
    """What they would say, what others would say on what is theirs, and what is asked on their behalf is refused."""
    acceptance.accepted(create("own", "gone"))
    acceptance.accepted(create("other", "mentee"))
    place = goal.PlaceGoal(
        command_id=ident("place"), id=ident("other"), actor=STAYS,
        parties=[{"ref": STAYS, "role": "mentee"}, {"ref": GONE, "role": "mentor"}],  # type: ignore[list-item]  # as JSON
    )  # fmt: skip
    acceptance.accepted(place)
    said = comment("other", 0, GONE)
    acceptance.accepted(said)
    acceptance.accepted(erase())
    for command in (
        comment("other", 1, GONE),
        comment("own", 1, GONE),
        create("new", "gone"),
        comment("other", 2, STAYS, on_behalf_of=GONE),
        said,  # what it was answered cannot be told from another's: its hash was keyed
        person.Link(command_id=ident("link"), id=GONE.partition(":")[2], actor="service:tests", name="Again"),
    ):
        assert codes(acceptance.ask(command)) == ["person_erased"], command
    acceptance.accepted(comment("other", 3, STAYS))


def test_a_goal_of_somebody_erased_goes_on_with_a_new_owner(acceptance: Acceptance) -> None:
    """An admin transfers it, and from then on it is another's; what was said before stays erased."""
    acceptance.accepted(create("own", "gone"))
    acceptance.accepted(erase())
    given = goal.TransferOwnership(
        command_id=ident("transfer"), id=ident("own"), actor=ADMIN, owner=STAYS, reason="It goes on"
    )
    acceptance.accepted(given)
    acceptance.accepted(comment("own", 2, STAYS))
    assert acceptance.committer._states.get(TENANT, ("goal", ident("own"))).state.title.startswith("enc:v1:")


def test_between_the_event_and_the_keys_nothing_is_taken_either(
    acceptance: Acceptance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While keys are being destroyed, others go on at once, and the erased person is refused already."""
    acceptance.accepted(create("own", "gone"))
    acceptance.accepted(create("other", "mentee"))
    going, go_on = threading.Event(), threading.Event()
    destroy = acceptance.keys.erase

    def slowly(tenant_name: str, who: str) -> Rewrapping:
        going.set()
        assert go_on.wait(30)
        return destroy(tenant_name, who)

    monkeypatch.setattr(acceptance.keys, "erase", slowly)
    answered = acceptance.send(erase())
    assert going.wait(30)
    assert not answered.done()
    acceptance.accepted(comment("other", 1, STAYS))
    assert codes(acceptance.ask(comment("own", 1, GONE))) == ["person_erased"]
    assert codes(acceptance.ask(create("new", "gone"))) == ["person_erased"]
    assert not answered.done()
    go_on.set()
    assert isinstance(answered.result(30), Accepted)
    assert is_gone(acceptance)


def test_a_key_store_that_does_not_answer_is_told_and_asked_again(
    acceptance: Acceptance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is told "accepted" before the keys are gone; the same command again finishes it."""
    destroy = acceptance.keys.erase

    def fails(_tenant: str, _person: str) -> Rewrapping:
        raise KeysUnavailable("cut by the test")

    monkeypatch.setattr(acceptance.keys, "erase", fails)
    answer = acceptance.ask(erase())
    assert isinstance(answer, Failed)
    assert (codes(answer), answer.retry) == (["keys_not_destroyed"], True)
    monkeypatch.setattr(acceptance.keys, "erase", destroy)
    acceptance.accepted(erase())
    assert is_gone(acceptance)
    assert tags(acceptance) == ["person.erased.v1", "person.keys_destroyed.v1"]


@pytest.mark.parametrize("point", ["keys.before_commit", "keys.after_commit", "keys.before_destroy"])
def test_what_a_crash_leaves_is_finished_by_the_next_start(tmp_path: Path, point: str) -> None:
    """Ended while keys are destroyed, the next start destroys what is left and records it, unasked."""
    accept = Acceptance(tmp_path)
    opened(accept)
    accept.accepted(create("own", "gone"))
    accept.keys._rewrapper._at = _ending(point)
    answer = accept.ask(erase())
    assert codes(answer) == ["keys_not_destroyed"]
    accept.close()
    again = Acceptance(tmp_path)
    assert is_gone(again)
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == [f"{TENANT}.2.key"]
    assert again.accepted(erase(2)).events == []  # behind the record in the same thread
    assert tags(again) == ["person.erased.v1", "person.keys_destroyed.v1"]
    again.close()


def _ending(point: str) -> Callable[[str], None]:
    def at(passed: str) -> None:
        if passed == point:
            raise KeysUnavailable(f"cut at {point}")

    return at


def test_an_older_key_store_is_erased_again(tmp_path: Path) -> None:
    """A key store and its folder, both from a backup, lose again at the start whom the journal has erased."""
    accept = Acceptance(tmp_path)
    opened(accept)
    accept.accepted(create("own", "gone"))
    accept.close()
    kept = {path: path.read_bytes() for path in (*tmp_path.glob("keys.sqlite*"), *(tmp_path / "keys").iterdir())}
    accept = Acceptance(tmp_path)
    accept.accepted(erase())
    accept.close()
    for path in (*tmp_path.glob("keys.sqlite*"), *(tmp_path / "keys").iterdir()):
        path.unlink()
    for path, content in kept.items():
        path.write_bytes(content)
        path.chmod(0o600)
    again = Acceptance(tmp_path)
    assert is_gone(again)
    assert tags(again) == ["person.erased.v1", "person.keys_destroyed.v1"]
    again.close()


def test_another_process_counts(tmp_path: Path) -> None:
    """Two processes on one journal: what one erased, the other refuses within moments, whatever it had kept."""
    accept = Acceptance(tmp_path)
    opened(accept)
    accept.accepted(create("own", "gone"))
    accept.accepted(create("other", "mentee"))
    accept.accepted(comment("own", 1, GONE))
    with type(accept.keys)(f"sqlite:///{tmp_path / 'keys.sqlite'}", tmp_path / "keys") as elsewhere:
        elsewhere.erase(TENANT, GONE)
    until, number = time.monotonic() + 30, 2
    while isinstance(answer := accept.ask(comment("own", number, GONE)), Accepted):
        number += 1
        assert time.monotonic() < until
    assert codes(answer) == ["person_erased"]
    accept.accepted(comment("other", 1, STAYS))
    kept = accept.committer._states.kept(TENANT, ("goal", ident("own"))).state
    assert kept is None or kept.title.startswith("enc:v1:")
    accept.close()


def test_a_process_with_nothing_to_do_forgets_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process destroyed leaves the memory of one that nobody asks anything, words and keys alike."""
    monkeypatch.setattr("milepost.accept.erasing.AGAIN_S", 0.02)
    accept = Acceptance(tmp_path)
    opened(accept)
    accept.accepted(create("own", "gone"))
    ref = ("goal", ident("own"))
    assert accept.committer._states.kept(TENANT, ref).state.title == "own"
    with type(accept.keys)(f"sqlite:///{tmp_path / 'keys.sqlite'}", tmp_path / "keys") as elsewhere:
        elsewhere.erase(TENANT, GONE)
    until = time.monotonic() + 30
    while accept.committer._states.known(TENANT, ref) is not None:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert accept.keys._holders.get((TENANT, GONE)) is None
    accept.close()


def test_stopping_finishes_what_was_accepted(tmp_path: Path) -> None:
    """An erasure that was sent before the stop is destroyed when the stop is over, and answered."""
    accept = Acceptance(tmp_path)
    opened(accept)
    answered = accept.send(erase())
    accept.committer.stop()
    answer = answered.result(0)
    assert is_gone(accept) == isinstance(answer, Accepted)
    accept.close()
    again = Acceptance(tmp_path)
    again.accepted(erase(2))
    assert tags(again) == ["person.erased.v1", "person.keys_destroyed.v1"]
    again.close()
