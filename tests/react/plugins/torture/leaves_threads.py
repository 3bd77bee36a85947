"""Starts threads that never end and never rest."""

from __future__ import annotations

import threading

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest
from tests.react.plugins.torture.common import SHARED, seen, who

config_schema, on_person_erased = SHARED


@hook
def manifest() -> Manifest:
    return who()


def never_rests() -> None:
    while True:
        pass


@hook
def on_event(event: Delivered, context: Context) -> None:
    if context.config.broken and event.sequence <= 3:
        threading.Thread(target=never_rests).start()
    seen(event, context)
