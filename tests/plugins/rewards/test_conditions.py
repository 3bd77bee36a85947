"""Which events a rule rewards, for whom, how often, and which rule wins."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from milepost_contracts.events import goal as events
from milepost_contracts.events import mentorship
from milepost_contracts.testing import Story
from milepost_contracts.testing.story import uid
from milepost_contracts.types import Party, TermsChange
from tests.plugins.rewards.rewarding import active, day, given, hosted, rule

FIRST = rule("first", when="first_milestone")


def test_the_first_milestone_of_a_goal_is_rewarded_once() -> None:
    """The second hit of a goal is not its first; another goal has a first one of its own."""
    story = Story()
    one, other = active(story, name="one"), active(story, name="other")
    one.hit("First"), one.hit("Second"), other.hit("First")
    host = hosted(story, FIRST)
    host.deliver(*story.documents)
    assert given(host) == ["first mentee", "first mentee"]
    assert [grant.aggregate_id for grant in host.grants] == [one.id, other.id]


def test_a_milestone_told_late_does_not_make_a_second_first() -> None:
    """A hit that happened before the one that was rewarded is recorded after it: one reward stands."""
    story = Story()
    goal = active(story)
    goal.hit("Told", on=day(9)), goal.hit("Earlier", on=day(2))
    host = hosted(story, FIRST)
    host.deliver(*story.documents)
    assert given(host) == ["first mentee"]


@pytest.mark.parametrize(
    ("to", "people"),
    [
        ("mentee", ["rule mentee"]),
        ("mentor", ["rule mentor"]),
        ("both", ["rule mentee", "rule mentor"]),
        ("owner", ["rule mentee"]),
        ("parties", ["rule mentee", "rule mentor", "rule third"]),
    ],
)
def test_who_gets_it(to: str, people: list[str]) -> None:
    """A rule rewards by role; everybody gets a grant of their own."""
    story = Story()
    goal = story.goal(*map(story.person, ("mentee", "mentor", "third")))
    goal.hit()
    host = hosted(story, rule(on="goal.milestone_hit", to=to))
    host.deliver(*story.documents)
    assert given(host) == people


def test_the_owner_of_a_shared_goal_is_its_accountable_person() -> None:
    """A goal of a mentorship has no person as owner: the accountable one is rewarded, or nobody."""
    story = Story()
    goal = active(story)
    goal.owner = f"mentorship:{uid('pair')}"
    host = hosted(story, rule(on="goal.milestone_hit", to="owner"))
    goal.hit("a", by=story.person("mentee"))
    host.deliver(*story.documents)
    assert given(host) == []
    context = msgspec.structs.replace(goal.context, accountable=story.person("mentor"))
    hit = events.MilestoneHit(milestone=uid("b"), title="b", hit_on=day(1), due_on=day(1), ordinal=2)
    host.deliver(story.add(hit, by=story.person("mentee"), id_=goal.id, context=context))
    assert given(host) == ["rule mentor"]


def test_the_first_rule_that_gives_anything_wins() -> None:
    """A rule gives for an event only what those before it leave: a hit that is the first earns no points besides."""
    story = Story()
    goal = active(story)
    goal.hit("a"), goal.hit("b")
    points = rule("hit", on="goal.milestone_hit", give={"kind": "points", "title": "Hit", "points": 5})
    host = hosted(story, FIRST, points)
    host.deliver(*story.documents)
    assert [(grant.reward.rule, grant.reward.points) for grant in host.grants] == [("first", 0), ("hit", 5)]
    other = hosted(story, points, FIRST)
    other.deliver(*story.documents)
    assert given(other) == ["hit mentee", "hit mentee"]


@pytest.mark.parametrize(("once", "count"), [("event", 3), ("goal", 2), ("person", 1)], ids=["event", "goal", "person"])
def test_what_a_rule_is_once_for(once: str, count: int) -> None:
    """A plain rule gives one reward for each event, each goal or each person."""
    story = Story()
    one, other = active(story, name="one"), active(story, name="other")
    one.hit("a"), one.hit("b"), other.hit("c")
    host = hosted(story, rule(on="goal.milestone_hit", once=once))
    host.deliver(*story.documents)
    assert len(host.grants) == count


@pytest.mark.parametrize(
    ("per", "dates", "count"),
    [
        ("day", ["2026-03-02", "2026-03-02", "2026-03-03"], 2),
        ("week", ["2026-03-02", "2026-03-08", "2026-03-09"], 2),
        ("month", ["2026-03-02", "2026-03-31", "2026-04-01"], 2),
        ("quarter", ["2026-01-02", "2026-03-31", "2026-04-01"], 2),
        ("year", ["2025-12-31", "2026-01-01", "2026-12-31"], 2),
        ("ever", ["2024-12-31", "2025-01-01", "2026-12-31"], 1),
    ],
)
def test_limits_count_by_when_it_happened(per: str, dates: list[str], count: int) -> None:
    """Of rewards in one period the limit leaves the first, however late each is told."""
    story = Story()
    goal = active(story)
    for name in dates:
        goal.check_in(f"{name} {len(story.documents)}", on=dt.date.fromisoformat(name))
    host = hosted(story, rule(on="goal.check_in_held", limit={"at_most": 1, "per": per}))
    host.deliver(*story.documents)
    assert len(host.grants) == count


def test_where_a_limit_is_reached_the_next_rule_is_asked() -> None:
    """Beyond its limit a rule gives nothing, so another one may."""
    story = Story()
    goal = active(story)
    goal.hit("a"), goal.hit("b")
    host = hosted(
        story,
        rule("large", on="goal.milestone_hit", limit={"at_most": 1, "per": "ever"}),
        rule("small", on="goal.milestone_hit"),
    )
    host.deliver(*story.documents)
    assert given(host) == ["large mentee", "small mentee"]


@pytest.mark.parametrize(
    ("only", "count"),
    [
        ({"kind": "outcome"}, 1),
        ({"kind": ["smart", "exploratory"]}, 0),
        ({"focus": "skill"}, 1),
        ({"focus": "career"}, 0),
        ({"visibility": "programme"}, 1),
        ({"visibility": "private"}, 0),
        ({"programme": uid("programme")}, 1),
        ({"programme": uid("other")}, 0),
        ({"mentorship": uid("pair")}, 1),
        ({"cycle": uid("cycle")}, 1),
        ({"cycle": uid("other")}, 0),
        ({"tenant": "acme"}, 1),
        ({"tenant": "other"}, 0),
    ],
)
def test_rules_are_about_goals_as_they_are_then(only: dict[str, Any], count: int) -> None:
    """Kind, focus and visibility are followed as they change; place comes with the event."""
    story = Story()
    goal = story.goal(story.person("mentee"), focus="career", kind="smart")
    goal.programme, goal.mentorship, goal.cycle = uid("programme"), uid("pair"), uid("cycle")
    goal.add(
        events.Refined(
            before=TermsChange(kind="smart", focus="career"),
            after=TermsChange(kind="outcome", focus="skill"),
            trigger="other",
        )
    )
    goal.add(events.Refined(before=TermsChange(title="a"), after=TermsChange(title="b"), trigger="other"))
    goal.add(events.VisibilityChanged(old="private", new="programme"))
    goal.hit()
    host = hosted(story, rule(on="goal.milestone_hit", only=only))
    host.deliver(*story.documents)
    assert len(host.grants) == count


def test_since_and_until_go_by_when_it_happened() -> None:
    """A hit of before the campaign is not rewarded, although it is told during it; one of the last day is."""
    story = Story()
    goal = active(story)
    for number in (-1, 0, 7, 8):
        goal.hit(f"Day {number}", on=day(number))
    host = hosted(story, rule(on="goal.milestone_hit", since=day(0), until=day(7)))
    host.deliver(*story.documents)
    assert len(host.grants) == 2


def test_the_day_of_an_event_without_one_is_that_of_its_goals_zone() -> None:
    """Feedback of 23:30 UTC is the next day's in Kiritimati; an unknown zone counts as UTC."""
    story = Story(now=dt.datetime(2026, 3, 2, 23, 30, tzinfo=dt.UTC))
    for zone, count in (("Pacific/Kiritimati", 1), ("Nowhere/At_all", 0), ("America", 0)):
        goal = story.goal(story.person("mentee"), name=zone, time_zone=zone)
        goal.add(events.FeedbackGiven(feedback=uid(zone), text="Well done"), occurred=story.now)
        host = hosted(story, rule(on="goal.feedback_given", since="2026-03-03"))
        host.deliver(*story.documents[-2:])
        assert len(host.grants) == count, zone


def test_mentorships_are_rewarded_to_those_who_are_its_parties_then() -> None:
    """Parties who were replaced or left are not rewarded; a rule may be about one programme alone."""
    story = Story()
    mentee, mentor, third = map(story.person, ("mentee", "mentor", "third"))
    for name, of in (("one", uid("programme")), ("other", None)):
        parties = [Party(ref=mentee, role="mentee"), Party(ref=third, role="mentor"), Party(ref=mentor, role="peer")]
        requested = mentorship.Requested(requester=mentee, parties=parties, format="one_to_one", programme=of)
        story.add(requested, by=mentee, id_=uid(name))
        replaced = mentorship.PartyReplaced(old=third, new=Party(ref=mentor, role="mentor"), reason="Moved")
        story.add(replaced, by=mentee, id_=uid(name))
        story.add(mentorship.PartyRemoved(party=third, reason="Moved"), by=mentee, id_=uid(name))
        story.add(mentorship.Completed(completed_on=day(9)), by=mentee, id_=uid(name))
    host = hosted(story, rule(on="mentorship.completed", to="both", only={"programme": uid("programme")}, since=day(9)))
    host.deliver(*story.documents)
    assert given(host) == ["rule mentee", "rule mentor"]
    assert {grant.aggregate_id for grant in host.grants} == {uid("one")}
