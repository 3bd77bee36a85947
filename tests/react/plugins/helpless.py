"""A plugin that can take no milestone, and no timer, until a file called `mended` is there."""

from __future__ import annotations

from pathlib import Path

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, GiveUp, Manifest


class Config(msgspec.Struct, forbid_unknown_fields=True):
    """Where the file is to be."""

    folder: str


@hook
def manifest() -> Manifest:
    return Manifest(
        id="helpless", version="1.0.0", summary="Cannot", start="beginning", subscriptions=("goal.*",), stores=True
    )


@hook
def config_schema() -> type[msgspec.Struct]:
    return Config


@hook
def on_event(event: Delivered, context: Context) -> None:
    if event.name == "goal.milestone_hit":
        _work(context)
        context.state.set(f"seen/{event.id}", event.sequence)
    if event.name == "goal.check_in_held":
        context.wake_at("later", event.recorded)


@hook
def on_timer(key: str, context: Context) -> None:
    _work(context)


def _work(context: Context) -> None:
    if not (Path(context.config.folder) / "mended").exists():
        raise GiveUp("helpless")


@hook
def on_person_erased(person: str, context: Context) -> None:
    """Forget nobody: nothing is kept of people."""
