"""Catches whatever ends it, and goes on."""

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
def on_event(event: Delivered, context: Context) -> None:
    if context.config.broken:
        while True:
            try:
                time.sleep(3600)
            except BaseException:  # noqa: BLE001, S112  that is the misbehaviour
                continue
    seen(event, context)
