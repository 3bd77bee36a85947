"""Gives rewards that are none."""

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
def on_event(event: Delivered, context: Context) -> None:
    seen(event, context)


@hook
def decide_reward(context: Context) -> Any:
    return ["all of it", 7] if context.config.broken else None


@hook
def on_retracted() -> None:
    return None
