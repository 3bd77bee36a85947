"""The hooks of a plugin: mark a function with `@hook`, give it any of the arguments that its specification here has.

    from milepost_contracts.hooks import hook
    from milepost_contracts.plugin import Manifest

    @hook
    def manifest():
        return Manifest(id="hello", version="0.1.0", summary="Greets", subscriptions=("goal.created",))

    @hook
    def on_event(event, context):
        context.log("hello", goal=event.aggregate_id)

What an entry point of the group `milepost.plugins` names (a module, or any object) is the plugin.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec
import pluggy

from milepost_contracts.plugin import (
    Delivered,
    Effect,
    Grant,
    Health,
    Manifest,
    ObjectiveMapping,
    Outcome,
    Question,
    Refusal,
    Replay,
    Reviewed,
    Reward,
)

if TYPE_CHECKING:
    from milepost_contracts.context import Context

PROJECT = "milepost"
ENTRY_POINTS = "milepost.plugins"

hook = pluggy.HookimplMarker(PROJECT)
_spec = pluggy.HookspecMarker(PROJECT)


@_spec(firstresult=True)
def manifest() -> Manifest:  # type: ignore[empty-body]  # a specification
    """Say who the plugin is and what it wants. Mandatory, asked once."""


@_spec
def parts() -> Iterable[object]:  # type: ignore[empty-body]  # a specification
    """Return further objects with hooks, asked after those of the plugin itself: one a rule, for instance."""


@_spec(firstresult=True)
def config_schema() -> type[msgspec.Struct]:  # type: ignore[empty-body]  # a specification
    """Return the Struct that `PLUGIN.toml` has to fit; it becomes `context.config`."""


@_spec(firstresult=True)
def secrets_schema() -> type[msgspec.Struct]:  # type: ignore[empty-body]  # a specification
    """Return the Struct that `PLUGIN.secrets.toml` has to fit; it becomes `context.secrets` and is never shown."""


@_spec
def start(context: Context) -> Awaitable[None] | None:
    """Begin: the configuration is there, no event has come yet."""


@_spec
def stop(context: Context) -> Awaitable[None] | None:
    """End: nothing comes any more."""


@_spec(firstresult=True)
def health(context: Context) -> Health | None:
    """Say whether the plugin is well; asked when somebody looks."""


@_spec
def on_event(event: Delivered, context: Context) -> Awaitable[None] | None:
    """Take an event that is subscribed to; events of a tenant come in order. What it raises is tried again."""


@_spec
def on_timer(key: str, at: dt.datetime, context: Context) -> Awaitable[None] | None:
    """Take the instant that `context.wake_at(key, at)` asked for; it comes once, late rather than never."""


@_spec
def on_retracted(event: Delivered, retracted: str, grants: list[Grant], context: Context) -> Iterable[Grant] | None:
    """Take the news that *retracted* (the id of a hit, reading, feedback, check-in, action or closing) no longer holds.

    *grants*: what was given for it and stands. Return the grants to revoke, these or others. Of a reading, *event*
    says what it is now. Mandatory for a plugin that gives rewards.
    """


@_spec
def on_person_erased(person: str, context: Context) -> Awaitable[None] | None:
    """Forget what is kept of *person* (`user:UUID`). Mandatory for a plugin that stores anything."""


@_spec(firstresult=True)
def decide_reward(event: Delivered, context: Context) -> Reward | list[Reward] | None:
    """Give a reward for *event*, or None; the first that is given wins. Never given twice for one cause."""


@_spec
def on_granted(grant: Grant, context: Context) -> None:
    """Take the news that a reward is granted, e.g. to tell the person by an effect; the fact is published anyway."""


@_spec
def on_revoked(grant: Grant, context: Context) -> None:
    """Take the news that a reward is revoked."""


@_spec
def map_objectives(event: Delivered, context: Context) -> list[ObjectiveMapping] | None:
    """Say for which objectives or key results the goal of *event* counts; all results are merged.

    They are `context.objectives` in `on_event`; where two name the same one, the first counts.
    """


@_spec
def review(command: Reviewed, context: Context) -> Refusal | None:
    """Say no to a command before it counts, or None; every refusal is told. State can be read, not written."""


@_spec(firstresult=True)
def perform(effect: Effect, context: Context) -> Awaitable[None] | None:
    """Do what `context.effect` asked for; what it raises is tried again. Mandatory where effects are asked for."""


@_spec
def on_performed(effect: Effect, outcome: Outcome, context: Context) -> None:
    """Take the news of what came of one attempt at an effect, e.g. to count failures: here state can be written.

    The turn is kept together with the outcome. What it raises is logged and changes nothing about the effect.
    """


@_spec(firstresult=True)
def act(question: Question, context: Context) -> Any:
    """Do what an administrator asks for, and answer with JSON; None: no such request. State can be written.

    The same request (`question.id`) may come twice: its second turn must come to the same.
    """


@_spec
def on_replayed(event: Delivered, replay: Replay, context: Context) -> None:
    """Take a past event that `context.redeliver` asked for in `act`; effects get keys of their own in each replay."""


@_spec(firstresult=True)
def answer(question: Question, context: Context) -> Any:
    """Answer a question about what the plugin knows, as JSON; None: no such question. State can be read."""


HOOKS: dict[str, Any] = {name: member for name, member in list(globals().items()) if hasattr(member, f"{PROJECT}_spec")}
