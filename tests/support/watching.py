"""Everything that must hold of goals and of what is answered about them, said a second time from the history alone."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec

from milepost.decide import Decision, Frame, Missing, Recorded, Ref, Refused, Seen, decide, evolve
from milepost.decide.cadence import standing
from milepost.decide.checks import latest_today
from milepost.decide.goal.clock import today
from milepost.decide.goal.health import health_of
from milepost.decide.goal.progress import results
from milepost.decide.goal.state import Goal
from milepost.decide.goal.tally import tally_of
from milepost.decide.mentorship.state import cap_for
from milepost_contracts.commands import Command
from milepost_contracts.events import TermsEvent, goal, mentorship
from milepost_contracts.types import DecimalText
from tests.support.commands import SAID
from tests.support.scenario import TENANT, Scenario

BEGINS = (goal.Activated, goal.Resumed, goal.Reopened)
STATES: dict[type, tuple[set[str], str]] = {
    goal.Proposed: ({"drafted"}, "proposed"),
    goal.Declined: ({"proposed"}, "drafted"),
    goal.Activated: ({"proposed"}, "active"),
    goal.Paused: ({"active"}, "paused"),
    goal.Resumed: ({"paused"}, "active"),
    goal.Closed: ({"drafted", "proposed", "active", "paused"}, "closed"),
    goal.Reopened: ({"closed"}, "active"),
}
KEPT = ("readings", "check_ins", "milestones", "actions", "obstacles", "feedback", "comments", "resources")


class Watch:
    """Asks a scenario, and looks at every answer, at every event and at every state that it leads to."""

    def __init__(self, scenario: Scenario) -> None:
        """Begin with a scenario in which nobody has agreed to anything yet."""
        self.scenario = scenario
        self.goals = [ref[1] for ref in scenario._seen if ref[0] == "goal"]
        self.mentorships = [ref[1] for ref in scenario._seen if ref[0] == "mentorship"]
        self.yes: dict[str, set[str]] = {id_: set() for id_ in self.goals}  # whose yes holds, by the events alone
        self.behind: set[tuple[str, str]] = set()  # steps that were warned of as open after the deadline
        self.answers: Counter[str] = Counter()

    def goal(self, id_: str) -> Goal:
        """Return the state of one of the goals, which are all there."""
        state = self.scenario.state("goal", id_)
        assert isinstance(state, Goal)
        return state

    def ask(self, by: str, command: type[Command], id_: str, fields: dict[str, Any]) -> None:
        """Ask, look at the answer and at every event."""
        scenario = self.scenario
        before, since = dict(scenario._seen), len(scenario.history)
        if command.AGGREGATE == "tenant":
            id_ = next(ref[1] for ref in before if ref[0] == "tenant")
        scenario.when(by, command, id=id_, **fields)
        outcome, asked = scenario._outcome, scenario._command
        assert asked is not None
        self._answered_alike(asked, before)
        if isinstance(outcome, Refused):
            assert scenario._seen == before, "a refused command changes nothing"
            told: list[Any] = [*outcome.problems]
            self.answers.update(f"{command.AGGREGATE} {command.NAME}: {problem.code}" for problem in outcome.problems)
        else:
            assert isinstance(outcome, Decision)
            told = [*outcome.warnings]
            self.answers[f"{command.AGGREGATE} {command.NAME}"] += bool(outcome.changes)
            self._warned(asked, outcome)
        assert SAID not in repr(told), "what a person said is told to nobody in an answer"
        states: dict[Ref, Any] = {ref: seen.state for ref, seen in before.items()}
        for ref, recorded in scenario.history[since:]:
            after = evolve(states.get(ref), recorded)
            if ref[0] == "goal":
                self._happened(ref[1], states.get(ref), recorded, after)
            states[ref] = after
        for ref, recorded in scenario.history[since:]:
            if isinstance(recorded.event, mentorship.KeyAreaOpened):
                self._within_the_cap(ref[1], recorded.event.owner)

    def _answered_alike(self, asked: Command, before: dict[Ref, Seen]) -> None:
        """Deciding is pure: the same question on the same states has the same answer."""
        frame: dict[Ref, Seen] = {}
        state = before.get((asked.AGGREGATE, asked.id), Seen(None, 0)).state
        while True:
            try:
                again: Decision | Refused = decide(
                    state, asked, frame=Frame(TENANT, frame), now=self.scenario.now, limits=self.scenario.limits
                )
            except Missing as missing:
                frame |= {ref: before.get(ref, Seen(None, 0)) for ref in missing.refs}
                continue
            except Refused as refused:
                again = refused
            break
        outcome = self.scenario._outcome
        if isinstance(again, Refused):
            assert isinstance(outcome, Refused)
            assert again.problems == outcome.problems
        else:
            assert again == outcome

    def _warned(self, asked: Command, outcome: Decision) -> None:
        if any(warning.code == "open_after_deadline" for warning in outcome.warnings):
            step = getattr(asked, "milestone", None) or getattr(asked, "action", None)
            assert step is not None
            self.behind.add((asked.id, step))

    # What must hold of every event of a goal

    def _happened(self, id_: str, before: Goal | None, recorded: Recorded, after: Goal) -> None:
        event = recorded.event
        assert before is not None, "the goals were there before anything was asked"
        self._agreed(id_, before, recorded, after)
        self._moved(before, event, after)
        self._dated(before, event)
        if isinstance(event, goal.ProgressRecorded | goal.ProgressCorrected):
            self._told_truly(event, after)
        if isinstance(event, goal.MilestoneHit):
            hits = sum(milestone.hit_on is not None for milestone in after.milestones.values())
            assert event.ordinal == hits, "hits are counted without those that were retracted"
        for name in KEPT:
            kept = set(getattr(before, name)) - set(getattr(after, name))
            assert not kept, "nothing that was told is lost"
        assert set(before.measures) | set(before.retired) <= set(after.measures) | set(after.retired)

    def _agreed(self, id_: str, before: Goal, recorded: Recorded, after: Goal) -> None:
        """Whose yes holds follows from the events alone, and nothing begins without the quorum's."""
        event, yes = recorded.event, self.yes[id_]
        assert after.revision >= before.revision, "a revision never falls"
        if isinstance(event, goal.Proposed | goal.Agreed):
            assert event.revision == before.revision
            yes.add(event.party)
        elif isinstance(event, goal.Declined | goal.AgreementWithdrawn):
            yes.discard(event.party)
        elif isinstance(event, TermsEvent) and event.revision != before.revision:
            assert event.revision == before.revision + 1
            editorial = isinstance(event, goal.Refined) and event.editorial
            assert set(event.voided) == (set() if editorial else yes - {recorded.actor})
            yes -= set(event.voided)
        yes &= after.people
        assert {person for person, at in after.agreements.items() if at == after.revision} & after.people == yes
        if isinstance(event, BEGINS):
            assert event.revision == before.revision
            place = self.scenario.state("mentorship", before.mentorship) if before.mentorship else None
            quorum = place.quorum if place is not None else "all"
            owner = before.accountable or before.owner
            complete = {
                "all": yes == before.people,
                "majority": 2 * len(yes) > len(before.people),
                "owner_plus_one": owner in yes and len(yes) >= min(2, len(before.people)),
            }
            assert complete[quorum], "nothing begins without the quorum's yes to the present terms"
            assert not after.agreement_open

    def _moved(self, before: Goal, event: Any, after: Goal) -> None:
        """States follow DOMAIN.md; changed terms take a proposal back."""
        if type(event) in STATES:
            allowed, reached = STATES[type(event)]
            assert before.state in allowed
            assert after.state == reached
        elif isinstance(event, TermsEvent) and before.state == "proposed" and event.revision != before.revision:
            assert after.state == "drafted"
        else:
            assert after.state == before.state
        if isinstance(event, goal.Closed):
            assert event.result == "abandoned" or before.state in ("active", "paused")
            if event.result == "achieved" and not (event.justification or "").strip():
                assert all(measure.met for measure in event.measures)
            assert event.score is None or (event.result != "abandoned" and 0 <= Decimal(event.score) <= 1)

    def _dated(self, before: Goal, event: Any) -> None:
        """Nothing is told of the future, and of a closed goal nothing of the time after its closing."""
        for name in ("on", "held_on", "hit_on", "completed_on", "closed_on", "activated_on", "paused_on", "resumed_on"):
            on = getattr(event, name, None)
            if on is not None:
                assert on <= latest_today(self.scenario.now)
            late = name in ("on", "held_on", "hit_on", "completed_on")
            if on is not None and late and before.closure is not None:
                assert on <= before.closure.closed_on

    def _told_truly(self, event: Any, after: Goal) -> None:
        """Hold what an event says of the goal against what is so after it."""
        now = today(after, self.scenario.now)
        told, progress = results(after, today=now, child=lambda ref: self.scenario.state("goal", ref))
        assert event.progress == progress
        current = {measure.measure: measure.current for measure in told}
        assert event.measure not in current or event.current == current[event.measure]

    def _within_the_cap(self, id_: str, owner: str) -> None:
        """Whenever a goal becomes active in a mentorship, its owner's are not more there than the cap allows."""
        place = self.scenario.state("mentorship", id_)
        cap = cap_for(place, self.scenario.state("programme", place.programme) if place.programme else None)
        active = [
            one
            for one in map(self.goal, self.goals)
            if one.state == "active" and (one.mentorship, one.owner) == (id_, owner)
        ]
        assert len(active) <= cap

    # What must hold of every state

    def everything_holds(self) -> None:
        """Look at every state."""
        self.nothing_open_is_due_after_its_goal()
        self.a_mentorship_knows_its_goals()
        self.goals_have_owners_and_serve_each_other_without_a_loop()
        self.progress_is_a_share_and_everything_has_an_answer()

    def nothing_open_is_due_after_its_goal(self) -> None:
        """Open milestones and actions are due until the deadline, those aside that were warned of."""
        for one in map(self.goal, self.goals):
            for steps in (one.milestones, one.actions):
                for id_, step in steps.items():
                    late = one.deadline is not None and step.due_on is not None and step.due_on > one.deadline
                    assert not (step.open and late) or (one.id, id_) in self.behind

    def a_mentorship_knows_its_goals(self) -> None:
        """Open goals and key areas that it keeps are those of the goals that are placed there."""
        for id_ in self.mentorships:
            place = self.scenario.state("mentorship", id_)
            here = [one for one in map(self.goal, self.goals) if one.mentorship == id_ and one.open]
            assert dict(place.goals) == {one.id: one.owner for one in here}
            assert dict(place.key_areas) == {one.id: one.owner for one in here if one.state == "active"}

    def goals_have_owners_and_serve_each_other_without_a_loop(self) -> None:
        """Somebody is answerable for every goal; parents and children know each other; nobody is above itself."""
        for one in map(self.goal, self.goals):
            assert one.people
            assert one.owner.startswith("user:") or one.accountable
            for parent, weight in one.parents.items():
                assert self.goal(parent).children[one.id] == weight
                assert 0 < Decimal(weight) <= 1
            for child, weight in one.children.items():
                assert self.goal(child).parents[one.id] == weight
            above, level = set(), set(one.parents)
            while level:
                above |= level
                level = {ref for id_ in level for ref in self.goal(id_).parents} - above
            assert one.id not in above

    def progress_is_a_share_and_everything_has_an_answer(self) -> None:
        """Progress is null or from 0 to 1, and health and cadence can be told of whatever state there is."""
        for one in map(self.goal, self.goals):
            now = today(one, self.scenario.now)
            told, progress = results(one, today=now, child=lambda ref: self.scenario.state("goal", ref))
            for share in [progress, *(measure.progress for measure in told)]:
                assert share is None or 0 <= Decimal(msgspec.convert(share, DecimalText)) <= 1
            assert progress is not None or one.progress_from == "children" or not one.measures
            assert health_of(one, progress, now) in ("on_track", "at_risk", "off_track", "unknown")
            held = [check_in.held_on for check_in in one.check_ins.values() if not check_in.voided]
            kept = standing(one.cadence, held, now, since=one.activated_on, pauses=one.pauses)
            assert kept.best >= kept.streak >= 0
            for id_, measure in one.measures.items():
                mine = (reading for reading in one.readings.values() if reading.measure == id_ and not reading.struck)
                points = list(mine)
                assert not points or one.tallies[id_] == tally_of(measure, points)

    def replays(self) -> None:
        """Check that replaying everything that happened leaves what there is."""
        states: dict[Ref, Any] = {}
        versions: Counter[Ref] = Counter()
        for ref, recorded in self.scenario.history:
            states[ref] = evolve(states.get(ref), recorded)
            versions[ref] += 1
        assert {ref: Seen(state, versions[ref]) for ref, state in states.items()} == self.scenario._seen
