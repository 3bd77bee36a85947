"""Gives back what nobody asked for."""

from __future__ import annotations

from typing import Any

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest
from tests.react.plugins.torture.common import SHARED, seen, who

config_schema, on_person_erased = SHARED


@hook
def manifest() -> Manifest:
    return who()


@hook
def on_event(event: Delivered, context: Context) -> Any:
    if context.config.broken:
        return {"what": object()}
    return seen(event, context)
