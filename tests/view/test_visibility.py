"""Who may see a goal: its people, its programme, its tenant, as its visibility says, in every question alike."""

from __future__ import annotations

from typing import Any

import pytest

from milepost.decide import Ref
from milepost.replay.entitlement import Entitlement
from milepost.view.answer.asked import Case
from milepost.view.rows import decode_card
from milepost_contracts.answers import Refused
from milepost_contracts.events import goal as events
from milepost_contracts.events import programme, tenant
from milepost_contracts.queries import (
    AtRisk,
    Goal,
    GoalAnswer,
    GoalsAnswer,
    GoalsOf,
    OverdueCheckIns,
    OverdueCheckInsAnswer,
    Query,
    Streaks,
    StreaksAnswer,
    Unaligned,
)
from milepost_contracts.types import Cadence, Party, Placing, Schedule
from tests.support.documents import History
from tests.support.scenario import (
    ADMIN,
    GOAL,
    MANAGER,
    MENTEE,
    MENTOR,
    PROGRAMME,
    STRANGER,
    day,
    person,
)
from tests.view.conftest import View

AUDITOR, IMPORTER, RUNNER, COLLEAGUE = person("auditor"), person("importer"), person("runner"), person("colleague")
PLUGIN, LEFT, FORMER = "plugin:okr@1.0", person("left"), person("former contributor")
PEOPLE = {MENTEE, MENTOR, MANAGER}  # owner, party, contributor
READERS = {ADMIN, AUDITOR, PLUGIN}
EVERYBODY = [*PEOPLE, *READERS, RUNNER, COLLEAGUE, IMPORTER, LEFT, FORMER, STRANGER, "service:view"]
SEES = {
    "private": PEOPLE | READERS | {RUNNER},
    "programme": PEOPLE | READERS | {RUNNER, COLLEAGUE},
    "tenant": set(EVERYBODY),
}


def placed(visibility: str) -> History:
    """Return a history with an active goal that is late with everything, seen as *visibility* says."""
    history = History()
    history.add(ADMIN, tenant.Opened(admins=[ADMIN]))
    history.add(ADMIN, tenant.RoleGranted(ref=AUDITOR, role="auditor"))
    history.add(ADMIN, tenant.RoleGranted(ref=IMPORTER, role="importer"))
    history.add(ADMIN, tenant.RoleGranted(ref="plugin:okr@0.1", role="auditor"))
    history.add(ADMIN, tenant.RoleGranted(ref=STRANGER, role="auditor"))
    history.add(ADMIN, tenant.RoleRevoked(ref=STRANGER, role="auditor"))
    history.add(RUNNER, programme.Created(title="Growing", admins=[RUNNER]))
    for who in (COLLEAGUE, LEFT):
        history.add(RUNNER, programme.ParticipantEnrolled(participant=who, role="mentee"))
    history.add(RUNNER, programme.ParticipantWithdrawn(participant=LEFT))
    history.add(MENTEE, events.Created(title="Present well", owner=MENTEE, deadline=day(1), start_on=day(-100)))
    parties = [Party(ref=MENTEE, role="mentee"), Party(ref=MENTOR, role="mentor")]
    history.add(MENTEE, events.Placed(before=Placing(), after=Placing(programme=PROGRAMME, parties=parties)))
    for who in (MANAGER, FORMER):
        history.add(MENTEE, events.ContributorAdded(ref=who, role="manager"))
    history.add(MENTEE, events.ContributorRemoved(ref=FORMER))
    history.add(MENTEE, events.VisibilityChanged(old="private", new=visibility))
    weekly = Schedule(start_on=day(-100), cadence=Cadence(rhythm="weekly", anchor=day(-100)))
    history.add(MENTEE, events.ScheduleSet(before=Schedule(), after=weekly))
    history.add(MENTEE, events.Activated(revision=1, activated_on=day(-100)))
    history.add(MENTEE, events.ProgressRecorded(measure=GOAL, on=day(-99), reading="0", progress="0"))
    return history


def asks(actor: str) -> list[tuple[Query, type[Any], str]]:
    """Return every question whose answer would show the goal to who may see it."""
    return [
        (GoalsOf(actor=actor, of=MENTEE), GoalsAnswer, "goals"),
        (GoalsOf(actor=actor, of=f"programme:{PROGRAMME}"), GoalsAnswer, "goals"),
        (AtRisk(actor=actor), GoalsAnswer, "goals"),
        (AtRisk(actor=actor, programme=PROGRAMME), GoalsAnswer, "goals"),
        (OverdueCheckIns(actor=actor), OverdueCheckInsAnswer, "check_ins"),
        (Unaligned(actor=actor), GoalsAnswer, "goals"),
        (Streaks(actor=actor, of=MENTEE), StreaksAnswer, "streaks"),
    ]


@pytest.mark.parametrize("visibility", list(SEES))
async def test_every_question_holds_to_it(view: View, visibility: str) -> None:
    """For every role and every question: the goal is shown to who may see it, and to nobody else."""
    view.write(placed(visibility))
    for actor in EVERYBODY:
        seen = actor in SEES[visibility]
        answer = await view.asked(Goal(actor=actor, id=GOAL))
        assert isinstance(answer, GoalAnswer if seen else Refused), (actor, answer)
        for query, kind, member in asks(actor):
            listed = getattr(await view.ask(query, kind), member)
            assert bool(listed) == seen, (actor, query)


@pytest.mark.parametrize("visibility", list(SEES))
def test_words_are_given_to_who_sees(sqlite: View, visibility: str) -> None:
    """The keys that replay gives and the goals that the view shows are for the same people."""
    history = placed(visibility)
    sqlite.write(history)

    def state(_tenant: str, ref: Ref) -> Any:
        return history.states.get(ref)

    entitlement = Entitlement(state)
    with sqlite.sets.reading() as connection:
        body = connection.query("SELECT card FROM goal")[0][0]
        for actor in EVERYBODY:
            case = Case(connection, "acme", actor, sqlite.now())
            assert case.sees(decode_card(body)) == entitlement.may_read("acme", actor, ("goal", GOAL)), actor


async def test_tenants_never_meet(view: View) -> None:
    """An admin of one tenant sees nothing of another, not even by id."""
    view.write(placed("tenant"))
    history = History("globex", view.history.vault)
    history.add(ADMIN, tenant.Opened(admins=[ADMIN]))
    view.write(history)
    assert isinstance(await view.asked(Goal(actor=ADMIN, id=GOAL)), Refused)
    assert (await view.ask(GoalsOf(actor=ADMIN, of=MENTEE), GoalsAnswer)).goals == []
    assert (await view.ask(AtRisk(actor=ADMIN), GoalsAnswer)).goals == []
