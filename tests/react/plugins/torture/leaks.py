"""Keeps a little more of the memory with each event."""

from __future__ import annotations

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest
from tests.react.plugins.torture.common import SHARED, seen, who

config_schema, on_person_erased = SHARED

kept: list[bytearray] = []


@hook
def manifest() -> Manifest:
    return who()


@hook
def on_event(event: Delivered, context: Context) -> None:
    if context.config.broken:
        kept.append(bytearray(8 << 20))
    seen(event, context)
