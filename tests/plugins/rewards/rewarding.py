"""What these tests begin with: a goal under way, rules in a line, and what was granted in a line."""

from __future__ import annotations

import datetime as dt
from typing import Any

import milepost_rewards

from milepost_contracts.events import goal as events
from milepost_contracts.plugin import Delivered
from milepost_contracts.testing import Host, Story, StoryGoal
from milepost_contracts.testing.story import NOW, uid
from milepost_contracts.types import Cadence, Schedule

TODAY = NOW.date()  # a Monday
WEEKLY = Cadence(rhythm="weekly", anchor=TODAY)


def day(number: int) -> dt.date:
    """Return the day *number* days from the one on which stories begin."""
    return TODAY + dt.timedelta(days=number)


def rule(id_: str = "rule", **members: Any) -> dict[str, Any]:
    """Return a rule as an operator writes it; it gives a badge of its name unless told otherwise."""
    return {"id": id_, "give": {"kind": "badge", "title": id_.capitalize()}} | members


def hosted(story: Story, *rules: dict[str, Any], secrets: dict[str, Any] | None = None, **messages: Any) -> Host:
    """Return a host of the plugin with these rules."""
    return Host(milepost_rewards, config={"rules": list(rules), "messages": messages}, secrets=secrets, story=story)


def active(story: Story, *, name: str = "goal", cadence: Cadence | None = None, **terms: Any) -> StoryGoal:
    """Return a goal of a mentee and a mentor that is active since the first day."""
    goal = story.goal(story.person("mentee"), story.person("mentor"), name=name, **terms)
    if cadence is not None:
        goal.add(events.ScheduleSet(before=Schedule(), after=Schedule(cadence=cadence)))
    goal.add(events.Activated(revision=1, activated_on=TODAY))
    return goal


def amended(goal: StoryGoal, old: str, new: str) -> Delivered:
    """Let the closing of *goal* be amended."""
    return goal.add(events.ClosureAmended(old_result=old, new_result=new, reason="It was otherwise"))


def moved(goal: StoryGoal, name: str, on: dt.date) -> Delivered:
    """Let the check-in called *name* have been held on another day."""
    return goal.add(events.CheckInAmended(check_in=uid(name), held_on=on))


def shifted(goal: StoryGoal, old: dt.date, new: dt.date, *, occurred: dt.datetime | None = None) -> Delivered:
    """Let the deadline of *goal* be shifted."""
    event = events.DeadlineShifted(
        old=old, new=new, days=(new - old).days, reason="It takes longer", reason_code="estimate", revision=2
    )
    return goal.add(event, occurred=occurred)


def given(host: Host) -> list[str]:
    """Return the rules whose rewards stand, with their people, e.g. `rule mentee`, sorted."""
    names = {host.story.person(name): name for name in ("mentee", "mentor", "third")}
    return sorted(f"{grant.reward.rule} {names[grant.reward.to]}" for grant in host.grants)
