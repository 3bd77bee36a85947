"""Hangs before it begins."""

from __future__ import annotations

import time

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest
from tests.react.plugins.torture.common import SHARED, SHORT_S, seen, who

config_schema, on_person_erased = SHARED


@hook
def manifest() -> Manifest:
    return who(timeout_s=SHORT_S)


@hook
def start(context: Context) -> None:
    if context.config.broken:
        time.sleep(3600)


@hook
def on_event(event: Delivered, context: Context) -> None:
    seen(event, context)
