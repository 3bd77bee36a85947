# ruff: noqa: ARG005  hooks are functions, and name what they are given
"""The host in memory behaves as the real one does, and shows a test what came of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from milepost_contracts.context import Context
from milepost_contracts.plugin import Delivered, Effect, Later, Mode, PluginError, Refusal, Reviewed
from milepost_contracts.testing import Host, Story
from milepost_contracts.testing.host import FIRED_MAX, HookFailed
from milepost_contracts.testing.story import NOW, uid
from tests.contracts.kit.plugins import MENTEE, MENTOR, Bowl, made, thanks

DAY = dt.timedelta(days=1)


@pytest.fixture
def story() -> Story:
    told = Story()
    goal = told.goal(MENTEE, MENTOR)
    goal.hit("one")
    goal.hit("two")
    return told


def counting(**hooks: Any) -> Any:
    """Return a plugin that counts events and asks for an effect at each."""

    def on_event(event: Delivered, context: Context) -> None:
        context.state.set("count", context.state.get("count", int, 0) + 1)
        context.effect("mail", {"count": context.state.get("count")})

    return made(_manifest={"stores": True}, **({"on_event": on_event, "perform": lambda effect: None} | hooks))


def test_a_position_makes_redelivery_harmless(story: Story) -> None:
    """What was kept before comes to nothing, also for a plugin that counts."""
    with Host(counting(), story=story) as host:
        host.deliver(*story.documents)
        assert host.state == {"count": 3}
        host.redeliver()
        host.deliver(story.documents[0])
        assert (host.state, len(host.effects), host.conflicts) == ({"count": 3}, 3, [])


def test_a_forgotten_position_shows_who_counts(story: Story) -> None:
    """Without a position such a plugin changes, and asks for effects with the same key and another content."""
    with Host(counting(), story=story) as host:
        host.deliver(*story.documents)
        host.redeliver(forgotten=True)
        assert host.state == {"count": 6}
        assert host.conflicts == [one.key for one in host.effects]
        assert [one.arguments["count"] for one in host.effects] == [1, 2, 3]


def test_what_fails_keeps_nothing_and_comes_again(story: Story) -> None:
    """A turn that fails is shown with the plugin's own error, and the event can be delivered again."""
    errors: list[Exception] = [ValueError("in full")]

    def on_event(event: Delivered, context: Context) -> None:
        context.state.set("seen", event.sequence)
        if errors:
            raise errors.pop()

    with Host(made(_manifest={"stores": True}, on_event=on_event), story=story) as host:
        with pytest.raises(HookFailed, match="on_event: raised: ValueError at ") as caught:
            host.deliver(story.documents[0])
        assert str(caught.value.__cause__) == "in full"
        assert (host.state, host.stored.position) == ({}, {})
        host.deliver(story.documents[0])
        assert host.state == {"seen": 1}


def test_a_test_that_mixes_up_its_events_is_told(story: Story) -> None:
    """An event that comes late, or another with a number that was seen, is a mistake of the test, not of the plugin."""
    with Host(counting(), story=story) as host:
        host.deliver(story.documents[0], story.documents[2])
        with pytest.raises(AssertionError, match="comes after later ones"):
            host.deliver(story.documents[1])
        other = Story()
        other.goal(MENTOR, name="another")
        other._versions.clear()
        twin = msgspec.json.decode(other.documents[0]) | {"id": uid("another event")}
        with pytest.raises(AssertionError, match="a tenant of its own"):
            host.deliver(msgspec.json.encode(twin))


@pytest.mark.parametrize("mode", ["replay", "dry_run"])
def test_in_replay_effects_are_listed(mode: Mode, story: Story) -> None:
    """Nothing is performed; what would have been is there to be looked at. Facts are told in replay alone."""
    done: list[str] = []
    plugin = counting(
        on_event=lambda context: (context.effect("mail"), context.fact("seen"), None)[2],
        perform=lambda effect: done.append(effect.key),
    )
    with Host(plugin, story=story, mode=mode) as host:
        host.deliver(*story.documents)
        host.perform()
        assert (done, host.effects, len(host.suppressed)) == ([], [], 3)
        assert len(host.facts) == (3 if mode == "replay" else 0)


def ringing(event: Delivered, context: Context) -> None:
    """Set a timer for each event, a day apart."""
    context.wake_at(f"ring/{event.sequence}", event.recorded + event.sequence * DAY)


def test_timers_are_called_in_order_when_they_are_due(story: Story) -> None:
    """Each once, with its instant, in the order of instants; the clock is there when it is called."""
    rung: list[tuple[str, bool]] = []
    plugin = made(
        on_event=ringing,
        on_timer=lambda key, at, context: rung.append((key, context.now == at and at.tzinfo == dt.UTC)),
    )
    with Host(plugin, story=story) as host:
        host.deliver(*reversed(story.documents[:1]), *story.documents[1:])
        host.advance(NOW + 2.5 * DAY)
        assert rung == [("ring/1", True), ("ring/2", True)]
        host.advance(NOW + 2.5 * DAY)
        host.crash_after_commit()
        host.advance(NOW + 10 * DAY)
        assert [key for key, _ in rung] == ["ring/1", "ring/2", "ring/3"]


@pytest.mark.parametrize("mode", ["replay", "dry_run"])
def test_timers_that_come_due_in_replay_are_listed(mode: Mode, story: Story) -> None:
    """They are not called, and are gone; later ones stay for when it is live again."""
    plugin = made(on_event=ringing, on_timer=lambda key: 1 / 0)
    with Host(plugin, story=story, mode=mode) as host:
        host.deliver(*story.documents)
        host.advance(NOW + 2.5 * DAY)
        assert [key for _, key, _ in host.listed] == ["ring/1", "ring/2"]
        assert [key for _, key in host.stored.timers] == ["ring/3"]


def test_a_timer_that_fails_stays(story: Story) -> None:
    """Its turn is not kept, and it comes again."""
    errors: list[Exception] = [ValueError()]

    def on_timer(key: str) -> None:
        if errors:
            raise errors.pop()

    with Host(made(on_event=ringing, on_timer=on_timer), story=story) as host:
        host.deliver(story.documents[0])
        with pytest.raises(HookFailed):
            host.advance(NOW + 10 * DAY)
        assert len(host.stored.timers) == 1
        host.advance(NOW + 10 * DAY)
        assert host.stored.timers == {}


def test_timers_that_set_each_other_for_ever_are_stopped(story: Story) -> None:
    """A test of such a plugin ends, and says which timer it was."""
    plugin = made(
        on_event=ringing, on_timer=lambda key, at, context: context.wake_at("pong" if key == "ping" else "ping", at)
    )
    with Host(plugin, story=story) as host:
        host.deliver(story.documents[0])
        with pytest.raises(AssertionError, match="without end"):
            host.advance(NOW + 10 * DAY)
    assert FIRED_MAX >= 366 * 24


def test_a_timer_is_replaced_and_cancelled(story: Story) -> None:
    """The same key again moves it; a cancelled one is not called."""

    def on_event(event: Delivered, context: Context) -> None:
        context.wake_at("moved", event.recorded + event.sequence * DAY)
        context.wake_at("cancelled", event.recorded + DAY)
        if event.sequence == 3:
            context.cancel("cancelled")
            context.cancel("never set")

    with Host(made(on_event=on_event, on_timer=lambda key: None), story=story) as host:
        host.deliver(*story.documents)
        assert [key for _, key in host.stored.timers] == ["moved"]
        assert next(iter(host.stored.timers.values())) > NOW + 3 * DAY


def test_effects_are_performed_once_and_again_after_a_crash(story: Story) -> None:
    """Done is done; after a crash nobody knows, so a receiver may see the same key twice."""
    seen: list[str] = []
    with Host(counting(perform=lambda effect: seen.append(effect.key)), story=story) as host:
        host.deliver(story.documents[0])
        host.perform()
        host.perform()
        assert len(seen) == 1
        host.crash_after_commit()
        host.perform(again=True)
        assert seen[0] == seen[1]


def test_an_effect_is_the_same_at_each_attempt(story: Story) -> None:
    """What a failed attempt did to its arguments is not seen by the next one."""
    seen: list[Any] = []

    def perform(effect: Effect) -> None:
        seen.append((effect.attempt, dict(effect.arguments)))
        effect.arguments.clear()
        if effect.attempt == 1:
            raise OSError

    with Host(counting(perform=perform), story=story) as host:
        host.deliver(story.documents[0])
        host.perform()
    assert seen == [(1, {"count": 1}), (2, {"count": 1})]


def test_a_delayed_effect_waits(story: Story) -> None:
    """It is done when its time has come, and what says later is put off."""
    seen: list[int] = []

    def perform(effect: Effect) -> None:
        seen.append(effect.attempt)
        if effect.attempt == 1:
            raise Later(3600)

    plugin = counting(on_event=lambda context: context.effect("mail", delay_s=3600), perform=perform)
    with Host(plugin, story=story) as host:
        host.deliver(story.documents[0])
        for hours, attempts in ((0.5, []), (1, [1]), (1.5, [1]), (2.5, [1, 2])):
            host.advance(NOW + dt.timedelta(hours=hours))
            host.perform()
            assert seen == attempts


def test_a_goal_as_it_was(story: Story) -> None:
    """What the test says the goal was is what the handler finds, and nobody changes it for the next."""
    found: list[Any] = []

    def on_event(event: Delivered, context: Context) -> None:
        goal = context.goal_at(event.aggregate_id, event.version)
        found.append(dict(goal))
        goal.clear()

    goal_id = uid("acme/goal")
    with Host(made(_permissions={"history": True}, on_event=on_event), story=story) as host:
        host.goals[goal_id, 2] = {"state": "active"}
        host.goals[goal_id, None] = {"state": "any"}
        host.deliver(*story.documents)
        assert [one["state"] for one in found] == ["any", "active", "any"]
        host.goals.clear()
        with pytest.raises(HookFailed, match="unknown_goal"):
            host.deliver(story.goal(MENTOR, name="x").hit())


def test_a_command_is_reviewed(story: Story) -> None:
    """Refusals come back; the command's words are left out unless they are permitted."""
    seen: list[dict[str, Any]] = []

    def review(command: Reviewed) -> Refusal | None:
        seen.append(command.fields)
        return Refusal(code="too_late", message="Close it earlier") if command.fields["result"] == "missed" else None

    with Host(made(_permissions={"reviews": ("goal.close_goal",)}, review=review), story=story) as host:
        assert host.review("goal.close_goal", by=MENTEE, result="achieved", retrospective="It was slow") == []
        (refusal,) = host.review("goal.close_goal", by=MENTEE, result="missed")
        assert refusal.code == "too_late"
        assert seen == [{"result": "achieved"}, {"result": "missed"}]


def test_configuration_and_secrets_reach_the_handlers(story: Story) -> None:
    """As the Structs that the plugin asked for; a mistake is told with its place before anything runs."""
    seen: list[Any] = []
    plugin = made(
        config_schema=lambda: Bowl,
        secrets_schema=lambda: Bowl,
        start=lambda context: seen.append((context.config, context.secrets)),
    )
    with Host(plugin, config={"size": 3}, secrets={"size": 4, "colour": "blue"}):
        assert seen == [(Bowl(3), Bowl(4, "blue"))]
    with pytest.raises(PluginError, match=r"config: sze: no such setting: did you mean 'size'"):
        Host(plugin, config={"sze": 3}, secrets={"size": 4})
    with pytest.raises(PluginError, match="config: this plugin has no config_schema"):
        Host(made(), config={"size": 3})


def test_a_plugin_begins_and_ends() -> None:
    """`start` is called when the host is made and after a crash, `stop` when it is closed; their logs are shown."""
    calls: list[str] = []

    def start(context: Context) -> None:
        calls.append("start")
        context.log("ready")

    with Host(made(start=start, stop=lambda: calls.append("stop"))) as host:
        host.crash_after_commit()
        assert [line.message for line in host.log] == ["ready", "ready"]
    assert calls == ["start", "start", "stop"]
    with pytest.raises(HookFailed, match="start: raised: ZeroDivisionError"):
        Host(made(start=lambda: 1 / 0))


def test_tenants_are_kept_apart() -> None:
    """State, grants and positions of one tenant are not those of another."""
    stories = [Story("acme"), Story("globex")]
    plugin = counting(decide_reward=lambda event, context: thanks(points=len(context.grants())))
    with Host(plugin) as host:
        for _ in range(2):
            for story in stories:
                host.deliver(story.goal(MENTEE, name=f"{len(story.documents)}").add(_tagged()))
        assert [host.state_of(story.tenant) for story in stories] == [{"count": 2}] * 2
        assert [grant.reward.points for grant in host.grants] == [0, 0, 1, 1]


def _tagged() -> Any:
    from milepost_contracts.events.goal import Tagged

    return Tagged(added=["x"])
