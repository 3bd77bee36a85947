"""Maya's goals with Ben: one from vague to achieved, one running, one paused."""

from __future__ import annotations

import datetime as dt

from milepost.sample.telling import Story, agree, begin, evaluate, measure, named, person, reading, talk
from milepost_contracts.commands import goal
from milepost_contracts.types import TermsChange


def presentations(tale: Story) -> None:
    """Tell of one that was declined, corrected, moved and achieved."""
    name = "presentations"
    begin(tale, name, "maya", "ben", "get better at presentations", focus="skill", horizon="short", priority=1)
    tale.say("maya", goal.ProposeGoal, name, revision=2)
    tale.say("ben", goal.DeclineGoal, name, reason="How would we both know that it got better?")
    tale.say(
        "maya",
        goal.RefineGoal,
        name,
        trigger="new_information",
        reason="Ben asked how we would know",
        changes=TermsChange(
            title="Present with confidence to colleagues",
            description="Three talks to other teams, one workshop, and what my peers say.",
        ),
    )
    measure(
        tale,
        "maya",
        name,
        "talks",
        "Internal presentations given",
        kind="count",
        direction="increase",
        unit="presentations",
        baseline="0",
        target="3",
    )
    measure(
        tale,
        "maya",
        name,
        "workshop",
        "Advanced workshop attended",
        kind="count",
        direction="increase",
        unit="workshops",
        baseline="0",
        target="1",
    )
    measure(
        tale,
        "ben",
        name,
        "score",
        "Score that my peers give",
        kind="average",
        direction="increase",
        unit="points of 10",
        baseline="5",
        target="8",
        samples_min=3,
        sources=[person("tom")],
    )
    tale.say("maya", goal.AddContributor, name, ref=person("tom"), role="peer")
    tale.say("maya", goal.SetDeadline, name, new=tale.day(-10))
    evaluate(tale, "ben", name)
    agree(tale, "maya", "ben", name, 7)
    tale.say(
        "maya",
        goal.AddMilestone,
        name,
        milestone=named("milestone", name, "first"),
        title="First talk given",
        due_on=tale.day(-80),
    )
    tale.say(
        "maya",
        goal.AddAction,
        name,
        action=named("action", name, "book"),
        title="Book the workshop",
        due_on=tale.day(-90),
    )
    tale.say("maya", goal.CompleteAction, name, action=named("action", name, "book"), completed_on=tale.day(-91))
    reading(tale, "maya", name, "talks", -82, reading="1")
    tale.say("maya", goal.HitMilestone, name, milestone=named("milestone", name, "first"), hit_on=tale.day(-82))
    tale.say(
        "maya",
        goal.RetractMilestoneHit,
        name,
        milestone=named("milestone", name, "first"),
        reason="That was a rehearsal in our own team, not the talk we meant",
    )
    talk(
        tale,
        "maya",
        "ben",
        name,
        1,
        -77,
        progress="0.2",
        confidence=5,
        obstacles=["Stage fright"],
        wins=["Spoke without notes for the first time"],
        next_step="Ask the data team for a slot",
    )
    tale.say("maya", goal.HitMilestone, name, milestone=named("milestone", name, "first"), hit_on=tale.day(-70))
    reading(tale, "maya", name, "workshop", -60, reading="1", note="Two days, with video feedback")
    for days, score in ((-58, "7"), (-44, "9"), (-30, "9")):
        reading(tale, "tom", name, "score", days, reading=score, source=person("tom"))
    tale.say(
        "maya",
        goal.ShiftDeadline,
        name,
        new=tale.day(20),
        reason_code="dependency",
        reason="The sales team's meeting was moved to next month",
    )
    tale.say("ben", goal.AgreeGoal, name, revision=8)
    for days in (-25, -6):
        reading(tale, "maya", name, "talks", days, reading="1")
    talk(tale, "ben", "maya", name, 2, -5, progress="1", confidence=9, wins=["A talk to forty people"])
    tale.say(
        "tom",
        goal.GiveFeedback,
        name,
        feedback=named("feedback", name, "tom"),
        rating=5,
        text="Clear, calm, and funny. I would come again.",
        about=person("maya"),
    )
    tale.say(
        "maya",
        goal.CloseGoal,
        name,
        result="achieved",
        closed_on=tale.day(-2),
        score="1",
        retrospective="The workshop mattered less than the three friendly audiences.",
    )


def leader(tale: Story) -> None:
    """Tell of a consecutive measure with two yes-or-no ones, the manager as a source; active."""
    name = "leader"
    begin(tale, name, "maya", "ben", "become a better leader", focus="skill", priority=2)
    tale.say(
        "maya",
        goal.RefineGoal,
        name,
        trigger="new_information",
        changes=TermsChange(title="Lead our stand-up and its follow-up"),
    )
    measure(
        tale,
        "maya",
        name,
        "stand-ups",
        "Stand-ups led in a row",
        kind="consecutive",
        direction="increase",
        unit="stand-ups",
        target="2",
        period="week",
    )
    measure(
        tale,
        "maya",
        name,
        "outcomes",
        "Outcomes documented",
        kind="binary",
        direction="increase",
        unit="yes or no",
        target="1",
    )
    measure(
        tale,
        "maya",
        name,
        "manager",
        "My manager's feedback",
        kind="binary",
        direction="increase",
        unit="yes or no",
        target="1",
        sources=[person("ines")],
    )
    first = (tale.today.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
    tale.say("maya", goal.SetDeadline, name, new=first)
    tale.say("maya", goal.AddContributor, name, ref=person("ines"), role="manager")
    evaluate(tale, "ben", name)
    agree(tale, "maya", "ben", name, 7)
    reading(tale, "maya", name, "stand-ups", -14, reading=True)
    reading(tale, "maya", name, "stand-ups", -7, reading=True)
    reading(tale, "ines", name, "manager", -3, reading=True, source=person("ines"))
    talk(tale, "ben", "maya", name, 1, -20, confidence=6, next_step="Write down what was decided")


def lead_team(tale: Story) -> None:
    """Tell of one broken into actions, planned backward from the deadline; paused while its project waits."""
    name = "lead-team"
    begin(tale, name, "maya", "ben", "lead a cross-functional team by year-end", focus="career", horizon="long")
    measure(
        tale,
        "maya",
        name,
        "meetings",
        "Meetings facilitated",
        kind="recurring",
        direction="increase",
        unit="meetings",
        target="1",
        period="month",
        periods_required=3,
    )
    tale.say("maya", goal.SetDeadline, name, new=tale.day(120))
    tale.say(
        "maya",
        goal.AddAction,
        name,
        action=named("action", name, "shadow"),
        title="Shadow a lead this month",
        due_on=tale.day(20),
    )
    tale.say(
        "maya",
        goal.AddAction,
        name,
        action=named("action", name, "module"),
        due_on=tale.day(90),
        title="Take the project-management module next quarter",
    )
    evaluate(tale, "ben", name)
    agree(tale, "maya", "ben", name, 4)
    reading(tale, "maya", name, "meetings", -12, reading="1")
    tale.say("maya", goal.AlignGoal, "leader", parent=named("goal", name), weight="0.5")
    tale.say("maya", goal.PauseGoal, name, reason="The project starts two months later than planned")
