"""One event is taken: its goal's history goes on, what the goal brings is entered, and goals above it follow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import islice

from msgspec.structs import replace

from milepost_contracts.context import Context
from milepost_contracts.events.goal import CheckInAmended, CheckInHeld
from milepost_contracts.events.programme import CyclePlanned
from milepost_contracts.plugin import Delivered
from milepost_okr import forgetting, history, mapping
from milepost_okr.counting import Brought, Part, part
from milepost_okr.goals import Goal, Goals, Sums
from milepost_okr.history import NEVER, AnyEntry
from milepost_okr.ledger import Ledger
from milepost_okr.mapping import Subject, subject
from milepost_okr.measures import EXACT, share_text, text
from milepost_okr.noting import Head, day_in
from milepost_okr.plan import Plan
from milepost_okr.views import NONE, Views, Window, progress, renewed

# A turn may have a thousand writes and facts, and each of these comes to about six.
FOLLOWING_MAX = 60  # goals above one that follow it; the graph of goals has no loop, a broken history might
COUNTS_MAX = 60  # objectives and key results that one goal counts for
NOW = ""  # the view that goals above take


class Turn:
    """All that one event, timer or question comes to."""

    def __init__(self, context: Context) -> None:
        """Take where things are kept and what is configured."""
        self.context = context
        self.plan: Plan = context.config.plan(context.tenant)
        self.goals = Goals(context)
        self.ledger = Ledger(context, self.plan)

    def take(self, event: Delivered) -> None:
        """Take *event*; `context.objectives` says what its goal counts for. One that was taken changes nothing."""
        if isinstance(event.data, CyclePlanned):
            self.goals.put_dates(event.data.cycle, event.data.starts_on, event.data.ends_on)
        if event.aggregate != "goal":
            return
        before = self.goals.get(event.aggregate_id)
        old = before.head if before is not None else Head()
        goal, entries = self.goals.after(event)
        if event.version <= old.version:
            return
        goal.add(entries)
        people = {*goal.head.people, goal.head.place.owner} - {*old.people, old.place.owner}
        if isinstance(event.data, CheckInHeld | CheckInAmended) and not self.goals.gone(event.actor):
            people.add(event.actor)
        forgetting.note(self.context.state, people, goal.id)
        if goal.head.children and not old.children:
            self._sum_up(goal, event.recorded, event.sequence)
        here = subject(goal, goal.frame, self.goals, self.plan)
        self._settle(here, mapping.merged([self.context.objectives]), entries)
        self._follow(old, goal, event)

    def settle(self, goal: Goal, *, afresh: bool = False) -> None:
        """Enter anew what *goal* brings; *afresh*: its check-ins were rewritten."""
        here = subject(goal, goal.frame, self.goals, self.plan)
        weights = mapping.merged(one.mapped(here, self.plan) for one in mapping.PARTS)
        self._settle(here, weights, (), afresh=afresh)

    def _settle(
        self, here: Subject, weights: Mapping[str, Decimal], entries: Iterable[AnyEntry], *, afresh: bool = False
    ) -> None:
        """Enter what a goal brings, after *entries* were added to its history, and keep it."""
        goal = here.goal
        windows = {one.cycle: (one.at.window, one.frame) for one in here.cycles}
        if goal.head.parents:
            windows[NOW] = (Window(), here.frame)
        views = renewed(NONE if afresh else goal.views, windows, entries, goal)
        self.ledger.enter(goal, self._parts(here, weights, views))
        progress_now = None
        if goal.head.parents:
            today = None if here.frame.closing(NEVER) is not None else views.of[NOW].last
            progress_now = progress(views.of[NOW].end, here.frame, NEVER, today, goal.sums)
        goal.head = replace(goal.head, progress=progress_now)
        goal.keep(views)

    def _parts(self, here: Subject, weights: Mapping[str, Decimal], views: Views) -> dict[str, Part]:
        cycles, found = {one.cycle: one for one in here.cycles}, {}
        if len(weights) > COUNTS_MAX:
            self.context.log("a goal counts for too much", goal=here.goal.id, most=COUNTS_MAX)
        for to, weight in islice(weights.items(), COUNTS_MAX):
            one = cycles[self.plan.nodes[to].cycle]
            goal = Brought(one.frame, one.at, views.of[one.cycle], here.goal.sums)
            brought = part(goal, self.plan.scoring, weight=weight, people=here.goal.head.people)
            if brought is not None:
                found[to] = brought
        return found

    def _follow(self, old: Head, goal: Goal, event: Delivered) -> None:
        """Let goals that take their progress from their children follow, as far up as something changes."""
        waiting = self._moved(old, goal.head)
        for _ in range(FOLLOWING_MAX):
            if not waiting:
                return
            above = self.goals.get(waiting.pop(0))
            if above is None or not above.head.children:
                continue
            before = above.head
            if self._sum_up(above, event.recorded, event.sequence):
                self.settle(above)
                waiting += self._moved(before, above.head)
        if waiting:
            self.context.log("more goals above this one than follow it", goal=goal.id, followed=FOLLOWING_MAX)

    def _moved(self, old: Head, new: Head) -> list[str]:
        """Move the sums of the goals that a child serves from *old* to *new*; return those whose sums changed."""
        changed: list[str] = []
        for id_ in sorted({*old.parents, *new.parents}):
            one, other = _brings(old, id_), _brings(new, id_)
            if one == other:
                continue
            sums = self.goals.sums(id_)
            weights = EXACT.add(Decimal(sums.weights), EXACT.subtract(other[0], one[0]))
            total = EXACT.add(Decimal(sums.total), EXACT.subtract(other[1], one[1]))
            self.goals.put_sums(id_, Sums(text(weights), text(total)))
            changed.append(id_)
        return changed

    def _sum_up(self, goal: Goal, recorded: dt.datetime, seq: int) -> bool:
        """Note what the children of *goal* have come to; return whether that is something new."""
        sums = self.goals.sums(goal.id)
        weights = Decimal(sums.weights)
        come = share_text(EXACT.divide(Decimal(sums.total), weights)) if weights else None
        last = goal.sums.last
        if isinstance(last, history.Summed) and last.progress == come:
            return False
        day = day_in(goal.head.zone, recorded)
        entry = history.Summed(day, day, seq, come)
        # One a day is enough while the goal itself stays as it is: it may have thousands of children.
        newest = max((entry.seq for entry in goal.frame), default=0)
        if isinstance(last, history.Summed) and last.recorded == day and last.seq >= newest:
            goal.sums.replace_last(entry)
        else:
            goal.add([entry])
        return True


def _brings(head: Head, parent: str) -> tuple[Decimal, Decimal]:
    """Return the weight that a child has in a parent's progress, and its progress times that."""
    if head.progress is None or parent not in head.parents:
        return Decimal(0), Decimal(0)
    weight = Decimal(head.parents[parent])
    return weight, EXACT.multiply(weight, Decimal(head.progress))
