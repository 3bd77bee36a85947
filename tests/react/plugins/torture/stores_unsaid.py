"""Keeps state without having said so."""

from __future__ import annotations

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest
from tests.react.plugins.torture.common import SHARED, who

config_schema, on_person_erased = SHARED


@hook
def manifest() -> Manifest:
    return who(stores=False)


@hook
def on_event(event: Delivered, context: Context) -> None:
    if context.config.broken:
        context.state.set("secretly", "yes")
    context.log("seen", event=event.id)
