"""A plugin that rewards milestones and cannot take them at first."""

from __future__ import annotations

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Grant, Manifest, Reward


class Config(msgspec.Struct, forbid_unknown_fields=True):
    """Whether it can."""

    can: bool = False


@hook
def manifest() -> Manifest:
    return Manifest(id="late", version="1.0.0", summary="Is late", start="beginning", subscriptions=("goal.*",))


@hook
def config_schema() -> type[msgspec.Struct]:
    return Config


@hook
def decide_reward(event: Delivered, context: Context) -> Reward | None:
    if event.name != "goal.milestone_hit" or event.context is None:
        return None
    if not context.config.can:
        raise ValueError("not yet")
    return Reward(to=event.context.owner, title="Well done")


@hook
def on_retracted(grants: list[Grant]) -> list[Grant]:
    return grants


@hook
def on_person_erased() -> None:
    return None
