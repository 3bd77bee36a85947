"""Rewards that fall for reasons of the plugin's own, the order in which parts are asked, and looking at a tenant."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from milepost_contracts.context import Context
from milepost_contracts.events.goal import ClosureAmended
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Grant, Health, Manifest, PluginError, Reward
from milepost_contracts.testing import Host, Story
from milepost_contracts.testing.host import HookFailed


class Part:
    """Gives a reward of its own name for a goal that was achieved."""

    def __init__(self, name: str) -> None:
        self.name = name

    @hook
    def decide_reward(self, event: Delivered) -> Reward | None:
        result = {"goal.closed": "result", "goal.closure_amended": "new_result"}.get(event.name)
        if result is None or getattr(event.data, result) != "achieved":
            return None
        return Reward(to=event.context.owner, title=self.name, rule=self.name, once="closing")  # type: ignore[union-attr]  # a goal's


class Closings:
    """Counts what it revoked, and revokes when a closing is amended to something else."""

    @hook
    def manifest(self) -> Manifest:
        return Manifest(id="closings", version="1", summary="Closings", subscriptions=("goal.*",), stores=True)

    @hook
    def parts(self) -> list[Part]:
        return [Part("first"), Part("second")]

    @hook
    def on_event(self, event: Delivered, context: Context) -> None:
        if event.name == "goal.closure_amended" and event.data.new_result != "achieved":
            for grant in context.grants(goal=event.aggregate_id):
                context.revoke(grant)
                context.revoke(grant)

    @hook
    def on_retracted(self, grants: list[Grant]) -> Iterable[Grant]:
        return grants

    @hook
    def on_revoked(self, context: Context) -> None:
        context.state.set("revoked", context.state.get("revoked", default=0) + 1)

    @hook
    def on_person_erased(self, person: str, context: Context) -> None:
        """Keep what there is: counts alone."""

    @hook
    def on_timer(self, context: Context) -> None:
        context.revoke(context.grants()[0])

    @hook
    def health(self, context: Context) -> Health:
        acme = context.of("acme")
        try:
            acme.of("other")
        except PluginError as error:
            return Health(ok=False, message=f"{acme.state.get('revoked')} {error.code}")
        return Health()


def _amended(old: str, new: str) -> ClosureAmended:
    return ClosureAmended(old_result=old, new_result=new, reason="as it was")


def test_a_handler_takes_rewards_back_before_new_ones_are_decided() -> None:
    """An amended closing takes its reward back, once, and the next amendment may give it anew."""
    story = Story()
    goal = story.goal(story.person("mentee"))
    host = Host(Closings(), story=story)
    goal.close("achieved")
    amended = goal.add(_amended("achieved", "missed"))
    host.deliver(*story.documents)
    assert host.grants == []
    assert [grant.revoked_by for _, grant in host.stored.grants.values()] == [amended.id]
    assert host.state == {"revoked": 1}
    again = goal.add(_amended("missed", "achieved"))
    host.deliver(again)
    assert [grant.cause for grant in host.grants] == [again.id]


def test_parts_are_asked_in_the_order_in_which_they_are_given() -> None:
    """Of two parts that both would give, the first one's reward is granted."""
    story = Story()
    goal = story.goal(story.person("mentee"))
    host = Host(Closings(), story=story)
    goal.close("achieved")
    host.deliver(*story.documents)
    assert [grant.reward.title for grant in host.grants] == ["first"]


def test_rewards_are_taken_back_because_of_an_event() -> None:
    """A timer has no event that the revocation could name, so it cannot revoke."""
    story = Story()
    goal = story.goal(story.person("mentee"))
    host = Host(Closings(), story=story)
    goal.close("achieved")
    host.deliver(*story.documents)
    host.stored.timers["acme", "some"] = host.now
    with pytest.raises(HookFailed, match="no_cause"):
        host.advance(host.now)


def test_health_looks_at_a_tenant_and_a_tenant_at_no_other() -> None:
    """`health` reads what is kept of a tenant; from there no other tenant can be looked at."""
    host = Host(Closings())
    host.stored.state["acme", "revoked"] = b"7"
    assert host.runner.health().result == Health(ok=False, message="7 not_permitted")
