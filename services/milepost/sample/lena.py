"""Lena's goals with Omar: one on its way, one at risk, one waiting for a yes."""

from __future__ import annotations

from milepost.sample.telling import Story, agree, begin, evaluate, measure, named, reading, talk
from milepost_contracts.commands import goal
from milepost_contracts.types import TermsChange


def management(tale: Story) -> None:
    """Tell of a mentee who mentors others: a recurring measure; a correction; active."""
    name = "management"
    begin(tale, name, "lena", "omar", "improve management skills", focus="skill", horizon="long", priority=2)
    tale.say(
        "lena",
        goal.RefineGoal,
        name,
        trigger="new_information",
        changes=TermsChange(title="Guide two mentees of my own through this year"),
    )
    measure(
        tale,
        "lena",
        name,
        "mentees",
        "Mentees guided",
        kind="count",
        direction="increase",
        unit="mentees",
        baseline="0",
        target="2",
    )
    measure(
        tale,
        "omar",
        name,
        "notes",
        "Session notes and feedback kept",
        kind="recurring",
        direction="increase",
        unit="sets of notes",
        target="1",
        period="month",
        periods_required=4,
    )
    tale.say("lena", goal.SetDeadline, name, new=tale.day(160))
    evaluate(tale, "omar", name)
    agree(tale, "lena", "omar", name, 6)
    wrong = reading(tale, "lena", name, "mentees", -40, reading="2")
    tale.say(
        "lena",
        goal.CorrectProgress,
        name,
        corrects_step=wrong,
        reading="1",
        reason="The second one only asked; she has not begun",
    )
    for days in (-65, -34, -5):
        reading(tale, "lena", name, "notes", days, reading="1")
    talk(tale, "lena", "omar", name, 1, -33, confidence=7, wins=["My first mentee found her topic"])
    tale.say(
        "lena",
        goal.RecordReflection,
        name,
        reflection=named("reflection", name),
        text="Listening is harder than advising. I noticed it twice today.",
    )


def essays(tale: Story) -> None:
    """Tell of one behind its plan: the at-risk list knows it; an obstacle stands open."""
    name = "essays"
    begin(tale, name, "lena", "omar", "improve essay writing", focus="knowledge", start_on=tale.day(-100))
    measure(
        tale,
        "lena",
        name,
        "workshops",
        "Workshops attended",
        kind="count",
        direction="increase",
        unit="workshops",
        baseline="0",
        target="2",
    )
    measure(
        tale,
        "lena",
        name,
        "drafts",
        "Drafts handed in for feedback",
        kind="recurring",
        direction="increase",
        unit="drafts",
        target="2",
        period="month",
        periods_required=4,
    )
    measure(
        tale,
        "omar",
        name,
        "grade",
        "Course grade",
        kind="delta",
        direction="increase",
        unit="%",
        baseline="62",
        target="10",
        delta_mode="percent",
    )
    tale.say("lena", goal.SetDeadline, name, new=tale.day(30))
    evaluate(tale, "omar", name)
    agree(tale, "lena", "omar", name, 6)
    reading(tale, "lena", name, "workshops", -70, reading="1")
    reading(tale, "lena", name, "grade", -30, reading="63")
    tale.say("lena", goal.RaiseObstacle, name, obstacle=named("obstacle", name), title="The second workshop is full")


def grades(tale: Story) -> None:
    """Tell of letter grades as a scale; proposed, and waiting for the mentor's yes."""
    name = "grades"
    begin(tale, name, "lena", "omar", "two letter grades up within a year", focus="knowledge", horizon="long")
    measure(
        tale,
        "lena",
        name,
        "grade",
        "Grade in mathematics",
        kind="delta",
        direction="increase",
        unit="grades",
        baseline="1",
        target="2",
        delta_mode="points",
        scale=["F", "D", "C", "B", "A"],
    )
    measure(
        tale,
        "lena",
        name,
        "study",
        "An extra hour of study",
        kind="recurring",
        direction="increase",
        unit="hours",
        target="1",
        period="day",
        periods_required=200,
    )
    tale.say("lena", goal.SetDeadline, name, new=tale.day(360))
    for key, title in (("teacher", "Ask the teacher for help"), ("group", "Find a study group")):
        tale.say("lena", goal.AddAction, name, action=named("action", name, key), title=title, due_on=tale.day(30))
    evaluate(tale, "omar", name)
    tale.say("lena", goal.ProposeGoal, name, revision=5)
