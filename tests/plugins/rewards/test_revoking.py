"""Whatever takes a cause back, or puts right what a reward rests on, takes the reward with it; nothing else does."""

from __future__ import annotations

from typing import Any

import pytest

from milepost_contracts.events import goal as events
from milepost_contracts.testing import Story, StoryGoal
from milepost_contracts.testing.story import uid
from milepost_contracts.types import Cadence, Reading, Schedule
from tests.plugins.rewards.rewarding import WEEKLY, active, amended, day, given, hosted, moved, rule

HELD = rule("held", when="deadline_held", to="both")
STREAK = rule("streak", when="streak", n=3)


def _feedback(goal: StoryGoal) -> Any:
    return goal.add(events.FeedbackGiven(feedback=uid("feedback"), text="Well done"))


def _action(goal: StoryGoal) -> Any:
    return goal.add(events.ActionCompleted(action=uid("action"), completed_on=day(1)))


@pytest.mark.parametrize(
    ("on", "happens"),
    [
        ("goal.milestone_hit", lambda goal: goal.hit()),
        ("goal.check_in_held", lambda goal: goal.check_in()),
        ("goal.progress_recorded", lambda goal: goal.reading("1")),
        ("goal.feedback_given", _feedback),
        ("goal.action_completed", _action),
        ("goal.closed", lambda goal: goal.close("missed")),
    ],
)
def test_what_is_taken_back_takes_its_reward(on: str, happens: Any) -> None:
    """Of every event that can be taken back, the reward falls with it, for everybody."""
    story = Story()
    goal = active(story)
    cause = happens(goal)
    host = hosted(story, rule(on=on, to="both"))
    host.deliver(*story.documents)
    assert given(host) == ["rule mentee", "rule mentor"]
    back = goal.retract(cause)
    host.deliver(back)
    assert given(host) == []
    assert {grant.revoked_by for _, grant in host.stored.grants.values()} == {back.id}
    assert [name for name, _ in host.facts] == ["reward_granted"] * 2 + ["reward_revoked"] * 2


def test_a_reading_that_is_put_right_was_still_recorded() -> None:
    """A correction leaves the reward, striking the reading takes it."""
    story = Story()
    goal = active(story)
    reading = goal.reading("1")
    corrected = events.ProgressCorrected(
        corrects=reading.id,
        measure=uid("measure"),
        before=Reading(reading="1"),
        after=Reading(reading="2"),
        reason="Typo",
    )
    goal.add(corrected)
    host = hosted(story, rule(on="goal.progress_recorded"))
    host.deliver(*story.documents)
    assert given(host) == ["rule mentee"]
    host.deliver(goal.retract(reading))
    assert given(host) == []


def test_where_the_first_hit_is_retracted_the_next_one_is_first() -> None:
    """The reward moves to the hit that still stands, and falls when that is retracted too."""
    story = Story()
    goal = active(story)
    first, second = goal.hit("First"), goal.hit("Second")
    host = hosted(story, rule("first", when="first_milestone"))
    host.deliver(*story.documents)
    back = goal.retract(first)
    host.deliver(back)
    assert [grant.cause for grant in host.grants] == [back.id]
    host.deliver(goal.retract(second))
    assert host.grants == []
    third = goal.hit("Third")
    host.deliver(third)
    assert [grant.cause for grant in host.grants] == [third.id]


def test_a_closing_is_rewarded_as_it_is_amended() -> None:
    """From achieved to missed the reward falls, back to achieved it is given anew, and reopening takes it."""
    story = Story()
    goal = active(story, deadline=day(9))
    closed = goal.close(on=day(1))
    host = hosted(story, HELD)
    host.deliver(*story.documents)
    assert {grant.cause for grant in host.grants} == {closed.id}
    host.deliver(amended(goal, "achieved", "missed"))
    assert given(host) == []
    again = amended(goal, "missed", "achieved")
    host.deliver(again)
    assert {grant.cause for grant in host.grants} == {again.id}
    host.deliver(amended(goal, "achieved", "achieved"))
    assert {grant.cause for grant in host.grants} == {again.id}
    host.deliver(goal.retract(closed))
    assert given(host) == []
    host.deliver(goal.close(on=day(2)))
    assert given(host) == ["held mentee", "held mentor"]
    assert len(host.stored.grants) == 6


def test_an_amended_closing_falls_although_its_rule_is_gone() -> None:
    """What was given for one result is not given for another, whatever rules there are; a streak stays what it was."""
    story = Story()
    goal = active(story, deadline=day(9))
    for number in range(3):
        goal.check_in(f"{number}", on=day(number))
    goal.close(on=day(3))
    host = hosted(story, HELD, STREAK)
    host.deliver(*story.documents)
    other = hosted(story, rule("other", on="goal.activated"))
    other.stored = host.stored
    other.crash_after_commit()
    other.deliver(amended(goal, "achieved", "achieved"))
    assert given(other) == ["held mentee", "held mentor", "streak mentee"]
    other.deliver(amended(goal, "achieved", "partially_achieved"))
    assert given(other) == ["streak mentee"]
    other.deliver(goal.add(events.CheckInVoided(check_in=uid("1"), reason="Not held")))
    assert given(other) == []


def test_an_amended_closing_is_decided_anew_from_the_first_rule() -> None:
    """Missed it earns a consolation, amended to achieved the first rule's reward instead of it, not beside it."""
    story = Story()
    goal = active(story, deadline=day(9))
    goal.close("missed", on=day(1))
    host = hosted(story, rule("held", when="deadline_held"), rule("closed", on="goal.closed"))
    host.deliver(*story.documents)
    assert given(host) == ["closed mentee"]
    host.deliver(amended(goal, "missed", "achieved"))
    assert given(host) == ["held mentee"]
    host.deliver(amended(goal, "achieved", "partially_achieved"))
    assert given(host) == ["closed mentee"]


# Streaks


def _streak(story: Story, **members: Any) -> StoryGoal:
    goal = active(story, cadence=WEEKLY)
    for week in range(3):
        goal.check_in(f"{week}", on=day(7 * week))
    return goal


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_voided_check_in_breaks_the_streak_that_rests_on_it(number: int) -> None:
    """Whichever of its check-ins is voided, the cause or one before it, the streak falls."""
    story = Story()
    goal = _streak(story)
    host = hosted(story, STREAK)
    host.deliver(*story.documents)
    assert given(host) == ["streak mentee"]
    host.deliver(goal.add(events.CheckInVoided(check_in=uid(f"{number}"), reason="Not held")))
    assert given(host) == []
    host.deliver(goal.check_in("told anew", on=day(7 * number)))
    assert given(host) == ["streak mentee"]


def test_a_streak_that_still_is_one_is_given_anew() -> None:
    """Of four check-ins in a row the first is voided: three are left, so a reward for three stands."""
    story = Story()
    goal = _streak(story)
    goal.check_in("3", on=day(21))
    host = hosted(story, STREAK)
    host.deliver(*story.documents)
    voided = goal.add(events.CheckInVoided(check_in=uid("0"), reason="Not held"))
    host.deliver(voided)
    assert [grant.cause for grant in host.grants] == [voided.id]
    assert sorted(name for name, _ in host.facts) == ["reward_granted", "reward_granted", "reward_revoked"]
    host.deliver(goal.add(events.CheckInVoided(check_in=uid("2"), reason="Not held")))
    assert given(host) == []


def test_a_check_in_that_moves_breaks_or_completes_a_streak() -> None:
    """A date within its window changes nothing; one in another window breaks the streak, and back it completes it."""
    story = Story()
    goal = _streak(story)
    host = hosted(story, STREAK)
    host.deliver(*story.documents)
    before = host.grants
    host.deliver(moved(goal, "1", day(9)))
    assert host.grants == before
    host.deliver(moved(goal, "1", day(40)))
    assert given(host) == []
    back = moved(goal, "1", day(6))
    host.deliver(back)
    assert [grant.cause for grant in host.grants] == [back.id]
    host.deliver(goal.add(events.CheckInAmended(check_in=uid("1"), confidence=7)), moved(goal, "unknown", day(1)))
    assert [grant.cause for grant in host.grants] == [back.id]


def test_a_rhythm_that_changes_breaks_no_streak_of_before() -> None:
    """A streak is judged by the rhythm it was earned by; only its own check-ins can break it."""
    story = Story()
    goal = _streak(story)
    host = hosted(story, STREAK)
    host.deliver(*story.documents)
    host.deliver(goal.add(events.ScheduleSet(before=Schedule(cadence=WEEKLY), after=Schedule(cadence=_daily()))))
    goal.check_in("other", on=day(70))
    host.deliver(*story.documents)
    host.deliver(goal.add(events.CheckInVoided(check_in=uid("other"), reason="Not held")))
    assert given(host) == ["streak mentee"]
    host.deliver(goal.add(events.CheckInVoided(check_in=uid("1"), reason="Not held")))
    assert given(host) == []


def _daily() -> Cadence:
    return Cadence(rhythm="days", days=1, anchor=day(0))


def test_what_came_before_is_not_counted_again() -> None:
    """Delivered again without a position, everything is recognised: no grant, fact or effect is added."""
    story = Story()
    goal = _streak(story)
    first = goal.hit("First")
    goal.hit("Second")
    goal.retract(first)
    goal.add(events.CheckInVoided(check_in=uid("2"), reason="Not held"))
    goal.check_in("2 again", on=day(14))
    goal.add(events.Paused(paused_on=day(15), reason="Away"))
    goal.add(events.Resumed(resumed_on=day(18), revision=1))
    goal.close(on=day(20))
    rules = (
        STREAK,
        rule("first", when="first_milestone"),
        rule("hit", on="goal.milestone_hit"),
        rule(on="goal.closed"),
    )
    host = hosted(story, *rules, secrets={"channel": ["json://127.0.0.1:9/"]})
    host.deliver(*story.documents)
    before = (host.stored.grants.copy(), host.stored.facts.copy(), host.stored.outbox.copy(), host.state)
    assert len(host.grants) == 4
    host.redeliver(forgotten=True)
    assert (host.stored.grants, host.stored.facts, host.stored.outbox, host.state) == before
