"""Lena's first year with Omar: one goal half reached, two reached, and a wish that was none."""

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
    reading,
    refine,
    talk,
)
from milepost_contracts.commands import goal

LETTERS = ["F", "D", "C", "B", "A"]


def management(year: Story) -> None:
    """Tell of one mentee who was counted twice, and of notes kept every month; partially achieved."""
    name = "management"
    year.at(14)
    begin(year, name, "lena", "lena-omar", "improve management skills", focus="skill", horizon="long")
    refine(year, "lena", name, title="Guide at least two mentees of my own through a year")
    measure(year, "lena", name, "mentees", "Mentees guided", kind="count", unit="mentees", target="2")
    monthly = {"unit": "sets of notes", "target": "1", "period": "month", "periods_required": 6}
    measure(year, "omar", name, "notes", "Session notes and feedback kept", kind="recurring", **monthly)
    year.say("lena", goal.SetDeadline, name, new=year.day(363))
    year.at(21)
    evaluate(year, "lena", name)
    agree(year, "lena", "omar", name, 6)
    reading(year, "lena", name, "mentees", 30, reading="1")
    twice = reading(year, "lena", name, "mentees", 37, reading="1")
    year.at(42)
    reason = "The same mentee again, in her second month"
    year.say("lena", goal.CorrectProgress, name, corrects_step=twice, strike=True, reason=reason)
    for days in range(44, 44 + 6 * 31, 31):  # never two of them in one calendar month
        reading(year, "lena", name, "notes", days, reading="1")
    talk(year, "omar", "lena", name, 210, wins=["Half a year of notes"], help_wanted="A second mentee")
    words = "One mentee, guided well. The second never came, and I did not go and look for her."
    close(year, "lena", name, 350, "partially_achieved", "0.7", retrospective=words)


def essays(year: Story) -> None:
    """Tell of a target that was revised with the first grade, which voided the mentor's yes; achieved."""
    name = "essays"
    year.at(14)
    begin(year, name, "lena", "lena-omar", "improve essay writing", focus="knowledge")
    refine(year, "lena", name, title="Write essays that earn a better course grade")
    measure(year, "lena", name, "workshops", "Workshops attended", kind="count", unit="workshops", target="2")
    monthly = {"unit": "drafts", "target": "2", "period": "month", "periods_required": 4}
    measure(year, "lena", name, "drafts", "Drafts handed in for feedback", kind="recurring", **monthly)
    grade = {"kind": "delta", "unit": "points", "target": "20", "delta_mode": "percent"}
    measure(year, "omar", name, "grade", "Course grade", **grade)
    year.say("lena", goal.SetDeadline, name, new=year.day(168))  # the end of the semester
    year.at(21)
    evaluate(year, "omar", name)
    agree(year, "lena", "omar", name, 7)
    year.at(28)
    year.say(
        "lena",
        goal.ReviseTarget,
        name,
        measure=named("measure", name, "grade"),
        baseline="70",
        target="10",
        reason="The first grade is back, and it is better than I had feared",
    )
    year.say("omar", goal.AgreeGoal, name, revision=8)
    for days in (40, 71, 102, 133):  # never two of them in one calendar month
        reading(year, "lena", name, "drafts", days, reading="2")
    for days in (60, 88):
        reading(year, "lena", name, "workshops", days, reading="1")
    talk(year, "lena", "omar", name, 140, confidence=8, next_step="The final essay")
    reading(year, "lena", name, "grade", 165, reading="77")
    words = "It was the drafts. I had never shown anybody anything unfinished before."
    close(year, "lena", name, 166, "achieved", "1", retrospective=words)


def grades(year: Story) -> None:
    """Tell of letter grades as a scale, which count more than hours that were not studied; achieved all the same."""
    name = "grades"
    year.at(28)
    fields = {"focus": "knowledge", "horizon": "long", "time_zone": "Europe/Berlin"}
    begin(year, name, "lena", "lena-omar", "two letter grades up within a year", **fields)
    grade = {"kind": "delta", "unit": "grades", "baseline": "1", "target": "2", "delta_mode": "points"}
    measure(year, "lena", name, "grade", "Grade in mathematics", **grade, scale=LETTERS)
    daily = {"unit": "hours", "target": "1", "period": "day", "periods_required": 100, "weight": "0.5"}
    measure(year, "lena", name, "study", "An extra hour of study a day", kind="recurring", **daily)
    year.say("lena", goal.SetDeadline, name, new=year.day(363))
    action(year, "lena", name, "teacher", 56, "Ask the teacher for help")
    action(year, "lena", name, "group", 56, "Join a study group")
    year.at(35)
    evaluate(year, "omar", name)
    agree(year, "lena", "omar", name, 5)
    done(year, "lena", name, "teacher", 40)
    done(year, "lena", name, "group", 52)
    for days in (54, 55, 62):
        reading(year, "lena", name, "study", days, reading="1")
    reading(year, "lena", name, "grade", 160, step="C")
    talk(year, "lena", "omar", name, 161, confidence=9, wins=["A C!"], adjustments=["The study group, not the hour"])
    reading(year, "lena", name, "grade", 340, step="B")
    why = "The grade is what it was about; the hours were only one way to get there"
    words = "Explaining it to others taught me more than another hour alone."
    close(year, "lena", name, 342, "achieved", "0.8", justification=why, retrospective=words)


def podcast(year: Story) -> None:
    """Tell of a starter goal that was never proposed; abandoned."""
    name = "podcast"
    year.at(70)
    begin(year, name, "lena", "lena-omar", "have a podcast of my own", focus="other")
    words = "Omar asked who would listen, and I found that it was the microphone that I liked."
    close(year, "lena", name, 84, "abandoned", None, retrospective=words)
