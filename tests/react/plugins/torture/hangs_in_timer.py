"""Hangs when its time has come."""

from __future__ import annotations

import signal
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
    if event.sequence <= 3:
        context.wake_at(f"wake/{event.sequence}", event.recorded)
    seen(event, context)


@hook
def on_timer(key: str, context: Context) -> None:
    if context.config.broken:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        time.sleep(3600)
    context.state.set(f"woken/{key}", "yes")
