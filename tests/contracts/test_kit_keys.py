"""Keys that no database takes are refused where the plugin gives them, in the author's kit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from milepost_contracts.context import KEY_CHARS_MAX, Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Manifest
from milepost_contracts.testing import Host, Story
from milepost_contracts.testing.host import HookFailed


class Keys:
    """Does one thing with one key."""

    def __init__(self, do: Callable[[Context], None]) -> None:
        self.do = do

    @hook
    def manifest(self) -> Manifest:
        return Manifest(id="keys", version="1", summary="Keys", subscriptions=("goal.created",), stores=True)

    @hook
    def on_event(self, context: Context) -> None:
        self.do(context)

    @hook
    def on_timer(self, key: str) -> None:
        """Do nothing."""

    @hook
    def on_person_erased(self) -> None:
        """Forget nobody: nobody is kept."""


@pytest.mark.parametrize("bad", ["\0", "a\0b", "\ud800", "a\udfff", "x" * (KEY_CHARS_MAX + 1)])
@pytest.mark.parametrize("use", ["state", "timer", "once"])
def test_a_key_that_cannot_be_kept(use: str, bad: str) -> None:
    """NUL, half a character or more than fits fails the handler by name, and nothing is kept of it."""

    def do(context: Context) -> None:
        if use == "state":
            context.state.set(bad, 1)
        elif use == "timer":
            context.wake_at(bad, context.now)
        else:
            context.fact("told", once=bad)

    story = Story()
    story.goal(story.person("mentee"))
    host = Host(Keys(do))
    with pytest.raises(HookFailed) as failed:
        host.deliver(*story.documents)
    assert failed.value.failure is not None
    assert failed.value.failure.code == "bad_key"
    assert (host.state, host.facts, host.stored.timers) == ({}, [], {})
