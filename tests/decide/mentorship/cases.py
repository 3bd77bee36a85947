"""The mentorships that tests begin with."""

from __future__ import annotations

from typing import Any

from milepost_contracts.events.mentorship import Accepted, Requested
from milepost_contracts.events.programme import Created
from milepost_contracts.events.tenant import Opened
from milepost_contracts.types import Party
from tests.support.scenario import ADMIN, MENTEE, MENTOR, PROGRAMME, Scenario, given, person

LEAD = person("lead")  # runs the programme
THIRD = person("third")
PAIR = [Party(ref=MENTEE, role="mentee"), Party(ref=MENTOR, role="mentor")]
PAIR_SORTED = sorted(PAIR, key=lambda party: party.ref)


def tenant() -> Scenario:
    """Return a tenant with an admin, in which LEAD runs a programme."""
    return given(Opened(admins=[ADMIN])).given(Created(title="Grow", admins=[LEAD], cap=5))


def requested(**fields: Any) -> Scenario:
    """Return a mentorship that MENTEE asked MENTOR for."""
    fields = {"requester": MENTEE, "parties": PAIR_SORTED, "format": "one_to_one"} | fields
    return tenant().given(Requested(**fields))


def active(*events: Any, **fields: Any) -> Scenario:
    """Return a mentorship of MENTEE and MENTOR that has begun, in which *events* have happened."""
    return requested(**fields).given(Accepted(party=MENTOR), *events)


def circle(*events: Any, **fields: Any) -> Scenario:
    """Return a circle of MENTOR, MENTEE and THIRD that has begun, in which *events* have happened."""
    parties = [*PAIR, Party(ref=THIRD, role="mentee")]
    return active(*events, format="circle", parties=sorted(parties, key=lambda party: party.ref), **fields)


IN_PROGRAMME = {"programme": PROGRAMME}
