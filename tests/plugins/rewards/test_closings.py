"""Deadlines held and goals achieved early: by which deadline, on which day, with which result."""

from __future__ import annotations

import datetime as dt

import pytest

from milepost_contracts.events import goal as events
from milepost_contracts.testing import Story
from milepost_contracts.types import Origin, Party, Terms
from tests.plugins.rewards.rewarding import active, day, given, hosted, rule, shifted


@pytest.mark.parametrize(("closed", "result", "count"), [(30, "achieved", 1), (31, "achieved", 0), (30, "missed", 0)])
def test_a_deadline_is_held_until_its_last_day(closed: int, result: str, count: int) -> None:
    """Closed as achieved on the day of the deadline is held; a day later, or missed, is not."""
    story = Story()
    goal = active(story, deadline=day(30))
    goal.close(result, on=day(closed))
    host = hosted(story, rule(when="deadline_held"))
    host.deliver(*story.documents)
    assert len(host.grants) == count


def test_other_results_are_rewarded_where_a_rule_says_so() -> None:
    """`only.result` replaces `achieved`."""
    story = Story()
    goal = active(story, deadline=day(30))
    goal.close("partially_achieved", on=day(30))
    host = hosted(story, rule(when="deadline_held", only={"result": ["achieved", "partially_achieved"]}))
    host.deliver(*story.documents)
    assert len(host.grants) == 1


def test_a_goal_without_a_deadline_holds_none() -> None:
    """Nothing was promised, so nothing was kept or beaten."""
    story = Story()
    active(story).close(on=day(1))
    host = hosted(story, rule("held", when="deadline_held"), rule("early", when="achieved_early", days=1))
    host.deliver(*story.documents)
    assert given(host) == []


@pytest.mark.parametrize(("closed", "count"), [(16, 1), (17, 0)])
def test_early_is_so_many_days_before(closed: int, count: int) -> None:
    """Fourteen days before the deadline are early enough for `days = 14`, thirteen are not."""
    story = Story()
    goal = active(story, deadline=day(30))
    goal.close(on=day(closed))
    host = hosted(story, rule(when="achieved_early", days=14))
    host.deliver(*story.documents)
    assert len(host.grants) == count


@pytest.mark.parametrize(
    ("deadline", "shifted_on", "count"),
    [("present", 29, 1), ("present", 31, 1), ("timely", 30, 1), ("timely", 31, 0), ("original", 29, 0)],
)
def test_which_deadline_counts(deadline: str, shifted_on: int, count: int) -> None:
    """A goal due on day 30 is shifted to day 60 and closed on day 40: held or not as the rule says."""
    story = Story()
    goal = active(story, deadline=day(30))
    shifted(goal, day(30), day(60), occurred=dt.datetime.combine(day(shifted_on), dt.time(12), dt.UTC))
    goal.close(on=day(40))
    host = hosted(story, rule(when="deadline_held", deadline=deadline))
    host.deliver(*story.documents)
    assert len(host.grants) == count


def test_what_is_shifted_before_activation_is_still_the_original() -> None:
    """Of a draft the deadline is planned, not missed; set after activation, the first one is the original."""
    story = Story()
    draft = story.goal(story.person("mentee"), name="draft", deadline=day(5))
    shifted(draft, day(5), day(30))
    draft.add(events.Activated(revision=2, activated_on=day(6)))
    draft.close(on=day(20))
    later = active(story, name="later")
    later.add(events.DeadlineSet(new=day(30)))
    shifted(later, day(30), day(10))
    later.close(on=day(20))
    host = hosted(story, rule(when="deadline_held", deadline="original"))
    host.deliver(*story.documents)
    assert [grant.aggregate_id for grant in host.grants] == [draft.id, later.id]


def test_an_imported_goal_is_known_as_it_came() -> None:
    """A goal from elsewhere has its kind, deadline and streaks; its closing elsewhere is no event to reward."""
    story = Story()
    mentee = story.person("mentee")
    terms = Terms(title="Speak", owner=mentee, parties=[Party(ref=mentee, role="mentee")], deadline=day(30))
    goal = story.goal(mentee, name="here")
    for name, state in (("active", "active"), ("paused", "paused"), ("closed", "closed")):
        of = story.goal(mentee, name=name)
        story.documents.pop()
        of.add(events.Imported(origin=Origin(system="old"), as_of=day(-30), state=state, terms=terms))
        if name == "paused":
            of.add(events.Resumed(resumed_on=day(0), revision=1))
        if name == "closed":
            of.add(events.Reopened(reopened_on=day(0), revision=1, reason="Not yet"))
        of.check_in(f"{name} 1", on=day(-29)), of.check_in(f"{name} 2", on=day(1))
        of.close(on=day(2))
    goal.hit()
    host = hosted(story, rule("held", when="deadline_held"), rule("streak", when="streak", n=2, gap_days=7))
    host.deliver(*story.documents)
    assert given(host) == ["held mentee"] * 3 + ["streak mentee"] * 2
