"""Streaks of check-ins: with a rhythm and without, told late, across pauses, once and again."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from milepost_contracts.events import goal as events
from milepost_contracts.events import mentorship, programme
from milepost_contracts.testing import Story
from milepost_contracts.testing.story import uid
from milepost_contracts.types import Cadence, Party
from tests.plugins.rewards.rewarding import TODAY, WEEKLY, active, day, given, hosted, rule

STREAK = rule("streak", when="streak", n=3)


def test_a_streak_with_a_rhythm_is_of_due_dates_met() -> None:
    """Two talks for one due date are one; a due date missed begins the streak anew."""
    story = Story()
    goal = active(story, cadence=WEEKLY)
    host = hosted(story, STREAK)
    for number in (0, 1, 7, 21, 28):
        goal.check_in(f"{number}", on=day(number))
    host.deliver(*story.documents)
    assert given(host) == []
    last = goal.check_in("35", on=day(35))
    host.deliver(last)
    assert [(grant.cause, grant.reward.once) for grant in host.grants] == [(last.id, f"streak/{goal.id}/0")]


def test_a_check_in_told_late_counts_when_it_was_held() -> None:
    """The one that was missing is told weeks later: the streak it closes is rewarded, with it as the cause."""
    story = Story()
    goal = active(story, cadence=WEEKLY)
    goal.check_in("0", on=day(0)), goal.check_in("14", on=day(14))
    story.now += dt.timedelta(days=60)
    late = goal.check_in("7", on=day(7))
    host = hosted(story, STREAK)
    host.deliver(*story.documents)
    assert [grant.cause for grant in host.grants] == [late.id]


def test_a_streak_is_rewarded_again_where_the_rule_repeats() -> None:
    """Seven check-ins are two streaks of three; without `repeat` they are one."""
    story = Story()
    goal = active(story, cadence=WEEKLY)
    for week in range(7):
        goal.check_in(f"{week}", on=day(7 * week))
    again, once = hosted(story, STREAK | {"repeat": True}), hosted(story, STREAK)
    again.deliver(*story.documents)
    once.deliver(*story.documents)
    assert [grant.reward.once[-2:] for grant in again.grants] == ["/0", "/1"]
    assert given(once) == ["streak mentee"]


def test_a_late_check_in_that_completes_two_blocks_is_rewarded_for_one_and_the_next_for_the_other() -> None:
    """One event brings one reward of a rule to a person; nothing that was earned is lost."""
    story = Story()
    goal = active(story, cadence=WEEKLY)
    for week in (0, 1, 3, 4):
        goal.check_in(f"{week}", on=day(7 * week))
    host = hosted(story, STREAK | {"repeat": True, "n": 2})
    host.deliver(*story.documents)
    assert len(host.grants) == 2
    for week in (6, 8):
        host.deliver(goal.check_in(f"{week}", on=day(7 * week)))
    host.deliver(goal.check_in("7", on=day(7 * 7)))
    assert len(host.grants) == 3
    host.deliver(goal.check_in("9", on=day(7 * 9)))
    assert len(host.grants) == 4


def test_a_pause_breaks_no_streak() -> None:
    """Due dates within a pause are expected of nobody; so are those between closing and reopening."""
    story = Story()
    goal = active(story, cadence=WEEKLY)
    host = hosted(story, STREAK)
    goal.check_in("0", on=day(0))
    goal.add(events.Paused(paused_on=day(5), reason="Away"))
    goal.add(events.Resumed(resumed_on=day(27), revision=1))
    goal.check_in("28", on=day(28))
    goal.add(events.Closed(result="missed", closed_on=day(30)))
    goal.add(events.Reopened(reopened_on=day(48), revision=1, reason="Not yet"))
    goal.check_in("49", on=day(49))
    host.deliver(*story.documents)
    assert given(host) == ["streak mentee"]


def test_check_ins_from_before_the_activation_meet_no_due_date() -> None:
    """What is talked about while a goal is proposed is expected of nobody, as in Milepost's own streaks."""
    story = Story()
    goal = active(story, cadence=WEEKLY)
    for week in (-2, -1, 0):
        goal.check_in(f"{week}", on=day(7 * week))
    host = hosted(story, STREAK)
    host.deliver(*story.documents)
    assert given(host) == []


@pytest.mark.parametrize("where", ["mentorship", "programme"])
def test_a_goal_without_a_rhythm_has_that_of_its_mentorship_or_programme(where: str) -> None:
    """Fortnightly talks keep a fortnightly rhythm, and not the weekly one that was set before."""
    story = Story()
    weekly, fortnightly = WEEKLY, Cadence(rhythm="bi_weekly", anchor=TODAY)
    pair, of = uid("pair"), uid("programme")
    parties = [Party(ref=story.person("mentee"), role="mentee")]
    requested = mentorship.Requested(
        requester=story.person("mentee"),
        parties=parties,
        format="one_to_one",
        cadence=weekly if where[0] == "m" else None,
    )
    story.add(requested, by=story.person("mentee"), id_=pair)
    story.add(programme.Created(title="Growth", admins=[], cadence=weekly), by=story.person("mentee"), id_=of)
    kind: Any = mentorship.CadenceSet if where == "mentorship" else programme.CadenceSet
    aggregate = pair if where == "mentorship" else of
    story.add(kind(after=fortnightly), by=story.person("mentee"), id_=aggregate)
    goal = story.goal(story.person("mentee"))
    goal.mentorship, goal.programme = pair, of
    goal.add(events.Activated(revision=1, activated_on=TODAY))
    for number in (0, 14, 28):
        goal.check_in(f"{number}", on=day(number))
    host = hosted(story, STREAK | {"gap_days": 1})
    host.deliver(*story.documents)
    assert given(host) == ["streak mentee"]


@pytest.mark.parametrize(("gap_days", "count"), [(10, 1), (9, 0)])
def test_without_a_rhythm_the_longest_gap_counts(gap_days: int, count: int) -> None:
    """Ten days between talks are a streak where ten are allowed, and none where nine are; two on a day are one."""
    story = Story()
    goal = active(story)
    for name, number in (("a", 0), ("b", 0), ("c", 10), ("d", 20)):
        goal.check_in(name, on=day(number))
    host = hosted(story, STREAK | {"gap_days": gap_days})
    host.deliver(*story.documents)
    assert len(host.grants) == count


def test_days_of_a_pause_make_no_gap_longer() -> None:
    """Fifty days with forty of pause in between are a gap of ten."""
    story = Story()
    goal = active(story)
    goal.check_in("a", on=day(0)), goal.check_in("b", on=day(1))
    goal.add(events.Paused(paused_on=day(6), reason="Away"))
    goal.add(events.Resumed(resumed_on=day(46), revision=1))
    goal.check_in("c", on=day(51))
    host = hosted(story, STREAK | {"gap_days": 10})
    host.deliver(*story.documents)
    assert given(host) == ["streak mentee"]
