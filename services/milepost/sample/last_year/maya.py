"""Maya's first year with Ben: one goal within a month, and one for which the year was too short."""

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

WEEKS = {"kind": "consecutive", "unit": "stand-ups", "target": "2", "period": "week"}
YES = {"kind": "binary", "unit": "yes or no", "target": "1"}
MONTHS = {"kind": "recurring", "unit": "meetings", "target": "1", "period": "month", "periods_required": 9}


def leader(year: Story) -> None:
    """Tell of one within a calendar month: a run that broke once, with the manager as a source; achieved."""
    name = "leader"
    month = year.next_month()
    month.at(0)
    begin(month, name, "maya", "maya-ben", "become a better leader", focus="skill", horizon="short", priority=1)
    refine(month, "maya", name, title="Lead two stand-ups in a row and write down what came of them")
    month.say("maya", goal.AddContributor, name, ref=person("ines"), role="manager")
    measure(month, "maya", name, "stand-ups", "Stand-ups led in a row", **WEEKS)
    measure(month, "maya", name, "outcomes", "Outcomes documented", **YES)
    measure(month, "maya", name, "manager", "My manager's feedback", **YES, sources=[person("ines")])
    month.say("maya", goal.SetDeadline, name, new=month.next_month().day(0))
    month.at(1)
    evaluate(month, "maya", name)
    agree(month, "ben", "maya", name, 7)
    reading(month, "maya", name, "stand-ups", 2, reading=True)
    reading(month, "maya", name, "stand-ups", 9, reading=False, note="Ill")
    talk(month, "ben", "maya", name, 10, confidence=7, adjustments=["Ask a colleague to stand in next time"])
    for days in (16, 23):
        reading(month, "maya", name, "stand-ups", days, reading=True)
    reading(month, "maya", name, "outcomes", 24, reading=True, evidence=["https://example.org/stand-ups"])
    reading(month, "ines", name, "manager", 25, reading=True, note="Short, and everybody knew what to do")
    words = "The second run was easier: I had stopped explaining everything myself."
    close(month, "ben", name, 26, "achieved", "0.9", retrospective=words)


def lead_team(year: Story) -> None:
    """Tell of one broken into actions, planned backward from the deadline, and paused for months; missed."""
    name = "lead-team"
    year.at(28)
    begin(year, name, "maya", "maya-ben", "lead a cross-functional team by year-end", focus="career", horizon="long")
    refine(
        year,
        "maya",
        name,
        reason="Ben asked what I would do on the first day if the post were mine",
        title="Facilitate one meeting a month of a cross-functional team",
        focus="skill",
    )
    measure(year, "maya", name, "meetings", "Meetings facilitated", **MONTHS)
    year.say("maya", goal.SetDeadline, name, new=year.day(363))
    action(year, "maya", name, "shadow", 56, "Shadow a lead this month")
    action(year, "ben", name, "module", 140, "Take the project-management module next quarter")
    year.at(35)
    evaluate(year, "ben", name)
    agree(year, "maya", "ben", name, 5)
    done(year, "maya", name, "shadow", 49)
    reading(year, "maya", name, "meetings", 62, reading="1")
    year.at(77)
    year.say("maya", goal.PauseGoal, name, reason="Parental leave", until=year.day(200))
    year.at(201)
    year.say("maya", goal.ResumeGoal, name)
    year.say(
        "maya",
        goal.DropAction,
        name,
        action=named("action", name, "module"),
        reason="It was given while I was away; the next one is after year-end",
    )
    for days in (217, 248, 279, 310):  # never two of them in one calendar month
        reading(year, "maya", name, "meetings", days, reading="1")
    talk(year, "ben", "maya", name, 322, progress="0.55", confidence=4, wins=["The team asks for you by name"])
    words = "Five of nine meetings. The goal was right and the year too short; the launch is the next chance."
    close(year, "maya", name, 360, "missed", "0.5", retrospective=words)
