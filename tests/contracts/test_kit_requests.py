"""What comes of effects, what administrators ask for and past events that come again, in the author's kit."""

from __future__ import annotations

import datetime as dt
import gc
import warnings
from typing import Any

import msgspec
import pytest

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.loading import load
from milepost_contracts.plugin import (
    Delivered,
    Effect,
    GiveUp,
    Later,
    Manifest,
    Outcome,
    Permissions,
    PluginError,
    Question,
    Replay,
)
from milepost_contracts.testing import Host, Story
from milepost_contracts.testing.host import ATTEMPTS_MAX, HookFailed


class Caller:
    """Calls somebody about each hit, counts what comes of it, and calls again about a range when it is told to."""

    def __init__(self) -> None:
        self.fails: list[BaseException | None] = []
        self.tries: list[tuple[str, int]] = []
        self.keeps_words = False

    @hook
    def manifest(self) -> Manifest:
        return Manifest(
            id="caller",
            version="1",
            summary="Calls",
            subscriptions=("goal.milestone_hit",),
            stores=True,
            permissions=Permissions(words=("goal.milestone_hit/title",)),
        )

    @hook
    def on_event(self, event: Delivered, context: Context) -> None:
        context.effect("call", {"goal": event.aggregate_id})

    @hook
    def on_person_erased(self, person: str, context: Context) -> None:
        """Nothing is kept of anybody."""

    @hook
    def perform(self, effect: Effect) -> None:
        self.tries.append((effect.key, effect.attempt))
        error = self.fails.pop(0) if self.fails else None
        if error is not None:
            raise error

    @hook
    def on_performed(self, effect: Effect, outcome: Outcome, context: Context) -> None:
        seen = context.state.get("seen", list[Any], [])
        context.state.set("seen", [*seen, [effect.attempt, outcome.ok, outcome.final, outcome.code]])
        if outcome.retry_s is not None:
            context.state.set("retry_s", outcome.retry_s)
        if self.keeps_words:
            context.fact("called", {"title": effect.event.data.title})
        elif outcome.final:
            context.fact("called", {"ok": outcome.ok})

    @hook
    def act(self, question: Question, context: Context) -> Any:
        match question.name:
            case "again":
                context.redeliver(**question.arguments)
                return {"asked": True}
            case "note":
                context.state.set("note", question.arguments)
                context.fact("noted", {})
                return []
        return None

    @hook
    def on_replayed(self, event: Delivered, replay: Replay, context: Context) -> None:
        context.effect("call", {"goal": event.aggregate_id, **replay.arguments})


def told(hits: int = 1) -> Story:
    story = Story()
    goal = story.goal(story.person("mentee"), story.person("mentor"))
    for place in range(hits):
        goal.hit(f"Milestone number {place} of this long list")
    return story


def called(story: Story, plugin: Caller) -> Host:
    host = Host(plugin, story=story)
    host.deliver(*story.documents)
    return host


def test_the_news_of_an_effect_is_kept_with_its_outcome() -> None:
    """Each attempt is told once, with its number, whether it was the last and its code; state and facts are kept."""
    plugin = Caller()
    plugin.fails = [OSError(), Later(60, "busy")]
    host = called(told(), plugin)
    host.perform()
    assert host.state["seen"] == [[1, False, False, "raised"], [2, False, False, "busy"]]
    assert host.state["retry_s"] == 60
    host.advance(host.now + dt.timedelta(seconds=60))
    host.perform()
    host.perform()
    assert host.state["seen"][2:] == [[3, True, True, ""]]
    assert host.facts == [("called", {"ok": True})]


@pytest.mark.parametrize(
    ("fails", "seen"),
    [
        ([OSError()] * ATTEMPTS_MAX, [ATTEMPTS_MAX, False, True, "raised"]),
        ([GiveUp("gone")], [1, False, True, "gone"]),
    ],
)
def test_what_is_given_up_is_told_as_final(fails: list[BaseException | None], seen: list[Any]) -> None:
    """The last attempt that the host makes, or an effect that gives up, says that it is final."""
    plugin = Caller()
    plugin.fails = fails
    host = called(told(), plugin)
    host.perform()
    assert host.state["seen"][-1] == seen
    assert list(host.stored.dead.values()) == [seen[-1]]


def test_later_waits_as_long_as_it_says() -> None:
    """An effect that says later is tried when that time has come, not before, however often it says so."""
    plugin = Caller()
    plugin.fails = [Later(60)] * (ATTEMPTS_MAX + 1)
    host = called(told(), plugin)
    for _ in range(ATTEMPTS_MAX + 2):
        host.perform()
        host.advance(host.now + dt.timedelta(seconds=59))
        host.perform()
        host.advance(host.now + dt.timedelta(seconds=1))
    assert [attempt for _, attempt in plugin.tries] == list(range(1, ATTEMPTS_MAX + 3))
    assert host.stored.dead == {}
    assert len(host.stored.sent) == 1


def test_what_was_not_tried_is_no_attempt() -> None:
    """Later with tried=False leaves the number of the attempt, and nothing is told of it."""
    plugin = Caller()
    plugin.fails = [Later(60, tried=False), Later(60, tried=False)]
    host = called(told(), plugin)
    for _ in range(3):
        host.perform()
        host.advance(host.now + dt.timedelta(seconds=60))
    assert [attempt for _, attempt in plugin.tries] == [1, 1, 1]
    assert host.state["seen"] == [[1, True, True, ""]]


def test_words_are_not_kept_from_an_effect_either() -> None:
    """What on_performed keeps is held to the same rule as what a handler keeps: no words of people."""
    plugin = Caller()
    plugin.keeps_words = True
    host = called(told(), plugin)
    with pytest.raises(HookFailed, match="words_kept"):
        host.perform()
    assert host.facts == []


def test_a_request_of_an_administrator_is_kept() -> None:
    """What `act` writes and tells is kept, the same request again comes to the same, and its answer is given."""
    host = called(told(), Caller())
    assert host.act("note", colour="blue") == []
    assert host.act("note", colour="blue") == []
    assert host.state["note"] == {"colour": "blue"}
    assert host.facts == [("noted", {})]
    host.act("note", id_="2", colour="blue")
    assert host.facts == [("noted", {})] * 2
    assert host.act("nonsense") is None


def test_others_than_administrators_cannot_ask_for_anything() -> None:
    """A request without the role admin never reaches the plugin."""
    host = called(told(), Caller())
    done = host.runner.act(Question(name="note", tenant="acme", actor=host.story.person("mentee"), id="1"))
    assert done.failure is not None
    assert done.failure.code == "not_allowed"
    assert done.turn.count == 0


def test_past_events_come_again_with_effects_of_their_own() -> None:
    """A range is delivered again: only what is subscribed to, within bounds, with other keys; asked twice, once."""
    story = told(hits=4)
    host = called(story, Caller())
    assert len(host.effects) == 4
    host.act("again", first=3, last=4, arguments={"why": "lost"})
    host.replay()
    host.act("again", first=3, last=4, arguments={"why": "lost"})
    host.replay()
    again = [one for one in host.effects if one.arguments.get("why") == "lost"]
    assert [Delivered(one.document or b"").sequence for one in again] == [3, 4]
    assert len({one.key for one in host.effects}) == len(host.effects) == 6
    host.act("again", id_="2", first=3)
    host.replay()
    assert len(host.effects) == 6 + 3  # sequences 3, 4 and 5


def test_a_replay_goes_on_after_a_crash() -> None:
    """Stopped in the middle, a replay goes on with the next event; none comes twice."""
    host = called(told(hits=4), Caller())
    host.act("again")
    host.replay(at_most=2)  # the goal's creation and the first hit
    assert len(host.effects) == 5
    host.crash_after_commit()
    host.replay()
    host.replay()
    assert len(host.effects) == 8


def test_a_replay_never_runs_ahead() -> None:
    """Events that have not come yet are no part of a replay: they come by themselves."""
    story = told(hits=4)
    host = Host(Caller(), story=story)
    host.act("again", first=1, last=99)
    host.deliver(*story.documents[:2])
    host.act("again", id_="2", first=1, last=99)
    host.deliver(*story.documents[2:])
    host.replay()
    assert [one.last for _, one, _ in host.stored.replays.values()] == [2]
    assert len(host.effects) == 4 + 1


def test_a_replay_is_quiet_where_the_plugin_is() -> None:
    """In dry run, what a replay asks for is listed, not done."""
    story = told()
    host = Host(Caller(), story=story, mode="dry_run")
    host.deliver(*story.documents)
    host.act("again")
    host.replay()
    assert host.effects == []
    assert len(host.suppressed) == 2


def test_no_event_brings_itself_again() -> None:
    """To redeliver is refused outside of `act`, and for ranges that are none."""

    class Loop(Caller):
        @hook
        def on_event(self, event: Delivered, context: Context) -> None:
            context.redeliver(event.sequence)

    with pytest.raises(HookFailed, match="not_permitted"):
        called(told(), Loop())
    host = called(told(), Caller())
    for first, last in ((0, None), (3, 2)):
        with pytest.raises(HookFailed, match="bad_range"):
            host.act("again", first=first, last=last)


def test_hooks_that_nobody_would_call_are_refused() -> None:
    """on_performed without perform and on_replayed without act are mistakes, said by name."""

    class Only:
        @hook
        def manifest(self) -> Manifest:
            return Manifest(id="only", version="1", summary="Only")

    class Performed(Only):
        @hook
        def on_performed(self, effect: Effect) -> None:
            """Never called."""

    class Replayed(Only):
        @hook
        def on_replayed(self, event: Delivered) -> None:
            """Never called."""

    for found, needed in ((Performed(), "perform"), (Replayed(), "act")):
        with pytest.raises(PluginError, match=f"needs the hook '{needed}'"):
            load(found)


def test_members_are_as_stored_with_permitted_words_opened() -> None:
    """`members` gives data as it was stored; words are opened where the manifest asks for them."""
    story = told()
    document = story.documents[-1]
    assert Delivered(document).members["title"].startswith("enc:v1:")
    seen: list[str] = []

    class Reader(Caller):
        @hook
        def on_event(self, event: Delivered, context: Context) -> None:
            seen.append(event.members["title"])
            context.log("seen", goal=event.aggregate_id)

    called(story, Reader())
    assert seen == ["Milestone number 0 of this long list"]
    assert msgspec.json.decode(Delivered(document).envelope.data)["title"].startswith("enc:v1:")


def test_hosts_that_nobody_closes_leave_nothing_behind() -> None:
    """Hosts with async hooks that become garbage, in whatever order, are not complained about."""

    class Awaiting:
        @hook
        def manifest(self) -> Manifest:
            return Manifest(id="awaiting", version="1", summary="Awaits", subscriptions=("goal.*",))

        @hook
        async def on_event(self, event: Delivered, context: Context) -> None:
            context.log("seen", goal=event.aggregate_id)

    story = told()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for place in range(100):
            host = Host(Awaiting(), story=story)
            if place % 2:
                gc.collect(0)  # some are older than their loops by a generation
            host.deliver(*story.documents)
            if place % 5 == 0:
                gc.collect()
        del host
        gc.collect()
    assert [str(one.message) for one in seen] == []
