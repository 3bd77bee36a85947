"""Facts that more than one event or timer may tell, in the author's kit."""

from __future__ import annotations

import datetime as dt

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest
from milepost_contracts.testing import Host, Story


class Teller:
    """Tells of a goal when it is created, and of the same when a day has passed."""

    def __init__(self, once: str) -> None:
        self.once = once

    @hook
    def manifest(self) -> Manifest:
        return Manifest(id="teller", version="1", summary="Tells", subscriptions=("goal.created",))

    @hook
    def on_event(self, event: Delivered, context: Context) -> None:
        context.fact("seen", {"goal": event.aggregate_id}, once=self.once)
        context.wake_at(f"goal/{event.aggregate_id}", context.now + dt.timedelta(days=1))

    @hook
    def on_timer(self, key: str, context: Context) -> None:
        context.fact("seen", {"goal": key.partition("/")[2]}, once=self.once)


def told(once: str, *tenants: str) -> Host:
    host = Host(Teller(once))
    for tenant in tenants:
        story = Story(tenant)
        story.goal(story.person("mentee"))
        host.deliver(*story.documents)
    host.advance(host.now + dt.timedelta(days=2))
    return host


def test_a_fact_that_is_told_once_counts_once_whatever_tells_it() -> None:
    """The id of such a fact is made of what it is told of: the timer's is the event's."""
    host = told("goal/1", "acme")
    assert [name for name, _ in host.facts] == ["seen"]


def test_a_fact_is_otherwise_of_what_told_it() -> None:
    """Without it, an event and a timer tell two facts."""
    assert len(told("", "acme").facts) == 2


def test_what_is_told_once_is_told_once_a_tenant() -> None:
    """Two tenants never share a fact."""
    assert len(told("goal/1", "acme", "globex").facts) == 2
