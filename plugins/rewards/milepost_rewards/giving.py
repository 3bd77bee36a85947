"""A condition that has come true becomes rewards, once each; what no longer holds is taken back."""

from __future__ import annotations

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.plugin import Grant, Reward
from milepost_contracts.types import Party
from milepost_rewards import facts, vouchers
from milepost_rewards.conditions import GIVEN, PUT_RIGHT, Case, Found, Rests, holds, in_force, look
from milepost_rewards.config import Rule

ERASED, TOLD = "erased/", "told/"
_ROLES = {"mentee": ("mentee",), "mentor": ("mentor",), "both": ("mentee", "mentor")}


def give(rule: Rule, case: Case) -> list[Reward] | None:
    """Return what *rule* gives for the event of *case*; None: nothing, so the next rule is asked.

    For an event that something was granted for before (then state was lost, and grants were not) no rule gives
    anything: only what is kept of that grant is noted anew.
    """
    if (found := look(rule, case)) is None:
        return None
    event, context = case.event, case.context
    before = [grant for grant in context.grants(goal=event.aggregate_id, standing=False) if grant.cause == event.id]
    if before:
        for grant in [grant for grant in before if grant.reward.rule == rule.id]:
            _restore(rule, grant, found, case)
        return None
    case.found[rule.id] = found
    rewards = [_reward(rule, case, person) for person in _people(rule, case) if _may_get(rule, case, person)]
    return rewards or None


def _restore(rule: Rule, grant: Grant, found: Found, case: Case) -> None:
    """Note anew what *grant* rests on and claimed."""
    if ERASED + grant.reward.to in case.context.state:
        return
    keep(grant, found.rests, case)
    if rule.give.pool is not None:
        vouchers.claim(grant.reward, rule.give.pool, case.context)


def settle(case: Case) -> None:
    """Take back what rested on what the event of *case* takes back or puts right."""
    if case.event.name not in PUT_RIGHT:
        return
    for grant, rests in in_force(case.context, goal=case.event.aggregate_id):
        if grant.revoked_by == case.event.id:
            case.context.state.delete(GIVEN + grant.id)  # it was, before state was lost
        elif not holds(rests, case):
            case.context.revoke(grant)


def granted(grant: Grant, case: Case) -> None:
    """Keep what *grant*, which was just given, rests on."""
    keep(grant, case.found[grant.reward.rule].rests, case)


def keep(grant: Grant, rests: Rests, case: Case) -> None:
    """Keep what *grant* rests on."""
    place = case.event.context
    programme = case.of.programme if isinstance(case.of, facts.Mentorship) else place.programme if place else None
    case.context.state.set(GIVEN + grant.id, msgspec.structs.replace(rests, programme=programme))


def forget(person: str, context: Context) -> None:
    """Keep nothing of *person* but that nothing is given any more."""
    for grant in context.grants(person=person, standing=False):
        context.state.delete(GIVEN + grant.id)
        context.state.delete(TOLD + vouchers.key_of(grant.reward))
        vouchers.forget(grant.reward, context)
    for key, of in context.state.items("mentorship/", facts.Mentorship):
        left = [party for party in of.parties if party.ref != person]
        if len(left) < len(of.parties):
            context.state.set(key, msgspec.structs.replace(of, parties=left))
    context.state.set(ERASED + person, 1)


def _people(rule: Rule, case: Case) -> list[str]:
    """Return whom *rule* rewards, in the order in which the event names them."""
    place = case.event.context
    parties: list[Party] = case.of.parties if isinstance(case.of, facts.Mentorship) else place.parties if place else []
    if rule.to == "owner":
        people = [person for person in (place.owner, place.accountable) if person] if place else []
        people = [person for person in people if person.startswith("user:")][:1]
    else:
        roles = _ROLES.get(rule.to)
        people = [party.ref for party in parties if roles is None or party.role in roles]
    return [one for one in dict.fromkeys(people) if ERASED + one not in case.context.state]


def _may_get(rule: Rule, case: Case, person: str) -> bool:
    """Whether *person* has not had it yet, and not too much of it."""
    once, rests = case.found[rule.id]
    standing = in_force(case.context, rule=rule.id, person=person)
    if any(grant.reward.once == once for grant, _ in standing):
        return False
    if rule.limit is None:
        return True
    period = rule.limit.period(rests.day)
    return sum(rule.limit.period(kept.day) == period for _, kept in standing) < rule.limit.at_most


def _reward(rule: Rule, case: Case, person: str) -> Reward:
    what = rule.give
    reward = Reward(
        to=person, kind=what.kind, title=what.title, points=what.points, rule=rule.id, once=case.found[rule.id].once
    )
    if what.pool is None:
        return reward
    return msgspec.structs.replace(reward, code=vouchers.claim(reward, what.pool, case.context))
