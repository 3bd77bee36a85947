"""Does not say who it is."""

from __future__ import annotations

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered
from tests.react.plugins.torture.common import SHARED, seen

config_schema, on_person_erased = SHARED


@hook
def on_event(event: Delivered, context: Context) -> None:
    seen(event, context)
