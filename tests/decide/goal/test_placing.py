"""Given goals, mentorships and programmes, when a goal is placed or carried over, then ..."""

from __future__ import annotations

from typing import Any

import pytest

from milepost.decide import Change
from milepost_contracts.commands.goal import CarryGoalOver, PlaceGoal, SetDeadline
from milepost_contracts.events.goal import CarriedOver, Placed
from milepost_contracts.events.mentorship import (
    Cancelled,
    CapSet,
    GoalJoined,
    GoalLeft,
    KeyAreaOpened,
    KeyAreaReleased,
)
from milepost_contracts.events.programme import Closed, Created, CycleClosed, CycleOpened, CyclePlanned
from milepost_contracts.types import Party, Placing
from tests.support.goals import BOTH, CYCLE, PLACED_IN_PROGRAMME, active, closed, created, drafted, mentored, organised
from tests.support.scenario import (
    ADMIN,
    GOAL,
    MENTEE,
    MENTOR,
    MENTORSHIP,
    PEER,
    PROGRAMME,
    STRANGER,
    Scenario,
    acme,
    day,
    uid,
)

OTHER = uid("other mentorship")
NEXT = uid("next cycle")
YEAR: dict[str, Any] = {"cycle": CYCLE, "title": "This year", "starts_on": day(-30), "ends_on": day(180)}


def place(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    """Let *by* place the goal into the mentorship, other members as given."""
    return scenario.when(by, PlaceGoal, **({"mentorship": MENTORSHIP, "parties": BOTH} | fields))


def both(placing: Placing) -> list[Party]:
    """Return its parties in order."""
    return sorted(placing.parties, key=lambda party: party.ref)


def test_into_a_mentorship() -> None:
    """A goal placed into a mentorship has its parties there, and the mentorship knows the goal."""
    scenario = place(created(mentored())).warned()
    after = Placing(mentorship=MENTORSHIP, parties=sorted(BOTH, key=lambda party: party.ref))
    scenario.then(Placed(before=Placing(), after=after, revision=2), GoalJoined(goal=GOAL, owner=MENTEE))
    goal = scenario.goal
    assert (goal.mentorship, dict(goal.parties.items())) == (MENTORSHIP, {MENTEE: "mentee", MENTOR: "mentor"})
    assert dict(scenario.state("mentorship").goals.items()) == {GOAL: MENTEE}


def test_the_same_place() -> None:
    """Placed where it is, in whatever order of parties, nothing changes."""
    scenario = place(created(mentored()))
    place(scenario, parties=BOTH[::-1]).nothing()


def test_who_places() -> None:
    """The owner and admins place a goal; another party and strangers do not."""
    place(created(mentored()), by=ADMIN).tags("placed", "goal_joined")
    place(drafted(), by=MENTOR, mentorship=None).refused("not_allowed")
    place(created(mentored()), by=STRANGER).refused("not_allowed")
    place(mentored()).refused("goal_unknown")


def test_new_parties_void_agreement() -> None:
    """Other parties are other terms: the yes of the others is void, and an active goal is marked so."""
    scenario = place(active(), mentorship=None, parties=[BOTH[0]], reason="I go on alone")
    event = scenario.caused(Placed)
    assert (event.revision, event.voided, both(event.before)) == (4, [MENTOR], both(Placing(parties=BOTH)))
    assert (scenario.goal.state, scenario.goal.agreement_open) == ("active", False)
    assert dict(scenario.goal.agreements.items()) == {MENTEE: 4}


def test_the_same_parties_elsewhere() -> None:
    """Another place with the same parties leaves terms and agreement as they are."""
    scenario = place(active(mentored(mentored(), id=OTHER)), mentorship=OTHER, reason="The better fit").warned()
    event = scenario.caused(Placed)
    assert (event.revision, event.voided) == (3, [])
    assert scenario.goal.agreements == active().goal.agreements


def test_an_active_goal_moves() -> None:
    """Leaving one mentorship and joining another, key areas included, is one decision."""
    scenario = place(active(mentored(mentored(), id=OTHER)), mentorship=OTHER, reason="The better fit")
    after = Placing(mentorship=OTHER, parties=sorted(BOTH, key=lambda party: party.ref))
    before = Placing(mentorship=MENTORSHIP, parties=after.parties)
    scenario.then(
        Placed(before=before, after=after, revision=3, reason="The better fit"),
        KeyAreaReleased(goal=GOAL, owner=MENTEE),
        GoalLeft(goal=GOAL),
        Change("mentorship", OTHER, GoalJoined(goal=GOAL, owner=MENTEE)),
        Change("mentorship", OTHER, KeyAreaOpened(goal=GOAL, owner=MENTEE)),
    )
    assert list(scenario.state("mentorship").key_areas) == []
    assert list(scenario.state("mentorship", OTHER).key_areas) == [GOAL]


def test_no_room_there() -> None:
    """An active goal needs room under the cap of the mentorship that it is placed into; a draft does not."""
    full = mentored(mentored(), id=OTHER).given(
        CapSet(old=3, new=1), KeyAreaOpened(goal=uid("first"), owner=MENTEE), id=OTHER
    )
    scenario = place(active(full), mentorship=OTHER, reason="The better fit").refused("cap_reached")
    assert scenario.problem("cap_reached").details == {"cap": 1, "active": [uid("first")]}
    place(drafted(mentored(mentored(), id=OTHER)), mentorship=OTHER).tags("placed", "goal_left", "goal_joined")


def test_once_agreed_a_reason() -> None:
    """Once agreed, a goal is not moved without a reason; a blank one is none."""
    place(active(), mentorship=None, reason="  ").refused("reason_missing")


def test_closed_goals_stay() -> None:
    """A closed goal is not placed."""
    place(closed(mentored(mentored(), id=OTHER)), mentorship=OTHER, reason="Late").refused("goal_closed")


def test_unknown_places() -> None:
    """What this tenant does not have cannot be named, and every reason comes at once."""
    scenario = place(created(), programme=PROGRAMME, cycle=CYCLE)
    scenario.refused("mentorship_unknown", "programme_unknown")
    place(created(), mentorship=None, cycle=CYCLE).refused("cycle_without_programme")


def test_only_a_running_mentorship() -> None:
    """One that has ended takes no goals."""
    ended = mentored().given(Cancelled(cancelled_on=day(0), reason="Moved away"))
    place(created(ended)).refused("mentorship_not_active")


def test_whose_mentorship() -> None:
    """Owner and parties of the goal belong to the mentorship, each named once, as many as fit."""
    guest = Party(ref=PEER, role="peer")
    place(created(mentored()), parties=[*BOTH, guest]).refused("party_not_in_mentorship")
    for nobody_else in ([], [BOTH[0]]):
        place(created(mentored()), parties=nobody_else).refused("party_alone")
    place(created(mentored()), parties=[*BOTH, BOTH[0]]).refused("party_twice")
    place(created(mentored(), owner=STRANGER), by=STRANGER).refused("owner_not_in_mentorship")
    place(created(mentored().limited(parties=1))).refused("limit_reached")


def test_a_mentorships_own_goal() -> None:
    """A shared goal is placed into the mentorship that owns it, by who is accountable."""
    shared = created(mentored(), owner=f"mentorship:{MENTORSHIP}", accountable=MENTEE)
    place(shared).tags("placed", "goal_joined")


def test_a_programmes_goal_in_a_mentorship() -> None:
    """A programme's goal may be placed into a mentorship of that programme, and of no other."""
    mine = {"owner": f"programme:{PROGRAMME}", "accountable": MENTEE}
    place(created(mentored(organised(), programme=PROGRAMME), **mine)).tags("placed", "goal_joined")
    place(created(mentored(organised()), **mine)).refused("owner_not_in_mentorship")


def test_other_parties_in_the_same_place() -> None:
    """Other parties alone leave mentorship, programme and cycle as they are, even where the programme has ended."""
    scenario = place(created(mentored(organised(), programme=PROGRAMME)), cycle=CYCLE)
    scenario.given(Closed(closed_on=day(0)), by=ADMIN)
    place(scenario, cycle=CYCLE, parties=[BOTH[1]]).tags("placed")


def test_the_mentorships_programme() -> None:
    """Placed into a mentorship, a goal belongs to its programme; another one is refused."""
    scenario = place(created(mentored(organised(), programme=PROGRAMME)), cycle=CYCLE).warned()
    assert (scenario.goal.programme, scenario.goal.cycle) == (PROGRAMME, CYCLE)
    elsewhere = mentored(organised(), programme=uid("another"))
    place(created(elsewhere), programme=PROGRAMME).refused("programme_mismatch")


def test_into_a_programme() -> None:
    """Outside any mentorship a goal is placed into a programme and one of its cycles."""
    scenario = place(created(organised()), mentorship=None, programme=PROGRAMME, cycle=CYCLE, parties=[])
    scenario.then(PLACED_IN_PROGRAMME)
    assert scenario.goal.people == {MENTEE}


def test_a_programmes_admin() -> None:
    """An admin of the goal's programme moves it as the owner does."""
    mine = acme().given(Created(title="Growing", admins=[PEER]), CyclePlanned(**YEAR), by=PEER)
    scenario = created(mine).given(PLACED_IN_PROGRAMME)
    place(scenario, by=PEER, mentorship=None, programme=PROGRAMME, parties=[]).tags("placed")
    assert scenario.goal.cycle is None
    place(scenario, by=STRANGER, mentorship=None, programme=PROGRAMME, parties=[]).refused("not_allowed")


def test_cycles() -> None:
    """A cycle is one of the programme's and not closed; a deadline outside it is worth a warning."""
    place(created(organised()), mentorship=None, programme=PROGRAMME, cycle=NEXT, parties=[]).refused("cycle_unknown")
    over = organised().given(CycleClosed(cycle=CYCLE), by=ADMIN)
    place(created(over), mentorship=None, programme=PROGRAMME, cycle=CYCLE, parties=[]).refused("cycle_not_open")
    late = created(organised(), deadline=day(181))
    place(late, mentorship=None, programme=PROGRAMME, cycle=CYCLE, parties=[]).warned("deadline_outside_cycle")


def test_a_closed_programme() -> None:
    """A programme that has ended takes no goals; one that is there already may leave."""
    ended = organised().given(Closed(closed_on=day(0)), by=ADMIN)
    place(created(ended), mentorship=None, programme=PROGRAMME, parties=[]).refused("programme_closed")
    inside = created(organised()).given(PLACED_IN_PROGRAMME).given(Closed(closed_on=day(0)), by=ADMIN)
    place(inside, mentorship=None, parties=[]).tags("placed")


@pytest.fixture
def carried() -> Scenario:
    """Return a goal in a cycle, and the next one planned."""
    planned = CyclePlanned(cycle=NEXT, title="Next", starts_on=day(181), ends_on=day(360))
    return created(organised().given(planned, by=ADMIN)).given(PLACED_IN_PROGRAMME)


def test_carrying_over(carried: Scenario) -> None:
    """A goal goes on in another open cycle, for a reason; terms stay as they are."""
    carried.given(CycleOpened(cycle=NEXT), by=ADMIN)
    carried.when(MENTEE, CarryGoalOver, cycle=NEXT, reason="Not done yet")
    carried.then(CarriedOver(old=CYCLE, new=NEXT, reason="Not done yet")).warned()
    assert (carried.goal.cycle, carried.goal.revision) == (NEXT, 1)
    carried.when(MENTEE, CarryGoalOver, cycle=NEXT, reason="Not done yet").nothing()


def test_carrying_over_refused(carried: Scenario) -> None:
    """Only an open cycle of the goal's programme will do, with a reason, for a goal that is open, by its people."""
    carried.when(MENTEE, CarryGoalOver, cycle=NEXT, reason=" ").refused("reason_missing", "cycle_not_open")
    carried.when(MENTEE, CarryGoalOver, cycle=uid("none"), reason="On").refused("cycle_unknown")
    carried.when(STRANGER, CarryGoalOver, cycle=NEXT, reason="On").refused("not_allowed")
    created().when(MENTEE, CarryGoalOver, cycle=NEXT, reason="On").refused("cycle_without_programme")
    closed().when(MENTEE, CarryGoalOver, cycle=NEXT, reason="On").refused("cycle_without_programme", "goal_closed")
    acme().when(MENTEE, CarryGoalOver, cycle=NEXT, reason="On").refused("goal_unknown")


def test_carried_to_an_earlier_deadline(carried: Scenario) -> None:
    """That the deadline lies outside the new cycle is worth a warning."""
    carried.given(CycleOpened(cycle=NEXT), by=ADMIN).done(MENTEE, SetDeadline, new=day(100))
    carried.when(ADMIN, CarryGoalOver, cycle=NEXT, reason="Not done yet").warned("deadline_outside_cycle")
