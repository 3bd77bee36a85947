"""Given a drafted, proposed or running goal, when its parties say yes or no, then ..."""

from __future__ import annotations

import pytest

from milepost.decide.goal.agreement import missing
from milepost_contracts.commands.goal import (
    ActivateGoal,
    AddParty,
    AgreeGoal,
    CloseGoal,
    DeclineGoal,
    ProposeGoal,
    RefineGoal,
    ReopenGoal,
    ShiftDeadline,
    WithdrawAgreement,
)
from milepost_contracts.events.goal import Agreed, AgreementWithdrawn, Created, Declined, Placed, Proposed
from milepost_contracts.events.mentorship import Accepted, QuorumSet, Requested
from milepost_contracts.types import Party, Placing, TermsChange
from tests.support.goals import active, agreed, closed, created, drafted, paused
from tests.support.scenario import (
    ADMIN,
    MENTEE,
    MENTOR,
    MENTORSHIP,
    PEER,
    STRANGER,
    Scenario,
    acme,
    day,
)

CIRCLE = [
    Party(ref=MENTEE, role="member"),
    Party(ref=MENTOR, role="member"),
    Party(ref=PEER, role="member"),
]


def circle(quorum: str) -> Scenario:
    """Return a goal of MENTEE's in a circle of three with *quorum*: its revision is 2."""
    scenario = acme().given(
        Requested(requester=MENTEE, parties=CIRCLE, format="circle"),
        Accepted(party=MENTOR),
        QuorumSet(old="all", new=quorum),
    )
    return scenario.given(
        Created(title="Read more", owner=MENTEE, kind="exploratory", revision=1),
        Placed(before=Placing(), after=Placing(mentorship=MENTORSHIP, parties=CIRCLE), revision=2),
    )


def shifted(scenario: Scenario) -> Scenario:
    """Let MENTEE shift the deadline of an agreed goal, which voids MENTOR's yes: its revision is 4."""
    return scenario.done(MENTEE, ShiftDeadline, new=day(120), reason="Exam", reason_code="dependency")


def test_proposing() -> None:
    """Proposing is the proposer's yes to the present terms; silence of the others is none."""
    scenario = drafted()
    terms_hash = scenario.goal.terms_hash
    assert terms_hash
    scenario.when(MENTEE, ProposeGoal, revision=3, note="What do you think?").warned()
    scenario.then(Proposed(party=MENTEE, revision=3, terms_hash=terms_hash, note="What do you think?"))
    goal = scenario.goal
    assert (goal.state, dict(goal.agreements.items()), goal.ever_agreed) == ("proposed", {MENTEE: 3}, False)
    scenario.when(MENTEE, ProposeGoal, revision=3).nothing()


def test_agreeing() -> None:
    """The last yes that the quorum wants completes the agreement."""
    scenario = drafted().done(MENTEE, ProposeGoal, revision=3)
    scenario.when(MENTOR, AgreeGoal, revision=3)
    scenario.then(Agreed(party=MENTOR, revision=3, terms_hash=scenario.goal.terms_hash, complete=True))
    assert (scenario.goal.state, scenario.goal.ever_agreed) == ("proposed", True)
    scenario.when(MENTOR, AgreeGoal, revision=3).nothing()


def test_alone() -> None:
    """Outside any mentorship the owner's own yes is everybody's."""
    scenario = created().when(MENTEE, ProposeGoal, revision=1)
    assert scenario.caused(Proposed).complete
    assert scenario.goal.ever_agreed


def test_stale_terms() -> None:
    """A yes to terms that have changed since is refused, with the present revision in the details."""
    scenario = drafted().when(MENTEE, ProposeGoal, revision=2).refused("stale_revision")
    assert scenario.problem("stale_revision").details == {"revision": 3}
    proposed = drafted().done(MENTEE, ProposeGoal, revision=3)
    proposed.when(MENTOR, AgreeGoal, revision=4).refused("stale_revision")


def test_wrong_states() -> None:
    """A draft is proposed, not agreed to; what is proposed or runs is agreed to, not proposed; all told at once."""
    drafted().when(MENTOR, AgreeGoal, revision=2).refused("wrong_state", "stale_revision")
    for scenario in (agreed(), active(), paused(), closed()):
        shown = scenario.when(MENTOR, ProposeGoal, revision=9).refused("wrong_state", "stale_revision")
        assert shown.problem("wrong_state").details["state"] == scenario.goal.state
    for scenario in (drafted(), active(), paused(), closed()):
        scenario.when(MENTOR, DeclineGoal).refused("wrong_state")


@pytest.mark.parametrize("by", [STRANGER, ADMIN, "plugin:okr@1.0.0"])
def test_only_parties(by: str) -> None:
    """Nobody says yes or no for the parties, admins and plugins neither."""
    drafted().when(by, ProposeGoal, revision=3).refused("not_allowed")
    agreed().when(by, AgreeGoal, revision=3).refused("not_allowed")
    agreed().when(by, DeclineGoal).refused("not_allowed")
    agreed().when(by, WithdrawAgreement).refused("not_allowed")
    acme().when(by, ProposeGoal, revision=1).refused("goal_unknown")


def test_declining() -> None:
    """A no makes the proposal a draft again; the proposer's yes still holds for the same terms."""
    scenario = drafted().done(MENTEE, ProposeGoal, revision=3)
    scenario.when(MENTOR, DeclineGoal, reason="Too vague").then(Declined(party=MENTOR, revision=3, reason="Too vague"))
    assert (scenario.goal.state, dict(scenario.goal.agreements.items())) == ("drafted", {MENTEE: 3})
    scenario.when(MENTEE, ProposeGoal, revision=3).tags("proposed")


def test_declining_after_agreeing() -> None:
    """Who declines after having agreed has no yes left."""
    scenario = agreed().when(MENTOR, DeclineGoal).tags("declined")
    assert MENTOR not in scenario.goal.agreements


def test_a_voided_agreement() -> None:
    """New terms of a running goal void the other's yes; agreeing to them closes the open agreement."""
    for scenario in (shifted(active()), shifted(paused())):
        assert scenario.goal.agreement_open
        state = scenario.goal.state
        scenario.when(MENTEE, AgreeGoal, revision=4).nothing()
        assert scenario.when(MENTOR, AgreeGoal, revision=4).caused(Agreed).complete
        assert (scenario.goal.state, scenario.goal.agreement_open) == (state, False)


def test_a_new_party_has_not_agreed() -> None:
    """A running goal that gets another party is not agreed until that one has said yes."""
    scenario = created(kind="exploratory").done(MENTEE, ProposeGoal, revision=1)
    scenario.done(MENTEE, ActivateGoal, revision=1)
    scenario.done(MENTEE, AddParty, party=Party(ref=PEER, role="peer"), reason="Two see more")
    assert scenario.goal.agreement_open
    scenario.done(PEER, AgreeGoal, revision=2)
    assert not scenario.goal.agreement_open


def test_taking_a_yes_back() -> None:
    """A yes may be taken back; a proposal stays one, a running goal is marked as not agreed."""
    scenario = agreed().when(MENTOR, WithdrawAgreement, reason="On reflection")
    scenario.then(AgreementWithdrawn(party=MENTOR, revision=3, reason="On reflection"))
    assert (scenario.goal.state, scenario.goal.agreement_open) == ("proposed", False)
    scenario.when(MENTOR, WithdrawAgreement).nothing()
    running = active().when(MENTOR, WithdrawAgreement)
    assert running.caused(AgreementWithdrawn).open
    assert (running.goal.state, running.goal.agreement_open) == ("active", True)


def test_a_yes_that_is_not_missed() -> None:
    """Where the quorum holds without it, a yes that is taken back leaves the agreement whole."""
    scenario = circle("majority").done(MENTEE, ProposeGoal, revision=2)
    for person in (MENTOR, PEER):
        scenario.done(person, AgreeGoal, revision=2)
    scenario.done(MENTEE, ActivateGoal, revision=2)
    assert not scenario.when(PEER, WithdrawAgreement).caused(AgreementWithdrawn).open
    assert scenario.when(MENTOR, WithdrawAgreement).caused(AgreementWithdrawn).open


def test_closed_goals() -> None:
    """A closed goal takes a yes, since it is not reopened without; its past agreement stays as it was."""
    scenario = shifted(active())
    scenario.done(MENTEE, CloseGoal, result="missed", closed_on=day(0))
    scenario.when(MENTEE, ReopenGoal, reason="Again").refused("quorum_missing")
    scenario.when(MENTOR, AgreeGoal, revision=4).tags("agreed")
    scenario.when(MENTOR, WithdrawAgreement).refused("wrong_state")
    scenario.when(MENTEE, ReopenGoal, reason="Again").tags("reopened", "goal_joined", "key_area_opened")


def test_an_editorial_change_of_a_proposal() -> None:
    """Better words under a proposal make it a draft again, but every yes still holds."""
    scenario = agreed()
    scenario.done(
        MENTEE,
        RefineGoal,
        changes=TermsChange(title="Give better talks"),
        trigger="other",
        editorial=True,
        reason="Spelling",
    )
    assert scenario.goal.state == "drafted"
    assert scenario.when(MENTOR, ProposeGoal, revision=4).caused(Proposed).complete


@pytest.mark.parametrize(
    ("quorum", "yes", "absent"),
    [
        ("all", {MENTEE, MENTOR}, {PEER}),
        ("all", {MENTEE, MENTOR, PEER}, set()),
        ("majority", {MENTEE}, {MENTOR, PEER}),
        ("majority", {MENTOR, PEER}, set()),
        ("owner_plus_one", {MENTEE}, {MENTOR, PEER}),
        ("owner_plus_one", {MENTOR, PEER}, {MENTEE}),
        ("owner_plus_one", {MENTEE, PEER}, set()),
        ("of tomorrow", {MENTEE, MENTOR}, {PEER}),
    ],
)
def test_quorums(quorum: str, yes: set[str], absent: set[str]) -> None:
    """Each quorum says when it is complete and whose yes could still complete it; an unknown one wants all."""
    goal = circle("all").goal
    assert missing(goal, frozenset(yes), quorum) == sorted(absent)


def test_quorums_of_one_and_two() -> None:
    """Alone the owner is every quorum; of two a majority is both."""
    alone = created().goal
    for quorum in ("all", "majority", "owner_plus_one"):
        assert missing(alone, frozenset({MENTEE}), quorum) == []
        assert missing(alone, frozenset(), quorum) == [MENTEE]
    two = drafted().goal
    assert missing(two, frozenset({MENTEE}), "majority") == [MENTOR]


def test_the_mentorships_quorum() -> None:
    """The quorum is the mentorship's: of three, a majority of two completes the agreement."""
    scenario = circle("majority").when(MENTEE, ProposeGoal, revision=2)
    assert not scenario.caused(Proposed).complete
    assert scenario.when(PEER, AgreeGoal, revision=2).caused(Agreed).complete
    assert not scenario.when(MENTOR, AgreeGoal, revision=2).warned().goal.agreement_open
