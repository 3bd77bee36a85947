"""Given people, when one requests a mentorship and others answer, then ..."""

from __future__ import annotations

from typing import Any

import pytest

from milepost_contracts.commands.mentorship import Accept, Reject, Request
from milepost_contracts.events.mentorship import Accepted, Cancelled, Rejected, Requested
from milepost_contracts.events.programme import Closed, ParticipantEnrolled
from milepost_contracts.types import Cadence, Party
from tests.decide.mentorship.cases import LEAD, PAIR, PAIR_SORTED, THIRD, active, requested, tenant
from tests.support.scenario import ADMIN, MENTEE, MENTOR, MENTORSHIP, PEER, PROGRAMME, STRANGER, day, uid

ASKED: dict[str, Any] = {"parties": PAIR, "format": "one_to_one"}


def parties(**roles: str) -> list[Party]:
    """Return parties by name and role."""
    return [Party(ref=f"user:{uid(name)}", role=role) for name, role in roles.items()]


@pytest.mark.parametrize("actor", [MENTEE, MENTOR, ADMIN])
def test_requesting(actor: str) -> None:
    """A party asks, or an admin brings people together; the mentorship waits."""
    monthly = Cadence(rhythm="monthly", anchor=day(0))
    scenario = tenant().when(actor, Request, **ASKED, purpose="Grow", cadence=monthly).warned()
    event = Requested(requester=actor, parties=PAIR_SORTED, format="one_to_one", purpose="Grow", cadence=monthly)
    scenario.then(event)
    state = scenario.state("mentorship")
    assert (state.id, state.state, state.open, state.requester) == (MENTORSHIP, "requested", True, actor)
    assert dict(state.parties.items()) == {MENTEE: "mentee", MENTOR: "mentor"}
    assert (state.purpose, state.cadence, state.quorum, state.cap) == ("Grow", monthly, "all", None)


@pytest.mark.parametrize("actor", [STRANGER, LEAD, "service:sample", "plugin:match@1.0.0"])
def test_nobody_else_requests(actor: str) -> None:
    """A mentorship of others is requested neither by strangers, nor by services, nor by another programme's admin."""
    tenant().when(actor, Request, **ASKED).refused("not_allowed")


def test_requesting_again() -> None:
    """The same request again changes nothing, even after it began; another one under the same id is refused."""
    scenario = active().when(MENTEE, Request, **ASKED).nothing()
    scenario.when(MENTEE, Request, **ASKED, purpose="Other").refused("mentorship_id_taken")
    scenario.when(MENTOR, Request, **ASKED).refused("mentorship_id_taken")


@pytest.mark.parametrize(
    ("form", "roles"),
    [
        ("one_to_one", {"mentee": "mentee"}),
        ("one_to_one", {"mentee": "mentee", "mentor": "mentee"}),
        ("one_to_one", {"mentee": "mentee", "mentor": "mentor", "peer": "peer"}),
        ("reverse", {"mentee": "mentee", "mentor": "peer"}),
        ("peer", {"mentee": "peer"}),
        ("peer", {"mentee": "peer", "peer": "mentor"}),
        ("circle", {"mentee": "mentee", "mentor": "mentor"}),
    ],
)
def test_parties_that_make_no_format(form: str, roles: dict[str, str]) -> None:
    """Number and roles of the parties fit the format."""
    tenant().when(MENTEE, Request, parties=parties(**roles), format=form).refused("format_mismatch")


@pytest.mark.parametrize(
    ("form", "roles"),
    [
        ("reverse", {"mentee": "mentor", "mentor": "mentee"}),
        ("peer", {"mentee": "peer", "peer": "peer"}),
        ("peer", {"mentee": "peer", "peer": "peer", "third": "peer"}),
        ("circle", {"mentee": "mentee", "peer": "mentee", "mentor": "mentor"}),
        ("circle", {"mentee": "member", "peer": "member", "third": "member"}),
    ],
)
def test_parties_that_make_a_format(form: str, roles: dict[str, str]) -> None:
    """Every format can be asked for."""
    tenant().when(MENTEE, Request, parties=parties(**roles), format=form).tags("requested")


def test_pairing_with_oneself() -> None:
    """Nobody is mentee and mentor of the same mentorship."""
    twice = [Party(ref=MENTEE, role="mentee"), Party(ref=MENTEE, role="mentor")]
    tenant().when(MENTEE, Request, parties=twice, format="one_to_one").refused("paired_with_oneself")


def test_requesting_tells_everything_at_once() -> None:
    """Every reason against a request comes in one answer."""
    twice = [Party(ref=MENTEE, role="peer"), Party(ref=MENTEE, role="mentor")]
    half = Cadence(rhythm="days", anchor=day(0))
    scenario = tenant().limited(parties=1)
    scenario.when(MENTEE, Request, parties=twice, format="peer", cadence=half)
    scenario.refused("paired_with_oneself", "limit_reached", "format_mismatch", "cadence_invalid")


def test_requesting_within_a_programme() -> None:
    """A programme's admin brings its participants together; who is not enrolled is warned of."""
    scenario = tenant().when(LEAD, Request, **ASKED, programme=PROGRAMME).warned("not_enrolled")
    assert scenario.state("mentorship").programme == PROGRAMME
    enrolled = [ParticipantEnrolled(participant=party.ref, role=party.role) for party in PAIR]
    tenant().given(*enrolled).when(MENTEE, Request, **ASKED, programme=PROGRAMME).warned()


def test_requesting_within_a_programme_that_does_not_run() -> None:
    """A programme that is unknown or has ended takes no new mentorships."""
    tenant().when(MENTEE, Request, **ASKED, programme=uid("other")).refused("programme_unknown")
    scenario = tenant().given(Closed(closed_on=day(-1)))
    scenario.when(MENTEE, Request, **ASKED, programme=PROGRAMME).refused("programme_closed")


# accepting and rejecting
def test_accepting() -> None:
    """The other party's yes begins the mentorship; a second one changes nothing."""
    scenario = requested().when(MENTOR, Accept).then(Accepted(party=MENTOR, complete=True))
    assert scenario.state("mentorship").state == "active"
    scenario.when(MENTOR, Accept).nothing()


def test_all_the_others_accept() -> None:
    """A circle begins with the last yes."""
    scenario = tenant().done(
        MENTEE, Request, parties=parties(mentee="member", peer="member", third="member"), format="circle"
    )
    scenario.when(THIRD, Accept).then(Accepted(party=THIRD, complete=False))
    assert scenario.state("mentorship").state == "requested"
    scenario.when(THIRD, Accept).nothing()
    scenario.when(PEER, Accept).then(Accepted(party=PEER, complete=True))
    assert scenario.state("mentorship").accepted == {THIRD, PEER}


def test_what_an_admin_requests_both_accept() -> None:
    """Of people whom an admin brought together, nobody has said yes before."""
    scenario = tenant().done(ADMIN, Request, **ASKED).when(ADMIN, Accept).refused("not_allowed")
    scenario.when(MENTEE, Accept).then(Accepted(party=MENTEE, complete=False))
    scenario.when(MENTOR, Accept).then(Accepted(party=MENTOR, complete=True))


def test_ones_own_request() -> None:
    """Who asked accepts and rejects nothing, neither before nor after it began."""
    for scenario in (requested(), active()):
        scenario.when(MENTEE, Accept).refused("own_request")
    requested().when(MENTEE, Reject).refused("own_request")


@pytest.mark.parametrize("command", [Accept, Reject])
def test_answers_of_others(command: Any) -> None:
    """Only parties answer; what does not exist cannot be answered; an ended mentorship neither."""
    for actor in (STRANGER, ADMIN, LEAD):
        requested().when(actor, command).refused("not_allowed")
    tenant().when(MENTOR, command).refused("mentorship_unknown")
    requested().given(Cancelled(cancelled_on=day(0), reason="No time")).when(MENTOR, command).refused(
        "mentorship_ended"
    )


def test_rejecting() -> None:
    """One no ends it before it begins, also of somebody who had accepted; afterwards it is cancelled instead."""
    scenario = requested().when(MENTOR, Reject, reason="No time").then(Rejected(party=MENTOR, reason="No time"))
    state = scenario.state("mentorship")
    assert (state.state, state.open, state.ended_on) == ("rejected", False, day(0))
    scenario.when(MENTOR, Accept).refused("mentorship_ended")
    active().when(MENTOR, Reject).refused("mentorship_begun")
    third = tenant().done(MENTEE, Request, parties=parties(mentee="peer", peer="peer", third="peer"), format="peer")
    third.done(PEER, Accept).when(PEER, Reject).tags("rejected")
