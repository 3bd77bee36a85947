"""Given any circle with any goals, when anybody leaves it in any way, then goals and mentorships still agree."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.decide import Refused
from milepost_contracts.commands import Command
from milepost_contracts.commands.mentorship import RemoveParty, ReplaceParty
from milepost_contracts.events import goal, mentorship
from milepost_contracts.types import GoalDisposition, Party, Placing
from tests.decide.mentorship.cases import THIRD, circle
from tests.support.scenario import ADMIN, MENTEE, MENTOR, MENTORSHIP, PEER, STRANGER, Scenario, day, uid

ELSEWHERE = uid("elsewhere")
MEMBERS = [MENTEE, MENTOR, THIRD]
REASONS = {"cap_reached", "owner_needed", "owner_not_in_mentorship"}

goals_there = st.lists(
    st.tuples(
        st.sampled_from([*MEMBERS, *MEMBERS, f"mentorship:{MENTORSHIP}"]),  # owner
        st.sampled_from(MEMBERS),  # the other party, and who is accountable for a shared goal
        st.sampled_from(["drafted", "proposed", "active", "paused", "closed"]),
        st.sampled_from(["keep", "pause", "close", "place", "away"]),  # away: placed outside any mentorship
    ),
    min_size=1,
    max_size=6,
)


def bring(scenario: Scenario, goal_id: str, owner: str, party: str, state: str) -> None:
    """Let there be a goal in the circle that has come to *state*."""
    shared = owner.startswith("mentorship:")
    after = Placing(mentorship=MENTORSHIP, parties=[Party(ref=party, role="member")])
    happened: list[Any] = [
        goal.Created(title="Lead", owner=owner, accountable=party if shared else None, revision=1),
        goal.Placed(before=Placing(), after=after, revision=2),
    ]
    happened += [goal.Proposed(party=party, revision=2)] if state != "drafted" else []
    happened += [goal.Activated(revision=2, activated_on=day(-9))] if state in ("active", "paused", "closed") else []
    happened += [goal.Paused(paused_on=day(-8), reason="Ill")] if state == "paused" else []
    happened += [goal.Closed(result="missed", closed_on=day(-8))] if state == "closed" else []
    scenario.given(*happened, id=goal_id, by=party)
    if state != "closed":
        scenario.given(mentorship.GoalJoined(goal=goal_id, owner=owner))
    if state == "active":
        scenario.given(mentorship.KeyAreaOpened(goal=goal_id, owner=owner))


def sensible(goal_id: str, what: str, *, begun: bool, owned: bool, command: type[Command]) -> GoalDisposition:
    """Return *what* becomes of a goal, or what is nearest to it where that cannot be."""
    if what == "pause" and not begun:
        what = "keep"
    if what in ("keep", "pause") and owned and command is RemoveParty:
        what = "place"
    if what in ("place", "away"):
        into = ELSEWHERE if what == "place" else None
        return GoalDisposition(goal=goal_id, disposition="place", mentorship=into)
    return GoalDisposition(goal=goal_id, disposition=what)


@settings(max_examples=300, deadline=None)
@given(
    leaver=st.sampled_from(MEMBERS),
    command=st.sampled_from([ReplaceParty, RemoveParty]),
    there=goals_there,
    caps=st.tuples(st.integers(1, 3), st.integers(1, 3)),
)
def test_whatever_becomes(
    leaver: str, command: type[Command], there: list[tuple[str, str, str, str]], caps: tuple[int, int]
) -> None:
    """Afterwards no open goal lacks an owner, and each mentorship knows just the goals and places that are there."""
    scenario = circle(mentorship.CapSet(old=3, new=caps[0]))
    pair = [Party(ref=leaver, role="mentee"), Party(ref=STRANGER, role="mentor")]
    scenario.given(
        mentorship.Requested(requester=leaver, parties=pair, format="one_to_one"),
        mentorship.Accepted(party=STRANGER),
        mentorship.CapSet(old=3, new=caps[1]),
        id=ELSEWHERE,
    )
    becomes = []
    for number, (owner, party, state, what) in enumerate(there):
        goal_id = uid(f"goal {number}")
        bring(scenario, goal_id, owner, party, state)
        if state != "closed" and leaver in (owner, party):
            begun, owned = state in ("active", "paused"), leaver == owner
            becomes.append(sensible(goal_id, what, begun=begun, owned=owned, command=command))
    over = len(scenario.state("mentorship").key_areas)  # what was beyond the cap before may stay so
    if command is ReplaceParty:
        new = Party(ref=PEER, role="mentee")
        scenario.when(ADMIN, ReplaceParty, old=leaver, new=new, goals=becomes, reason="Left")
    else:
        scenario.when(ADMIN, RemoveParty, party=leaver, goals=becomes, reason="Left")
    outcome = scenario._outcome
    if isinstance(outcome, Refused):
        assert {problem.code for problem in outcome.problems} <= REASONS
        return
    for id_, cap in ((MENTORSHIP, max(caps[0], over)), (ELSEWHERE, caps[1])):
        agree(scenario, id_, cap, len(there))
    for number in range(len(there)):
        left = scenario.state("goal", uid(f"goal {number}"))
        assert left.people
        assert not left.open or left.mentorship is None or leaver not in left.people or left.mentorship == ELSEWHERE


def agree(scenario: Scenario, id_: str, cap: int, count: int) -> None:
    """Check that the mentorship and its goals say the same of each other."""
    held = scenario.state("mentorship", id_)
    goals = {goal_id: scenario.state("goal", goal_id) for goal_id in (uid(f"goal {n}") for n in range(count))}
    placed = {goal_id: one for goal_id, one in goals.items() if one.open and one.mentorship == id_}
    assert dict(held.goals.items()) == {goal_id: one.owner for goal_id, one in placed.items()}
    active = {goal_id: one.owner for goal_id, one in placed.items() if one.state == "active"}
    assert dict(held.key_areas.items()) == active
    assert all(list(active.values()).count(owner) <= cap for owner in active.values())
    for one in placed.values():
        assert one.owner in held.parties or one.owner == f"mentorship:{id_}"
        assert all(person in held.parties for person in one.people)
