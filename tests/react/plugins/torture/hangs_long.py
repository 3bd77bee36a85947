"""Hangs for as long as a plugin may take, and longer."""

from __future__ import annotations

import signal
import time

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest
from tests.react.plugins.torture.common import SHARED, mark, seen, who

config_schema, on_person_erased = SHARED


@hook
def manifest() -> Manifest:
    return who(timeout_s=60)


@hook
def on_event(event: Delivered, context: Context) -> None:
    if context.config.broken:
        mark(context, "hangs")
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        time.sleep(3600)
    seen(event, context)
