"""Waits for ever in an async handler."""

from __future__ import annotations

import asyncio

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest
from tests.react.plugins.torture.common import SHARED, SHORT_S, seen, who

config_schema, on_person_erased = SHARED


@hook
def manifest() -> Manifest:
    return who(timeout_s=SHORT_S)


@hook
async def on_event(event: Delivered, context: Context) -> None:
    if context.config.broken:
        await asyncio.Event().wait()
    seen(event, context)
