"""A mentor's own goal, and the programme's."""

from __future__ import annotations

from milepost.sample.telling import Story, agree, evaluate, measure, named, person
from milepost_contracts.commands import goal, programme
from milepost_contracts.types import Party, SurveyScore


def confidence(tale: Story) -> None:
    """Tell of a mentor's own goal: an outcome without a measure, agreed to by his mentee."""
    name = "confidence"
    tale.say(
        "ben",
        goal.CreateGoal,
        name,
        title="My mentee is more confident within six months",
        kind="outcome",
        owner=person("ben"),
        focus="confidence",
        deadline=tale.day(100),
    )
    tale.say(
        "ben",
        goal.PlaceGoal,
        name,
        mentorship=named("mentorship", "maya-ben"),
        programme=named("programme", "growth"),
        cycle=named("cycle", "year"),
        parties=[Party(ref=person("ben"), role="mentor"), Party(ref=person("maya"), role="mentee")],
    )
    evaluate(tale, "ben", name)
    agree(tale, "ben", "maya", name, 2)


def churn(tale: Story) -> None:
    """Tell of the programme's own goal: the X left in its title still blocks activation."""
    name = "churn"
    tale.say(
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
    tale.say(
        "priya",
        goal.PlaceGoal,
        name,
        programme=named("programme", "growth"),
        cycle=named("cycle", "year"),
        parties=[Party(ref=person("priya"), role="member"), Party(ref=person("ines"), role="member")],
    )
    measure(
        tale,
        "priya",
        name,
        "churn",
        "Yearly churn",
        kind="delta",
        direction="decrease",
        unit="%",
        baseline="14",
        target="3",
        delta_mode="points",
    )
    tale.say("priya", goal.SetDeadline, name, new=tale.day(300))
    tale.say(
        "priya",
        programme.RecordCost,
        "growth",
        cost=named("cost", "trainers"),
        amount="12000",
        currency="EUR",
        on=tale.day(-60),
        note="Two trainers",
    )
    tale.say(
        "priya",
        programme.RecordBenefit,
        "growth",
        benefit=named("benefit", "hiring"),
        amount="30000",
        currency="EUR",
        on=tale.day(-10),
        note="Two positions filled from within",
    )
    tale.say(
        "priya",
        programme.RecordSurvey,
        "growth",
        survey=named("survey", "half-year"),
        title="Half-year survey",
        held_on=tale.day(-20),
        cycle=named("cycle", "year"),
        invited=7,
        answered=6,
        scores=[SurveyScore(question="I would recommend the programme", mean="4.5", answers=6)],
    )
