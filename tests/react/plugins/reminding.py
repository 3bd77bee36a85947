"""A plugin that reminds of check-ins by a timer, unless one is held before."""

from __future__ import annotations

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest


@hook
def manifest() -> Manifest:
    return Manifest(
        id="reminding", version="1.0.0", summary="Reminds of check-ins", subscriptions=("goal.*",), start="beginning"
    )


@hook
def on_event(event: Delivered, context: Context) -> None:
    if event.name == "goal.check_in_held":
        context.cancel("overdue")


@hook
def on_timer(key: str, context: Context) -> None:
    context.fact("reminded", {"key": key})
