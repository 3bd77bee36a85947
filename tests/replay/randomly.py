"""Random histories, made by accept: late, corrected, retracted, voided, on a clock that jumps."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

from milepost.decide.goal.state import Goal
from milepost.replay.histories import Histories
from milepost_contracts.answers import Accepted
from milepost_contracts.commands import Command, goal
from milepost_contracts.types import Criterion, Measure, Party, RubricRef, TermsChange, Waiver
from tests.support.accepting import TENANT, Acceptance, create, ident, user
from tests.support.scenario import NOW

ID = ident("goal")
OWNER, MENTOR, PEER = user("mentee"), user("mentor"), user("peer")
ZONES = ("UTC", "Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles")
MEASURES = (
    Measure(measure=ident("talks"), name="talks", kind="count", direction="increase", unit="talks", target="5"),
    Measure(
        measure=ident("score"), name="score", kind="average", direction="increase", unit="points", target="8",
        samples_min=2, sources=[PEER],
    ),
    Measure(
        measure=ident("led"), name="led", kind="consecutive", direction="increase", unit="stand-ups", target="3",
        period="week",
    ),
)  # fmt: skip


class Life:
    """One goal's life, one command after the other, as *seed* has it; most are accepted, the others change nothing."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Begin a goal with two parties, three measures and a deadline, active."""
        self._random = random.Random(seed)  # noqa: S311  no secret
        self.now = NOW
        self.accept = Acceptance(folder, clock=lambda: self.now)
        # Recorded time comes of the same clock; where that jumps back, the journal's time stands still.
        self.accept.journal._clock_us = lambda: round(self.now.timestamp() * 1e6)
        self._count = 0
        self.accept.open_tenant()
        self._histories = Histories(self.accept.journal, self.accept.keys)
        zone = self._random.choice(ZONES)
        self.accept.accepted(create("goal", time_zone=zone, deadline=self._day(90), tags=["first"]))
        parties = [Party(ref=OWNER, role="mentee"), Party(ref=MENTOR, role="mentor")]
        self._ask(goal.PlaceGoal, parties=parties)
        self._ask(goal.AddContributor, ref=PEER, role="peer")
        for measure in MEASURES:
            self._ask(goal.DefineMeasure, measure=measure.measure, **_definition(measure))
        self._agree()

    def live(self, steps: int) -> None:
        """Take so many steps; between them time goes on, and now and then the clock jumps back or far ahead."""
        for _ in range(steps):
            hours = self._random.choice((0, 1, 5, 30, 30, 100, 400, -40))
            self.now += dt.timedelta(hours=hours, microseconds=self._random.randrange(10**6))
            self._random.choice(_STEPS)(self)

    @property
    def state(self) -> Goal:
        """The goal as it is, words sealed."""
        state: Goal = self._histories.newest(TENANT, ("goal", ID))
        return state

    def close(self) -> None:
        """Close the databases."""
        self.accept.close()

    def _ask(self, command: type[Command], *, by: str = OWNER, **fields: Any) -> bool:
        self._count += 1
        asked = command(command_id=ident(f"step {self._count}"), id=ID, actor=by, **fields)
        return isinstance(self.accept.ask(asked), Accepted)

    def _day(self, offset: int) -> dt.date:
        return self.now.date() + dt.timedelta(days=offset)

    def _late(self) -> dict[str, Any]:
        """Return nothing, or that it happened some time ago."""
        if self._random.random() < 0.6:
            return {}
        return {"occurred_at": self.now - dt.timedelta(hours=self._random.randrange(1, 900))}

    def _one_of(self, collection: str) -> str | None:
        return self._random.choice(sorted(found)) if (found := list(getattr(self.state, collection))) else None

    def _agree(self) -> None:
        revision = self.state.revision
        self._ask(goal.ProposeGoal, revision=revision)
        self._ask(goal.AgreeGoal, by=MENTOR, revision=revision)
        criteria = [
            Criterion(criterion=name, met=True, note="Yes")
            for name in ("specific", "measurable", "achievable", "relevant", "time_bound")
        ]
        self._ask(goal.EvaluateGoal, rubric=RubricRef(id="smart", version=1), criteria=criteria, trigger="periodic")
        waivers = [Waiver(check="evaluation", reason="So it is")]
        self._ask(goal.ActivateGoal, revision=revision, waivers=waivers, **self._late())

    def _read(self) -> None:
        measure = self._random.choice(MEASURES)
        reading = self._random.random() < 0.7 if measure.kind == "consecutive" else str(self._random.randrange(1, 10))
        self._ask(
            goal.RecordProgress, measure=measure.measure, reading=reading, on=self._day(-self._random.randrange(60)),
            note="It went well", **self._late(),
        )  # fmt: skip

    def _correct(self) -> None:
        if (event := self._one_of("readings")) is None:
            return
        kind = {one.measure: one.kind for one in MEASURES}[self.state.readings[event].measure]
        fixed: dict[str, Any] = self._random.choice(
            (
                {"strike": True},
                {"on": self._day(-self._random.randrange(80))},
                {"reading": False if kind == "consecutive" else "4"},
            )
        )
        self._ask(goal.CorrectProgress, corrects=event, reason="A slip of the pen", **fixed)

    def _talk(self) -> None:
        id_ = ident(f"talk {self._count}")
        self._ask(
            goal.HoldCheckIn, check_in=id_, held_on=self._day(-self._random.randrange(40)), attendees=[OWNER, MENTOR],
            confidence=self._random.randrange(11), wins=["A small one"], next_step="Go on", **self._late(),
        )  # fmt: skip

    def _amend(self) -> None:
        check_in = self._one_of("check_ins")
        if check_in is None or self.state.check_ins[check_in].voided:
            return
        if self._random.random() < 0.3:
            self._ask(goal.VoidCheckIn, check_in=check_in, reason="It was another goal's")
        else:
            held_on = self._random.choice((None, self._day(-self._random.randrange(50))))
            self._ask(goal.AmendCheckIn, check_in=check_in, reason="Put right", held_on=held_on, wins=["A large one"])

    def _milestone(self) -> None:
        milestone = self._one_of("milestones")
        if milestone is None or self._random.random() < 0.3:
            fields: dict[str, Any] = {
                "title": "Half way",
                "due_on": self._day(self._random.randrange(1, 30)),
                "reason": "So",
            }
            self._ask(goal.AddMilestone, milestone=ident(f"milestone {self._count}"), **fields)
        elif self.state.milestones[milestone].hit_on is None:
            on = self._day(-self._random.randrange(20))
            self._ask(goal.HitMilestone, milestone=milestone, hit_on=on, evidence=["https://example.com/x"])
        else:
            self._ask(goal.RetractMilestoneHit, milestone=milestone, reason="Not yet")

    def _terms(self) -> None:
        new = self._day(self._random.randrange(20, 200))
        steps: tuple[tuple[type[Command], dict[str, Any]], ...] = (
            (goal.ShiftDeadline, {"new": new, "reason": "The hall is closed", "reason_code": "dependency"}),
            (goal.RefineGoal, {"changes": TermsChange(title=f"Talk {self._count}"), "trigger": "other", "reason": "x"}),
            (goal.SetSchedule, {"time_zone": self._random.choice(ZONES)}),
            (goal.TagGoal, {"add": [f"tag {self._count % 3}"], "remove": [f"tag {(self._count + 1) % 3}"]}),
            (goal.SetHealth, {"health": "at_risk", "reason": "I feel so", "until": self._day(5)}),
        )
        command, fields = self._random.choice(steps)
        self._ask(command, **fields, **(self._late() if command is goal.ShiftDeadline else {}))

    def _state(self) -> None:
        match self.state.state:
            case "active":
                command: type[Command] = self._random.choice((goal.PauseGoal, goal.PauseGoal, goal.CloseGoal))
                if command is goal.PauseGoal:
                    self._ask(command, reason="Leave", **self._late())
                else:
                    told = {"result": "partially_achieved", "score": "0.5", "retrospective": "I learnt"}
                    self._ask(command, closed_on=self._day(-self._random.randrange(3)), **told)
            case "paused":
                self._again(goal.ResumeGoal)
            case "closed":
                if self._random.random() < 0.5:
                    self._ask(goal.AmendClosure, score="0.7", reason="Too modest")
                else:
                    self._again(goal.ReopenGoal, reason="There is more in it")
            case _:
                self._agree()

    def _again(self, command: type[Command], **fields: Any) -> None:
        revision = self.state.revision
        for person in (OWNER, MENTOR):
            self._ask(goal.AgreeGoal, by=person, revision=revision)
        waivers = [Waiver(check="evaluation", reason="So it is")]
        self._ask(command, revision=revision, waivers=waivers, **fields)

    def _say(self) -> None:
        id_ = ident(f"said {self._count}")
        if (feedback := self._one_of("feedback")) and self._random.random() < 0.5:
            self._ask(goal.RetractFeedback, by=PEER, feedback=feedback, reason="Too harsh")
        else:
            self._ask(goal.GiveFeedback, by=PEER, feedback=id_, text="Clear and calm", rating=4)
        self._ask(goal.RecordReflection, reflection=ident(f"mine {self._count}"), text="I was afraid")


_STEPS = (Life._read,) * 4 + (Life._correct,) * 3 + (Life._talk, Life._amend, Life._milestone) * 2 + (
    Life._terms, Life._terms, Life._state, Life._say,
)  # fmt: skip


def _definition(measure: Measure) -> dict[str, Any]:
    names = ("name", "kind", "direction", "unit", "target", "period", "samples_min", "sources")
    return {name: value for name in names if (value := getattr(measure, name)) is not None}
