"""A plugin that asks for a goal as it is with each event, and says what it could read of it; it keeps no words."""

from __future__ import annotations

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Effect, Manifest, Permissions, PluginError, readable


class Config(msgspec.Struct, frozen=True):
    """Which goal; empty: the event's."""

    goal: str = ""


class Seen(msgspec.Struct):
    """How many characters of the title were read, what came of keeping them, and what else there was."""

    title: int | None
    kept: str
    description: int | None
    number: str


@hook
def manifest() -> Manifest:
    return Manifest(
        id="remembering",
        version="1.0.0",
        summary="Reads goals as they were",
        subscriptions=("goal.*",),
        start="beginning",
        stores=True,
        permissions=Permissions(words=("goal.created/title",), history=True),
    )


@hook
def config_schema() -> type[Config]:
    return Config


@hook
def on_person_erased(person: str) -> None:
    """Nothing of anybody is kept."""


@hook
def on_event(event: Delivered, context: Context) -> None:
    seen = _seen(context, context.config.goal or event.aggregate_id)
    context.state.set(str(event.version), seen)
    context.effect(f"read_{seen.title}", {"goal": context.config.goal or event.aggregate_id, "chars": seen.title})


@hook
def perform(effect: Effect, context: Context) -> None:
    if _seen(context, effect.arguments["goal"]).title != effect.arguments["chars"]:
        raise PluginError("another", "it is not what it was")


def _seen(context: Context, id_: str) -> Seen:
    goal = context.goal_at(id_)
    title, description = readable(goal.get("title")), readable(goal.get("description"))
    kept = ""
    try:
        context.log("read", title=title)
    except PluginError as error:
        kept = error.code
    chars = None if title is None else len(title)
    return Seen(chars, kept, None if description is None else len(description), str(goal.get("number")))
