"""Maya's second year with Ben: one goal from vague to achieved, one running, one paused."""

from __future__ import annotations

from milepost.sample.telling import (
    Story,
    action,
    agree,
    begin,
    close,
    done,
    evaluate,
    measure,
    named,
    person,
    reading,
    refine,
    talk,
)
from milepost_contracts.commands import goal

WEEKS = {"kind": "consecutive", "unit": "retrospectives", "target": "2", "period": "week"}
YES = {"kind": "binary", "unit": "yes or no", "target": "1"}
MONTHS = {"kind": "recurring", "unit": "meetings", "target": "1", "period": "month", "periods_required": 3}


def presentations(tale: Story) -> None:
    """Tell of one that was declined, corrected, moved and achieved."""
    name = "presentations"
    tale.at(-112)
    begin(tale, name, "maya", "maya-ben", "get better at presentations", focus="skill", horizon="short", priority=1)
    tale.say("maya", goal.ProposeGoal, name, revision=2)
    tale.at(-110)
    tale.say("ben", goal.DeclineGoal, name, reason="How would we both know that it got better?")
    tale.at(-105)
    refine(
        tale,
        "maya",
        name,
        reason="Ben asked how we would know",
        title="Present with confidence to colleagues",
        description="Three talks to other teams, one workshop, and what my peers say.",
    )
    tale.say("maya", goal.AddContributor, name, ref=person("tom"), role="peer")
    talks = {"unit": "presentations", "baseline": "0", "target": "3"}
    measure(tale, "maya", name, "talks", "Internal presentations given", kind="count", **talks)
    workshop = {"unit": "workshops", "baseline": "0", "target": "1"}
    measure(tale, "maya", name, "workshop", "Advanced workshop attended", kind="count", **workshop)
    score = {"unit": "points of 10", "baseline": "5", "target": "8", "samples_min": 3, "sources": [person("tom")]}
    measure(tale, "ben", name, "score", "Score that my peers give", kind="average", **score)
    tale.say("maya", goal.SetDeadline, name, new=tale.day(-10))
    tale.at(-98)
    evaluate(tale, "ben", name)
    agree(tale, "maya", "ben", name, 7)
    _until_the_first_talk(tale, name)
    reading(tale, "maya", name, "workshop", -60, reading="1", note="Two days, with video feedback")
    for days, points in ((-58, "7"), (-44, "9")):
        reading(tale, "tom", name, "score", days, reading=points, source=person("tom"))
    wrong = reading(tale, "tom", name, "score", -30, reading="90", source=person("tom"))
    tale.say("tom", goal.CorrectProgress, name, corrects_step=wrong, reading="9", reason="A typing error")
    tale.at(-28)
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
    talk(tale, "ben", "maya", name, -5, progress="1", confidence=9, wins=["A talk to forty people"])
    tale.say(
        "tom",
        goal.GiveFeedback,
        name,
        feedback=named("feedback", name, "tom"),
        rating=5,
        text="Clear, calm, and funny. I would come again.",
        about=person("maya"),
    )
    words = "The workshop mattered less than the three friendly audiences."
    close(tale, "maya", name, -2, "achieved", "1", retrospective=words)


def _until_the_first_talk(tale: Story, name: str) -> None:
    """Tell of a milestone that seemed hit and was not, and then was."""
    first = named("milestone", name, "first")
    tale.say("maya", goal.AddMilestone, name, milestone=first, title="First talk given", due_on=tale.day(-68))
    action(tale, "maya", name, "book", -90, "Book the workshop")
    done(tale, "maya", name, "book", -91)
    reading(tale, "maya", name, "talks", -82, reading="1")
    tale.say("maya", goal.HitMilestone, name, milestone=first, hit_on=tale.day(-82))
    tale.at(-78)
    tale.say(
        "ben",
        goal.RetractMilestoneHit,
        name,
        milestone=first,
        reason="That was a rehearsal in our own team, not the talk we meant",
    )
    obstacles, wins = ["Stage fright"], ["Spoke without notes for the first time"]
    talk(
        tale,
        "maya",
        "ben",
        name,
        -77,
        progress="0.2",
        confidence=5,
        obstacles=obstacles,
        wins=wins,
        next_step="Ask the data team for a slot",
    )
    tale.at(-70)
    tale.say("maya", goal.HitMilestone, name, milestone=first, hit_on=tale.day(-70))


def retrospectives(tale: Story) -> None:
    """Tell of a consecutive measure with two yes-or-no ones, the manager as a source; active."""
    name = "retrospectives"
    tale.at(-28)
    begin(tale, name, "maya", "maya-ben", "retrospectives that are worth the hour", focus="skill", priority=2)
    refine(tale, "maya", name, title="Lead our retrospective and its follow-up")
    tale.say("maya", goal.AddContributor, name, ref=person("ines"), role="manager")
    measure(tale, "maya", name, "led", "Retrospectives led in a row", **WEEKS)
    measure(tale, "maya", name, "outcomes", "Outcomes documented", **YES)
    measure(tale, "maya", name, "manager", "My manager's feedback", **YES, sources=[person("ines")])
    tale.say("maya", goal.SetDeadline, name, new=tale.next_month().day(0))
    tale.at(-25)
    evaluate(tale, "ben", name)
    agree(tale, "maya", "ben", name, 7)
    talk(tale, "ben", "maya", name, -20, confidence=6, next_step="Write down what was decided")
    for days in (-14, -7):
        reading(tale, "maya", name, "led", days, reading=True)
    reading(tale, "ines", name, "manager", -3, reading=True, source=person("ines"))


def launch(tale: Story) -> None:
    """Tell of what last year was too short for: broken into actions; paused while its project waits."""
    name = "launch"
    tale.at(-56)
    begin(tale, name, "maya", "maya-ben", "lead the launch across three teams", focus="career", horizon="long")
    measure(tale, "maya", name, "meetings", "Meetings facilitated", **MONTHS)
    tale.say("maya", goal.SetDeadline, name, new=tale.day(120))
    action(tale, "maya", name, "shadow", 20, "Shadow the lead of the last launch")
    action(tale, "maya", name, "module", 90, "Take the project-management module, at last")
    tale.at(-42)
    evaluate(tale, "ben", name)
    agree(tale, "maya", "ben", name, 4)
    reading(tale, "maya", name, "meetings", -12, reading="1")
    tale.at(-10)
    tale.say("maya", goal.AlignGoal, "retrospectives", parent=named("goal", name), weight="0.5")
    reason = "The project starts two months later than planned"
    tale.say("maya", goal.PauseGoal, name, reason=reason, until=tale.day(50))
