"""Given any commands by anybody in any order, then nothing that must never be so ever is.

Four goals, two mentorships and a programme are asked for everything that the contracts know, most of it likely, some
of it anything at all. What must hold is in tests/support/watching.py.
"""

from __future__ import annotations

import datetime as dt
import os
import random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from milepost.decide.goal.rubrics import BUILT_IN
from milepost_contracts.commands import Command
from milepost_contracts.commands import goal as asking
from milepost_contracts.events import mentorship
from milepost_contracts.events.goal import ProgressRecorded
from milepost_contracts.types import Criterion, Measure, Party, RubricRef
from tests.support.commands import (
    ABOUT,
    GOALS,
    MENTORSHIPS,
    SAID,
    WAIVERS,
    Pick,
    aggregate_ids,
    command_types,
    fields_of,
    sensible_for,
)
from tests.support.goals import BOTH, created, drafted, mentored, organised
from tests.support.scenario import ADMIN, IMPORTER, MENTEE, MENTOR, PEER, PROGRAMME, STRANGER, Scenario, uid
from tests.support.watching import Watch

OF_MENTORSHIPS = [command for command in command_types() if command.AGGREGATE == "mentorship"]
OF_GOALS = [command for command in command_types() if command.AGGREGATE == "goal"]


def _defined(name: str, kind: str, target: str, **members: Any) -> Measure:
    given = {"measure": uid(name), "name": SAID, "direction": "increase", "unit": "talks"} | members
    return Measure(kind=kind, target=target, **given)


DEFINITIONS = [
    _defined("talks", "count", "3"),
    _defined("score", "average", "8", samples_min=2, sources=[PEER]),
    _defined("led", "consecutive", "2", period="week"),
    _defined("drafts", "recurring", "2", period="month", periods_required=3),
    _defined("grade", "delta", "2", delta_mode="points", baseline="1", scale=["F", "C", "B", "A"]),
    _defined("churn", "delta", "10", delta_mode="percent", direction="decrease"),
    _defined("weight", "delta", "70", direction="keep_below", period="day"),
    _defined("done", "binary", "1"),
]


def world() -> Scenario:
    """Return a programme with a pair and a circle, three goals in the pair, whose cap is two, and one outside."""
    scenario = mentored(organised(cap=2), programme=PROGRAMME)
    asked = mentorship.Requested(
        requester=PEER, parties=[*BOTH, Party(ref=PEER, role="peer")], format="circle", programme=PROGRAMME
    )
    scenario.given(asked, by=PEER, id=MENTORSHIPS[1])
    for party in (MENTEE, MENTOR):
        accepted = mentorship.Accepted(party=party, complete=party == MENTOR)
        scenario.given(accepted, by=party, id=MENTORSHIPS[1])
    scenario.given(mentorship.QuorumSet(old="all", new="majority"), by=PEER, id=MENTORSHIPS[1])
    for id_ in GOALS[:3]:
        drafted(scenario, id=id_)
    return created(scenario, id=GOALS[3], owner=MENTOR, kind="exploratory")


class Asking:
    """Asks for one thing after another, each taken by *pick*, and looks at all that must hold after each of them."""

    def __init__(self, pick: Pick) -> None:
        self.pick = pick
        self.watch = Watch(world())
        for id_ in GOALS[:2]:
            self.lead(id_, sorted(self.watch.goal(id_).people))

    def go_on(self, steps: int) -> None:
        """Take so many steps."""
        often = (self.of_a_goal,) * 12 + (self.elsewhere, self.together) * 2
        ways = often + (self.agree, self.read, self.evaluate, self.later) * 2
        for _ in range(steps):
            self.pick(ways)()
            self.watch.everything_holds()
        self.watch.replays()

    def of_a_goal(self) -> None:
        """Let one of those whose goal it is ask for anything that has something to be about."""
        id_ = self.pick(GOALS)
        state = self.watch.goal(id_)
        likely = [command for command in OF_GOALS if command not in ABOUT or len(getattr(state, ABOUT[command]))]
        self.draw(self.pick(likely), self.pick(sorted(state.people)), id_)

    def together(self) -> None:
        """Let one of the parties of a mentorship ask for anything but its end, which leaves nothing to be asked."""
        command = self.pick([one for one in OF_MENTORSHIPS if one.NAME not in ("cancel", "complete")])
        self.draw(command, self.pick((MENTEE, MENTOR, PEER)), self.pick(MENTORSHIPS[:2]))

    def elsewhere(self) -> None:
        """Let anybody ask for anything at all, of the programme its admin more often than not."""
        command = self.pick(command_types())
        by = self.pick((MENTEE, MENTOR, PEER, ADMIN, IMPORTER, STRANGER) + (ADMIN,) * 3 * (command.AGGREGATE != "goal"))
        self.draw(command, by, self.pick(aggregate_ids(command.AGGREGATE)))

    def agree(self) -> None:
        """Take the step that a goal's state calls for, after the yes of some of its people."""
        id_ = self.pick(GOALS)
        people = sorted(self.watch.goal(id_).people)
        self.lead(id_, people if self.pick((True, True, False)) else [self.pick(people)])

    def lead(self, id_: str, people: list[str]) -> None:
        """Let *people* agree, and the last of them take the step."""
        yes: dict[str, Any] = {"revision": self.watch.goal(id_).revision}
        if self.watch.goal(id_).state == "drafted":
            self.watch.ask(people[0], asking.ProposeGoal, id_, yes)
        for person in people:
            self.watch.ask(person, asking.AgreeGoal, id_, yes)
        go = yes | {"waivers": WAIVERS}
        steps: dict[str, tuple[type[Command], dict[str, Any]]] = {
            "proposed": (asking.ActivateGoal, go),
            "paused": (asking.ResumeGoal, go),
            "closed": (asking.ReopenGoal, go | {"reason": SAID}),
        }
        if step := steps.get(self.watch.goal(id_).state):
            self.watch.ask(people[-1], step[0], id_, step[1])

    def evaluate(self) -> None:
        """Answer every criterion of the standard rubric alike."""
        id_, met = self.pick(GOALS), self.pick((True, True, False))
        criteria = [Criterion(criterion=name, met=met) for name in BUILT_IN["smart"].criteria]
        fields = {"rubric": RubricRef(id="smart", version=1), "criteria": criteria, "trigger": "periodic"}
        self.watch.ask(min(self.watch.goal(id_).people), asking.EvaluateGoal, id_, fields)

    def read(self) -> None:
        """Record readings that fit a measure, which is defined if it is not there, and correct some of them."""
        id_, definition = self.pick(GOALS), self.pick(DEFINITIONS)
        by = min(self.watch.goal(id_).people)
        if definition.measure not in self.watch.goal(id_).measures:
            self.watch.ask(by, asking.DefineMeasure, id_, msgspec.structs.asdict(definition) | {"reason": SAID})
        measure = self.watch.goal(id_).measures.get(definition.measure)
        for _ in range(self.pick((1, 2, 3)) if measure else 0):
            reading = {"measure": definition.measure} | self.reading(measure)
            self.watch.ask(by, asking.RecordProgress, id_, reading)
            recorded = self.watch.scenario.history[-1][1]
            if isinstance(recorded.event, ProgressRecorded) and self.pick((True, False)):
                put_right = self.reading(measure) if self.pick((True, False)) else {"strike": True}
                fields = {"corrects": recorded.id, "reason": SAID} | put_right
                self.watch.ask(by, asking.CorrectProgress, id_, fields)

    def reading(self, measure: Any) -> dict[str, Any]:
        """Return the members that say what was read, and when."""
        number = self.pick(("1", "3", "0.25", "-3", "9" * 18))
        on = {"on": self.watch.scenario.now.date() - dt.timedelta(days=self.pick(range(20)))}
        if measure.scale:
            return on | {"step": self.pick(measure.scale)}
        return on | {"reading": number == "1" if measure.kind in ("binary", "consecutive") else number}

    def later(self) -> None:
        """Let days go by."""
        self.watch.scenario.at(self.watch.scenario.now + dt.timedelta(days=self.pick((1, 2, 8, 40))))

    def draw(self, command: type[Command], by: str, id_: str) -> None:
        """Ask for *command* with members that are mostly sensible."""
        scenario = self.watch.scenario
        sensible = sensible_for(command, scenario.state(command.AGGREGATE, id_), scenario.now)
        self.watch.ask(by, command, id_, fields_of(self.pick, command, sensible))


# What a test run has time for; MILEPOST_SEEDS=10000 takes a night.
SEEDS = int(os.environ.get("MILEPOST_SEEDS", "20"))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_long_histories(seed: int) -> None:
    """Some hundred steps, the same ones for the same seed, break nothing."""
    Asking(random.Random(seed).choice).go_on(300)  # noqa: S311  no secret depends on it


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow])
@given(data=st.data(), steps=st.integers(1, 60))
def test_short_histories(data: st.DataObject, steps: int) -> None:
    """What breaks in few steps is found in the fewest."""
    Asking(lambda choices: data.draw(st.sampled_from(choices))).go_on(steps)
