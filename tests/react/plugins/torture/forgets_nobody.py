"""Stores, and does not say what happens when a person is erased."""

from __future__ import annotations

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest
from tests.react.plugins.torture.common import SHARED, seen, who

config_schema = SHARED[0]


@hook
def manifest() -> Manifest:
    return who()


@hook
def on_event(event: Delivered, context: Context) -> None:
    seen(event, context)
