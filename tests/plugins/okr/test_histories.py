"""Whatever happens, in whatever order: the numbers are those of working everything out from scratch."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import milepost_okr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost_contracts.commands import Command
from milepost_contracts.commands import goal as asked
from milepost_contracts.events import goal as events
from milepost_contracts.plugin import Delivered
from milepost_contracts.testing import Host
from milepost_contracts.types import TermsChange, Waiver
from tests.plugins.okr.deciding import OWNER, begun, company, documents, from_children
from tests.plugins.okr.naive import Naive
from tests.plugins.okr.telling import Q1, Q2, Q2_END, YEAR
from tests.support.scenario import PROGRAMME, Scenario, uid

CONFIG: dict[str, Any] = {
    "cycles": [Q1 | {"programme_cycles": [uid("Q1")]}, Q2 | {"programme_cycles": [uid("Q2")]}, YEAR],
    "objectives": [
        {"key": "company", "cycle": "2026", "goals_weight": 0.3, "kind": "committed"},
        {
            "key": "grow-1", "cycle": "q1", "parent": "company", "weight": 0.7,
            "key_results": [{"key": "sales-1", "weight": 0.5}, {"key": "reach-1", "weight": 0.9}],
        },
        {
            "key": "grow-2", "cycle": "q2", "parent": "company", "weight": 0.1,
            "key_results": [{"key": "sales-2", "weight": 0.5}, {"key": "reach-2"}],
        },
    ],
    "rules": [
        {"to": "sales-1", "focus": ["business"], "weight": 0.35},
        {"to": "sales-2", "focus": ["business"]},
        {"to": "reach-2", "kinds": ["outcome"], "weight": 0.2},
        {"to": "company", "kinds": ["smart"], "focus": ["skill"]},
    ],
    "alignments": [
        {"to": "reach-1", "parents": ["initiative:REACH"]},
        {"to": "reach-2", "parents": [uid("anchor")]},
    ],
}  # fmt: skip
GOALS = ("one", "two", "three", "above")
Step = tuple[str, str, int, int, int, bool]
# The commoner something is, the oftener it comes; so that goals live long enough to move and be corrected.
HAPPENS = {
    "reading": 6, "correct": 4, "place": 2, "carry": 3, "shift": 2, "close": 1, "amend_closing": 2, "reopen": 2,
    "talk": 2, "amend_talk": 2, "void_talk": 1, "align": 2, "unalign": 1, "revise": 1, "define": 1, "retire": 1,
    "focus": 1, "source": 1, "wait": 4,
}  # fmt: skip
STEPS = st.lists(
    st.tuples(
        st.sampled_from([name for name, times in HAPPENS.items() for _ in range(times)]),
        st.sampled_from(GOALS),
        st.integers(0, 40),
        st.integers(0, 12),
        st.integers(0, 30),
        st.booleans(),
    ),
    max_size=60,
)


def world(*, family: bool = True) -> Scenario:
    """Return a company with four goals, one above the others if *family*, and one that an initiative is called by."""
    scenario = company()
    begun(scenario, "anchor", external_ref="initiative:REACH", kind="outcome")
    down = {"kind": "delta", "direction": "decrease", "baseline": "9", "target": "5"}
    begun(scenario, "one", down, focus="business", deadline=dt.date(2026, 3, 31))
    weekly = {"kind": "consecutive", "period": "week", "target": "3"}
    begun(scenario, "two", {"kind": "count", "target": "60"}, weekly, focus="skill", time_zone="Pacific/Auckland")
    below = {"kind": "delta", "direction": "keep_below", "target": "6", "period": "month"}
    terms: dict[str, Any] = {"focus": "business", "kind": "outcome", "deadline": Q2_END}
    begun(scenario, "three", below, time_zone="America/Los_Angeles", **terms)
    above = begun(scenario, "above", {"kind": "count", "target": "4"}, focus="business", deadline=Q2_END)
    if family:
        from_children(scenario, above)
    for name in ("three", "above"):
        placing = {"programme": PROGRAMME, "cycle": uid("Q1"), "parties": []}
        scenario.done(OWNER, asked.PlaceGoal, id=uid(name), reason="-", **placing)
    return scenario


class Trying:
    """Somebody tries something about a goal, picked by numbers; what Milepost refuses does not happen."""

    def __init__(self, scenario: Scenario, what: Step) -> None:
        """Take where, and the numbers to pick by."""
        self.name, self.goal, self.number, self.value, ago, self.flag = what
        self.scenario, self.id = scenario, uid(self.goal)
        self.state = scenario.state("goal", self.id)
        self.ago = dt.timedelta(days=ago)
        self.day = scenario.now.date() - self.ago
        self.then = scenario.now - self.ago if self.flag else None

    def run(self) -> None:
        """Try it."""
        getattr(self, self.name)()

    def ask(self, command: type[Command], **fields: Any) -> None:
        """Give a command about the goal."""
        self.scenario.when(OWNER, command, id=self.id, **fields)

    def pick(self, among: Iterable[str]) -> str | None:
        """Return one of them."""
        known = sorted(among)
        return known[self.number % len(known)] if known else None

    def wait(self) -> None:
        self.scenario.at(self.scenario.now + self.ago / 2 + dt.timedelta(hours=self.value))

    def reading(self) -> None:
        if (measure := self.pick(self.state.measures)) is None:
            return
        number = str(3 + self.value / 2)
        reading = self.flag if self.state.measures[measure].kind == "consecutive" else number
        self.ask(asked.RecordProgress, measure=measure, reading=reading, on=self.day)

    def correct(self) -> None:
        corrects = self.pick(self.state.readings)
        ways: list[dict[str, Any]] = [{"strike": True}, {"on": self.day}, {"reading": str(3 + self.value / 2)}, {}]
        how = ways[self.number % 4]
        if corrects is not None:
            self.ask(asked.CorrectProgress, corrects=corrects, reason="-", **how)

    def place(self) -> None:
        cycle = [None, uid("Q1"), uid("Q2")][self.number % 3]
        placing: dict[str, Any] = {"programme": PROGRAMME, "cycle": cycle, "parties": [], "occurred_at": self.then}
        self.ask(asked.PlaceGoal, reason="-", **placing)

    def carry(self) -> None:
        cycle = uid("Q2") if self.value else uid("Q1")
        self.ask(asked.CarryGoalOver, cycle=cycle, occurred_at=self.then, reason="-")

    def shift(self) -> None:
        new = dt.date(2026, 1 + self.number % 9, 15)
        moved = {"new": new, "reason_code": "other", "override": True, "occurred_at": self.then}
        self.ask(asked.ShiftDeadline, reason="-", **moved)

    def close(self) -> None:
        result = ["achieved", "partially_achieved", "missed", "abandoned"][self.number % 4]
        score = f"0.{self.value}" if self.flag and result != "abandoned" else None
        self.ask(asked.CloseGoal, result=result, score=score, closed_on=self.day, justification="-")

    def amend_closing(self) -> None:
        amended = {"score": f"0.{self.value}"} if self.flag else {"result": ["achieved", "missed"][self.number % 2]}
        self.ask(asked.AmendClosure, justification="-", reason="-", **amended)

    def reopen(self) -> None:
        waived = [Waiver(check=check, reason="-") for check in ("deadline", "measures", "evaluation")]
        self.ask(asked.ReopenGoal, waivers=waived, reason="-")

    def talk(self) -> None:
        confidence = min(self.value, 10) if self.number % 4 else None
        talk = {"check_in": uid(f"talk {self.number}"), "held_on": self.day, "attendees": [OWNER]}
        self.ask(asked.HoldCheckIn, confidence=confidence, **talk)

    def amend_talk(self) -> None:
        said: dict[str, Any] = {"confidence": min(self.value, 10)} if self.flag else {"held_on": self.day}
        if (talk := self.pick(self.state.check_ins)) is not None:
            self.ask(asked.AmendCheckIn, check_in=talk, reason="-", **said)

    def void_talk(self) -> None:
        if (talk := self.pick(self.state.check_ins)) is not None:
            self.ask(asked.VoidCheckIn, check_in=talk, reason="-")

    def align(self) -> None:
        parent = uid(["anchor", "above", "one"][self.number % 3])
        self.ask(asked.AlignGoal, parent=parent, weight=f"0.{self.value + 1}", occurred_at=self.then)

    def unalign(self) -> None:
        if (parent := self.pick(self.state.parents)) is not None:
            self.ask(asked.UnalignGoal, parent=parent, occurred_at=self.then, reason="-")

    def revise(self) -> None:
        if (measure := self.pick(self.state.measures)) is not None:
            baseline = str(self.number) if self.number % 3 == 0 else None
            revised = {"measure": measure, "target": str(self.value), "baseline": baseline, "occurred_at": self.then}
            self.ask(asked.ReviseTarget, reason="-", **revised)

    def define(self) -> None:
        more = {"name": "M", "kind": "count", "direction": "increase", "unit": "u", "target": str(self.value + 1)}
        told = {"measure": uid(f"{self.goal}/more"), "weight": "0.5", "occurred_at": self.then, "reason": "-"}
        self.ask(asked.DefineMeasure, **told, **more)

    def retire(self) -> None:
        if len(self.state.measures) > 1 and (measure := self.pick(self.state.measures)) is not None:
            self.ask(asked.RetireMeasure, measure=measure, occurred_at=self.then, reason="-")

    def focus(self) -> None:
        changes = TermsChange(focus=["business", "skill"][self.number % 2])
        self.ask(asked.RefineGoal, changes=changes, trigger="other", occurred_at=self.then, reason="-")

    def source(self) -> None:
        from_children(self.scenario, self.id, ["children", "measures"][self.number % 2])


def check(host: Host, scenario: Scenario, config: dict[str, Any]) -> None:
    """Hold every number of the plugin against the one from scratch."""
    naive = Naive(scenario.history, config)
    cycles = {one["key"]: one["cycle"] for one in config["objectives"]}
    cycles |= {kr["key"]: one["cycle"] for one in config["objectives"] for kr in one.get("key_results", ())}
    for key, (score, confidence) in naive.scores().items():
        told = host.ask("key_result", by=OWNER, roles=["admin"], key=key)
        brought = naive.brought(key, cycles[key])
        assert [one["goal"] for one in told["contributing"]] == sorted(brought), key
        for one in told["contributing"]:
            weight, value, sure = brought[one["goal"]]
            assert Fraction(one["weight"]) == weight
            assert _near(one["value"], value, Fraction(1, 10**8)), (key, one, value)
            assert one["confidence"] == sure
        assert _near(told["score"], score, Fraction(1, 10**4)), (key, told, score)
        assert (told["score"] == "1") == (score == 1), (key, told, score)
        assert _near(told["confidence"], confidence, Fraction(1, 100))


def _near(told: str | None, expected: Fraction | None, most: Fraction) -> bool:
    if told is None or expected is None:
        return told is None and expected is None
    return abs(Fraction(told) - expected) <= most


def hosted(scenario: Scenario, config: dict[str, Any]) -> Host:
    """Return a host that was told all of it."""
    return told(config, documents(scenario))


@pytest.mark.parametrize("scoring", [{}, {"closed_cycles": "frozen", "carried_over": "whole"}])
@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_any_history_gives_the_numbers_from_scratch(scoring: dict[str, Any], steps: list[Step]) -> None:
    """Readings, corrections, closings, moves, alignments in any order: every score, value and confidence is right."""
    scenario = world()
    for one in steps:
        Trying(scenario, one).run()
    config = CONFIG | {"scoring": scoring}
    check(hosted(scenario, config), scenario, config)


@given(steps=STEPS)
@settings(max_examples=40, deadline=None)
def test_the_progress_is_what_milepost_says_in_its_events(steps: list[Step]) -> None:
    """After every event that tells a progress, the plugin brings exactly that: decreasing and control measures too."""
    scenario = world(family=False)
    scenario.done(OWNER, asked.SetDeadline, id=uid("two"), new=Q2_END, reason="-")
    for one in steps:
        if one[0] not in ("source", "place", "carry", "shift"):
            Trying(scenario, one).run()
    cycles = [YEAR | {"ends_on": dt.date(2040, 12, 31), "starts_on": dt.date(2020, 1, 1)}]
    ids = [uid(goal) for goal in GOALS]
    config = {
        "cycles": cycles,
        "objectives": [{"key": "all", "cycle": "2026"}],
        "rules": [{"to": "all", "goals": ids}],
        "scoring": {"counts_by": "dates"},
    }
    host = Host(milepost_okr, config=config)
    for document in documents(scenario):
        host.deliver(document)
        data = Delivered(document).data
        progress, id_ = getattr(data, "progress", None), Delivered(document).aggregate_id
        if progress is None or isinstance(data, events.Closed | events.CheckInHeld) or f"k/all|{id_}" not in host.state:
            continue
        brought = host.state[f"k/all|{id_}"]
        if brought["standing"] == "open":
            assert brought["value"] == progress


@given(steps=STEPS, order=st.lists(st.integers(0, 10), min_size=1, max_size=40))
@settings(max_examples=40, deadline=None)
def test_goals_may_come_in_any_order_among_each_other(steps: list[Step], order: list[int]) -> None:
    """However the events of different goals interleave, each goal's own in order: the same numbers."""
    scenario = world(family=False)
    for one in steps:
        if one[0] != "source":
            Trying(scenario, one).run()
    others = [one for one in scenario.history if one[0][0] != "goal"]
    anchor = [one for one in scenario.history if one[0][1] == uid("anchor")]
    waiting = [[one for one in scenario.history if one[0][1] == uid(goal)] for goal in GOALS]
    mixed = others + anchor  # what is named has to be there
    turn = 0
    while any(waiting):
        among = [lot for lot in waiting if lot]
        mixed.append(among[order[turn % len(order)] % len(among)].pop(0))
        turn += 1
    assert answers(told(CONFIG, documents(scenario, mixed))) == answers(hosted(scenario, CONFIG))


@given(steps=STEPS, cuts=st.lists(st.integers(0, 60), max_size=3))
@settings(max_examples=30, deadline=None)
def test_crashes_redeliveries_and_replay_end_where_live_does(steps: list[Step], cuts: list[int]) -> None:
    """After crashes everything comes again, known or not; and in replay: the same state, facts and ids of facts."""
    scenario = world()
    for one in steps:
        Trying(scenario, one).run()
    live, told_ = hosted(scenario, CONFIG), documents(scenario)
    crashing = Host(milepost_okr, config=CONFIG)
    for cut in cuts:
        crashing.deliver(*told_[:cut])
        crashing.crash_after_commit()
        crashing.redeliver(forgotten=True)
    crashing.deliver(*told_)
    replayed = Host(milepost_okr, config=CONFIG, mode="replay")
    replayed.deliver(*told_)
    for other in (crashing, replayed):
        assert other.state == live.state
        assert other.facts == live.facts
        assert list(other.stored.facts) == list(live.stored.facts)


def told(config: dict[str, Any], documents_: list[bytes]) -> Host:
    """Return a host that was told *documents_*."""
    host = Host(milepost_okr, config=config)
    host.deliver(*documents_)
    return host


def answers(host: Host) -> list[Any]:
    """Return everything that can be asked for."""
    return [host.ask(name, by=OWNER, roles=["admin"]) for name in ("objectives", "export", "cycles")]
