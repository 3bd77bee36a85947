"""How the sample is told: who says what about which aggregate, in order, with ids made from names."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, NamedTuple

from milepost_contracts.commands import Command, goal
from milepost_contracts.subjects import tenant_id
from milepost_contracts.types import Criterion, Party, TermsChange

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
    """Collects the commands of the sample in the order in which they are sent; its days count from *day_zero*."""

    def __init__(self, day_zero: dt.date, *, cycle: str = "this year", steps: list[Step] | None = None) -> None:
        """Tell on after *steps*, of the programme's *cycle*."""
        self.cycle = cycle
        self.steps = [] if steps is None else steps
        self._day_zero = day_zero
        self._happens_on: dt.date | None = None

    def since(self, days: int, cycle: str) -> Story:
        """Return the same story as told from the day *days* after day zero on, of another *cycle*."""
        return Story(self.day(days), cycle=cycle, steps=self.steps)

    def next_month(self) -> Story:
        """Return the same story as told from the first day of the next month on."""
        in_next_month = self._day_zero.replace(day=1) + dt.timedelta(days=31)
        return Story(in_next_month.replace(day=1), cycle=self.cycle, steps=self.steps)

    def day(self, days: int) -> dt.date:
        """Return the day *days* after day zero (negative: before)."""
        return self._day_zero + dt.timedelta(days=days)

    def at(self, days: int) -> None:
        """Let what is said from here on happen *days* after day zero, and before today: it claims noon of that day."""
        self._happens_on = self.day(days)

    def say(
        self, who: str, command: type[Command], about: str, /, *, corrects_step: int | None = None, **fields: Any
    ) -> int:
        """Let *who* send *command* about the aggregate named *about*; returns the number of the step."""
        actor = who if ":" in who else person(who)
        about_id = tenant_id(TENANT) if command.AGGREGATE == "tenant" else named(command.AGGREGATE, about)
        number = len(self.steps)
        if corrects_step is not None:
            fields["corrects"] = named("unknown yet")
        if self._happens_on is not None:
            fields["occurred_at"] = dt.datetime.combine(self._happens_on, dt.time(12), dt.UTC)
        asked = command(command_id=named("command", str(number)), id=about_id, actor=actor, **fields)
        self.steps.append(Step(asked, corrects_step))
        return number


def begin(tale: Story, name: str, owner: str, pair: str, title: str, **fields: Any) -> None:
    """Bring a starter goal and place it with the mentorship of *pair*, `mentee-mentor`."""
    tale.say(owner, goal.CreateGoal, name, title=title, owner=person(owner), **fields)
    mentee, mentor = pair.split("-")
    tale.say(
        owner,
        goal.PlaceGoal,
        name,
        mentorship=named("mentorship", pair),
        programme=named("programme", "growth"),
        cycle=named("cycle", tale.cycle),
        parties=[Party(ref=person(mentee), role="mentee"), Party(ref=person(mentor), role="mentor")],
    )


def refine(tale: Story, who: str, name: str, reason: str | None = None, **changes: Any) -> None:
    """Let *who* put the goal into better words, having learnt something."""
    tale.say(who, goal.RefineGoal, name, changes=TermsChange(**changes), trigger="new_information", reason=reason)


def measure(tale: Story, who: str, name: str, measure: str, text: str, **fields: Any) -> None:
    """Let *who* define a measure called *text*, which increases where *fields* do not say otherwise."""
    told = {"direction": "increase"} | fields
    tale.say(who, goal.DefineMeasure, name, measure=named("measure", name, measure), name=text, **told)


def action(tale: Story, who: str, name: str, action: str, days: int, title: str) -> None:
    """Let *who* add a task that is due *days* after day zero."""
    tale.say(who, goal.AddAction, name, action=named("action", name, action), title=title, due_on=tale.day(days))


def done(tale: Story, who: str, name: str, action: str, days: int) -> None:
    """Let *who* tick a task off."""
    tale.at(days)
    tale.say(who, goal.CompleteAction, name, action=named("action", name, action), completed_on=tale.day(days))


def evaluate(tale: Story, who: str, name: str, **unmet: str) -> None:
    """Let *who* hold the goal against the SMART rubric; *unmet* are the criteria that it misses, and why."""
    notes = {"measurable": "The measures say how we will know."} | unmet
    criteria = [Criterion(criterion=letter, met=letter not in unmet, note=notes.get(letter)) for letter in SMART]
    tale.say(who, goal.EvaluateGoal, name, criteria=criteria)


def agree(tale: Story, who: str, other: str, name: str, revision: int) -> None:
    """Let *who* propose *revision*, *other* agree, and work begin."""
    tale.say(who, goal.ProposeGoal, name, revision=revision)
    tale.say(other, goal.AgreeGoal, name, revision=revision)
    tale.say(who, goal.ActivateGoal, name, revision=revision)


def reading(tale: Story, who: str, name: str, measure: str, days: int, **fields: Any) -> int:
    """Let *who* record a reading on the day that it is of; returns the number of the step."""
    tale.at(days)
    return tale.say(
        who, goal.RecordProgress, name, measure=named("measure", name, measure), on=tale.day(days), **fields
    )


def talk(tale: Story, who: str, other: str, name: str, days: int, **fields: Any) -> None:
    """Let *who* record a check-in with *other*, who acknowledges it."""
    tale.at(days)
    check_in = named("check-in", name, str(days))
    attendees = [person(who), person(other)]
    tale.say(who, goal.HoldCheckIn, name, check_in=check_in, held_on=tale.day(days), attendees=attendees, **fields)
    tale.say(other, goal.AcknowledgeCheckIn, name, check_in=check_in)


def close(tale: Story, who: str, name: str, days: int, result: str, score: str | None, **fields: Any) -> None:
    """Let *who* end the goal with *result*."""
    tale.at(days)
    tale.say(who, goal.CloseGoal, name, result=result, score=score, closed_on=tale.day(days), **fields)
