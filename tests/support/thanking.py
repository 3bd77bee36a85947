"""A small real plugin for tests: it thanks for milestones, minds comments until it is mended, and can be asked."""

from __future__ import annotations

import datetime as dt
from typing import Any

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Effect, GiveUp, Health, Manifest, Permissions, Question

LATER = dt.timedelta(days=365)


@hook
def manifest() -> Manifest:
    return Manifest(
        id="thank-you",
        version="0.1.0",
        summary="Thanks for milestones",
        start="beginning",
        stores=True,
        subscriptions=("goal.*",),
        permissions=Permissions(words=("goal.created/title",)),
    )


@hook
def on_event(event: Delivered, context: Context) -> None:
    if event.name == "goal.comment_posted" and "mended" not in context.state:
        raise GiveUp("minds_comments")
    if event.name == "goal.feedback_given":
        context.effect("letter", {"goal": event.aggregate_id})
    if event.name == "goal.milestone_hit":
        mine = f"thanks/{event.context.owner if event.context else ''}/{event.sequence:08d}"
        context.state.set(mine, {"goal": event.aggregate_id, "on": event.data.hit_on})
        context.effect("thank", {"goal": event.aggregate_id})
        context.fact("thanked", {"goal": event.aggregate_id})
        context.wake_at(f"remember/{event.id}", event.recorded + LATER)


@hook
def on_timer(key: str, context: Context) -> None:
    context.log("remembered", key=key)


@hook
def perform(effect: Effect, context: Context) -> None:
    if effect.name == "letter" and "mended" not in context.state:
        raise GiveUp("no_paper")


@hook
def act(question: Question, context: Context) -> Any:
    match question.name:
        case "mend":
            context.state.set("mended", question.arguments)
            return {"mended": True}
        case "break":
            context.state.delete("mended")
            return []
    return None


@hook
def answer(question: Question, context: Context) -> Any:
    match question.name:
        case "mine":
            return [value for _, value in context.state.items(f"thanks/{question.actor}/")]
        case "export":
            return {"rows": 1, "csv": "goal,on\r\n1,2026-01-01\r\n"}
        case "said":
            return question.arguments
    return None


@hook
def health() -> Health:
    return Health(message="as ever")


@hook
def on_person_erased(person: str, context: Context) -> None:
    for key, _ in list(context.state.items(f"thanks/{person}/")):
        context.state.delete(key)
