"""A mentor's own goal, and the programme's, in their first year."""

from __future__ import annotations

from milepost.sample.telling import (
    Story,
    agree,
    begin,
    close,
    evaluate,
    measure,
    named,
    person,
    reading,
    refine,
    talk,
)
from milepost_contracts.commands import goal
from milepost_contracts.types import Party


def confidence(year: Story) -> None:
    """Tell of a mentor's own goal: an outcome without a measure, agreed to by his mentee; achieved."""
    name = "confidence"
    year.at(14)
    title = "a mentee more confident within six months"
    begin(year, name, "ben", "maya-ben", title, kind="outcome", focus="confidence")
    refine(year, "ben", name, title="Maya says in meetings what she thinks, within six months")
    year.say("ben", goal.SetDeadline, name, new=year.day(196))
    evaluate(year, "ben", name)
    year.at(28)
    agree(year, "ben", "maya", name, 4)
    for days, level in ((42, 4), (98, 6), (154, 8)):
        talk(year, "ben", "maya", name, days, confidence=level)
    year.at(160)
    year.say(
        "ben",
        goal.RecordReflection,
        name,
        reflection=named("reflection", name),
        text="Asking works better than telling. I talk too much.",
    )
    year.say(
        "maya",
        goal.GiveFeedback,
        name,
        feedback=named("feedback", name, "maya"),
        text="I speak up now, and not only when you are in the room.",
        about=person("ben"),
    )
    words = "She contradicted me in front of everybody. She was right."
    close(year, "ben", name, 168, "achieved", "0.9", retrospective=words)


def churn(year: Story) -> None:
    """Tell of the programme's own goal: the X in its title had to go before anybody could agree; achieved."""
    name = "churn"
    year.at(7)
    year.say(
        "priya",
        goal.CreateGoal,
        name,
        title="Churn down by X % year on year",
        focus="business",
        owner=f"programme:{named('programme', 'growth')}",
        accountable=person("priya"),
        visibility="programme",
        tags=["initiative:RETAIN"],
    )
    year.say(
        "priya",
        goal.PlaceGoal,
        name,
        programme=named("programme", "growth"),
        cycle=named("cycle", year.cycle),
        parties=[Party(ref=person("priya"), role="member"), Party(ref=person("ines"), role="member")],
    )
    percent = {"direction": "decrease", "unit": "%", "baseline": "14", "target": "10", "delta_mode": "percent"}
    measure(year, "priya", name, "churn", "Yearly churn", kind="delta", **percent)
    year.say("priya", goal.SetDeadline, name, new=year.day(350))
    evaluate(year, "ines", name, specific="X is no number that anybody could work towards.")
    year.at(21)
    refine(year, "priya", name, reason="The board decided", title="Churn down by 10 % year on year")
    evaluate(year, "ines", name)
    agree(year, "priya", "ines", name, 5)
    reading(year, "ines", name, "churn", 182, reading="13.3")
    talk(year, "priya", "ines", name, 190, progress="0.5", obstacles=["Nobody asks those who leave why"])
    year.at(330)
    year.say(
        "priya",
        goal.ShiftDeadline,
        name,
        new=year.day(362),
        reason_code="dependency",
        reason="The figures of the last month come twelve days later",
    )
    year.say("ines", goal.AgreeGoal, name, revision=6)
    reading(year, "ines", name, "churn", 361, reading="12.6")
    words = "Those who had a mentor stayed; the others left as before."
    close(year, "priya", name, 362, "achieved", "1", retrospective=words)
