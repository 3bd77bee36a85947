# ruff: noqa: ARG002, ARG005  handlers name what they are given
"""Small plugins for tests, made of functions."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.loading import load
from milepost_contracts.plugin import Delivered, Grant, Manifest, Permissions, Reward
from milepost_contracts.running import Done, Failure, Runner
from milepost_contracts.testing.host import MemoryPort, Stored
from milepost_contracts.testing.story import NOW, Story

MENTEE, MENTOR = Story().person("mentee"), Story().person("mentor")


def made(*, _permissions: Any = None, _manifest: Any = None, **functions: Any) -> Any:
    """Return a plugin with *functions* as its hooks, subscribed to all events of goals if it takes any."""
    takes = functions.keys() & {"on_event", "decide_reward", "map_objectives"}
    fields: dict[str, Any] = {"id": "small", "version": "1.0", "summary": "Small"}
    fields |= {"subscriptions": ("goal.*",)} if takes else {}
    fields |= {"permissions": Permissions(**(_permissions or {}))} | (_manifest or {})
    manifest = Manifest(**fields)
    hooks: dict[str, Callable[..., Any]] = {"manifest": lambda: manifest}
    if (manifest.stores or "decide_reward" in functions) and "on_person_erased" not in functions:
        hooks["on_person_erased"] = lambda person: None
    if "decide_reward" in functions and "on_retracted" not in functions:
        hooks["on_retracted"] = lambda grants: grants
    return SimpleNamespace(**{name: hook(function) for name, function in (hooks | functions).items()})


def runner(plugin: Any, *, config: Any = None, secrets: Any = None, stored: Stored | None = None) -> Runner:
    """Return what runs *plugin*, reading from *stored*."""
    return Runner(load(plugin), MemoryPort(stored or Stored(), {}), config=config, secrets=secrets, clock=lambda: NOW)


def some_event() -> Delivered:
    """Return an event of a goal: it was created."""
    story = Story()
    story.goal(MENTEE, MENTOR, title="Speak freely before a large audience")
    return Delivered(story.documents[0])


def delivered(plugin: Any, event: Delivered | None = None, **options: Any) -> Done:
    """Return what handing *event* to *plugin* comes to."""
    runs = runner(plugin, **options)
    try:
        return runs.deliver((event or some_event()).document)
    finally:
        runs.close()


def failed(done: Done) -> Failure:
    """Return how *done* failed, which it has to."""
    assert done.failure is not None
    return done.failure


def thanks(**fields: Any) -> Reward:
    """Return a reward for the mentee."""
    return Reward(**({"to": MENTEE, "title": "Well done"} | fields))


class Thankful:
    """Gives a badge for each hit, check-in, reading, piece of feedback, action and closing, and takes it back."""

    GIVES: tuple[str, ...] = (
        "goal.milestone_hit", "goal.check_in_held", "goal.progress_recorded", "goal.feedback_given",
        "goal.action_completed", "goal.closed",
    )  # fmt: skip

    def __init__(self, *, keeps: bool = False) -> None:
        self.keeps = keeps
        self.told: list[tuple[str, str, int]] = []

    @hook
    def manifest(self) -> Manifest:
        return Manifest(id="thankful", version="1.0", summary="Thanks", subscriptions=self.GIVES, stores=True)

    @hook
    def decide_reward(self, event: Delivered) -> Reward:
        return thanks(rule=event.name)

    @hook
    def on_retracted(self, event: Delivered, retracted: str, grants: list[Grant], context: Context) -> list[Grant]:
        self.told.append((event.name, retracted, len(grants)))
        return [] if self.keeps else grants

    @hook
    def on_granted(self, grant: Grant, context: Context) -> None:
        context.state.set(f"granted/{grant.id}", grant.reward.rule)

    @hook
    def on_revoked(self, grant: Grant, context: Context) -> None:
        context.state.delete(f"granted/{grant.id}")

    @hook
    def on_person_erased(self, person: str) -> None:
        """Forget nothing: nothing is kept of persons."""


class Bowl(msgspec.Struct, frozen=True):
    """A configuration with something inside."""

    size: int
    colour: str = "red"
