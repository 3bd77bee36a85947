"""Turns of a batch see each other before any of them is kept, in the author's kit."""

from __future__ import annotations

import datetime as dt
import uuid

from milepost_contracts.ahead import Ahead
from milepost_contracts.context import Turn
from milepost_contracts.hooks import hook
from milepost_contracts.loading import load
from milepost_contracts.plugin import Grant, Manifest, Reward
from milepost_contracts.running import Runner
from milepost_contracts.testing import Story
from milepost_contracts.testing.host import MemoryPort, Stored

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def grant(number: int, revoked_by: str | None = None) -> Grant:
    id_ = str(uuid.UUID(int=number))
    return Grant(
        id=id_, reward=Reward(to=f"user:{id_}", title="x"), aggregate="goal", aggregate_id=id_, cause=id_, at=NOW,
        revoked_by=revoked_by,
    )  # fmt: skip


def test_later_turns_lie_over_what_is_kept() -> None:
    """State and grants read as if every turn so far had been kept, tenants apart, and as they are kept afterwards."""
    stored = Stored()
    stored.state = {("acme", "a"): b"1", ("acme", "b"): b"1", ("globex", "a"): b"1"}
    stored.grants = {grant(1).id: ("acme", grant(1)), grant(2).id: ("acme", grant(2))}
    goal = str(uuid.UUID(int=9))
    ahead = Ahead(MemoryPort(stored, {(goal, 3): {"title": "x"}}))
    ahead.took("acme", Turn(writes={"a": None, "c": b"2"}, granted=[grant(3)]))
    ahead.took("acme", Turn(writes={"b": b"2", "a/1": b"3"}, revoked=[grant(1, revoked_by="e")]))
    ahead.took("globex", Turn())
    assert ahead.scan("acme", "") == [("a/1", b"3"), ("b", b"2"), ("c", b"2")]
    assert ahead.scan("acme", "a") == [("a/1", b"3")]
    assert (ahead.get("acme", "a"), ahead.get("acme", "b"), ahead.get("globex", "a")) == (None, b"2", b"1")
    assert ahead.grants("acme") == [grant(1, revoked_by="e"), grant(2), grant(3)]
    assert ahead.grants("globex") == []
    assert ahead.goal_at("acme", goal, 3) == {"title": "x"}
    ahead.begin()
    assert (ahead.get("acme", "a"), ahead.get("acme", "c")) == (b"1", None)
    assert ahead.grants("acme") == [grant(1), grant(2)]


class Counts:
    """Counts goals."""

    @hook
    def manifest(self) -> Manifest:
        return Manifest(id="counts", version="1", summary="Counts", subscriptions=("goal.created",), stores=True)

    @hook
    def on_event(self, context: object) -> None:
        state = context.state  # type: ignore[attr-defined]  # what a plugin is given
        state.set("n", state.get("n", int, 0) + 1)

    @hook
    def on_person_erased(self) -> None:
        """Forget nobody: nobody is kept."""


def test_a_batch_counts_as_events_one_by_one() -> None:
    """A plugin that counts, run over a batch whose turns are kept at its end, has counted every event."""
    story = Story()
    for _ in range(3):
        story.goal(story.person("mentee"))
    ahead = Ahead(MemoryPort(Stored(), {}))
    runner = Runner(load(Counts()), ahead)
    last: dict[str, bytes | None] = {}
    for document in story.documents:
        done = runner.deliver(document)
        assert done.failure is None
        ahead.took(story.tenant, done.turn)
        last |= done.turn.writes
    assert last == {"n": b"3"}
