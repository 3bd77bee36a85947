"""A plugin that waits in its handler until the test lets it go; it runs in the test's own process."""

from __future__ import annotations

import threading

from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest

GO = threading.Event()


@hook
def manifest() -> Manifest:
    return Manifest(
        id="stuck", version="1.0.0", summary="Waits", start="beginning", subscriptions=("goal.*",), timeout_s=0.1
    )


@hook
def on_event(event: Delivered) -> None:
    if event.name == "goal.created":
        raise ValueError("this one fails")
    GO.wait()
