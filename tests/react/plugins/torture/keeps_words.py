"""Keeps people's words, which it may read and not keep."""

from __future__ import annotations

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest, Permissions
from tests.react.plugins.torture.common import SHARED, seen, who

config_schema, on_person_erased = SHARED


@hook
def manifest() -> Manifest:
    return who(permissions=Permissions(words=("goal.*/*",)))


@hook
def on_event(event: Delivered, context: Context) -> None:
    if context.config.broken and event.name == "goal.created":
        context.state.set(f"title/{event.aggregate_id}", event.data.title)
    seen(event, context)
