"""A plugin that cannot take milestones on the third of the month, until it is configured to."""

from __future__ import annotations

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest

BAD_DAY = 3


class Config(msgspec.Struct, forbid_unknown_fields=True):
    """Whether it is picky."""

    picky: bool = True


@hook
def manifest() -> Manifest:
    return Manifest(
        id="picky", version="1.0.0", summary="Is picky", start="beginning", stores=True, subscriptions=("goal.*",)
    )


@hook
def config_schema() -> type[msgspec.Struct]:
    return Config


@hook
def on_event(event: Delivered, context: Context) -> None:
    if context.config.picky and event.name == "goal.milestone_hit" and event.data.hit_on.day == BAD_DAY:
        raise ValueError("not on a third")
    seen = context.state.get(event.aggregate_id, list[int], [])
    context.state.set(event.aggregate_id, [*seen, event.sequence])


@hook
def on_person_erased(person: str, context: Context) -> None:
    context.state.set("erased", person)
