"""Given a mentorship, when its parties settle expectations, purpose, cadence, cap and quorum, then ..."""

from __future__ import annotations

from typing import Any

import pytest

from milepost.decide.mentorship.state import cap_for
from milepost_contracts.commands.mentorship import AgreeExpectations, SetCadence, SetCap, SetPurpose, SetQuorum
from milepost_contracts.events.mentorship import (
    CadenceSet,
    CapSet,
    Completed,
    ExpectationsAgreed,
    KeyAreaOpened,
    PurposeSet,
    QuorumSet,
)
from milepost_contracts.types import Cadence
from tests.decide.mentorship.cases import IN_PROGRAMME, LEAD, active, requested, tenant
from tests.support.scenario import ADMIN, MENTEE, MENTOR, STRANGER, day, uid

MONTHLY = Cadence(rhythm="monthly", anchor=day(0))
COMMANDS: list[tuple[Any, dict[str, Any]]] = [
    (AgreeExpectations, {"expectations": "We are on time"}),
    (SetPurpose, {"purpose": "Lead a team"}),
    (SetCadence, {"cadence": MONTHLY}),
    (SetCap, {"cap": 2}),
    (SetQuorum, {"quorum": "majority"}),
]


@pytest.mark.parametrize(("command", "fields"), COMMANDS)
def test_parties_settle(command: Any, fields: dict[str, Any]) -> None:
    """Every party settles things, from the request to the end."""
    for actor in (MENTEE, MENTOR):
        assert len(requested().when(actor, command, **fields).events) == 1
        assert len(active().when(actor, command, **fields).events) == 1
    active(Completed(completed_on=day(0))).when(MENTEE, command, **fields).refused("mentorship_ended")
    tenant().when(MENTEE, command, **fields).refused("mentorship_unknown")


@pytest.mark.parametrize(("command", "fields"), COMMANDS)
def test_others_settle_nothing_but_the_frame(command: Any, fields: dict[str, Any]) -> None:
    """Admins set cap and quorum alone; strangers, and the admin of a programme it does not belong to, nothing."""
    for actor in (LEAD, ADMIN):
        scenario = active(**IN_PROGRAMME).when(actor, command, **fields)
        if command in (SetCap, SetQuorum):
            assert len(scenario.events) == 1
        else:
            scenario.refused("not_allowed")
    active().when(LEAD, command, **fields).refused("not_allowed")
    active(**IN_PROGRAMME).when(STRANGER, command, **fields).refused("not_allowed")


def test_expectations() -> None:
    """A party agrees by saying the same; the same twice changes nothing; other expectations begin anew."""
    scenario = active().when(MENTEE, AgreeExpectations, expectations="On time")
    scenario.then(ExpectationsAgreed(party=MENTEE, expectations="On time"))
    scenario.when(MENTEE, AgreeExpectations, expectations="On time").nothing()
    scenario.done(MENTOR, AgreeExpectations, expectations="On time")
    assert scenario.state("mentorship").expectations_agreed == {MENTEE, MENTOR}
    scenario.done(MENTOR, AgreeExpectations, expectations="On time, and prepared")
    assert scenario.state("mentorship").expectations_agreed == {MENTOR}
    assert scenario.state("mentorship").expectations == "On time, and prepared"
    scenario.when(MENTEE, AgreeExpectations, expectations="\t").refused("text_missing")


def test_purpose() -> None:
    """The purpose is set; the same again changes nothing; an empty one is refused."""
    scenario = active().when(MENTEE, SetPurpose, purpose="Lead").then(PurposeSet(purpose="Lead"))
    scenario.when(MENTOR, SetPurpose, purpose="Lead").nothing()
    scenario.when(MENTOR, SetPurpose, purpose="").refused("text_missing")


def test_cadence() -> None:
    """The cadence is set with the one before; the same again changes nothing; half of one is refused."""
    scenario = active().when(MENTEE, SetCadence, cadence=MONTHLY).then(CadenceSet(after=MONTHLY))
    scenario.when(MENTEE, SetCadence, cadence=MONTHLY).nothing()
    weekly = Cadence(rhythm="weekly", anchor=day(1))
    scenario.when(MENTEE, SetCadence, cadence=weekly).then(CadenceSet(before=MONTHLY, after=weekly))
    assert scenario.state("mentorship").cadence == weekly
    scenario.when(MENTEE, SetCadence, cadence=Cadence(rhythm="days", anchor=day(1))).refused("cadence_invalid")


def test_cap() -> None:
    """A cap of its own stands before the programme's, which stands before three."""
    scenario = active().when(MENTEE, SetCap, cap=3).then(CapSet(old=3, new=3))
    scenario.when(MENTEE, SetCap, cap=3).nothing()
    scenario.when(MENTEE, SetCap, cap=1).then(CapSet(old=3, new=1)).warned()
    within = active(**IN_PROGRAMME)
    assert cap_for(within.state("mentorship"), within.state("programme")) == 5
    within.when(MENTEE, SetCap, cap=2).then(CapSet(old=5, new=2))
    assert cap_for(within.state("mentorship"), within.state("programme")) == 2


def test_a_cap_below_what_is_active() -> None:
    """Goals beyond a new cap stay active, and the answer says so."""
    opened = [KeyAreaOpened(goal=uid(name), owner=MENTEE) for name in ("one", "two")]
    scenario = active(*opened, KeyAreaOpened(goal=uid("three"), owner=MENTOR))
    scenario.when(MENTEE, SetCap, cap=2).warned()
    scenario.when(MENTEE, SetCap, cap=1).warned("cap_exceeded")


def test_quorum() -> None:
    """The quorum is set with the one before; the same again changes nothing."""
    scenario = active().when(MENTEE, SetQuorum, quorum="all").nothing()
    scenario.when(MENTEE, SetQuorum, quorum="owner_plus_one").then(QuorumSet(old="all", new="owner_plus_one"))
    assert scenario.state("mentorship").quorum == "owner_plus_one"
