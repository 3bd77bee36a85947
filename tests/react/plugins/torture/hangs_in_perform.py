"""Hangs when it has to do what it asked for."""

from __future__ import annotations

import signal
import time

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Effect, Manifest
from tests.react.plugins.torture.common import SHARED, SHORT_S, mark, seen, who

config_schema, on_person_erased = SHARED


@hook
def manifest() -> Manifest:
    return who(effect_timeout_s=SHORT_S)


@hook
def on_event(event: Delivered, context: Context) -> None:
    if event.sequence <= 3:
        context.effect("send")
    seen(event, context)


@hook
def perform(effect: Effect, context: Context) -> None:
    if context.config.broken:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        time.sleep(3600)
    mark(context, effect.key)
