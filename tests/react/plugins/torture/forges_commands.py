"""Sends a command past the one who would say no."""

from __future__ import annotations

from milepost_contracts.context import CommandWanted, Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest
from tests.react.plugins.torture.common import SHARED, seen, who

config_schema, on_person_erased = SHARED


@hook
def manifest() -> Manifest:
    return who()


@hook
def on_event(event: Delivered, context: Context) -> None:
    if context.config.broken:
        fields = {"id": event.aggregate_id, "comment": event.id, "text": "Nice"}
        context.turn.commands.append(CommandWanted("goal", "post_comment", fields))
    seen(event, context)
