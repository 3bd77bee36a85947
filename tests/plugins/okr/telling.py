"""Histories for the tests of okr: goals that have begun, with a measure, in a company that plans by quarters."""

from __future__ import annotations

import datetime as dt
from typing import Any

import milepost_okr

from milepost_contracts.events import goal as events
from milepost_contracts.testing import Host, Story, StoryGoal
from milepost_contracts.testing.story import uid
from milepost_contracts.types import Measure, Placing

JANUARY = dt.datetime(2026, 1, 5, 9, 0, tzinfo=dt.UTC)
Q1_END, Q2_END = dt.date(2026, 3, 31), dt.date(2026, 6, 30)
Q1: dict[str, Any] = {"key": "q1", "starts_on": dt.date(2026, 1, 1), "ends_on": Q1_END}
Q2: dict[str, Any] = {"key": "q2", "starts_on": dt.date(2026, 4, 1), "ends_on": Q2_END}
YEAR: dict[str, Any] = {"key": "2026", "starts_on": dt.date(2026, 1, 1), "ends_on": dt.date(2026, 12, 31)}
PROGRAMME = uid("programme")


def config(**more: Any) -> dict[str, Any]:
    """Return a configuration of two quarters, an objective in each, and a key result that business goals count for."""
    told: dict[str, Any] = {
        "cycles": [Q1, Q2],
        "objectives": [
            {"key": "grow-1", "cycle": "q1", "key_results": [{"key": "sales-1"}]},
            {"key": "grow-2", "cycle": "q2", "key_results": [{"key": "sales-2"}]},
        ],
        "rules": [{"to": "sales-1", "focus": ["business"]}, {"to": "sales-2", "focus": ["business"]}],
    }
    return told | more


class Company:
    """A story, and the host that is told all of it."""

    def __init__(self, **settings: Any) -> None:
        """Begin in January with the configuration of `config`, members of it replaced by *settings*."""
        self.story = Story(now=JANUARY)
        self.owner, self.mentor = self.story.person("owner"), self.story.person("mentor")
        self.stranger = self.story.person("stranger")
        self.settings = config(**settings)
        self.host = Host(milepost_okr, config=self.settings, story=self.story, now=JANUARY)

    def on(self, day: dt.date) -> None:
        """Let it be nine o'clock of *day*."""
        self.story.now = dt.datetime.combine(day, dt.time(9), dt.UTC)
        self.host.now = self.story.now

    def goal(self, name: str = "goal", *, measured: bool = True, begun: bool = True, **terms: Any) -> StoryGoal:
        """Let a business goal for the first quarter begin, that is to go from 9 to 5."""
        told: dict[str, Any] = {"focus": "business", "deadline": Q1_END} | terms
        goal = self.story.goal(self.owner, self.mentor, name=name, **told)
        if measured:
            self.measure(goal)
        if begun:
            goal.add(events.Activated(revision=1, activated_on=self.story.now.date()))
        return goal

    def measure(self, goal: StoryGoal, name: str = "measure", **terms: Any) -> None:
        """Let a measure of *goal* be defined."""
        told: dict[str, Any] = {
            "name": "Errors a week", "kind": "delta", "direction": "decrease", "unit": "errors", "baseline": "9",
            "target": "5",
        } | terms  # fmt: skip
        goal.add(events.MeasureDefined(definition=Measure(measure=uid(name), **told)))

    def talk(self, goal: StoryGoal, confidence: int | None, name: str = "talk", **how: Any) -> None:
        """Let a check-in be held that tells a confidence."""
        on = how.pop("on", self.story.now.date())
        held = events.CheckInHeld(check_in=uid(name), held_on=on, attendees=[self.owner], confidence=confidence)
        goal.add(held, **how)

    def place(self, goal: StoryGoal, cycle: str | None, **how: Any) -> None:
        """Let *goal* be placed in a cycle of a programme."""
        before = Placing(programme=goal.programme, cycle=goal.cycle)
        goal.programme, goal.cycle = PROGRAMME, cycle
        goal.add(events.Placed(before=before, after=Placing(programme=PROGRAMME, cycle=cycle)), **how)

    def shift(self, goal: StoryGoal, old: dt.date, new: dt.date, **how: Any) -> None:
        """Let the deadline of *goal* move."""
        days = (new - old).days
        goal.add(
            events.DeadlineShifted(old=old, new=new, days=days, reason="It takes longer", reason_code="scope"), **how
        )

    # What came of it

    def told(self) -> Company:
        """Deliver what has happened so far."""
        self.host.deliver(*self.story.documents)
        return self

    def answer(self, name: str, **arguments: Any) -> Any:
        """Return an answer for an admin, after all has been delivered."""
        self.told()
        return self.host.ask(name, by=self.stranger, roles=["admin"], **arguments)

    def node(self, key: str) -> dict[str, Any]:
        """Return what is known of an objective or key result."""
        found: dict[str, Any] = self.answer("key_result", key=key)
        return found

    def score(self, key: str) -> str | None:
        """Return the score of an objective or key result."""
        found: str | None = self.node(key)["score"]
        return found

    def values(self, key: str) -> dict[str, str | None]:
        """Return what each goal brings to *key*, by its id."""
        return {one["goal"]: one["value"] for one in self.node(key)["contributing"]}

    def facts(self, name: str) -> list[dict[str, Any]]:
        """Return the facts of a name, in order."""
        self.told()
        return [data for told, data in self.host.facts if told == name]
