"""Lena's second year with Omar: one goal on its way, one at risk, one waiting for a yes."""

from __future__ import annotations

from milepost.sample.telling import (
    Story,
    action,
    agree,
    begin,
    evaluate,
    measure,
    named,
    reading,
    refine,
    talk,
)
from milepost_contracts.commands import goal

LETTERS = ["F", "D", "C", "B", "A"]


def mentees(tale: Story) -> None:
    """Tell of a mentee who mentors others: a recurring measure; a correction; active, its check-in overdue."""
    name = "mentees"
    tale.at(-100)
    begin(tale, name, "lena", "lena-omar", "find the second mentee", focus="skill", horizon="long", priority=2)
    refine(tale, "lena", name, title="Guide two mentees of my own through this year")
    counted = {"unit": "mentees", "baseline": "0", "target": "2"}
    measure(tale, "lena", name, "mentees", "Mentees guided", kind="count", **counted)
    monthly = {"unit": "sets of notes", "target": "1", "period": "month", "periods_required": 4}
    measure(tale, "omar", name, "notes", "Session notes and feedback kept", kind="recurring", **monthly)
    tale.say("lena", goal.SetDeadline, name, new=tale.day(160))
    tale.at(-91)
    evaluate(tale, "omar", name)
    agree(tale, "lena", "omar", name, 6)
    reading(tale, "lena", name, "notes", -66, reading="1")
    wrong = reading(tale, "lena", name, "mentees", -40, reading="2")
    tale.at(-38)
    reason = "The second one only asked; she has not begun"
    tale.say("lena", goal.CorrectProgress, name, corrects_step=wrong, reading="1", reason=reason)
    reading(tale, "lena", name, "notes", -35, reading="1")
    talk(tale, "lena", "omar", name, -33, confidence=7, wins=["My first mentee found her topic"])
    tale.say(
        "lena",
        goal.RecordReflection,
        name,
        reflection=named("reflection", name),
        text="Listening is harder than advising. I noticed it twice today.",
    )
    reading(tale, "lena", name, "notes", -4, reading="1")


def thesis(tale: Story) -> None:
    """Tell of one behind its plan: the at-risk list knows it; an obstacle stands open."""
    name = "thesis"
    tale.at(-100)
    title = "write my thesis as I learnt to write essays"
    begin(tale, name, "lena", "lena-omar", title, focus="knowledge", start_on=tale.day(-100))
    workshops = {"unit": "workshops", "baseline": "0", "target": "2"}
    measure(tale, "lena", name, "workshops", "Workshops attended", kind="count", **workshops)
    monthly = {"unit": "drafts", "target": "2", "period": "month", "periods_required": 4}
    measure(tale, "lena", name, "drafts", "Drafts handed in for feedback", kind="recurring", **monthly)
    mark = {"unit": "%", "baseline": "62", "target": "10", "delta_mode": "percent"}
    measure(tale, "omar", name, "mark", "Mark of the latest chapter", kind="delta", **mark)
    tale.say("lena", goal.SetDeadline, name, new=tale.day(30))
    tale.at(-91)
    evaluate(tale, "omar", name)
    agree(tale, "lena", "omar", name, 6)
    reading(tale, "lena", name, "workshops", -70, reading="1")
    reading(tale, "lena", name, "mark", -30, reading="63")
    talk(tale, "omar", "lena", name, -27, progress="0.2", confidence=3, help_wanted="Somebody to read chapter two")
    tale.say("lena", goal.RaiseObstacle, name, obstacle=named("obstacle", name), title="The second workshop is full")


def statistics(tale: Story) -> None:
    """Tell of letter grades as a scale; proposed, and waiting for the mentor's yes."""
    name = "statistics"
    tale.at(-9)
    begin(tale, name, "lena", "lena-omar", "one letter grade up in statistics too", focus="knowledge", horizon="long")
    grade = {"unit": "grades", "baseline": "2", "target": "1", "delta_mode": "points", "scale": LETTERS}
    measure(tale, "lena", name, "grade", "Grade in statistics", kind="delta", **grade)
    weekly = {"unit": "meetings", "target": "1", "period": "week", "periods_required": 15}
    measure(tale, "lena", name, "study", "The study group meets", kind="recurring", **weekly)
    tale.say("lena", goal.SetDeadline, name, new=tale.day(160))
    action(tale, "lena", name, "teacher", 30, "Ask the teacher for help")
    action(tale, "lena", name, "group", 30, "Win the study group over to statistics")
    tale.at(-3)
    evaluate(tale, "omar", name)
    tale.say("lena", goal.ProposeGoal, name, revision=5)
