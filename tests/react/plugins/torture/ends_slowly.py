"""Takes its time to end, which it may."""

from __future__ import annotations

import time

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest
from tests.react.plugins.torture.common import SHARED, mark, seen, who

config_schema, on_person_erased = SHARED


@hook
def manifest() -> Manifest:
    return who()


@hook
def on_event(event: Delivered, context: Context) -> None:
    seen(event, context)


@hook
def stop(context: Context) -> None:
    time.sleep(0.7)
    mark(context, "ended")
