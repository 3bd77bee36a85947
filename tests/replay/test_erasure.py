"""What an erasure would take is counted, who is due is told, and journal and key store are held against each other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from milepost.journal import Journal
from milepost.replay.activity import Activity
from milepost.replay.desk import Desk
from milepost.replay.entitlement import Entitlement
from milepost.replay.erasure import Difference, certificate, differences, due_for_erasure, erasure
from milepost.replay.histories import Histories
from milepost_contracts.answers import Failed, Refused
from milepost_contracts.commands import goal, person, tenant
from milepost_contracts.queries import Certificate, DueForErasure, DueForErasureAnswer, Erasure, ErasureAnswer
from milepost_contracts.subjects import tenant_id
from milepost_contracts.types import Party
from tests.support.accepting import SERVICE, TENANT, Acceptance, create, ident, user

ADMIN, GONE, STAYS = user("admin"), user("gone"), user("mentee")
THEN = dt.datetime(2024, 1, 10, 9, tzinfo=dt.UTC)


class House:
    """Accept and a desk on the same databases, and a clock that tests set."""

    def __init__(self, folder: Path) -> None:
        """Let two people have goals, and words on each other's."""
        self.now = THEN
        self.accept = Acceptance(folder, clock=lambda: self.now)
        journal, keys = self.accept.journal, self.accept.keys
        histories = Histories(journal, keys)
        entitled = Entitlement(histories.newest)
        self.desk = Desk(journal, keys, histories, entitled, lambda: self.now, activity=Activity(journal))
        told = self.accept.accepted
        told(tenant.Open(command_id=ident("o"), id=tenant_id(TENANT), actor=SERVICE, admins=[ADMIN]))
        told(create("own", "gone", description="Of the one who goes"))
        told(create("alone", "gone"))
        told(create("other", "mentee"))
        for name, owner, mentor in (("own", GONE, STAYS), ("other", STAYS, GONE)):
            parties = [Party(ref=owner, role="mentee"), Party(ref=mentor, role="mentor")]
            told(goal.PlaceGoal(command_id=ident(f"p {name}"), id=ident(name), actor=owner, parties=parties))
        for number, (name, by) in enumerate((("own", STAYS), ("own", STAYS), ("other", GONE))):
            said = {"command_id": ident(f"c {number}"), "id": ident(name), "actor": by}
            told(goal.PostComment(**said, comment=ident(f"comment {number}"), text="A word"))  # type: ignore[arg-type]  # by name

    def erase(self, ref: str) -> None:
        """Erase a person."""
        id_ = ref.partition(":")[2]
        self.accept.accepted(person.Erase(command_id=ident(f"e {ref}"), id=id_, actor=ADMIN, reason="Asked for"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give the house."""
    made = House(tmp_path)
    yield made
    made.accept.close()


def asked(house: House, reader: str, ref: str = GONE) -> object:
    """Return what *reader* is answered about erasing *ref*."""
    return erasure(house.desk, TENANT, Erasure(actor=reader, id=ref.partition(":")[2]), reader)[0]


def test_what_it_would_take_is_counted(house: House) -> None:
    """Goals owned and shared, own texts here and elsewhere, and those of others; before and after."""
    found = asked(house, ADMIN)
    assert isinstance(found, ErasureAnswer)
    assert (found.goals_owned, found.goals_shared) == (2, 1)
    assert (found.own_words, found.own_words_elsewhere, found.others_words) == (4, 1, 2)
    assert (found.erased, found.destroyed, found.held, found.held_until) == (None, False, False, None)
    until = dt.date(2024, 3, 1)
    hold = person.Hold(command_id=ident("h"), id=GONE.partition(":")[2], actor=ADMIN, reason="A claim", until=until)
    house.accept.accepted(hold)
    held = asked(house, GONE)
    assert isinstance(held, ErasureAnswer)
    assert (held.held, held.held_until, held.others_words) == (True, until, 3)
    house.now = dt.datetime(2024, 3, 2, tzinfo=dt.UTC)
    house.erase(GONE)
    after = asked(house, ADMIN)
    assert isinstance(after, ErasureAnswer)
    assert (after.erased is not None, after.destroyed, after.held) == (True, True, False)


def test_others_are_told_nothing(house: House) -> None:
    """Who is neither the person nor an admin or auditor learns nothing of what there is."""
    found = asked(house, STAYS)
    assert isinstance(found, Refused)
    assert [problem.code for problem in found.errors] == ["person_unknown"]


def due(house: House, reader: str = ADMIN) -> object:
    """Return who is due, as *reader* is told."""
    return due_for_erasure(house.desk, TENANT, DueForErasure(actor=reader), reader)[0]


def test_who_is_due_follows_the_retention(house: House) -> None:
    """Nobody is without a retention; then who took part in nothing for as long, unless erased; holds are told."""
    nobody = due(house)
    assert isinstance(nobody, DueForErasureAnswer)
    assert (nobody.months, nobody.people) == (None, [])
    house.accept.accepted(tenant.SetRetention(command_id=ident("s"), id=tenant_id(TENANT), actor=ADMIN, months=24))
    recorded = due(house)
    assert isinstance(recorded, DueForErasureAnswer)
    assert (recorded.months, recorded.people) == (24, [])
    house.now = dt.datetime.now(dt.UTC) + dt.timedelta(days=3 * 365)
    later = due(house)
    assert isinstance(later, DueForErasureAnswer)
    assert {one.person for one in later.people} == {ADMIN, GONE, STAYS}
    hold = person.Hold(command_id=ident("h"), id=STAYS.partition(":")[2], actor=ADMIN, reason="A claim")
    house.accept.accepted(hold)
    house.erase(GONE)
    left = due(house)
    assert isinstance(left, DueForErasureAnswer)
    assert {(one.person, one.held) for one in left.people} >= {(STAYS, True)}
    assert GONE not in {one.person for one in left.people}
    assert isinstance(due(house, STAYS), Refused)


def test_a_long_history_is_read_in_parts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the history is being read, whoever asks is told to ask again, and the reading goes on from there."""
    house.accept.accepted(tenant.SetRetention(command_id=ident("s"), id=tenant_id(TENANT), actor=ADMIN, months=1))
    monkeypatch.setattr("milepost.replay.activity.PAGE", 3)
    monkeypatch.setattr("milepost.replay.activity.BUDGET_S", -1.0)
    found = due(house)
    assert isinstance(found, Failed)
    assert (found.errors[0].code, found.retry) == ("still_reading", True)
    monkeypatch.setattr("milepost.replay.activity.BUDGET_S", 60.0)
    assert isinstance(due(house), DueForErasureAnswer)


def test_a_certificate_wants_an_erasure_and_a_log(house: House) -> None:
    """Where no log is kept none can be given; others than admins and auditors learn nothing."""
    query = Certificate(actor=ADMIN, id=GONE.partition(":")[2])
    found = certificate(house.desk, TENANT, query, ADMIN)[0]
    assert isinstance(found, Failed)
    assert found.errors[0].code == "log_unavailable"
    assert isinstance(certificate(house.desk, TENANT, query, STAYS)[0], Refused)


def test_journal_and_key_store_are_compared(house: House, tmp_path: Path) -> None:
    """Who is erased in one of the two alone is named, with which of them it is."""
    keys = house.accept.keys
    assert differences(house.accept.journal, keys) == []
    house.erase(GONE)
    assert differences(house.accept.journal, keys) == []
    keys.erase(TENANT, STAYS)
    keys.rotate(TENANT)
    assert differences(house.accept.journal, keys) == [Difference("tombstone_without_event", TENANT, STAYS)]
    with Journal(f"sqlite:///{tmp_path / 'empty.sqlite'}") as empty:
        assert [one.code for one in differences(empty, keys)] == ["tombstone_without_event"] * 2
    with type(keys)(f"sqlite:///{tmp_path / 'new.sqlite'}", tmp_path / "new") as fresh:
        found = differences(house.accept.journal, fresh)
    assert found == [Difference("event_without_tombstone", TENANT, GONE)]
