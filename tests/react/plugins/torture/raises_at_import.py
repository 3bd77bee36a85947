"""Raises when it is imported."""

from __future__ import annotations

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest
from tests.react.plugins.torture.common import SHARED, seen, who

config_schema, on_person_erased = SHARED


def begin() -> None:
    raise ValueError("not today")


begin()


@hook
def manifest() -> Manifest:
    return who()


@hook
def on_event(event: Delivered, context: Context) -> None:
    seen(event, context)
