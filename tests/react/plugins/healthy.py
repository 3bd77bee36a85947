"""A healthy plugin: counts events per goal, thanks for milestones, and writes what it performs into a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from milepost_contracts.commands.goal import PostComment
from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import (
    Delivered,
    Effect,
    Grant,
    Health,
    Manifest,
    Permissions,
    Question,
    Refusal,
    Reviewed,
    Reward,
    readable,
)


class Config(msgspec.Struct, forbid_unknown_fields=True):
    """Where `perform` writes; comments: whether it sends commands."""

    folder: str = ""
    comments: bool = False


@hook
def manifest() -> Manifest:
    return Manifest(
        id="healthy",
        version="1.0.0",
        summary="Counts and thanks",
        start="beginning",
        stores=True,
        subscriptions=("goal.*",),
        permissions=Permissions(
            words=("goal.created/title",), commands=("goal.post_comment",), reviews=("goal.close_goal",), history=True
        ),
    )


@hook
def config_schema() -> type[msgspec.Struct]:
    return Config


@hook
def on_event(event: Delivered, context: Context) -> None:
    key = f"seen/{event.aggregate_id}"
    context.state.set(key, [*context.state.get(key, list[int], []), event.sequence])
    if event.name == "goal.created":
        context.log("created", readable=readable(event.data.title) is not None)
    if event.name == "goal.milestone_hit" and context.config.comments:
        context.command(PostComment, comment=event.id, text="Well done")
    if event.name == "goal.check_in_held":
        context.wake_at(f"after/{event.id}", event.recorded)


@hook
def on_timer(key: str, context: Context) -> None:
    context.fact("woken", {"key": key})


@hook
def decide_reward(event: Delivered) -> Reward | None:
    if event.name == "goal.milestone_hit" and event.context is not None:
        return Reward(to=event.context.owner, title="Well done")
    return None


@hook
def on_granted(grant: Grant, context: Context) -> None:
    context.effect("thank", {"grant": grant.id})


@hook
def on_retracted(grants: list[Grant]) -> list[Grant]:
    return grants


@hook
def on_person_erased(person: str, context: Context) -> None:
    context.state.set("erased", person)


@hook
def perform(effect: Effect, context: Context) -> None:
    with (Path(context.config.folder) / "performed").open("a", encoding="utf-8") as file:
        file.write(f"{effect.key} {effect.arguments['grant']} {effect.attempt}\n")


@hook
def review(command: Reviewed) -> Refusal | None:
    if command.fields.get("result") == "abandoned":
        return Refusal(code="not_yet", message="Talk about it first.", field="result")
    return None


@hook
def answer(question: Question, context: Context) -> Any:
    if question.name == "seen":
        return dict(context.state.items("seen/"))
    return None


@hook
def health() -> Health:
    return Health(ok=True, message="as ever")
