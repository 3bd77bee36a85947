"""Given a mentorship with goals, when a party leaves it or is replaced, then every open goal is provided for."""

from __future__ import annotations

from typing import Any

import pytest

from milepost_contracts.commands.mentorship import RemoveParty, ReplaceParty
from milepost_contracts.events import goal, mentorship, programme
from milepost_contracts.events.goal import Closed, OwnershipTransferred, Paused, Placed
from milepost_contracts.types import GoalDisposition, Party, Placing
from tests.decide.mentorship import cases
from tests.decide.mentorship.cases import IN_PROGRAMME, LEAD, THIRD, circle
from tests.support import goals
from tests.support.goals import BOTH
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
    day,
    uid,
)

NEW = Party(ref=PEER, role="mentor")
HEIR = Party(ref=PEER, role="mentee")
ELSEWHERE = uid("elsewhere")
SWAP: dict[str, Any] = {"old": MENTOR, "new": NEW, "reason": "Moved abroad"}
GO: dict[str, Any] = {"party": THIRD, "reason": "No time"}


def becomes(what: str, goal_id: str = GOAL, into: str | None = None) -> GoalDisposition:
    """Return what becomes of a goal."""
    return GoalDisposition(goal=goal_id, disposition=what, mentorship=into)


def elsewhere(scenario: Scenario, *parties: Party, begun: bool = True, **fields: Any) -> Scenario:
    """Let there be another mentorship of *parties*."""
    first, second = parties or (Party(ref=MENTEE, role="mentee"), Party(ref=STRANGER, role="mentor"))
    scenario.given(
        mentorship.Requested(requester=first.ref, parties=[first, second], format="one_to_one", **fields), id=ELSEWHERE
    )
    return scenario.given(mentorship.Accepted(party=second.ref), id=ELSEWHERE) if begun else scenario


def of_circle(*owners: str, running: bool = True) -> Scenario:
    """Return a circle with one active (or drafted) goal `goal 0`, `goal 1` ... for each of *owners*, MENTOR a party."""
    scenario = circle()
    for number, owner in enumerate(owners):
        goal_id = uid(f"goal {number}")
        mentor = [Party(ref=MENTOR, role="mentor")]
        scenario.given(
            goal.Created(title="Lead", owner=owner, revision=1),
            goal.Placed(before=Placing(), after=Placing(mentorship=MENTORSHIP, parties=mentor), revision=2),
            id=goal_id,
            by=owner,
        ).given(mentorship.GoalJoined(goal=goal_id, owner=owner))
        if running:
            scenario.given(
                goal.Proposed(party=owner, revision=2),
                goal.Agreed(party=MENTOR, revision=2, complete=True),
                goal.Activated(revision=2, activated_on=day(-20)),
                id=goal_id,
            ).given(mentorship.KeyAreaOpened(goal=goal_id, owner=owner))
    return scenario


# who, and the mentorship itself
def test_replacing_without_goals() -> None:
    """A mentor is replaced; what the old one agreed to is not the new one's."""
    agreed = [mentorship.ExpectationsAgreed(party=who, expectations="On time") for who in (MENTEE, MENTOR)]
    scenario = cases.active(*agreed).when(MENTEE, ReplaceParty, **SWAP).warned()
    scenario.then(mentorship.PartyReplaced(old=MENTOR, new=NEW, reason="Moved abroad"))
    state = scenario.state("mentorship")
    assert dict(state.parties.items()) == {MENTEE: "mentee", PEER: "mentor"}
    assert state.expectations_agreed == {MENTEE}
    assert state.state == "active"


def test_removing_without_goals() -> None:
    """A member leaves a circle, which goes on with two."""
    scenario = circle().when(THIRD, RemoveParty, **GO).then(mentorship.PartyRemoved(party=THIRD, reason="No time"))
    assert dict(scenario.state("mentorship").parties.items()) == {MENTEE: "mentee", MENTOR: "mentor"}
    scenario.when(MENTOR, RemoveParty, party=MENTEE, reason="Alone then").refused("format_mismatch")


@pytest.mark.parametrize(("command", "fields"), [(ReplaceParty, SWAP), (RemoveParty, GO)])
def test_who_lets_people_leave(command: Any, fields: dict[str, Any]) -> None:
    """Parties and admins do, of a mentorship that runs; strangers do not."""
    for actor in (MENTEE, MENTOR, LEAD, ADMIN):
        assert len(circle(**IN_PROGRAMME).when(actor, command, **fields).events) == 1
    circle().when(LEAD, command, **fields).refused("not_allowed")
    circle().when(STRANGER, command, **fields).refused("not_allowed")
    cases.tenant().when(MENTEE, command, **fields).refused("mentorship_unknown")
    circle(mentorship.Completed(completed_on=day(0))).when(MENTEE, command, **fields).refused("mentorship_ended")


def test_a_request_waits_for_its_people() -> None:
    """Before it has begun nobody is replaced or removed: another request is made instead."""
    cases.requested().when(MENTEE, ReplaceParty, **SWAP).refused("mentorship_not_active")
    cases.requested().when(MENTEE, RemoveParty, party=MENTEE, reason="No").refused(
        "mentorship_not_active", "format_mismatch"
    )


def test_the_parties_still_make_the_format() -> None:
    """Two stay mentee and mentor, and cannot become one."""
    cases.active().when(MENTEE, ReplaceParty, **SWAP | {"new": HEIR}).refused("format_mismatch")
    cases.active().when(MENTEE, RemoveParty, party=MENTOR, reason="No time").refused("format_mismatch")


def test_strangers_and_people_who_are_here_already() -> None:
    """Who is no party does not leave; who is one takes nobody's place; a blank reason is none."""
    circle().when(MENTEE, RemoveParty, party=PEER, reason=" ").refused("party_not_present", "reason_missing")
    circle().when(MENTEE, ReplaceParty, **SWAP | {"old": PEER}).refused("party_not_present")
    here = Party(ref=THIRD, role="mentor")
    circle().when(MENTEE, ReplaceParty, **SWAP | {"new": here, "reason": ""}).refused(
        "party_already_present", "reason_missing"
    )
    circle().when(MENTEE, RemoveParty, **GO | {"reason": " "}).refused("reason_missing")


def test_another_role() -> None:
    """A party gets another role, leaves no goal by that and keeps what it agreed to; the same role changes nothing."""
    scenario = circle(mentorship.ExpectationsAgreed(party=THIRD, expectations="On time"))
    second = Party(ref=THIRD, role="mentor")
    scenario.when(MENTEE, ReplaceParty, old=THIRD, new=second, reason="Grown", goals=[becomes("keep")])
    scenario.refused("disposition_not_wanted")
    scenario.done(MENTEE, ReplaceParty, old=THIRD, new=second, reason="Grown")
    assert scenario.state("mentorship").parties[THIRD] == "mentor"
    assert scenario.state("mentorship").expectations_agreed == {THIRD}
    scenario.when(MENTEE, ReplaceParty, old=THIRD, new=second, reason="Grown").nothing()


# every goal is provided for
def test_every_goal_is_provided_for_once() -> None:
    """Goals that are missing are listed, and so are those named twice and those that are not this person's."""
    scenario = of_circle(MENTEE, THIRD, MENTEE)
    scenario.when(MENTOR, RemoveParty, party=MENTEE, reason="No time").refused("disposition_missing")
    assert scenario.problem("disposition_missing").details == {"goals": sorted([uid("goal 0"), uid("goal 2")])}
    named = [becomes("close", uid("goal 0")), becomes("close", uid("goal 0")), becomes("keep", uid("goal 1"))]
    scenario.when(MENTOR, RemoveParty, party=MENTEE, reason="No time", goals=named)
    scenario.refused("disposition_missing", "disposition_twice", "disposition_not_wanted")
    assert scenario.problem("disposition_missing").details == {"goals": [uid("goal 2")]}
    assert scenario.problem("disposition_twice").details == {"goals": [uid("goal 0")]}
    assert scenario.problem("disposition_not_wanted").details == {"goals": [uid("goal 1")]}


def test_the_mentors_part_concerns_every_goal() -> None:
    """A mentor leaves each goal that the mentor is a party of, whoever owns it."""
    scenario = of_circle(MENTEE, THIRD).when(MENTOR, RemoveParty, party=MENTOR, reason="No time")
    assert len(scenario.refused("disposition_missing").problem("disposition_missing").details["goals"]) == 2


def test_closed_goals_are_left_as_they_were() -> None:
    """Only open goals are asked for."""
    scenario = goals.closed().when(MENTEE, ReplaceParty, **SWAP).tags("party_replaced")
    assert MENTOR in scenario.goal.parties


# keep
def test_keeping_a_goal_under_a_new_mentor() -> None:
    """The new mentor takes the old one's place; yeses but the asker's are voided, and work goes on meanwhile."""
    scenario = goals.active().when(MENTEE, ReplaceParty, **SWAP, goals=[becomes("keep")])
    scenario.tags("party_replaced", "party_replaced")
    told = scenario.caused(goal.PartyReplaced)
    assert (told.old, told.new, told.revision, told.voided) == (MENTOR, NEW, 4, [MENTOR])
    assert told.reason == "Moved abroad"
    state = scenario.goal
    assert dict(state.parties.items()) == {MENTEE: "mentee", PEER: "mentor"}
    assert (state.state, state.revision, state.agreement_open) == ("active", 4, True)
    assert GOAL in scenario.state("mentorship").key_areas


def test_keeping_a_goal_under_a_new_owner() -> None:
    """The new mentee becomes the owner, under whose cap the goal counts from then on."""
    scenario = goals.active().when(MENTOR, ReplaceParty, old=MENTEE, new=HEIR, reason="Left", goals=[becomes("keep")])
    scenario.tags(
        "party_replaced",
        "ownership_transferred",
        "key_area_released",
        "goal_left",
        "goal_joined",
        "key_area_opened",
        "party_replaced",
    )
    transferred, replaced = scenario.caused(OwnershipTransferred), scenario.caused(goal.PartyReplaced)
    assert (transferred.old, transferred.new, transferred.revision) == (MENTEE, PEER, 4)
    assert (transferred.voided, replaced.voided, replaced.revision) == ([MENTEE], [], 5)
    assert (scenario.goal.owner, scenario.goal.state) == (PEER, "active")
    assert dict(scenario.goal.parties.items()) == {PEER: "mentee", MENTOR: "mentor"}
    state = scenario.state("mentorship")
    assert dict(state.goals.items()) == dict(state.key_areas.items()) == {GOAL: PEER}


def test_keeping_a_draft() -> None:
    """A goal that holds no place takes none by changing hands, and a proposal is a draft again."""
    scenario = goals.drafted().given(goal.Proposed(party=MENTEE, revision=3))
    scenario.when(MENTOR, ReplaceParty, old=MENTEE, new=HEIR, reason="Left", goals=[becomes("keep")])
    scenario.tags("party_replaced", "ownership_transferred", "goal_left", "goal_joined", "party_replaced")
    assert scenario.goal.state == "drafted"
    assert dict(scenario.state("mentorship").key_areas.items()) == {}


def test_a_new_owner_has_a_cap_too() -> None:
    """Goals beyond the cap, lowered since, are not taken over active; they can be paused in the same step."""
    scenario = of_circle(MENTEE, MENTEE).given(mentorship.CapSet(old=3, new=1))
    taken: dict[str, Any] = {"old": MENTEE, "new": HEIR, "reason": "Left"}
    first, second = uid("goal 0"), uid("goal 1")
    scenario.when(MENTOR, ReplaceParty, **taken, goals=[becomes("keep", first), becomes("keep", second)])
    scenario.refused("cap_reached")
    scenario.done(MENTOR, ReplaceParty, **taken, goals=[becomes("keep", first), becomes("pause", second)])
    state = scenario.state("mentorship")
    assert dict(state.key_areas.items()) == {first: PEER}
    assert dict(state.goals.items()) == {first: PEER, second: PEER}
    assert scenario.state("goal", second).state == "paused"


def test_keeping_a_goal_without_a_party() -> None:
    """A mentor who is removed is a party of the kept goals no longer."""
    scenario = of_circle(MENTEE).when(
        MENTEE, RemoveParty, party=MENTOR, reason="No time", goals=[becomes("keep", uid("goal 0"))]
    )
    scenario.tags("party_removed", "party_removed")
    assert scenario.state("goal", uid("goal 0")).people == {MENTEE}
    assert scenario.state("goal", uid("goal 0")).revision == 3


@pytest.mark.parametrize("what", ["keep", "pause"])
def test_no_goal_is_left_without_an_owner(what: str) -> None:
    """The owner's own goal is not kept without the owner: close it, place it elsewhere, or replace the owner."""
    scenario = of_circle(MENTEE)
    scenario.when(MENTOR, RemoveParty, party=MENTEE, reason="Left", goals=[becomes(what, uid("goal 0"))])
    scenario.refused("owner_needed")
    assert scenario.problem("owner_needed").field == "goals.0"


def test_a_shared_goal_keeps_an_accountable_person() -> None:
    """Who is accountable for the mentorship's own goal hands that over, and does not leave without."""
    owner = f"mentorship:{MENTORSHIP}"
    scenario = goals.drafted(owner=owner, accountable=MENTEE)
    scenario.done(MENTOR, ReplaceParty, old=MENTEE, new=HEIR, reason="Left", goals=[becomes("keep")])
    told = scenario.caused(OwnershipTransferred)
    assert (told.old, told.new, told.old_accountable, told.new_accountable) == (owner, owner, MENTEE, PEER)
    assert (scenario.goal.owner, scenario.goal.accountable) == (owner, PEER)
    assert scenario.state("mentorship").goals[GOAL] == owner
    scenario.when(
        MENTOR, ReplaceParty, old=PEER, new=Party(ref=MENTEE, role="mentee"), reason="Back", goals=[becomes("place")]
    ).refused("owner_not_in_mentorship")


def test_a_successor_who_is_a_party_of_the_goal() -> None:
    """Where the new person is a party of a goal already, the old one simply goes."""
    scenario = goals.drafted().given(goal.PartyAdded(party=Party(ref=PEER, role="peer"), revision=4))
    scenario.when(MENTEE, ReplaceParty, **SWAP, goals=[becomes("keep")]).tags("party_replaced", "party_removed")
    assert dict(scenario.goal.parties.items()) == {MENTEE: "mentee", PEER: "peer"}


# pause
def test_pausing_a_goal() -> None:
    """The goal rests from today in its own zone, gives its place back, and changes hands."""
    scenario = goals.active(time_zone="Pacific/Kiritimati")
    scenario.at(scenario.now.replace(hour=20)).when(MENTEE, ReplaceParty, **SWAP, goals=[becomes("pause")])
    scenario.tags("party_replaced", "paused", "key_area_released", "party_replaced")
    assert scenario.caused(Paused) == Paused(
        paused_on=day(1), reason="Moved abroad", context=scenario.caused(Paused).context
    )
    assert scenario.goal.state == "paused"
    assert GOAL not in scenario.state("mentorship").key_areas
    assert GOAL in scenario.state("mentorship").goals


def test_pausing_what_does_not_run() -> None:
    """A goal that rests already just changes hands; a draft cannot be paused."""
    goals.paused().when(MENTEE, ReplaceParty, **SWAP, goals=[becomes("pause")]).tags("party_replaced", "party_replaced")
    scenario = goals.drafted().when(MENTEE, ReplaceParty, **SWAP, goals=[becomes("pause")]).refused("wrong_state")
    assert scenario.problem("wrong_state").details == {"state": "drafted"}


# close
def test_closing_a_goal() -> None:
    """The goal ends as abandoned with what its measures came to, and keeps the names of who had a part in it."""
    scenario = goals.active().when(MENTOR, ReplaceParty, old=MENTEE, new=HEIR, reason="Left", goals=[becomes("close")])
    scenario.tags("party_replaced", "closed", "key_area_released", "goal_left")
    told = scenario.caused(Closed)
    assert (told.result, told.closed_on, told.score, told.justification) == ("abandoned", day(0), None, "Left")
    assert [(result.measure, result.met) for result in told.measures] == [(uid("talks"), False)]
    assert (scenario.goal.state, scenario.goal.owner) == ("closed", MENTEE)
    assert dict(scenario.state("mentorship").goals.items()) == {}


def test_when_it_happened() -> None:
    """A person who left earlier is recorded so, with a warning; one who will leave is not."""
    scenario = goals.active()
    scenario.when(MENTEE, ReplaceParty, **SWAP, goals=[becomes("close")], occurred_at=scenario.now.replace(month=1))
    assert scenario.caused(Closed).closed_on == scenario.now.replace(month=1).date()
    scenario.warned("backdated")
    later = scenario.now.replace(month=5)
    goals.active().when(MENTEE, ReplaceParty, **SWAP, goals=[becomes("close")], occurred_at=later).refused("in_future")


# place
def test_placing_a_goal_in_another_mentorship() -> None:
    """The goal goes on there, with its parties, and counts under the owner's cap there."""
    scenario = elsewhere(goals.active())
    scenario.when(MENTEE, ReplaceParty, **SWAP, goals=[becomes("place", into=ELSEWHERE)])
    scenario.tags("party_replaced", "placed", "key_area_released", "goal_left", "goal_joined", "key_area_opened")
    there = [Party(ref=MENTEE, role="mentee"), Party(ref=STRANGER, role="mentor")]
    told = scenario.caused(Placed)
    assert told.before == Placing(mentorship=MENTORSHIP, parties=sorted(BOTH, key=lambda party: party.ref))
    assert told.after == Placing(mentorship=ELSEWHERE, parties=sorted(there, key=lambda party: party.ref))
    assert (told.revision, told.voided, told.reason) == (4, [MENTOR], "Moved abroad")
    assert (scenario.goal.state, scenario.goal.mentorship, scenario.goal.agreement_open) == ("active", ELSEWHERE, True)
    assert dict(scenario.state("mentorship").goals.items()) == {}
    assert dict(scenario.state("mentorship", ELSEWHERE).key_areas.items()) == {GOAL: MENTEE}


def test_placing_a_goal_outside_any_mentorship() -> None:
    """Without a mentorship the goal goes on as its owner's alone."""
    scenario = of_circle(THIRD, running=False)
    scenario.when(THIRD, RemoveParty, **GO, goals=[becomes("place", uid("goal 0"))])
    scenario.tags("party_removed", "placed", "goal_left")
    state = scenario.state("goal", uid("goal 0"))
    assert (state.mentorship, state.people, state.state) == (None, {THIRD}, "drafted")


def test_placing_keeps_programme_and_cycle_unless_the_mentorship_has_another() -> None:
    """A goal follows the programme of its new mentorship and leaves its cycle only where that is another one."""
    cycle = uid("cycle")

    def in_cycle() -> Scenario:
        before = Placing(mentorship=MENTORSHIP, parties=BOTH)
        after = Placing(mentorship=MENTORSHIP, programme=PROGRAMME, cycle=cycle, parties=BOTH)
        return goals.drafted(goals.mentored(goals.organised())).given(Placed(before=before, after=after, revision=3))

    scenario = elsewhere(in_cycle())
    after = scenario.done(MENTEE, ReplaceParty, **SWAP, goals=[becomes("place", into=ELSEWHERE)]).caused(Placed).after
    assert (after.programme, after.cycle) == (PROGRAMME, cycle)
    scenario = elsewhere(in_cycle(), programme=uid("other"))
    scenario.when(MENTEE, ReplaceParty, **SWAP, goals=[becomes("place", into=ELSEWHERE)]).refused("programme_closed")
    scenario.given(programme.Created(title="Other", admins=[LEAD]), id=uid("other"))
    after = scenario.done(MENTEE, ReplaceParty, **SWAP, goals=[becomes("place", into=ELSEWHERE)]).caused(Placed).after
    assert (after.programme, after.cycle) == (uid("other"), None)


def test_placing_where_it_cannot_be() -> None:
    """A mentorship that is unknown, this one, not begun, or not the owner's takes no goal."""
    scenario = goals.active()
    scenario.when(MENTEE, ReplaceParty, **SWAP, goals=[becomes("place", into=uid("nowhere"))])
    scenario.refused("mentorship_unknown")
    scenario.when(MENTEE, ReplaceParty, **SWAP, goals=[becomes("place", into=MENTORSHIP)]).refused("already_placed")
    waiting = elsewhere(goals.active(), begun=False)
    waiting.when(MENTEE, ReplaceParty, **SWAP, goals=[becomes("place", into=ELSEWHERE)])
    waiting.refused("mentorship_not_active")
    assert waiting.problem("mentorship_not_active").field == "goals.0.mentorship"
    others = elsewhere(goals.active(), Party(ref=PEER, role="mentee"), Party(ref=STRANGER, role="mentor"))
    others.when(MENTEE, ReplaceParty, **SWAP, goals=[becomes("place", into=ELSEWHERE)])
    others.refused("owner_not_in_mentorship")


def test_placing_two_where_there_is_room_for_one() -> None:
    """The second goal sees the place that the first one takes."""
    scenario = elsewhere(of_circle(MENTEE, MENTEE)).given(mentorship.CapSet(old=3, new=1), id=ELSEWHERE)
    both = [becomes("place", uid(f"goal {number}"), ELSEWHERE) for number in range(2)]
    scenario.when(MENTEE, RemoveParty, party=MENTEE, reason="Left", goals=both).refused("cap_reached")
    one = [both[0], becomes("close", uid("goal 1"))]
    scenario.done(MENTEE, RemoveParty, party=MENTEE, reason="Left", goals=one)
    assert dict(scenario.state("mentorship", ELSEWHERE).key_areas.items()) == {uid("goal 0"): MENTEE}


def test_only_placing_names_a_mentorship() -> None:
    """A mentorship that is named with another disposition is a mistake, told as such."""
    goals.active().when(MENTEE, ReplaceParty, **SWAP, goals=[becomes("keep", into=ELSEWHERE)]).refused(
        "mentorship_not_wanted"
    )


def test_a_decision_about_many_goals() -> None:
    """Four goals, four ways, one decision: the owner leaves a circle and nothing is left hanging."""
    scenario = elsewhere(
        of_circle(THIRD, THIRD, THIRD, MENTEE), Party(ref=THIRD, role="mentee"), Party(ref=PEER, role="mentor")
    )
    ids = [uid(f"goal {number}") for number in range(4)]
    chosen = [becomes("close", ids[0]), becomes("place", ids[1], ELSEWHERE), becomes("place", ids[2])]
    scenario.done(THIRD, RemoveParty, **GO, goals=chosen)
    assert scenario.caused(mentorship.PartyRemoved).goals == chosen
    assert [scenario.state("goal", id_).state for id_ in ids] == ["closed", "active", "active", "active"]
    assert dict(scenario.state("mentorship").goals.items()) == {ids[3]: MENTEE}
    assert dict(scenario.state("mentorship").key_areas.items()) == {ids[3]: MENTEE}
    assert scenario.state("goal", ids[2]).people == {THIRD}
    assert scenario.state("goal", ids[1]).people == {THIRD, PEER}
