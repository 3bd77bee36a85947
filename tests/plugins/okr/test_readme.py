"""README.md does what it says: its configuration loads, its example comes to its numbers, its limits are those here."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from pathlib import Path
from typing import Any

import milepost_okr
import msgspec
from milepost_okr.config import DEPTH_MAX, Bands, Config, Scoring

from milepost_contracts.events import goal as events
from milepost_contracts.testing import Host, Story, StoryGoal
from milepost_contracts.testing.story import uid
from milepost_contracts.types import Measure, Reading

README = Path(milepost_okr.__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
(TOML,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
GROWTH = "01975a3c-0000-7000-8000-0000000000a1"
CYCLES = {1: "01975a3c-0000-7000-8000-0000000000c1", 2: "01975a3c-0000-7000-8000-0000000000c2"}
COLUMNS = ("churn-q1", "answers-q1", "customers-q1", "churn-q2")


def settings() -> dict[str, Any]:
    """Return the example of README.md."""
    return tomllib.loads(TOML)


def test_the_example_of_a_configuration_loads() -> None:
    """The commented example fits the schema, and what it calls the defaults are the defaults."""
    config = msgspec.convert(settings(), Config)
    assert config.scoring == Scoring()
    assert config.bands == Bands()
    assert [rule.to for rule in config.rules] == ["churn-q1", "answers-q1", "churn-q2"]
    assert f"{DEPTH_MAX} levels".replace("10", "ten") in README


def test_every_setting_is_in_the_example() -> None:
    """Nothing can be configured that README.md does not show."""
    schema = msgspec.json.schema(Config)
    for name, struct in schema["$defs"].items():
        for member in struct["properties"]:
            assert re.search(rf"\b{member}\b", TOML), f"{name}.{member}"


class Example:
    """The example of README.md, told step by step."""

    def __init__(self) -> None:
        """Begin in January: three goals in the first quarter, and the one that carries the initiative."""
        self.story = Story(now=dt.datetime(2026, 1, 7, 9, tzinfo=dt.UTC))
        self.host = Host(milepost_okr, config=settings(), story=self.story)
        self.owner = self.story.person("owner")
        anchor = self._goal("anchor", external_ref="initiative:RETAIN")
        self.first = self._goal("first", focus="business")
        self._measure(self.first, direction="decrease", baseline="9", target="5")
        self.second = self._goal("second")
        self._measure(self.second, direction="keep_below", target="24", period="month", periods_required=3)
        self.second.add(events.Aligned(parent=anchor.id, weight="0.5"))
        self.third = self._goal("third", external_ref="desk/7")

    def _goal(self, name: str, **terms: Any) -> StoryGoal:
        goal = self.story.goal(self.owner, name=name, **terms)
        goal.programme, goal.cycle = GROWTH, CYCLES[1]
        goal.add(events.Activated(revision=1, activated_on=self.story.now.date()))
        return goal

    @staticmethod
    def _measure(goal: StoryGoal, **terms: Any) -> None:
        told = {"measure": uid("measure"), "name": "M", "kind": "delta", "unit": "u"} | terms
        goal.add(events.MeasureDefined(definition=Measure(**told)))

    def _on(self, month: int, day: int) -> None:
        self.story.now = dt.datetime(2026, month, day, 9, tzinfo=dt.UTC)

    def run(self) -> list[dict[str, str | None]]:
        """Tell all of it; return the scores after each step."""
        rows: list[dict[str, str | None]] = []
        for step in (self.read, self.keep, self.close, self.carry, self.go_on, self.correct):
            step()
            self.host.deliver(*self.story.documents)
            asked = {key: self.host.ask("key_result", by=self.owner, key=key) for key in COLUMNS}
            rows.append({key: answer["score"] for key, answer in asked.items()})
        return rows

    def read(self) -> None:
        self._on(2, 10)
        self.february = self.first.reading("7")

    def keep(self) -> None:
        for month, hours in ((1, "20"), (2, "30"), (3, "22")):
            self._on(3, 20)
            self.second.reading(hours, on=dt.date(2026, month, 20))

    def close(self) -> None:
        self._on(4, 2)
        self.third.close("partially_achieved", score="0.9")

    def carry(self) -> None:
        self._on(4, 3)
        self.first.cycle = CYCLES[2]
        self.first.add(events.CarriedOver(old=CYCLES[1], new=CYCLES[2], reason="It goes on"))

    def go_on(self) -> None:
        self._on(4, 20)
        self.first.reading("6")

    def correct(self) -> None:
        self._on(5, 4)
        data = self.february.data
        before, after = (Reading(reading=value, on=data.on) for value in ("7", "8"))
        fixed = {"corrects": self.february.id, "measure": data.measure, "reason": "Miscounted"}
        self.first.add(events.ProgressCorrected(before=before, after=after, **fixed))


def test_the_example_comes_to_its_numbers() -> None:
    """Every cell of the table in README.md is what the plugin answers after that step."""
    lines = [line for line in README.splitlines() if re.match(r"\| (first|second|third) goal", line)]
    table = [line.strip("| ").split(" | ") for line in lines]
    told = [dict(zip(COLUMNS, (None if cell == "-" else cell for cell in row[1:]), strict=True)) for row in table]
    assert Example().run() == told


def test_the_questions_and_facts_that_it_names_are_those() -> None:
    """README.md names the facts' members and the questions as they are."""
    example = Example()
    example.run()
    for name, data in example.host.facts:
        row = next(line for line in README.splitlines() if line.startswith(f"| `{name}`"))
        assert set(data) == set(re.findall(r"`(\w+)`", row)) - {name}
    for question in ("objectives", "cycles", "export"):
        assert f"| `{question}` |" in README
        assert example.host.ask(question, by=example.owner) is not None
