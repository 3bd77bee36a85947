"""Given a goal, when its owner, parties, contributors or visibility change, then ..."""

from __future__ import annotations

from typing import Any

from milepost_contracts.commands.goal import (
    AddContributor,
    AddParty,
    ChangeVisibility,
    RemoveContributor,
    RemoveParty,
    ReplaceParty,
    TransferOwnership,
)
from milepost_contracts.events.goal import (
    ContributorAdded,
    ContributorRemoved,
    OwnershipTransferred,
    PartyAdded,
    PartyRemoved,
    PartyReplaced,
    VisibilityChanged,
)
from milepost_contracts.events.mentorship import CapSet, GoalJoined, GoalLeft, KeyAreaOpened, KeyAreaReleased
from milepost_contracts.events.mentorship import PartyReplaced as MentorReplaced
from milepost_contracts.types import Party
from tests.support.goals import active, agreed, closed, created, drafted, mentored
from tests.support.scenario import (
    ADMIN,
    GOAL,
    MANAGER,
    MENTEE,
    MENTOR,
    MENTORSHIP,
    PEER,
    STRANGER,
    Scenario,
    acme,
    uid,
)

GUEST = Party(ref=PEER, role="peer")
REASON = "New job"


# Ownership


def transfer(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    """Let *by* transfer the goal to MENTOR, other members as given."""
    return scenario.when(by, TransferOwnership, **({"owner": MENTOR, "reason": REASON} | fields))


def test_another_owner() -> None:
    """A goal gets another owner: other terms; the mentorship counts its place under the new owner's cap."""
    scenario = transfer(active()).warned()
    scenario.then(
        OwnershipTransferred(old=MENTEE, new=MENTOR, reason=REASON, revision=4, voided=[MENTOR]),
        KeyAreaReleased(goal=GOAL, owner=MENTEE),
        GoalLeft(goal=GOAL),
        GoalJoined(goal=GOAL, owner=MENTOR),
        KeyAreaOpened(goal=GOAL, owner=MENTOR),
    )
    goal, mentorship = scenario.goal, scenario.state("mentorship")
    assert (goal.owner, goal.people, goal.agreement_open) == (MENTOR, {MENTEE, MENTOR}, True)
    assert dict(mentorship.key_areas.items()) == dict(mentorship.goals.items()) == {GOAL: MENTOR}
    transfer(scenario, by=MENTOR).nothing()


def test_a_draft_gets_another_owner() -> None:
    """A draft moves without a key area and, before anybody agreed, without a reason; inside a mentorship or not."""
    transfer(drafted(), reason=None).tags("ownership_transferred", "goal_left", "goal_joined")
    transfer(created(), owner=STRANGER, reason=None).tags("ownership_transferred")


def test_no_room_under_the_new_owners_cap() -> None:
    """An active goal is not given to who has as many as the cap allows."""
    full = active().given(CapSet(old=3, new=1), KeyAreaOpened(goal=uid("theirs"), owner=MENTOR))
    transfer(full).refused("cap_reached")


def test_to_a_mentorship_and_back() -> None:
    """A goal becomes a shared one with an accountable person, who may change, and becomes a person's again."""
    shared = f"mentorship:{MENTORSHIP}"
    scenario = transfer(drafted(), owner=shared, accountable=MENTOR)
    assert (scenario.goal.owner, scenario.goal.accountable) == (shared, MENTOR)
    transfer(scenario, by=MENTOR, owner=shared, accountable=MENTEE).tags("ownership_transferred")
    event = transfer(scenario, by=MENTEE, owner=MENTEE, accountable=MENTEE).caused(OwnershipTransferred)
    assert (event.new, event.old_accountable, event.new_accountable) == (MENTEE, MENTEE, None)


def test_transferring_refused() -> None:
    """The owner's or an admin's to decide; once agreed with a reason; never out of the mentorship; not when closed."""
    transfer(active(), by=MENTOR).refused("not_allowed")
    transfer(agreed(), owner=STRANGER, reason=" ").refused("reason_missing", "owner_not_in_mentorship")
    transfer(closed()).refused("goal_closed")
    transfer(drafted(), owner=f"mentorship:{MENTORSHIP}").refused("accountable_missing")
    transfer(acme()).refused("goal_unknown")
    transfer(drafted(), by=ADMIN).tags("ownership_transferred", "goal_left", "goal_joined")


# Parties


def test_one_more_party() -> None:
    """Another party is another term: the others' yes is void, the new one's is wanted."""
    scenario = active(guested()).when(MENTEE, AddParty, party=GUEST, reason=REASON)
    scenario.then(PartyAdded(party=GUEST, reason=REASON, revision=4, voided=[MENTOR]))
    assert (scenario.goal.people, scenario.goal.agreement_open) == ({MENTEE, MENTOR, PEER}, True)
    scenario.when(MENTEE, AddParty, party=GUEST).nothing()


def guested() -> Scenario:
    """Return a mentorship in which PEER has taken the place of somebody else, beside MENTEE and MENTOR."""
    return mentored().given(MentorReplaced(old=STRANGER, new=GUEST, reason="Ill"))


def test_adding_refused() -> None:
    """No party twice, none from outside the mentorship, no more than fit, not without reason once agreed."""
    full = agreed(mentored().limited(parties=2)).when(MENTEE, AddParty, party=GUEST)
    full.refused("reason_missing", "limit_reached", "party_not_in_mentorship")
    twice = Party(ref=MENTOR, role="peer")
    drafted().when(MENTEE, AddParty, party=twice).refused("party_already_present")
    closed().when(MENTEE, AddParty, party=twice, reason=REASON).refused("goal_closed", "party_already_present")
    drafted().when(MENTOR, AddParty, party=GUEST).refused("not_allowed")
    created().when(MENTEE, AddParty, party=GUEST).tags("party_added")


def test_one_party_less() -> None:
    """A party goes; its yes goes along, and the owner's, who decided so, holds: the goal is agreed."""
    scenario = active().when(MENTEE, RemoveParty, party=MENTOR, reason=REASON)
    scenario.then(PartyRemoved(party=MENTOR, reason=REASON, revision=4, voided=[MENTOR]))
    goal = scenario.goal
    assert (goal.people, dict(goal.agreements.items()), goal.agreement_open) == ({MENTEE}, {MENTEE: 4}, False)


def test_removing_refused() -> None:
    """No goal is left without an owner, and only who is there is removed."""
    agreed().when(MENTEE, RemoveParty, party=MENTEE).refused("owner_needed", "reason_missing")
    drafted().when(MENTEE, RemoveParty, party=STRANGER).refused("party_not_present")
    drafted().when(MENTOR, RemoveParty, party=MENTOR).refused("not_allowed")
    closed().when(ADMIN, RemoveParty, party=MENTOR, reason=REASON).refused("goal_closed")


def test_another_party() -> None:
    """One person takes another's place; a party may also just get another role."""
    scenario = active(guested()).when(ADMIN, ReplaceParty, old=MENTOR, new=GUEST, reason=REASON)
    scenario.then(PartyReplaced(old=MENTOR, new=GUEST, reason=REASON, revision=4, voided=sorted([MENTEE, MENTOR])))
    assert dict(scenario.goal.parties.items()) == {MENTEE: "mentee", PEER: "peer"}
    other_role = Party(ref=PEER, role="mentor")
    scenario.when(MENTEE, ReplaceParty, old=PEER, new=other_role, reason=REASON)
    assert scenario.goal.parties[PEER] == "mentor"
    scenario.when(MENTEE, ReplaceParty, old=PEER, new=other_role).nothing()


def test_replacing_refused() -> None:
    """The old one is there and no owner, the new one is not there yet and belongs to the mentorship."""
    mentor = Party(ref=MENTOR, role="mentor")
    drafted().when(MENTEE, ReplaceParty, old=MENTEE, new=mentor).refused("owner_needed", "party_already_present")
    drafted().when(MENTEE, ReplaceParty, old=STRANGER, new=GUEST).refused(
        "party_not_present", "party_not_in_mentorship"
    )
    drafted().when(MENTEE, ReplaceParty, old=PEER, new=GUEST).refused("party_not_present")
    agreed().when(MENTEE, ReplaceParty, old=MENTOR, new=mentor).nothing()
    agreed().when(MENTEE, ReplaceParty, old=MENTOR, new=Party(ref=MENTOR, role="peer")).refused("reason_missing")


# Contributors and visibility


def test_contributors() -> None:
    """A contributor comes, gets another role and goes; none of it touches the terms."""
    scenario = active().when(MENTEE, AddContributor, ref=MANAGER, role="manager")
    scenario.then(ContributorAdded(ref=MANAGER, role="manager"))
    scenario.when(MENTEE, AddContributor, ref=MANAGER, role="manager").nothing()
    scenario.when(MENTEE, AddContributor, ref=MANAGER, role="sponsor").tags("contributor_added")
    assert dict(scenario.goal.contributors.items()) == {MANAGER: "sponsor"}
    scenario.when(MENTEE, RemoveContributor, ref=MANAGER, reason=REASON)
    scenario.then(ContributorRemoved(ref=MANAGER, reason=REASON))
    assert (dict(scenario.goal.contributors.items()), scenario.goal.revision) == ({}, 3)


def test_contributors_refused() -> None:
    """Only so many, only who is there, only by the owner or an admin, only while the goal is open."""
    full = active(mentored().limited(contributors=1)).given(ContributorAdded(ref=MANAGER, role="manager"))
    full.when(MENTEE, AddContributor, ref=PEER, role="peer").refused("limit_reached")
    full.when(MENTEE, AddContributor, ref=MANAGER, role="sponsor").tags("contributor_added")
    full.when(MENTEE, RemoveContributor, ref=PEER).refused("contributor_not_present")
    full.when(MENTOR, AddContributor, ref=PEER, role="peer").refused("not_allowed")
    full.when(MENTOR, RemoveContributor, ref=MANAGER).refused("not_allowed")
    closed().when(MENTEE, AddContributor, ref=PEER, role="peer").refused("goal_closed")
    closed().when(MENTEE, RemoveContributor, ref=PEER).refused("goal_closed", "contributor_not_present")


def test_visibility() -> None:
    """Who may see the goal changes from now on, of a closed goal too; outside a programme one audience is empty."""
    scenario = closed().when(MENTEE, ChangeVisibility, visibility="tenant", reason="An example for all").warned()
    scenario.then(VisibilityChanged(old="private", new="tenant", reason="An example for all"))
    assert scenario.goal.visibility == "tenant"
    scenario.when(ADMIN, ChangeVisibility, visibility="tenant").nothing()
    scenario.when(ADMIN, ChangeVisibility, visibility="programme").warned("no_programme")
    scenario.when(MENTOR, ChangeVisibility, visibility="private").refused("not_allowed")
