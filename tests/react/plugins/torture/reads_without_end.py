"""Reads everything that it keeps, again and again."""

from __future__ import annotations

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest
from tests.react.plugins.torture.common import SHARED, seen, who

config_schema, on_person_erased = SHARED


@hook
def manifest() -> Manifest:
    return who(timeout_s=1.0)


@hook
def on_event(event: Delivered, context: Context) -> None:
    if event.sequence == 1:
        for number in range(15):
            context.state.set(f"large/{number}", "x" * 60_000)
    while context.config.broken and event.sequence > 1:
        dict(context.state.items())
    seen(event, context)
