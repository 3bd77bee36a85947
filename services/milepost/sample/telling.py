"""How the sample is told: who says what about which aggregate, in order, with ids made from names."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, NamedTuple

from milepost_contracts.commands import Command, goal
from milepost_contracts.subjects import tenant_id
from milepost_contracts.types import Criterion, Party

TENANT = "sample"
_NAMES = uuid.UUID("0b7f6c1e-7c1b-5d0e-9f67-3f1f3a1f0a55")
PEOPLE = {
    "maya": "Maya Lindqvist",
    "ben": "Ben Okafor",
    "lena": "Lena Brandt",
    "omar": "Omar Haddad",
    "tom": "Tom Fischer",
    "ines": "Ines Duarte",
    "priya": "Priya Raman",
}
SMART = ("specific", "measurable", "achievable", "relevant", "time_bound")


def named(*names: str) -> str:
    """Return the id of what the sample calls by *names*."""
    return str(uuid.uuid5(_NAMES, "/".join(names)))


def person(name: str) -> str:
    """Return the reference of a person of the sample."""
    return f"user:{named('person', name)}"


class Step(NamedTuple):
    """One command; `corrects`: the step whose event it names, known only when that one was answered."""

    command: Command
    corrects: int | None = None


class Story:
    """Collects the commands of the sample in the order in which they are sent."""

    def __init__(self, today: dt.date) -> None:
        """Begin at *today*, the day the sample is loaded."""
        self.today = today
        self.steps: list[Step] = []

    def day(self, days: int) -> dt.date:
        """Return the day *days* after today (negative: before)."""
        return self.today + dt.timedelta(days=days)

    def say(
        self, who: str, command: type[Command], about: str, /, *, corrects_step: int | None = None, **fields: Any
    ) -> int:
        """Let *who* send *command* about the aggregate named *about*; returns the number of the step."""
        actor = who if ":" in who else person(who)
        about_id = tenant_id(TENANT) if command.AGGREGATE == "tenant" else named(command.AGGREGATE, about)
        number = len(self.steps)
        if corrects_step is not None:
            fields["corrects"] = named("unknown yet")
        asked = command(command_id=named("command", str(number)), id=about_id, actor=actor, **fields)
        self.steps.append(Step(asked, corrects_step))
        return number


def begin(tale: Story, name: str, owner: str, mentor: str, title: str, **fields: Any) -> None:
    """Bring a starter goal and place it with its mentorship."""
    tale.say(owner, goal.CreateGoal, name, title=title, owner=person(owner), **fields)
    tale.say(
        owner,
        goal.PlaceGoal,
        name,
        mentorship=named("mentorship", f"{owner}-{mentor}"),
        programme=named("programme", "growth"),
        cycle=named("cycle", "year"),
        parties=[Party(ref=person(owner), role="mentee"), Party(ref=person(mentor), role="mentor")],
    )


def measure(tale: Story, who: str, name: str, measure: str, text: str, **fields: Any) -> None:
    """Let *who* define a measure called *text*."""
    tale.say(who, goal.DefineMeasure, name, measure=named("measure", name, measure), name=text, **fields)


def evaluate(tale: Story, who: str, name: str) -> None:
    """Let *who* hold the goal against the SMART rubric, all criteria met."""
    notes = {"measurable": "The measures say how we will know."}
    criteria = [Criterion(criterion=letter, met=True, note=notes.get(letter)) for letter in SMART]
    tale.say(who, goal.EvaluateGoal, name, criteria=criteria)


def agree(tale: Story, owner: str, mentor: str, name: str, revision: int) -> None:
    """Let *owner* propose *revision*, *mentor* agree, and work begin."""
    tale.say(owner, goal.ProposeGoal, name, revision=revision)
    tale.say(mentor, goal.AgreeGoal, name, revision=revision)
    tale.say(owner, goal.ActivateGoal, name, revision=revision)


def reading(tale: Story, who: str, name: str, measure: str, days: int, **fields: Any) -> int:
    """Let *who* record a reading, dated *days* from today; returns the number of the step."""
    return tale.say(
        who, goal.RecordProgress, name, measure=named("measure", name, measure), on=tale.day(days), **fields
    )


def talk(tale: Story, who: str, other: str, name: str, number: int, days: int, **fields: Any) -> None:
    """Let *who* record check-in *number* with *other*, who acknowledges it."""
    tale.say(
        who,
        goal.HoldCheckIn,
        name,
        check_in=named("check-in", name, str(number)),
        held_on=tale.day(days),
        attendees=[person(who), person(other)],
        **fields,
    )
    tale.say(other, goal.AcknowledgeCheckIn, name, check_in=named("check-in", name, str(number)))
