"""History that comes again, with state or with grants alone, is taken as it was: nothing more or less is given."""

from __future__ import annotations

from typing import Any

import pytest

from milepost_contracts.events import goal as events
from milepost_contracts.testing import Host, Story, StoryGoal
from tests.plugins.rewards.rewarding import WEEKLY, active, amended, day, given, hosted, rule

LIMITED = rule("talk", on="goal.check_in_held", limit={"at_most": 1, "per": "month"})


def _replayed(host: Host, *rules: dict[str, Any]) -> Host:
    """Return another host as after `milepost plugins replay`: state is gone, grants are there, history comes again."""
    again = hosted(host.story, *rules)
    again.stored.grants.update(host.stored.grants)
    again.deliver(*host.story.documents, mode="replay")
    return again


def _talks(story: Story) -> StoryGoal:
    """Tell of two talks in a month, of which the first is voided afterwards."""
    goal = active(story)
    first = goal.check_in("1", on=day(1))
    goal.check_in("2", on=day(2))
    goal.retract(first)
    return goal


def test_an_event_that_comes_again_is_recognised() -> None:
    """When the second talk came, the limit was reached; that it is not any more does not make a reward of it."""
    story = Story()
    goal = _talks(story)
    host = hosted(story, LIMITED)
    host.deliver(*story.documents)
    host.redeliver(forgotten=True)
    assert given(host) == []
    host.deliver(goal.check_in("3", on=day(3)))
    assert given(host) == ["talk mentee"]


def test_read_again_beside_its_grants_history_comes_to_the_same() -> None:
    """A reward that was taken back later counted when the second talk came, and counts no more when the third does."""
    story = Story()
    goal = _talks(story)
    host = hosted(story, LIMITED)
    host.deliver(*story.documents)
    again = _replayed(host, LIMITED)
    assert again.stored.grants == host.stored.grants
    again.deliver(goal.check_in("3", on=day(3)))
    assert given(again) == ["talk mentee"]


def test_streaks_read_again_rest_on_what_they_rested_on() -> None:
    """Two rewards of a streak, one of them revoked: afterwards the one that stands falls with its own check-ins."""
    story = Story()
    goal = active(story)
    talks = [goal.check_in(f"{number}", on=day(number)) for number in range(4)]
    goal.retract(talks[0])
    streak = rule("streak", when="streak", n=2, repeat=True, gap_days=1)
    host = hosted(story, streak)
    host.deliver(*story.documents)
    assert [grant.cause for grant in host.grants] == [talks[3].id]
    again = _replayed(host, streak)
    assert again.stored.grants == host.stored.grants
    again.deliver(goal.retract(talks[2]))
    assert again.grants == []


def test_a_rule_that_is_new_gives_nothing_for_events_that_were_rewarded() -> None:
    """Put before the others and asked of history, it gives for what nobody gave for, and for nothing else."""
    story = Story()
    goal = active(story)
    goal.hit("1"), goal.check_in()
    hit = rule("hit", on="goal.milestone_hit")
    host = hosted(story, hit)
    host.deliver(*story.documents)
    again = _replayed(host, rule("new", on="goal.milestone_hit"), rule("talk", on="goal.check_in_held"), hit)
    assert given(again) == ["hit mentee", "talk mentee"]


def test_who_has_it_already_leaves_the_event_to_the_next_rule() -> None:
    """A rule that is once for a goal gives nothing for the second event, so another one may."""
    story = Story()
    goal = active(story)
    goal.hit("1"), goal.hit("2")
    host = hosted(story, rule("once", on="goal.milestone_hit", once="goal"), rule("each", on="goal.milestone_hit"))
    host.deliver(*story.documents)
    assert given(host) == ["each mentee", "once mentee"]


@pytest.mark.parametrize("result", ["achieved", "missed"])
def test_a_closing_in_other_words_is_the_same_closing(result: str) -> None:
    """Amended without another result, a closing keeps its one reward and earns no second."""
    story = Story()
    goal = active(story, deadline=day(9))
    goal.close(result, on=day(1))
    host = hosted(story, rule("held", when="deadline_held"), rule("closed", on="goal.closed"))
    host.deliver(*story.documents)
    before = given(host)
    host.deliver(amended(goal, result, result))
    assert given(host) == before == [f"{'held' if result == 'achieved' else 'closed'} mentee"]


def test_a_paused_goal_that_was_closed_and_reopened_is_followed() -> None:
    """Closing ends no pause, reopening does; an amendment of a closing that was never heard of says nothing."""
    story = Story()
    goal = active(story, cadence=WEEKLY)
    goal.check_in("0", on=day(0))
    goal.add(events.Paused(paused_on=day(3), reason="Away"))
    goal.close("missed", on=day(5))
    goal.add(events.Reopened(reopened_on=day(20), revision=1, reason="Not yet"))
    goal.check_in("21", on=day(21))
    amended(active(story, name="unheard"), "missed", "achieved")
    host = hosted(story, rule("streak", when="streak", n=2), rule("closed", on="goal.closed", once="goal"))
    host.deliver(*story.documents)
    assert given(host) == ["streak mentee"]
    assert host.state[f"goal/{goal.id}"]["pauses"] == [["2026-03-05", "2026-03-22"]]


def test_nothing_is_noted_again_of_somebody_who_was_erased() -> None:
    """After an erasure, an event of before that comes to a plugin without state leaves nothing of the person."""
    story = Story()
    goal = active(story)
    hit = goal.hit("1")
    mentee = story.person("mentee")
    host = hosted(story, rule(on="goal.milestone_hit"))
    host.deliver(*story.documents)
    again = hosted(story, rule(on="goal.milestone_hit"))
    again.stored.grants.update(host.stored.grants)
    again.stored.state["acme", f"erased/{mentee}"] = b"1"
    again.deliver(hit)
    assert not any(key.startswith("given/") for key in again.state)
