# ruff: noqa: PLW0108  hooks are functions, and name what they are given
"""Rewards are given once for their cause, and taken back with it, whatever it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from milepost_contracts.context import Context
from milepost_contracts.events import goal as events
from milepost_contracts.plugin import Delivered, Grant, Mode, PluginError
from milepost_contracts.testing import Host, Story
from milepost_contracts.testing.host import HookFailed
from milepost_contracts.testing.story import StoryGoal, uid
from milepost_contracts.types import Reading
from tests.contracts.kit.plugins import MENTEE, MENTOR, Thankful, made, thanks

Tells = Callable[[StoryGoal], Delivered]


def action(goal: StoryGoal) -> Delivered:
    """Let an action be completed."""
    return goal.add(events.ActionCompleted(action=uid("action"), completed_on=goal.story.now.date()))


def feedback(goal: StoryGoal) -> Delivered:
    """Let feedback be given."""
    return goal.add(events.FeedbackGiven(feedback=uid("feedback"), text="Well said"), by=MENTOR)


CAUSES: dict[str, Tells] = {
    "hit": lambda goal: goal.hit(),
    "check-in": lambda goal: goal.check_in(),
    "reading": lambda goal: goal.reading("1"),
    "feedback": feedback,
    "action": action,
    "closing": lambda goal: goal.close(),
}


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def goal(story: Story) -> StoryGoal:
    return story.goal(MENTEE, MENTOR)


@pytest.mark.parametrize("cause", CAUSES)
def test_what_is_taken_back_takes_its_reward_with_it(cause: str, goal: StoryGoal) -> None:
    """Each thing that can be taken back reaches `on_retracted` with the event's id and the grants for it."""
    plugin = Thankful()
    with Host(plugin, story=goal.story) as host:
        other = goal.add(events.Tagged(added=["x"]))
        given = CAUSES[cause](goal)
        host.deliver(other, given)
        assert [(grant.cause, grant.reward.to) for grant in host.grants] == [(given.id, MENTEE)]
        retraction = goal.retract(given)
        host.deliver(retraction)
        assert plugin.told == [(retraction.name, given.id, 1)]
        assert (host.grants, host.state) == ([], {})
        told = [(name, data.get("revoked_by")) for name, data in host.facts]
        assert told == [("reward_granted", None), ("reward_revoked", retraction.id)]


@pytest.mark.parametrize("cause", CAUSES)
def test_a_plugin_may_let_it_stand(cause: str, goal: StoryGoal) -> None:
    """What `on_retracted` does not give back stays granted."""
    with Host(Thankful(keeps=True), story=goal.story) as host:
        given = CAUSES[cause](goal)
        host.deliver(given, goal.retract(given))
        assert [grant.cause for grant in host.grants] == [given.id]


@pytest.mark.parametrize("cause", CAUSES)
def test_it_can_be_earned_again(cause: str, goal: StoryGoal) -> None:
    """After a retraction the same thing done anew is another cause; the old event brings nothing back."""
    with Host(Thankful(), story=goal.story) as host:
        first = CAUSES[cause](goal)
        host.deliver(first, goal.retract(first))
        host.redeliver(forgotten=True)
        assert host.grants == []
        again = CAUSES[cause](goal)
        host.deliver(again)
        assert [grant.cause for grant in host.grants] == [again.id]
        host.deliver(goal.retract(again))
        assert host.grants == []


def test_a_reading_put_right_is_told_with_what_it_is_now(goal: StoryGoal) -> None:
    """A correction that strikes nothing is told too; the event says the reading's new value."""
    plugin = Thankful(keeps=True)
    with Host(plugin, story=goal.story) as host:
        given = goal.reading("1")
        fixed = events.ProgressCorrected(
            corrects=given.id, measure=given.data.measure, before=Reading(reading="1"), after=Reading(reading="2"),
            reason="A typing error",
        )  # fmt: skip
        corrected = goal.add(fixed)
        host.deliver(given, corrected, goal.retract(given))
        assert [name for name, _, _ in plugin.told] == ["goal.progress_corrected"] * 2
        assert {retracted for _, retracted, _ in plugin.told} == {given.id}


class Corrected(Thankful):
    """Gives a badge for what puts something right, too."""

    GIVES = ("goal.progress_recorded", "goal.progress_corrected", "goal.closed", "goal.closure_amended")


def test_what_was_given_for_a_correction_is_taken_back_with_the_reading(goal: StoryGoal) -> None:
    """A later correction names the first reading; what was given for one in between is among its grants."""
    with Host(Corrected(), story=goal.story) as host:
        given = goal.reading("1")
        fixed = events.ProgressCorrected(
            corrects=given.id, measure=given.data.measure, before=Reading(reading="1"), after=Reading(reading="2"),
            reason="A typing error",
        )  # fmt: skip
        corrected = goal.add(fixed)
        host.deliver(given, corrected)
        assert [grant.cause for grant in host.grants] == [corrected.id]
        struck = goal.retract(given)
        host.deliver(struck)
        assert [grant.cause for grant in host.grants] == [struck.id]


def test_what_was_given_for_an_amended_closing_is_taken_back_with_it(goal: StoryGoal) -> None:
    """Reopening takes back the closing and everything that was given for it meanwhile, and the next closing is new."""
    with Host(Corrected(), story=goal.story) as host:
        closed = goal.close()
        amended = goal.add(events.ClosureAmended(old_result="achieved", new_result="missed", reason="Too early"))
        host.deliver(closed, amended)
        assert {grant.cause for grant in host.grants} == {closed.id, amended.id}
        host.deliver(goal.retract(closed))
        assert host.grants == []
        again = goal.close()
        host.deliver(again)
        assert [grant.cause for grant in host.grants] == [again.id]


def test_what_never_came_is_not_taken_back(goal: StoryGoal) -> None:
    """A plugin that began later, or does not subscribe to the thing, is not told of its retraction by a note."""
    plugin = Thankful()
    with Host(plugin, story=goal.story) as host:
        for tells in (CAUSES["check-in"], CAUSES["action"], CAUSES["closing"]):
            host.deliver(goal.retract(tells(goal)))
        assert plugin.told == []
    plugin.GIVES = ("goal.closed",)
    with Host(plugin, story=goal.story) as host:
        assert not host.runner.concerns("goal.milestone_hit_retracted")
        assert host.runner.concerns("goal.reopened")


def test_a_reward_is_given_once_for_one_event(goal: StoryGoal) -> None:
    """Delivered again without a position, in replay too, an event grants nothing that it has granted."""
    goal.hit()
    modes: tuple[Mode, ...] = ("live", "replay")
    for mode in modes:
        with Host(Thankful(), story=goal.story, mode=mode) as host:
            host.deliver(*goal.story.documents)
            grants, facts = host.grants, host.facts
            host.redeliver(forgotten=True)
            assert (host.grants, host.facts) == (grants, facts)
            assert len(grants) == 1


def test_once_is_kept_as_long_as_it_stands(goal: StoryGoal) -> None:
    """`once` holds across events, per rule and person, until what was given is taken back."""
    plugin = made(
        _manifest={"subscriptions": ("goal.milestone_hit",)},
        decide_reward=lambda event: [
            thanks(rule="first", once=f"goal/{event.aggregate_id}/first"),
            thanks(rule="first", once=f"goal/{event.aggregate_id}/first", to=MENTOR),
            thanks(rule="each"),
        ],
    )
    with Host(plugin, story=goal.story) as host:
        first, second = goal.hit("one"), goal.hit("two")
        host.deliver(first, second)

        def given() -> list[tuple[str, bool, bool]]:
            return sorted((one.reward.rule, one.reward.to == MENTEE, one.cause == first.id) for one in host.grants)

        assert given() == [("each", True, False), ("each", True, True), ("first", False, True), ("first", True, True)]
        host.deliver(goal.retract(first), goal.hit("three"))
        assert [rule for rule, _, is_first in given() if is_first] == []
        assert [rule for rule, _, _ in given()] == ["each", "each", "first", "first"]


def test_the_code_of_a_voucher_is_in_no_fact(goal: StoryGoal) -> None:
    """Everybody may know that a voucher was given; its code is for the plugin's effect alone."""
    plugin = made(
        _manifest={"subscriptions": ("goal.milestone_hit",)},
        decide_reward=lambda: thanks(kind="voucher", code="SUMMER-2026"),
    )
    with Host(plugin, story=goal.story) as host:
        hit = goal.hit()
        host.deliver(hit, goal.retract(hit))
        kept = [grant for _, grant in host.stored.grants.values()]
        assert [grant.reward.code for grant in kept] == ["SUMMER-2026"]
        assert len(host.facts) == 2
        assert b"SUMMER" not in b"".join(fact.document for fact in host.stored.facts.values())


def test_only_what_stands_is_revoked_and_as_it_was_given(goal: StoryGoal) -> None:
    """What `on_retracted` gives back is looked up by its id: strangers and altered copies change nothing else."""

    def on_retracted(grants: list[Grant]) -> list[Grant]:
        stranger = msgspec.structs.replace(grants[0], id=uid("stranger"))
        altered = msgspec.structs.replace(grants[0], reward=thanks(title="Altered"))
        grants.clear()  # another part's list is its own
        return [stranger, altered, altered]

    revoked: list[Grant] = []
    plugin = made(
        _manifest={"subscriptions": ("goal.milestone_hit",)},
        decide_reward=lambda: thanks(),
        on_retracted=on_retracted,
        on_revoked=lambda grant: revoked.append(grant),
    )
    with Host(plugin, story=goal.story) as host:
        hit = goal.hit()
        host.deliver(hit, goal.retract(hit))
        assert [grant.reward.title for grant in revoked] == ["Well done"]
        assert host.grants == []


@pytest.mark.parametrize("given", [7, "all", {"x": 1}, [None], ["the first"], [object()]])
def test_a_retraction_answered_with_nonsense(given: Any, goal: StoryGoal) -> None:
    """It is a failure of the plugin, and nothing is revoked."""
    plugin = made(
        _manifest={"subscriptions": ("goal.milestone_hit",)}, decide_reward=lambda: thanks(), on_retracted=lambda: given
    )
    with Host(plugin, story=goal.story) as host:
        hit = goal.hit()
        host.deliver(hit)
        with pytest.raises(HookFailed) as caught:
            host.deliver(goal.retract(hit))
        assert caught.value.failure is not None
        assert (caught.value.failure.code, caught.value.failure.hook) == ("wrong_result", "on_retracted")
        assert len(host.grants) == 1


def test_grants_are_found_by_goal_and_person(story: Story) -> None:
    """What was given is there to be asked for: of a goal, to a person, standing or not, this turn's included."""
    seen: list[int] = []

    def on_granted(grant: Grant, context: Context) -> None:
        seen.append(len(context.grants(goal=grant.aggregate_id)))

    def on_event(event: Delivered, context: Context) -> None:
        if event.name == "goal.tagged":
            counts = [context.grants(goal=event.aggregate_id), context.grants(person=MENTOR), context.grants()]
            counts.append(context.grants(standing=False))
            seen.extend(map(len, counts))

    plugin = made(
        _manifest={"subscriptions": ("goal.milestone_hit", "goal.tagged")},
        decide_reward=lambda event: thanks() if event.name == "goal.milestone_hit" else None,
        on_granted=on_granted,
        on_event=on_event,
    )
    one, two = story.goal(MENTEE, name="one"), story.goal(MENTEE, name="two")
    first, second = one.hit("a"), one.hit("b")
    rest = [two.hit("a"), one.retract(first), one.add(events.Tagged(added=["x"]))]
    with Host(plugin, story=story) as host:
        host.deliver(first, second, *rest)
    assert seen == [1, 2, 1, 1, 0, 2, 3]


def test_nothing_is_revoked_without_a_cause(goal: StoryGoal) -> None:
    """A reward is taken back because of an event; a timer has none."""
    plugin = made(
        _manifest={"subscriptions": ("goal.milestone_hit",)},
        decide_reward=lambda: thanks(),
        on_event=lambda event, context: context.wake_at("later", event.recorded),
        on_timer=lambda context: context.revoke(context.grants()[0]),
    )
    with Host(plugin, story=goal.story) as host:
        host.deliver(goal.hit())
        with pytest.raises(HookFailed) as caught:
            host.advance(goal.story.now)
        assert isinstance(caught.value.__cause__, PluginError)
        assert caught.value.__cause__.code == "no_cause"
