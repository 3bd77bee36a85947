"""A plugin that wants to be woken long after a milestone, and says so when it is."""

from __future__ import annotations

import datetime as dt

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest

AFTER = dt.timedelta(days=365)


@hook
def manifest() -> Manifest:
    return Manifest(
        id="sleeper", version="1.0.0", summary="Sleeps", stores=True, subscriptions=("goal.milestone_hit",),
    )  # fmt: skip


@hook
def on_event(event: Delivered, context: Context) -> None:
    context.wake_at(event.id, context.now + AFTER)


@hook
def on_timer(key: str, at: dt.datetime, context: Context) -> None:
    context.state.set(f"woken/{key}", [*context.state.get(f"woken/{key}", list[str], []), context.now >= at])
    context.fact("woken", {"hit": key})


@hook
def on_person_erased(person: str, context: Context) -> None:
    context.state.set("erased", person)
