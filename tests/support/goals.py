"""Where tests of goals begin: a mentorship of two, and in it a goal that is drafted, agreed, active or closed."""

from __future__ import annotations

from typing import Any

from milepost_contracts.events import goal, mentorship, programme
from milepost_contracts.types import Measure, Party, Placing, SeenAt
from tests.support.scenario import (
    ADMIN,
    GOAL,
    MENTEE,
    MENTOR,
    MENTORSHIP,
    NOW,
    PROGRAMME,
    Scenario,
    acme,
    day,
    uid,
)

BOTH = [Party(ref=MENTEE, role="mentee"), Party(ref=MENTOR, role="mentor")]
TALKS = Measure(
    measure=uid("talks"), name="Talks given", kind="count", direction="increase", unit="talks", baseline="0", target="3"
)
CYCLE = uid("cycle")
DEADLINE = day(90)


def mentored(scenario: Scenario | None = None, *, id: str = MENTORSHIP, programme: str | None = None) -> Scenario:  # noqa: A002  the wire's word
    """Return a tenant in which MENTEE and MENTOR have a mentorship."""
    scenario = scenario or acme()
    asked = mentorship.Requested(requester=MENTEE, parties=BOTH, format="one_to_one", programme=programme)
    return scenario.given(asked, id=id).given(mentorship.Accepted(party=MENTOR), by=MENTOR, id=id)


def organised(scenario: Scenario | None = None, *, cap: int | None = None) -> Scenario:
    """Return a tenant with a programme of ADMIN's that has one open cycle, from 30 days ago until in 180 days."""
    planned = programme.CyclePlanned(cycle=CYCLE, title="This year", starts_on=day(-30), ends_on=day(180))
    created = programme.Created(title="Growing together", admins=[ADMIN], cap=cap)
    return (scenario or acme()).given(created, planned, programme.CycleOpened(cycle=CYCLE), by=ADMIN)


def created(scenario: Scenario | None = None, *, id: str = GOAL, **fields: Any) -> Scenario:  # noqa: A002  the wire's word
    """Return a starter goal of MENTEE's outside any mentorship."""
    told = {"title": "Give better presentations", "owner": MENTEE} | fields
    return (scenario or acme()).given(goal.Created(**told, revision=1), id=id)


def drafted(scenario: Scenario | None = None, *, id: str = GOAL, **fields: Any) -> Scenario:  # noqa: A002  the wire's word
    """Return MENTEE's goal with a measure and a deadline, placed in the mentorship: its revision is 3."""
    scenario = created(scenario or mentored(), id=id, **({"deadline": DEADLINE} | fields))
    owner = fields.get("owner", MENTEE)
    scenario.given(
        goal.MeasureDefined(definition=TALKS, revision=2),
        goal.Placed(before=Placing(), after=Placing(mentorship=MENTORSHIP, parties=BOTH), revision=3),
        id=id,
    )
    return scenario.given(mentorship.GoalJoined(goal=id, owner=owner), by=MENTEE)


def agreed(scenario: Scenario | None = None, *, id: str = GOAL, **fields: Any) -> Scenario:  # noqa: A002  the wire's word
    """Return that goal after MENTEE has proposed it and MENTOR has agreed."""
    scenario = drafted(scenario, id=id, **fields)
    return scenario.given(goal.Proposed(party=MENTEE, revision=3), id=id).given(
        goal.Agreed(party=MENTOR, revision=3, complete=True), by=MENTOR, id=id
    )


def active(scenario: Scenario | None = None, *, id: str = GOAL, **fields: Any) -> Scenario:  # noqa: A002  the wire's word
    """Return that goal after work on it has begun today."""
    scenario = agreed(scenario, id=id, **fields)
    frame = [SeenAt(aggregate="mentorship", id=MENTORSHIP, version=3)]
    scenario.given(goal.Activated(revision=3, activated_on=scenario.now.date(), frame=frame), id=id)
    return scenario.given(mentorship.KeyAreaOpened(goal=id, owner=fields.get("owner", MENTEE)))


def paused(scenario: Scenario | None = None, *, id: str = GOAL, **fields: Any) -> Scenario:  # noqa: A002  the wire's word
    """Return that goal while it rests."""
    scenario = active(scenario, id=id, **fields)
    scenario.given(goal.Paused(paused_on=NOW.date(), reason="illness"), id=id)
    return scenario.given(mentorship.KeyAreaReleased(goal=id, owner=fields.get("owner", MENTEE)))


def closed(scenario: Scenario | None = None, *, id: str = GOAL, **fields: Any) -> Scenario:  # noqa: A002  the wire's word
    """Return that goal after it was partially achieved today."""
    scenario = active(scenario, id=id, **fields)
    scenario.given(goal.Closed(result="partially_achieved", closed_on=NOW.date(), score="0.5"), id=id)
    owner = fields.get("owner", MENTEE)
    return scenario.given(
        mentorship.KeyAreaReleased(goal=id, owner=owner), mentorship.GoalLeft(goal=id), by=MENTEE, id=MENTORSHIP
    )


PLACED_IN_PROGRAMME = goal.Placed(
    before=Placing(), after=Placing(programme=PROGRAMME, cycle=CYCLE, parties=[]), revision=1
)
