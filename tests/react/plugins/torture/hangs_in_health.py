"""Hangs when somebody asks how it is."""

from __future__ import annotations

import signal
import time

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Health, Manifest
from tests.react.plugins.torture.common import SHARED, SHORT_S, seen, who

config_schema, on_person_erased = SHARED


@hook
def manifest() -> Manifest:
    return who(timeout_s=SHORT_S)


@hook
def on_event(event: Delivered, context: Context) -> None:
    seen(event, context)


@hook
def health(context: Context) -> Health:
    if context.config.broken:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        time.sleep(3600)
    return Health(message="better")
