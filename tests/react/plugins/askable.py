"""A plugin with the hooks that administrators and effects call: it resends, counts attempts, and remembers both."""

from __future__ import annotations

from typing import Any

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Effect, Later, Manifest, Outcome, Question, Replay


class Config(msgspec.Struct, forbid_unknown_fields=True):
    """away: how many attempts find nobody there."""

    away: int = 0


@hook
def manifest() -> Manifest:
    return Manifest(
        id="askable", version="1.0.0", summary="Is asked", start="beginning", stores=True,
        subscriptions=("goal.milestone_hit",),
    )  # fmt: skip


@hook
def config_schema() -> type[msgspec.Struct]:
    return Config


@hook
def on_event(event: Delivered, context: Context) -> None:
    context.effect("tell", {"sequence": event.sequence})


@hook
def perform(effect: Effect, context: Context) -> None:
    if effect.attempt <= context.config.away:
        raise Later(0.01, "away")


@hook
def on_performed(effect: Effect, outcome: Outcome, context: Context) -> None:
    told = context.state.get("told", list[list[Any]], [])
    context.state.set("told", [*told, [effect.arguments["sequence"], effect.attempt, outcome.code or "ok"]])


@hook
def act(question: Question, context: Context) -> Any:
    match question.name:
        case "resend":
            context.redeliver(question.arguments["first"], question.arguments.get("last"), {"why": "asked"})
            return {"from": question.arguments["first"]}
        case "note":
            context.state.set("noted", [*context.state.get("noted", list[str], []), question.id])
            return {"noted": question.id}
    return None


@hook
def on_replayed(event: Delivered, replay: Replay, context: Context) -> None:
    again = context.state.get("again", list[list[Any]], [])
    context.state.set("again", [*again, [event.sequence, replay.arguments["why"]]])
    context.effect("tell", {"sequence": event.sequence})


@hook
def on_person_erased(person: str, context: Context) -> None:
    context.state.set("erased", person)
