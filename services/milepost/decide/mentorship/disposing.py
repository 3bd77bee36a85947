"""When a person leaves a mentorship, each open goal of that person is kept, paused, closed or placed elsewhere."""

from __future__ import annotations

import datetime as dt
from typing import Any

from milepost.decide.checks import stepped_on
from milepost.decide.goal.children import finder
from milepost.decide.goal.clock import date_in
from milepost.decide.goal.key_areas import check_active, check_room, joined, left, released
from milepost.decide.goal.placing import check_owner_in, placing_of
from milepost.decide.goal.progress import results
from milepost.decide.goal.state import Goal
from milepost.decide.goal.terms import raised, unchanged
from milepost.decide.kernel import EVOLVERS, Case, Change, Recorded, Ref
from milepost.decide.mentorship.state import Mentorship
from milepost_contracts.events import Event
from milepost_contracts.events import goal as events
from milepost_contracts.types import GoalDisposition, Party, Placing


def dispose(case: Case, leaver: str, successor: Party | None) -> list[Change]:
    """Return what becomes of the goals here that *leaver* has a part in; *successor* takes that part where one is kept.

    Refuses dispositions that are missing, doubled, for other goals, or that would leave a goal without an owner.
    """
    mentorship: Mentorship = case.state
    case.frame.need([("goal", id_) for id_ in mentorship.goals])
    goals = {id_: case.frame.get(("goal", id_)) for id_ in sorted(mentorship.goals)}
    concerned = {id_: goal for id_, goal in goals.items() if goal is not None and leaver in goal.people}
    if successor is not None and successor.ref == leaver:
        concerned = {}  # who takes another role leaves no goal
    _check_whole(case, concerned)
    stepped_on(case)
    steps = _Steps(case, leaver, successor)
    for place, disposition in enumerate(case.command.goals):
        if disposition.goal in concerned:
            steps.take(concerned[disposition.goal], disposition, f"goals.{place}")
    return steps.changes


def _check_whole(case: Case, concerned: dict[str, Goal]) -> None:
    """Refuse unless every goal in *concerned*, and no other, is disposed of exactly once."""
    reasons, named = case.reasons, [disposition.goal for disposition in case.command.goals]
    message = "Say for each open goal of this person what becomes of it: keep, pause, close or place."
    missing = sorted(concerned.keys() - set(named))
    reasons.unless(not missing, "disposition_missing", message, "goals", goals=missing)
    twice = sorted({id_ for id_ in named if named.count(id_) > 1})
    reasons.unless(not twice, "disposition_twice", "Say once what becomes of each goal.", "goals", goals=twice)
    others = sorted(set(named) - concerned.keys())
    message = "This person has no part in these goals here, or they are not open: leave them out."
    reasons.unless(not others, "disposition_not_wanted", message, "goals", goals=others)


class _Steps:
    """The changes so far and the states they lead to: each step is decided on what the ones before it have made."""

    def __init__(self, case: Case, leaver: str, successor: Party | None) -> None:
        self.case, self.leaver, self.successor = case, leaver, successor
        self.changes: list[Change] = []
        self._states: dict[Ref, Any] = {case.own: case.state}

    def take(self, goal: Goal, disposition: GoalDisposition, field: str) -> None:
        """Take the steps that *disposition* asks for."""
        message = "Only a goal that is placed elsewhere names a mentorship."
        placed = disposition.disposition == "place"
        self.case.reasons.unless(
            placed or disposition.mentorship is None, "mentorship_not_wanted", message, f"{field}.mentorship"
        )
        if placed:
            self._place(goal, disposition.mentorship, f"{field}.mentorship")
        elif disposition.disposition == "close":
            self._close(goal)
        else:
            if disposition.disposition == "pause":
                self._pause(goal, field)
            self._hand_over(goal.id, field)

    def _add(self, *changes: Change) -> None:
        for change in changes:
            ref = (change.aggregate, change.id)
            recorded = Recorded(change.event, "", self.case.command.actor, self.case.now, None, change.id)
            self._states[ref] = EVOLVERS[type(change.event)](self._state(ref), change.event, recorded)
            self.changes.append(change)

    def _state(self, ref: Ref) -> Any:
        if ref not in self._states:
            self._states[ref] = self.case.frame.get(ref)
        return self._states[ref]

    def _tell(self, goal_id: str, event: Event) -> Goal:
        self._add(Change("goal", goal_id, event))
        goal: Goal = self._state(("goal", goal_id))
        return goal

    @property
    def _here(self) -> Mentorship:
        mentorship: Mentorship = self._state(self.case.own)
        return mentorship

    def _day(self, goal: Goal) -> dt.date:
        return date_in(goal.time_zone, self.case.command.occurred_at or self.case.now)

    def _pause(self, goal: Goal, field: str) -> None:
        """Let an active goal rest; one that rests already is as it should be."""
        if goal.state == "active":
            self._tell(goal.id, events.Paused(paused_on=self._day(goal), reason=self.case.command.reason))
            self._add(*released(self._here, goal))
            return
        message = "Work on this goal has not begun, so it cannot be paused: keep it."
        self.case.reasons.unless(goal.state == "paused", "wrong_state", message, field, state=goal.state)

    def _hand_over(self, goal_id: str, field: str) -> None:
        """Give the leaver's part in the goal to the successor, or end it where there is none."""
        goal: Goal = self._state(("goal", goal_id))
        reason, actor = self.case.command.reason, self.case.command.actor
        if self.leaver in (goal.owner, goal.accountable):
            if self.successor is None:
                message = "A goal keeps an owner: transfer it first, place it elsewhere, or close it."
                self.case.reasons.refuse("owner_needed", message, field, goal=goal_id)
                return
            goal = self._transfer(goal, self.successor.ref)
        if self.leaver in goal.parties:
            members = {"reason": reason, **raised(goal, actor)}
            if self.successor is None or self.successor.ref in goal.parties:
                self._tell(goal_id, events.PartyRemoved(party=self.leaver, **members))
            else:
                self._tell(goal_id, events.PartyReplaced(old=self.leaver, new=self.successor, **members))

    def _transfer(self, goal: Goal, successor: str) -> Goal:
        """Make *successor* the owner or, of a shared goal, the accountable person; returns the goal after it."""
        own = goal.owner == self.leaver
        if own and goal.state == "active":
            check_room(self.case, self._here, goal, successor)
        before = goal
        goal = self._tell(
            goal.id,
            events.OwnershipTransferred(
                old=goal.owner,
                new=successor if own else goal.owner,
                old_accountable=goal.accountable,
                new_accountable=None if own else successor,
                reason=self.case.command.reason,
                **raised(goal, self.case.command.actor),
            ),
        )
        if own:
            self._add(*left(self._here, before))
            self._add(*joined(self._here, goal))
        return goal

    def _close(self, goal: Goal) -> None:
        """End the goal as abandoned; who leaves stays named in it, since that is how it was."""
        measures, progress = results(goal, child=finder(self.case, goal))
        self._tell(
            goal.id,
            events.Closed(
                result="abandoned",
                closed_on=self._day(goal),
                justification=self.case.command.reason,
                measures=measures,
                progress=progress,
            ),
        )
        self._add(*left(self._here, goal))

    def _place(self, goal: Goal, target_id: str | None, field: str) -> None:
        """Place the goal in another mentorship, all of whose parties become its parties, or outside any.

        Outside, the goal is its owner's alone. Programme and cycle stay unless the other mentorship has a programme.
        """
        case, before = self.case, placing_of(goal)
        target: Mentorship | None = None
        parties: list[Party] = []
        if target_id is not None:
            target = self._target(goal, target_id, field)
            if target is None:
                return
            parties = [Party(ref=ref, role=role) for ref, role in sorted(target.parties.items())]
        else:
            message = "This goal belongs to the mentorship itself: keep, pause or close it."
            owned = goal.owner == f"mentorship:{case.state.id}"
            case.reasons.unless(not owned, "owner_not_in_mentorship", message, field)
        programme = target.programme if target is not None and target.programme is not None else before.programme
        cycle = before.cycle if programme == before.programme else None
        after = Placing(mentorship=target_id, programme=programme, cycle=cycle, parties=parties)
        terms = unchanged(goal) if before.parties == after.parties else raised(goal, case.command.actor)
        self._tell(goal.id, events.Placed(before=before, after=after, reason=case.command.reason, **terms))
        self._add(*left(self._here, goal))
        if target is not None:
            self._add(*joined(target, goal))

    def _target(self, goal: Goal, target_id: str, field: str) -> Mentorship | None:
        """Return the mentorship that *goal* may be placed in; refuses it where there is none or no room in it."""
        case, reasons = self.case, self.case.reasons
        if target_id == case.state.id:
            reasons.refuse("already_placed", "The goal is placed here already: keep it, or place it elsewhere.", field)
            return None
        target: Mentorship | None = self._state(("mentorship", target_id))
        if target is None:
            reasons.refuse("mentorship_unknown", "There is no mentorship with this id in this tenant.", field)
            return None
        check_active(case, target, field)
        check_owner_in(case, target, goal.owner, field)
        if goal.state == "active":
            check_room(case, target, goal, goal.owner)
        if target.programme is not None and target.programme != goal.programme:
            programme = case.frame.get(("programme", target.programme))
            runs = programme is not None and programme.state == "open"
            reasons.unless(runs, "programme_closed", "The programme of that mentorship has ended.", field)
        return target
