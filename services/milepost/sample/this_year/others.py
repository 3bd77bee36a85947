"""A mentor's own goal, the programme's, and its figures, in their second year."""

from __future__ import annotations

from milepost.sample.telling import Story, agree, begin, evaluate, measure, named, person, talk
from milepost_contracts.commands import goal, programme
from milepost_contracts.types import Party, SurveyScore


def independence(tale: Story) -> None:
    """Tell of a mentor's own goal: an outcome without a measure, agreed to by his mentee; every check-in was held."""
    name = "independence"
    tale.at(-70)
    fields = {"kind": "outcome", "focus": "confidence", "deadline": tale.day(100)}
    begin(tale, name, "ben", "maya-ben", "My mentee decides before she asks me", **fields)
    tale.at(-63)
    evaluate(tale, "ben", name)
    agree(tale, "ben", "maya", name, 2)
    for days, level in ((-55, 4), (-41, 5), (-27, 7), (-13, 7)):
        talk(tale, "ben", "maya", name, days, confidence=level)


def retention(tale: Story) -> None:
    """Tell of the programme's goal for this year: the X left in its title still blocks activation."""
    name = "retention"
    tale.at(-20)
    tale.say(
        "priya",
        goal.CreateGoal,
        name,
        title="Churn down by another X % year on year",
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
        cycle=named("cycle", tale.cycle),
        parties=[Party(ref=person("priya"), role="member"), Party(ref=person("ines"), role="member")],
    )
    points = {"direction": "decrease", "unit": "%", "baseline": "12.6", "target": "3", "delta_mode": "points"}
    measure(tale, "priya", name, "churn", "Yearly churn", kind="delta", **points)
    tale.say("priya", goal.SetDeadline, name, new=tale.day(160))


def figures(tale: Story) -> None:
    """Tell of what the programme cost, what it brought, and what people say of it."""
    tale.at(-60)
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
    tale.at(-20)
    tale.say(
        "priya",
        programme.RecordSurvey,
        "growth",
        survey=named("survey", "half-year"),
        title="Half-year survey",
        held_on=tale.day(-20),
        cycle=named("cycle", tale.cycle),
        invited=7,
        answered=6,
        scores=[SurveyScore(question="I would recommend the programme", mean="4.5", answers=6)],
    )
    tale.at(-10)
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
