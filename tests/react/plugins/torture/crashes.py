"""Crashes as a broken library would."""

from __future__ import annotations

import os
import signal

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
    if context.config.broken:
        os.kill(os.getpid(), signal.SIGSEGV)
    seen(event, context)
