"""A plugin that is asked and does not answer: it refuses, breaks, or puts it off, as the question has it."""

from __future__ import annotations

from typing import Any

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, GiveUp, Later, Manifest, PluginError, Question


class Config(msgspec.Struct, forbid_unknown_fields=True):
    """ready: whether it starts."""

    ready: bool = True


@hook
def manifest() -> Manifest:
    return Manifest(id="grumpy", version="1.0.0", summary="Does not answer", subscriptions=("goal.created",))


@hook
def config_schema() -> type[msgspec.Struct]:
    return Config


@hook
def start(context: Context) -> None:
    if not context.config.ready:
        raise PluginError("not_today", "it is not ready")


@hook
def on_event(event: Delivered) -> None:
    """Nothing comes of it."""


@hook
def answer(question: Question) -> Any:
    match question.name:
        case "cycle":
            raise PluginError("unknown_cycle", "there is no cycle 'nope'")
        case "broken":
            return question.arguments["nothing"]
        case "later":
            raise Later(1.0, "busy")
        case "given_up":
            raise GiveUp("gone")
    return None
