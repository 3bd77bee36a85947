"""The numbers worked out from scratch, from the whole history at once and with Milepost's own arithmetic.

Nothing of the plugin is used here: README.md's sentences are written down a second time, as simply as can be.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from milepost.decide import Recorded, Ref, evolve
from milepost.decide.goal.progress import results
from milepost.decide.goal.state import Goal
from milepost_contracts.events import goal as events
from tests.plugins.okr.deciding import CYCLES
from tests.support.scenario import uid

Moment = tuple[dt.date, int]
END: Moment = (dt.date(2999, 1, 1), 0)
START: Moment = (dt.date(1900, 1, 1), 0)
_NOTHING = (events.Proposed, events.ChildAligned, events.ChildUnaligned)  # what changes no number of its own goal


class Step(NamedTuple):
    """An event of a goal with its number in the tenant."""

    seq: int
    recorded: Recorded

    @property
    def event(self) -> Any:
        """What happened."""
        return self.recorded.event


class Stay(NamedTuple):
    """A goal in a cycle."""

    since: Moment
    left: Moment
    anew: tuple[Moment, dt.date] | None


class Naive:
    """Everything that happened, and the configuration as it is written in TOML."""

    def __init__(self, history: list[tuple[Ref, Recorded]], config: Mapping[str, Any]) -> None:
        """Take both."""
        self._steps: dict[str, list[Step]] = {}
        for seq, ((aggregate, id_), recorded) in enumerate(history, start=1):
            if aggregate == "goal" and not isinstance(recorded.event, _NOTHING):
                self._steps.setdefault(id_, []).append(Step(seq, recorded))
        self._cycles = {cycle["key"]: cycle for cycle in config["cycles"]}
        self._objectives = {one["key"]: one for one in config["objectives"]}
        self._config = config
        self._scoring: dict[str, Any] = {"grading_days": 14, "carried_over": "rest", "closed_cycles": "corrected"}
        self._scoring |= config.get("scoring", {})

    # Scores

    def scores(self) -> dict[str, tuple[Fraction | None, Fraction | None]]:
        """Return score and confidence of every key result and objective."""
        found: dict[str, tuple[Fraction | None, Fraction | None]] = {}
        for key in self._objectives:
            self._objective(key, found)
        return found

    def _objective(self, key: str, found: dict[str, tuple[Fraction | None, Fraction | None]]) -> None:
        if key in found:
            return
        objective = self._objectives[key]
        weights: list[tuple[float, str]] = []
        for result in objective.get("key_results", ()):
            found[result["key"]] = self._mean(result["key"], objective["cycle"])
            weights.append((result.get("weight", 1.0), result["key"]))
        for child in self._objectives.values():
            if child.get("parent") == key:
                self._objective(child["key"], found)
                weights.append((child.get("weight", 1.0), child["key"]))
        parts = [(weight, *found[one]) for weight, one in weights]
        if self.brought(key, objective["cycle"]):
            parts.append((objective.get("goals_weight", 1.0), *self._mean(key, objective["cycle"])))
        found[key] = (
            _mean([(_exact(weight), score) for weight, score, _ in parts]),
            _mean([(_exact(weight), confidence) for weight, _, confidence in parts]),
        )

    def _mean(self, key: str, cycle: str) -> tuple[Fraction | None, Fraction | None]:
        parts = self.brought(key, cycle).values()
        return (
            _mean([(weight, value) for weight, value, _ in parts]),
            _mean([(weight, confidence) for weight, _, confidence in parts]),
        )

    def brought(self, key: str, cycle: str) -> dict[str, tuple[Fraction, Fraction | None, Fraction | None]]:
        """Return weight, value and confidence that each goal brings to *key*."""
        found: dict[str, tuple[Fraction, Fraction | None, Fraction | None]] = {}
        for id_ in sorted(self._steps):
            steps = self._told(id_, cycle)
            stay = self._stays(steps).get(cycle) if steps else None
            if stay is None or stay.left < (self._cycles[cycle]["starts_on"], 0):
                continue
            end = _after(self._cycles[cycle]["ends_on"])
            before = min(stay.left, end)
            weight = self._weight(steps, key, max(before, (stay.since[0], stay.since[1] + 1)))
            if weight is None or not any(step < before for step, began in _life(steps) if began == "begun"):
                continue
            talks = [(when, told) for when, told in _talks(steps) if (stay.anew or (START,))[0] <= when < before]
            confidence = Fraction(max(talks)[1]) if talks else None
            found[id_] = (weight, self._value(steps, stay, cycle, before), confidence)
        return found

    # One goal

    def _told(self, id_: str, cycle: str) -> list[Step]:
        steps = self._steps[id_]
        if self._scoring["closed_cycles"] == "corrected":
            return steps
        last = self._cycles[cycle]["ends_on"] + dt.timedelta(days=self._scoring["grading_days"])
        zone = steps[0].event.time_zone
        return [step for step in steps if _day(step.recorded.recorded, zone) <= last]

    def _value(self, steps: list[Step], stay: Stay, cycle: str, before: Moment) -> Fraction | None:
        ends_on = self._cycles[cycle]["ends_on"]
        graded = min(stay.left, _after(ends_on + dt.timedelta(days=self._scoring["grading_days"])))
        life = [(when, what) for when, what in _life(steps) if when < graded]
        closed = life[-1][1] if life and life[-1][1] != "begun" else None
        if isinstance(closed, tuple):
            result, score = closed
            if score is not None:
                return Fraction(score)
            if result == "achieved":
                return Fraction(1)
        last_day = stay.left[0] if stay.left < _after(ends_on) else ends_on
        today = None if closed else min(last_day, _last(steps))
        progress = self._progress(steps, before, today)
        if progress is None:
            return Fraction(0) if closed and closed[0] == "missed" else None
        gone = Fraction(0)
        if stay.anew is not None and self._scoring["carried_over"] == "rest":
            gone = self._progress(steps, *stay.anew) or gone
        if gone >= 1:
            return Fraction(1) if progress >= 1 else Fraction(0)
        return max(Fraction(0), (progress - gone) / (1 - gone))

    def _progress(self, steps: list[Step], before: Moment, today: dt.date | None) -> Fraction | None:
        goal = _state(steps, before)
        if goal.progress_from == "children":
            zone = steps[0].event.time_zone
            return self._of_children(steps[0].recorded.aggregate_id, before, zone)
        told = results(goal, today=today)[1]
        return None if told is None else Fraction(told)

    def _of_children(self, id_: str, before: Moment, zone: str) -> Fraction | None:
        """Return what had been recorded of the children before a moment, by the zone of their parent."""
        parts: list[tuple[Fraction, Fraction | None]] = []
        for steps in self._steps.values():
            known = [step for step in steps if (_day(step.recorded.recorded, zone), step.seq) < before]
            if not known:
                continue
            child = _folded(known)
            if id_ not in child.parents:
                continue
            today = _last(known) if child.open else None
            told = (
                self._of_children(child.id, before, zone)
                if child.progress_from == "children"
                else None
                if (text := results(child, today=today)[1]) is None
                else Fraction(text)
            )
            parts.append((Fraction(child.parents[id_]), told))
        return _mean(parts)

    def _weight(self, steps: list[Step], key: str, before: Moment) -> Fraction | None:
        goal = _state(steps, before)
        for rule in self._config.get("rules", ()):
            wanted = {"focus": goal.focus, "kinds": goal.kind, "programmes": goal.programme, "owners": goal.owner}
            if rule["to"] == key and all(value in rule[name] for name, value in wanted.items() if name in rule):
                return _exact(rule.get("weight", 1.0))
        for alignment in self._config.get("alignments", ()):
            if alignment["to"] != key:
                continue
            served = [
                Fraction(weight)
                for id_, weight in goal.parents.items()
                if {id_, self._steps[id_][0].event.external_ref} & set(alignment["parents"])
            ]
            if served:
                return max(served)
        return None

    def _stays(self, steps: list[Step]) -> dict[str, Stay]:
        found: dict[str, Stay] = {}
        inside: set[str] = set()
        anew: tuple[Moment, dt.date] | None = None
        for number in range(1, len(steps) + 1):
            goal, moment = _folded(steps[:number]), _moment(steps[number - 1], steps)
            now = {key for key, cycle in self._cycles.items() if goal.cycle and _is(goal.cycle, cycle)}
            day = goal.deadline or (goal.closure.closed_on if goal.closure else None)
            if not now and day is not None:
                now = {key for key, one in self._cycles.items() if one["starts_on"] <= day <= one["ends_on"]}
            gone = inside - now
            for key in gone:
                found[key] = found[key]._replace(left=moment)
            started = [when for when, what in _life(steps) if what == "begun"]
            ends = [
                cycle["ends_on"]
                for key, cycle in self._cycles.items()
                if key in gone
                and moment >= (cycle["starts_on"], 0)
                and any(when < min(moment, _after(cycle["ends_on"])) for when in started)
            ]
            if ends:
                anew = max(min((moment, moment[0]), (_after(end), end)) for end in ends)
            for key in now - inside:
                found[key] = found[key]._replace(left=END) if key in found else Stay(moment, END, anew)
            inside = now
        return found


def _is(placed: str, cycle: Mapping[str, Any]) -> bool:
    first, last = next(days for name, days in CYCLES.items() if uid(name) == placed)
    listed = cycle.get("programme_cycles", ())
    return placed in listed if listed else bool(cycle["starts_on"] <= first and last <= cycle["ends_on"])


def _state(steps: list[Step], before: Moment) -> Goal:
    """Return the goal as it stood before a moment, by when things happened, and with what was corrected since."""
    fixed: dict[str, events.ProgressCorrected] = {}
    for step in steps:
        if isinstance(step.event, events.ProgressCorrected):
            fixed[step.event.corrects] = step.event
    kept: list[Step] = []
    for step in steps:
        event = step.event
        if isinstance(event, events.ProgressCorrected | events.ClosureAmended | events.Closed | events.Reopened):
            continue
        if isinstance(event, events.ProgressRecorded) and (fix := fixed.get(step.recorded.id)) is not None:
            if fix.after is None:
                continue
            now = fix.after
            event = msgspec.structs.replace(event, reading=now.reading, step=now.step, on=now.on or _on(step, steps))
        changed = step._replace(recorded=step.recorded._replace(event=event))
        if isinstance(event, events.Created) or _moment(changed, steps) < before:
            kept.append(changed)
    return _folded(kept)


def _on(step: Step, steps: list[Step]) -> dt.date:
    """Return the day of a reading whose last correction named none: that of an earlier one, or its own."""
    days = [
        one.event.after.on
        for one in steps
        if isinstance(one.event, events.ProgressCorrected)
        and one.event.corrects == step.recorded.id
        and one.event.after is not None
        and one.event.after.on is not None
    ]
    day: dt.date = days[-1] if days else step.event.on
    return day


def _folded(steps: list[Step]) -> Goal:
    goal: Any = None
    for step in steps:
        goal = evolve(goal, step.recorded)
    assert isinstance(goal, Goal)
    return goal


def _life(steps: list[Step]) -> list[tuple[Moment, Any]]:
    """Return when work began (`begun`) and ended ((result, score)), closings as they were amended."""
    found: list[tuple[Moment, Any]] = []
    for step in steps:
        event = step.event
        if isinstance(event, events.Activated | events.Reopened):
            found.append((_moment(step, steps), "begun"))
        elif isinstance(event, events.Closed):
            found.append((_moment(step, steps), (event.result, event.score)))
        elif isinstance(event, events.ClosureAmended):
            found[-1] = (found[-1][0], (event.new_result, event.new_score))
    return found


def _talks(steps: list[Step]) -> list[tuple[Moment, int]]:
    found: dict[str, tuple[Moment, int | None]] = {}
    for step in steps:
        event = step.event
        if isinstance(event, events.CheckInHeld):
            found[event.check_in] = ((event.held_on, step.seq), event.confidence)
        elif isinstance(event, events.CheckInVoided):
            found.pop(event.check_in)
        elif isinstance(event, events.CheckInAmended):
            (day, seq), confidence = found[event.check_in]
            told = confidence if event.confidence is None else event.confidence
            found[event.check_in] = ((event.held_on or day, seq), told)
    return [(when, told) for when, told in found.values() if told is not None]


def _moment(step: Step, steps: list[Step]) -> Moment:
    event = step.event
    dated: dict[type[Any], Callable[[Any], dt.date]] = {
        events.ProgressRecorded: lambda one: one.on,
        events.Activated: lambda one: one.activated_on,
        events.Closed: lambda one: one.closed_on,
        events.Reopened: lambda one: one.reopened_on,
    }
    told = dated.get(type(event))
    day = told(event) if told else _day(step.recorded.occurred or step.recorded.recorded, steps[0].event.time_zone)
    return day, step.seq


def _last(steps: list[Step]) -> dt.date:
    return _day(steps[-1].recorded.recorded, steps[0].event.time_zone)


def _day(moment: dt.datetime, zone: str) -> dt.date:
    return moment.astimezone(ZoneInfo(zone)).date()


def _after(day: dt.date) -> Moment:
    return day + dt.timedelta(days=1), 0


def _exact(number: float) -> Fraction:
    return Fraction(Decimal(repr(number)))


def _mean(parts: list[tuple[Fraction, Fraction | None]]) -> Fraction | None:
    known = [(weight, value) for weight, value in parts if value is not None]
    return sum((w * v for w, v in known), Fraction(0)) / sum(w for w, _ in known) if known else None
