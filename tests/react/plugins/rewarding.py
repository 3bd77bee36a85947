"""A plugin that gives rewards and tells of them over HTTP, with the key that a receiver may honour."""

from __future__ import annotations

import urllib.request

import msgspec

from milepost_contracts.commands.goal import PostComment
from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Effect, Grant, Manifest, Permissions, Reward

TIMEOUT_S = 10.0


class Config(msgspec.Struct, forbid_unknown_fields=True):
    """Where it tells."""

    url: str = ""


@hook
def manifest() -> Manifest:
    return Manifest(
        id="rewarding", version="1.0.0", summary="Gives and tells", start="beginning", stores=True,
        subscriptions=("goal.*",),
        permissions=Permissions(words=("goal.created/title",), commands=("goal.post_comment",)),
    )  # fmt: skip


@hook
def config_schema() -> type[msgspec.Struct]:
    return Config


@hook
def on_event(event: Delivered, context: Context) -> None:
    key = f"seen/{event.aggregate_id}"
    context.state.set(key, [*context.state.get(key, list[int], []), event.sequence])
    standing = len(context.grants(goal=event.aggregate_id))
    context.state.set(f"standing/{event.aggregate_id}", standing)
    if event.name == "goal.check_in_held":
        context.wake_at(f"after/{event.id}", event.recorded)
    if event.name == "goal.closed":
        context.command(PostComment, comment=event.id, text="Well done")
        context.fact("closed", {"goal": event.aggregate_id, "standing": standing})


@hook
def on_timer(key: str, context: Context) -> None:
    context.state.set("woken", context.state.get("woken", int, 0) + 1)
    context.fact("woken", {"key": key})


@hook
def decide_reward(event: Delivered) -> list[Reward] | None:
    if event.name != "goal.milestone_hit" or event.context is None:
        return None
    people = [party.ref for party in event.context.parties]
    hit = [Reward(to=person, title="A milestone", rule="hit") for person in people]
    first = Reward(to=people[0], kind="badge", title="The first", rule="first", once=f"goal/{event.aggregate_id}/first")
    return [*hit, first]


@hook
def on_granted(grant: Grant, context: Context) -> None:
    context.effect(f"granted/{grant.id}", {"to": grant.reward.to, "rule": grant.reward.rule, "cause": grant.cause})


@hook
def on_revoked(grant: Grant, context: Context) -> None:
    context.effect(f"revoked/{grant.id}", {"to": grant.reward.to, "rule": grant.reward.rule, "cause": grant.cause})


@hook
def on_retracted(grants: list[Grant]) -> list[Grant]:
    return grants


@hook
def on_person_erased(person: str, context: Context) -> None:
    context.state.set("erased", person)


@hook
def perform(effect: Effect, context: Context) -> None:
    body = msgspec.json.encode({"name": effect.name} | effect.arguments, order="sorted")
    request = urllib.request.Request(context.config.url, body, {"Idempotency-Key": effect.key})  # noqa: S310  ours
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310  as above
        answer.read()
