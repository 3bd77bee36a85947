"""Rewards are given for an event, once each, and taken back when their cause is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from milepost_contracts.context import RESERVED, Context
from milepost_contracts.plugin import (
    Delivered,
    Grant,
    Manifest,
    PluginError,
    Reward,
    noted_as,
    stable_id,
    taken_back,
)

NOTED = f"{RESERVED}noted/"
BACK = f"{RESERVED}back/"  # with what was taken back, the event that did it
Call = Callable[..., list[Any]]
"""Calls every implementation of a hook by name, with its arguments by name; what they give, in order."""


def reward(call: Call, manifest: Manifest, event: Delivered, context: Context) -> None:
    """Ask for rewards for *event* and grant those that were not given yet.

    A reward is told from others by its event, its rule and its person: the same one comes out of every delivery.
    """
    found: list[list[Reward]] = call("decide_reward", first=True, event=event, context=context)
    rewards = found[0] if found else []
    if len({(one.rule, one.to) for one in rewards}) < len(rewards):
        why = "a rule gives two rewards to one person for one event: give each its own `rule`"
        raise PluginError("reward_twice", why)
    grants = [grant for one in rewards if (grant := _new(one, manifest, event, context)) is not None]
    for grant in _still_due(call, grants, event, context):
        context.turn.granted.append(grant)
        call("on_granted", grant=grant, context=context)


def _new(one: Reward, manifest: Manifest, event: Delivered, context: Context) -> Grant | None:
    """Return the grant of a reward; None where it was given before."""
    id_ = stable_id("grant", manifest.id, event.tenant, event.id, one.rule, one.to)
    known = context.grants(person=one.to, standing=False)
    if any(grant.id == id_ or (one.once and grant.stands and _same(grant.reward, one)) for grant in known):
        return None
    return Grant(
        id=id_, reward=one, aggregate=event.aggregate, aggregate_id=event.aggregate_id, cause=event.id,
        at=event.occurred,
    )  # fmt: skip


def _still_due(call: Call, grants: list[Grant], event: Delivered, context: Context) -> list[Grant]:
    """Return those of *grants* that stand although *event* comes late, after what has taken it back."""
    if not grants:
        return grants
    noted = noted_as(event)
    for key in (event.id, *(noted[:1] if noted else ())):
        document = context.read(BACK + key)
        if document is None or (later := Delivered(document)).sequence < event.sequence:
            continue
        results = call("on_retracted", event=later, retracted=event.id, grants=grants, context=context)
        taken = {grant.id for result in results for grant in result}
        grants = [grant for grant in grants if grant.id not in taken]
    return grants


def _same(one: Reward, other: Reward) -> bool:
    return (one.once, one.rule, one.to) == (other.once, other.rule, other.to)


def note(event: Delivered, context: Context) -> None:
    """Note *event* where what takes it back will not name it."""
    if (noted := noted_as(event)) is None:
        return
    key, begins = noted
    before = [] if begins else [id_ for id_ in noted_under(key, context) if id_ != event.id]
    context.turn.writes[NOTED + key] = msgspec.json.encode([*before, event.id])


def noted_under(key: str, context: Context) -> list[str]:
    """Return the ids of the events that were noted under *key*: first the one that began it."""
    found = context.read(NOTED + key)
    return [] if found is None else msgspec.json.decode(found, type=list[str])


def retract(call: Call, event: Delivered, context: Context) -> None:
    """Tell the plugin what *event* takes back, and revoke what it wants revoked."""
    named, key = taken_back(event)
    # An event that was put aside may come after this one.
    context.turn.writes[BACK + (named or key)] = event.document
    noted = noted_under(key, context) if key else []
    causes = [named, *noted] if named else noted
    if not causes:
        return  # what it takes back never came here
    of_it = [grant for grant in context.grants(goal=event.aggregate_id) if grant.cause in causes]
    results = call("on_retracted", event=event, retracted=causes[0], grants=of_it, context=context)
    for grant in [grant for result in results for grant in result]:
        _revoke_standing(call, grant, event, context)


def revoke_asked(call: Call, event: Delivered, context: Context) -> None:
    """Take back what handlers asked to have taken back."""
    while context.revoking:
        _revoke_standing(call, context.revoking.pop(0), event, context)


def _revoke_standing(call: Call, asked: Grant, event: Delivered, context: Context) -> None:
    """Revoke the grant *asked* where it stands; a grant that was never given is none."""
    for grant in context.grants(goal=asked.aggregate_id, person=asked.reward.to):
        if grant.id == asked.id:
            _revoke(call, grant, event, context)


def _revoke(call: Call, grant: Grant, event: Delivered, context: Context) -> None:
    revoked = msgspec.structs.replace(grant, revoked_by=event.id)
    context.turn.revoked.append(revoked)
    context.turn.granted = [one for one in context.turn.granted if one.id != grant.id]
    call("on_revoked", grant=revoked, context=context)
