"""Reads people's words without the permission to."""

from __future__ import annotations

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest, readable
from tests.react.plugins.torture.common import SHARED, seen, who

config_schema, on_person_erased = SHARED


@hook
def manifest() -> Manifest:
    return who()


@hook
def on_event(event: Delivered, context: Context) -> None:

    context.state.set(f"readable/{event.sequence}", readable(getattr(event.data, "title", None)) is not None)
    context.state.set(f"members/{event.sequence}", event.members)
    seen(event, context)
