"""Gives a reward for everything, a thousand times."""

from __future__ import annotations

from collections.abc import Iterator

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest, Reward
from tests.react.plugins.torture.common import SHARED, seen, who

config_schema, on_person_erased = SHARED


@hook
def manifest() -> Manifest:
    return who()


@hook
def on_event(event: Delivered, context: Context) -> None:
    seen(event, context)


@hook
def decide_reward(event: Delivered, context: Context) -> Iterator[Reward]:
    number = 0
    while context.config.broken and event.context is not None:
        yield Reward(to=event.context.owner, title="Again", rule=f"{number}")
        number += 1


@hook
def on_retracted() -> None:
    return None
