"""Asks for more effects than one event can have."""

from __future__ import annotations

from milepost_contracts.context import Context
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
        for number in range(10_000):
            context.effect(f"letter {number}")
    seen(event, context)


@hook
def perform() -> None:
    raise AssertionError("nothing that it asked for may be done")
