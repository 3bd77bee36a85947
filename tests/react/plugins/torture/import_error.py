"""Imports what is not there."""

from __future__ import annotations

import no_such_library  # type: ignore[import-not-found]  # that is the misbehaviour

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest
from tests.react.plugins.torture.common import SHARED, seen, who

config_schema, on_person_erased = SHARED

library = no_such_library


@hook
def manifest() -> Manifest:
    return who()


@hook
def on_event(event: Delivered, context: Context) -> None:
    seen(event, context)
