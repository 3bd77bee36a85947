"""Every condition: when it comes true, for whom, how often, and when it does not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from milepost_contracts.events import goal as events
from milepost_contracts.events import mentorship, programme
from milepost_contracts.testing import Story
from milepost_contracts.testing.story import uid
from milepost_contracts.types import Cadence, Origin, Party, Terms, TermsChange
from tests.plugins.rewards.rewarding import TODAY, WEEKLY, active, day, given, hosted, rule, shifted

FIRST = rule("first", when="first_milestone")
STREAK = rule("streak", when="streak", n=3)


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


# Streaks


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


# Deadlines


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


# Mentorships


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
