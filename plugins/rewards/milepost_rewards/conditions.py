"""A rule is held against an event: whether its condition has come true with it, and whether it still is later.

What came true is `Found`: what the reward is for (`once`), the day on which it happened, and what it rests on. The
same words are kept with each grant, so that what is taken back or put right later takes with it what rested on it.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal, NamedTuple

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.plugin import RETRACTIONS, Delivered, Grant
from milepost_rewards import facts, streaks
from milepost_rewards.config import CLOSED, GAP_DAYS, Rule
from milepost_rewards.streaks import Rhythm

Of = Literal["event", "closing", "hit", "streak"]
GIVEN = "given/"
AMENDED = "goal.closure_amended"
# Events that put right what a reward may rest on. A condition looks at those that may make it true, too: a check-in
# whose date is put right may complete a streak, an amended closing may be an achieved one.
_ALSO = {
    "first_milestone": ("goal.milestone_hit_retracted",),
    "streak": ("goal.check_in_amended", "goal.check_in_voided"),
}
PUT_RIGHT = frozenset({*RETRACTIONS, AMENDED, "goal.check_in_amended"})


class Rests(msgspec.Struct, omit_defaults=True):
    """What a grant rests on beside its cause, kept as long as it stands.

    basis: ids of milestones or check-ins. result: of the closing. programme: of the goal, for who is told of it later.
    """

    of: Of
    day: dt.date
    basis: list[str] = []
    rhythm: Rhythm | None = None
    result: str | None = None
    programme: str | None = None


class Found(NamedTuple):
    """A condition that has come true."""

    once: str
    rests: Rests


class Case:
    """One event with what is known of its goal or mentorship, looked at by every rule; nothing of it is kept."""

    def __init__(self, event: Delivered, context: Context, of: facts.Goal | facts.Mentorship) -> None:
        """Take the event, and what is known after it."""
        self.event, self.context, self.of = event, context, of
        self.found: dict[str, Found] = {}

    @property
    def goal(self) -> facts.Goal:
        """What is known of the goal."""
        assert isinstance(self.of, facts.Goal)  # noqa: S101  named conditions are about goals: config.NAMED
        return self.of


def looks_at(rule: Rule, name: str) -> bool:
    """Whether an event called *name* may make the condition of *rule* true."""
    if name == rule.event or (rule.event == CLOSED and name == AMENDED):
        return True
    return name in _ALSO.get(rule.when, ())


def look(rule: Rule, case: Case) -> Found | None:
    """Return what has come true of *rule*, None where nothing has."""
    if not looks_at(rule, case.event.name) or not _is_meant(rule, case):
        return None
    found = _FIND[rule.when](rule, case)
    if found is None or not (rule.since or dt.date.min) <= found.rests.day <= (rule.until or dt.date.max):
        return None
    return found


def holds(rests: Rests, case: Case) -> bool:
    """Whether what a grant rests on still stands; a closing with another result is another one, decided anew.

    The cause itself is not looked at: who takes that back is told to `on_retracted`.
    """
    goal = case.goal
    if rests.of == "closing":
        return goal.closing is not None and goal.closing.result == rests.result
    if rests.of == "hit":
        return all(milestone in goal.hits for milestone in rests.basis)
    if rests.of == "streak" and rests.rhythm is not None:
        return streaks.unbroken(_chains(rests.rhythm, case), rests.basis)
    return True


def in_force(
    context: Context, *, rule: str | None = None, goal: str | None = None, person: str | None = None
) -> list[tuple[Grant, Rests]]:
    """Return what stands, with what it rests on: as of the event at hand.

    When history is read again with an emptied state, grants are there already, those of later events too, and some are
    revoked by later ones. So what counts is that something is kept of a grant: from its cause to its end.
    """
    found = context.grants(goal=goal, person=person, standing=False)
    kept = ((grant, rests_on(context, grant)) for grant in found if rule in (None, grant.reward.rule))
    return [(grant, rests) for grant, rests in kept if rests is not None]


def rests_on(context: Context, grant: Grant) -> Rests | None:
    """Return what is kept of *grant*."""
    found: Rests | None = context.state.get(GIVEN + grant.id, Rests)
    return found


def _is_meant(rule: Rule, case: Case) -> bool:
    only, of = rule.only, case.of
    if not only.allows("tenant", case.event.tenant):
        return False
    if isinstance(of, facts.Mentorship):
        return only.allows("programme", of.programme) and only.allows("mentorship", case.event.aggregate_id)
    place = case.event.context
    return (
        all(only.allows(name, getattr(of, name)) for name in ("kind", "focus", "visibility"))
        and place is not None
        and all(only.allows(name, getattr(place, name)) for name in ("programme", "mentorship", "cycle"))
    )


def _event(rule: Rule, case: Case) -> Found | None:
    if rule.event == CLOSED:
        return _closing(rule, case)
    zone = case.of.zone if isinstance(case.of, facts.Goal) else "UTC"
    return Found(_once(rule, case, f"event/{case.event.id}"), Rests("event", facts.day_of(case.event, zone)))


def _once(rule: Rule, case: Case, otherwise: str) -> str:
    match rule.once:
        case "person":
            return "ever"
        case "goal":
            return f"{case.event.aggregate}/{case.event.aggregate_id}"
    return otherwise


def _closing(rule: Rule, case: Case) -> Found | None:
    closing, event = case.goal.closing, case.event
    if closing is None or not _fits(rule, case.goal):
        return None
    if event.name == AMENDED and event.data.old_result == event.data.new_result:
        return None  # the same closing in other words
    once = _once(rule, case, f"closing/{case.event.aggregate_id}")
    return Found(once, Rests("closing", closing.on, result=closing.result))


def _fits(rule: Rule, goal: facts.Goal) -> bool:
    """Whether the goal's closing is one that *rule* rewards."""
    closing = goal.closing
    if closing is None or (rule.results and closing.result not in rule.results):
        return False
    if rule.when == "event":
        return True
    deadline: dt.date | None = getattr(goal, rule.deadline or "present")
    return deadline is not None and closing.on <= deadline - dt.timedelta(days=rule.days or 0)


def _first_milestone(rule: Rule, case: Case) -> Found | None:
    """Find the first of the goal's standing hits; where that one was retracted, the one that is first then."""
    hits = case.goal.hits
    if not hits:
        return None
    first = min(hits, key=hits.__getitem__)
    if case.event.name == rule.event and case.event.data.milestone != first:
        return None
    return Found(f"first/{case.event.aggregate_id}", Rests("hit", hits[first], [first]))


def _streak(rule: Rule, case: Case) -> Found | None:
    """Find check-ins in a row that no standing reward of *rule* rests on yet: none counts twice."""
    cadence = facts.cadence_of(case.context, case.goal, case.event)
    rhythm = Rhythm(cadence, rule.gap_days or GAP_DAYS)
    goal = case.event.aggregate_id
    standing = in_force(case.context, rule=rule.id, goal=goal)
    taken = {id_ for _, rests in standing for id_ in rests.basis}
    basis = streaks.block(_chains(rhythm, case), rule.n or 0, taken)
    if basis is None:
        return None
    begun = {grant.reward.once for grant, _ in standing}
    number = next(number for number in range(len(begun) + 1) if f"streak/{goal}/{number}" not in begun)
    if number and not rule.repeat:
        return None
    days = facts.held(case.context, goal)
    day = max(days[id_] for id_ in basis)
    return Found(f"streak/{goal}/{number}", Rests("streak", day, basis, rhythm))


def _chains(rhythm: Rhythm, case: Case) -> list[streaks.Chain]:
    goal = case.goal
    return streaks.chains(
        facts.held(case.context, case.event.aggregate_id), rhythm, since=goal.since,
        until=goal.closing.on if goal.closing else None, pauses=goal.pauses,
    )  # fmt: skip


_FIND = {
    "event": _event,
    "first_milestone": _first_milestone,
    "streak": _streak,
    "achieved_early": _closing,
    "deadline_held": _closing,
}
