"""Given goals, when one is to serve another, then ..."""

from __future__ import annotations

import itertools

import pytest

from milepost.decide import Change
from milepost_contracts.commands.goal import AlignGoal, UnalignGoal
from milepost_contracts.events.goal import Aligned, ChildAligned, ChildUnaligned, Closed, Unaligned
from milepost_contracts.types import SeenAt
from tests.support.goals import created
from tests.support.scenario import ADMIN, GOAL, MENTEE, MENTOR, STRANGER, Scenario, acme, day, uid

PARENT = uid("parent")


def ladder(*names: str) -> Scenario:
    """Return goals of which each serves the next, GOAL beside them."""
    scenario = created()
    for name in names:
        created(scenario, id=uid(name), owner=MENTOR)
    for child, parent in itertools.pairwise(names):
        scenario.given(Aligned(parent=uid(parent), weight="1"), id=uid(child))
        scenario.given(ChildAligned(child=uid(child), weight="1"), id=uid(parent))
    return scenario


def align(scenario: Scenario, parent: str = "parent", weight: str = "0.5", by: str = MENTEE) -> Scenario:
    """Let *by* align GOAL."""
    return scenario.when(by, AlignGoal, parent=uid(parent), weight=weight)


def test_aligning() -> None:
    """A goal serves another, whoever owns that; the parent is told, and every ancestor read is in the frame."""
    scenario = align(ladder("parent", "top")).warned()
    frame = scenario.caused(Aligned).frame
    assert [seen for seen in frame if seen.aggregate == "goal"] == sorted(
        [SeenAt(aggregate="goal", id=PARENT, version=2), SeenAt(aggregate="goal", id=uid("top"), version=2)],
        key=lambda seen: seen.id,
    )
    scenario.then(
        Aligned(parent=PARENT, weight="0.5", frame=frame),
        Change("goal", PARENT, ChildAligned(child=GOAL, weight="0.5")),
    )
    assert dict(scenario.goal.parents.items()) == {PARENT: "0.5"}
    assert scenario.state("goal", PARENT).children[GOAL] == "0.5"


def test_another_weight() -> None:
    """The same weight, however it is written, changes nothing; another one is told again."""
    scenario = align(ladder("parent"))
    align(scenario, weight="0.50").nothing()
    align(scenario, weight="1").tags("aligned", "child_aligned")
    assert scenario.state("goal", PARENT).children[GOAL] == "1"


@pytest.mark.parametrize("weight", ["0", "-0.1", "1.000000001"])
def test_weights(weight: str) -> None:
    """A weight is above 0 and at most 1."""
    align(ladder("parent"), weight=weight).refused("weight_out_of_range")


def test_serving_itself() -> None:
    """No goal serves itself, directly or by way of others; the answer shows the way."""
    align(created(), "goal").refused("alignment_loop")
    scenario = ladder("parent", "middle")
    scenario.given(Aligned(parent=GOAL, weight="1"), id=uid("middle"))
    align(scenario).refused("alignment_loop")
    way = [GOAL, PARENT, uid("middle"), GOAL]
    assert scenario.problem("alignment_loop").details == {"path": way}


def test_two_ways_up() -> None:
    """That two ways lead to the same ancestor is no loop."""
    scenario = ladder("parent", "left", "top")
    created(scenario, id=uid("right")).given(Aligned(parent=uid("right"), weight="1"), id=PARENT)
    scenario.given(Aligned(parent=uid("top"), weight="1"), id=uid("right"))
    align(scenario).tags("aligned", "child_aligned")


def test_a_broken_history() -> None:
    """A loop among others, or a parent that nobody knows, keeps the search from nothing."""
    scenario = ladder("parent", "a", "b")
    scenario.given(Aligned(parent=uid("a"), weight="1"), id=uid("b"))
    scenario.given(Aligned(parent=uid("nowhere"), weight="1"), id=uid("b"))
    align(scenario).tags("aligned", "child_aligned")


def test_how_far_the_search_goes() -> None:
    """The search for a loop walks so many ancestors and refuses then."""
    tall = ladder("parent", "a", "b", "c")
    align(tall.limited(ancestors=3)).refused("limit_reached")
    assert tall.problem("limit_reached").details == {"limit": "ancestors", "allowed": 3}
    align(tall.limited(ancestors=4)).tags("aligned", "child_aligned")


def test_aligning_refused() -> None:
    """Unknown and closed goals, too many parents, other people: every reason at once."""
    scenario = ladder("parent", "other").limited(parents=1)
    align(scenario, "other")
    align(scenario, "nowhere", weight="2").refused("limit_reached", "parent_unknown", "weight_out_of_range")
    scenario.given(Closed(result="abandoned", closed_on=day(0)), id=PARENT)
    align(scenario.limited(parents=2)).refused("parent_closed")
    scenario.given(Closed(result="abandoned", closed_on=day(0)))
    align(scenario).refused("parent_closed", "goal_closed")
    align(scenario, by=STRANGER).refused("not_allowed")
    align(acme()).refused("goal_unknown")
    align(ladder("parent"), by=ADMIN).tags("aligned", "child_aligned")


def test_unaligning() -> None:
    """A goal serves another no longer; the parent is told. Where it does not, nothing changes."""
    scenario = align(ladder("parent"))
    scenario.when(MENTEE, UnalignGoal, parent=PARENT, reason="Too far off").then(
        Unaligned(parent=PARENT, reason="Too far off"), Change("goal", PARENT, ChildUnaligned(child=GOAL))
    )
    assert (dict(scenario.goal.parents.items()), GOAL in scenario.state("goal", PARENT).children) == ({}, False)
    scenario.when(MENTEE, UnalignGoal, parent=PARENT).nothing()
    scenario.when(MENTOR, UnalignGoal, parent=PARENT).refused("not_allowed")


def test_unaligning_from_nobody() -> None:
    """A parent that this tenant does not have is not told."""
    scenario = created().given(Aligned(parent=uid("nowhere"), weight="1"))
    scenario.when(MENTEE, UnalignGoal, parent=uid("nowhere")).tags("unaligned")
