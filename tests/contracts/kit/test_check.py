# ruff: noqa: ARG002, ARG005, PLW0108  hooks are functions, and name what they are given
"""Each way to be wrong is found by the check, with its place and what to do; a plugin that is right passes."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import msgspec
import pytest

from milepost_contracts.commands.goal import TagGoal
from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.loading import load
from milepost_contracts.plugin import Delivered, Effect, Grant, Later, Manifest, Permissions, Refusal, Reward, readable
from milepost_contracts.testing import Checked, check
from milepost_contracts.testing.checking import SLOW_MS, slow
from milepost_contracts.testing.trial import Ran
from tests.contracts.kit.plugins import Bowl, Thankful, made, thanks

HITS = ("goal.milestone_hit",)


def hits(on_event: Any = None, **hooks: Any) -> Any:
    """Return a plugin for milestones."""
    manifest = {"subscriptions": HITS, "stores": True} | hooks.pop("_manifest", {})
    return made(_manifest=manifest, on_event=on_event or (lambda event: None), **hooks)


def found(plugin: Any, **options: Any) -> list[tuple[str, str, str]]:
    """Return (code, severity, place) of the findings; every one says what to do."""
    checked = check(plugin, **options)
    assert all(finding.message and not finding.message.endswith(": ") for finding in checked.findings)
    return [(finding.code, finding.severity, finding.place) for finding in checked.findings]


class Careful(Thankful):
    """Does a bit of everything, rightly."""

    @hook
    def manifest(self) -> Manifest:
        permissions = Permissions(
            words=("goal.milestone_hit/title",), commands=("goal.tag_goal",), reviews=("goal.close_goal",), history=True
        )
        return Manifest(
            id="careful", version="1", summary="Careful", subscriptions=self.GIVES, stores=True, permissions=permissions
        )

    @hook
    def on_event(self, event: Delivered, context: Context) -> None:
        context.state.set(f"seen/{event.aggregate_id}", event.id)
        context.effect(f"mail/{event.name}", {"goal": event.aggregate_id})
        context.fact("seen", {"event": event.id})
        context.wake_at(f"remind/{event.aggregate_id}", event.occurred + dt.timedelta(days=30))
        if event.name == "goal.closed":
            context.goal_at(event.aggregate_id, event.version)
            context.command(TagGoal, add=["done"])

    @hook
    def on_timer(self, key: str, context: Context) -> None:
        context.effect("remind", {"goal": key.partition("/")[2]})

    @hook
    def review(self, command: Any) -> Refusal | None:
        return None if "retrospective" not in command.fields else Refusal(code="words", message="No words here")

    @hook
    def perform(self, effect: Effect) -> None:
        raise AssertionError("nothing is performed by a check")

    @hook
    def on_person_erased(self, person: str) -> None:
        """Keep nothing of anybody."""


def test_a_plugin_that_is_right_passes() -> None:
    """No finding, and the numbers say that there was something to be seen."""
    checked = check(Careful())
    assert (checked.findings, checked.passed, checked.plugin) == ([], True, "careful")
    assert checked.events > 50
    assert min(checked.effects, checked.commands, checked.facts, checked.grants, checked.timers, checked.kept) > 0
    assert 0 < checked.ms_mean <= checked.ms_max


def test_nothing_is_left_of_a_check() -> None:
    """The plugin that was given is as it was: everything happened to copies."""
    plugin = Careful()
    check(plugin)
    assert plugin.told == []


def counts(event: Delivered, context: Context) -> None:
    """Count."""
    context.state.set("count", context.state.get("count", int, 0) + 1)


def counts_into(ask: Any) -> Any:
    """Return a handler that counts and asks for something with the number."""

    def handler(event: Delivered, context: Context) -> None:
        counts(event, context)
        ask(context, context.state.get("count"))

    return handler


@pytest.mark.parametrize(
    ("asks", "finding"),
    [
        (lambda context, n: None, ("not_idempotent", "warning", "state count")),
        (lambda context, n: context.fact("n", once=str(n)), ("not_idempotent", "error", "fact n")),
        (lambda context, n: context.effect(f"n/{n}"), ("not_idempotent", "error", "effect small/ID/n/2")),
        (lambda context, n: context.effect("n", {"n": n}), ("effect_changes", "error", "small/ID/n")),
        (lambda context, n: context.wake_at(f"n/{n}", context.now), ("not_idempotent", "warning", "timer n/2")),
    ],
)
def test_who_counts_is_not_idempotent(asks: Any, finding: tuple[str, str, str]) -> None:
    """An event that comes again changes something: a warning while it is only kept, an error once it is told."""
    plugin = hits(counts_into(asks), perform=lambda effect: None, on_timer=lambda key: None)
    assert finding in found(plugin)


def test_chance_is_not_deterministic() -> None:
    """Random numbers and clocks differ from run to run; in an effect they are two contents under one key."""
    assert ("not_deterministic", "error", "state x") in found(
        hits(lambda context: context.state.set("x", random.random()))  # noqa: S311  the mistake
    )
    assert ("effect_changes", "error", "small/ID/x") in found(
        hits(lambda context: context.effect("x", {"id": str(uuid.uuid4())}), perform=lambda effect: None)
    )


def raises(event: Delivered) -> None:
    """Raise."""
    raise ValueError


def test_what_raises_is_told_once_with_its_place() -> None:
    """One finding for the error, at the event where it came first, wherever else it comes."""
    ((code, severity, place),) = found(hits(raises))
    assert (code, severity, place) == ("raises", "error", "on_event at goal.milestone_hit")
    (finding,) = check(hits(raises)).findings
    assert finding.message.startswith(f"ValueError at {__file__}:")


def test_what_raises_in_replay_alone_is_told() -> None:
    """Every mode is tried."""
    for mode in ("replay", "dry_run"):
        plugin = hits(_only_in(mode))
        assert [code for code, _, _ in found(plugin)] == ["raises"]


def _only_in(mode: str) -> Any:
    def handler(event: Delivered, context: Context) -> None:
        if context.mode == mode:
            raise ValueError

    return handler


def test_what_raises_when_it_was_installed_late_is_told() -> None:
    """A plugin may begin in the middle, with goals of which it has not seen the beginning."""

    def on_event(event: Delivered, context: Context) -> None:
        if event.name == "goal.created":
            context.state.set(event.aggregate_id, 1)
        else:
            context.state.set(event.aggregate_id, context.state.get(event.aggregate_id) + 1)

    plugin = hits(on_event, _manifest={"subscriptions": ("goal.created", "goal.milestone_hit")})
    assert ("raises", "error", "on_event at goal.milestone_hit") in found(plugin)


def test_a_timer_that_raises_is_told() -> None:
    """Time passes in a check, for more than a year."""
    plugin = hits(
        lambda event, context: context.wake_at("x", event.occurred + dt.timedelta(days=360)), on_timer=lambda key: 1 / 0
    )
    assert found(plugin) == [("raises", "error", "on_timer")]


def test_who_asks_for_later_for_ever_is_told() -> None:
    """Later is fine; again and again it is not."""

    def handler(event: Delivered) -> None:
        raise Later(60)

    assert found(hits(handler)) == [("later", "warning", "on_event at goal.milestone_hit")]


def test_slow_handlers_are_told() -> None:
    """What takes long is told by event, and what takes longer than its manifest allows is an error."""
    paused = {"subscriptions": ("goal.paused",)}
    assert found(hits(lambda event: time.sleep(SLOW_MS * 1.5 / 1000), _manifest=paused)) == [
        ("slow", "warning", "goal.paused")
    ]
    assert found(hits(lambda event: time.sleep(5), _manifest=paused | {"timeout_s": 0.05})) == [
        ("timed_out", "error", "on_event at goal.paused")
    ]


def test_slow_is_what_is_slow_every_time() -> None:
    """One fast time of many shows that it was the machine; half of the manifest's own limit is too near to it."""
    times = {"quick": [1.0], "busy": [90.0, 3.0], "slow": [30.0, 25.0], "near": [60.0, 70.0]}
    runs = [Ran(), Ran()]
    for ran in runs:
        ran.ms = times
    plugin = load(hits(_manifest={"timeout_s": 0.1}))
    assert [(one.place, one.message.partition(":")[0]) for one in slow(plugin, runs)] == [
        ("near", "60 ms of the 100 that its manifest allows"),
        ("slow", "25 ms an event, where 20 is much already"),
    ]


def test_a_reward_whose_cause_is_taken_back_must_not_stand() -> None:
    """Of each kind that can be taken back there is one in the history."""
    standing = {place for code, _, place in found(Thankful(keeps=True)) if code == "grant_stands"}
    assert standing == set(Thankful.GIVES)
    assert found(Thankful()) == []


def keeps_people(event: Delivered, context: Context) -> None:
    """Keep who it was, everywhere."""
    owner = event.context.owner if event.context else ""
    context.state.set(f"of/{owner}", event.sequence)
    context.state.set(f"goal/{event.aggregate_id}", {"owner": owner})
    context.wake_at(f"wake/{owner}", context.now + dt.timedelta(days=3650))


def forgets(person: str, context: Context) -> None:
    """Forget a person everywhere, and put down that it is gone."""
    context.state.delete(f"of/{person}")
    for key, value in context.state.items("goal/"):
        if value["owner"] == person:
            context.state.delete(key)
    context.cancel(f"wake/{person}")
    context.state.set(f"gone/{person}", 1)


def test_who_forgets_nobody_is_told() -> None:
    """A person who was erased is still named in keys, in values, in timers; who is put down as gone is not."""
    places = {place for code, _, place in found(hits(keeps_people, on_timer=lambda key: None)) if code == "person_kept"}
    assert places == {"state of/user:ID", "state goal/ID", "timer wake/user:ID"}
    assert found(hits(keeps_people, on_timer=lambda key: None, on_person_erased=forgets)) == []


def test_words_that_are_kept_are_found() -> None:
    """Long ones are refused where they are kept, short ones are found afterwards, whatever they are called."""
    words = Permissions(words=("goal.milestone_hit/title",))

    def keeps(event: Delivered, context: Context) -> None:
        if len(event.data.title) < 16:
            context.state.set(f"goal/{event.aggregate_id}", {"title": event.data.title})
            context.log("seen", title=event.data.title)

    places = {place for code, _, place in found(hits(keeps, _manifest={"permissions": words})) if code == "words_kept"}
    assert places == {"state goal/ID", "log seen"}
    plugin = hits(lambda event, context: context.state.set("x", event.data.title), _manifest={"permissions": words})
    assert ("words_kept", "error", "on_event at goal.milestone_hit") in found(plugin)


def connects(event: Delivered) -> None:
    """Connect, and take no for an answer."""
    with contextlib.suppress(Exception):
        socket.create_connection(("127.0.0.1", 9))


def starts(event: Delivered) -> None:
    """Start a program."""
    subprocess.run([sys.executable, "-c", "raise SystemExit"], check=False)


def test_what_a_handler_does_by_itself_is_stopped_and_told() -> None:
    """A connection or a program in a handler would be made again in each replay; here it is not made at all."""
    assert ("outside_effect", "error", "goal.milestone_hit") in found(hits(connects))
    assert ("outside_effect", "error", "on_event at goal.milestone_hit") in found(hits(starts))
    subprocess.run([sys.executable, "-c", ""], check=True)  # everybody else may


def test_an_effect_that_nobody_performs() -> None:
    """Asking for effects needs the hook that does them, as a timer needs the one that is called."""
    assert found(hits(lambda context: context.effect("x")))[0][0] == "missing_hook"
    assert found(hits(lambda context: context.wake_at("x", context.now)))[0][0] == "missing_hook"


def test_permissions_without_a_use_are_told() -> None:
    """An operator has to trust each: what opens nothing, sends nothing or asks nothing is left out."""
    permissions = Permissions(
        words=("goal.milestone_hit/title", "programme.closed/*", "goal.reflection_recorded/text"),
        commands=("goal.tag_goal", "goal.post_comment"),
        history=True,
    )
    plugin = hits(
        lambda context: context.command(TagGoal, add=["x"]),
        _manifest={"permissions": permissions, "subscriptions": (*HITS, "goal.reflection_recorded")},
    )
    assert found(plugin) == [
        ("unused_permission", "warning", "commands goal.post_comment"),
        ("unused_permission", "warning", "history"),
        ("unused_permission", "warning", "words goal.reflection_recorded/text"),
        ("unused_permission", "warning", "words programme.closed/*"),
    ]
    assert check(plugin).passed


def test_what_a_check_does_not_see_it_says_nothing_of() -> None:
    """Goals may be asked for in `perform`, which a check does not call; words of other events are read in them."""
    permissions = Permissions(words=("goal.created/title",), history=True)
    given: dict[str, Any] = {"_manifest": {"permissions": permissions}}
    assert found(hits(lambda: None, **given)) == [("unused_permission", "warning", "history")]
    assert found(hits(lambda: None, perform=lambda effect: None, **given)) == []
    without = {"_manifest": {"permissions": Permissions(words=("goal.created/title",))}}
    assert found(hits(lambda: None, **without)) == [("unused_permission", "warning", "words goal.created/title")]


def test_words_of_goals_as_they_were_are_words() -> None:
    """A title that was read in a goal as it was, and kept, is found as one of an event is, also where it is short."""
    permissions = Permissions(words=("goal.created/title",), history=True)

    def keeps(event: Delivered, context: Context) -> None:
        title = readable(context.goal_at(event.aggregate_id)["title"])
        context.state.set(f"title/{event.aggregate_id}", title)

    places = found(hits(keeps, _manifest={"permissions": permissions, "stores": True}))
    assert {code for code, _, _ in places} == {"words_kept"}


def test_names_that_there_are_not_are_told() -> None:
    """A subscription, command or review that means nothing would wait for ever."""
    permissions = Permissions(commands=("goal.tag_gaol",), reviews=("goal.close_gaol",))
    plugin = hits(
        review=lambda command: None,
        _manifest={"permissions": permissions, "subscriptions": ("goal.milestone_hitt", "gaol.*", "person.erased")},
    )
    unknown = {place for code, severity, place in found(plugin) if (code, severity) == ("unknown_event", "error")}
    assert unknown == {
        "subscriptions goal.milestone_hitt", "subscriptions gaol.*", "permissions.commands goal.tag_gaol",
        "permissions.reviews goal.close_gaol",
    }  # fmt: skip
    messages = [finding.message for finding in check(plugin).findings]
    assert any("did you mean 'goal.milestone_hit'?" in message for message in messages)


def test_who_rewards_by_mode_is_told() -> None:
    """In replay the same rewards are granted as live."""

    def decide(event: Delivered, context: Context) -> Reward | None:
        return thanks() if context.mode == "live" else None

    assert found(hits(decide_reward=decide)) == [("differs_in_replay", "error", "grant Well done")]


class Remembers:
    """Keeps in a variable what belongs into the state."""

    def __init__(self) -> None:
        self.seen = 0

    @hook
    def manifest(self) -> Manifest:
        return Manifest(id="small", version="1", summary="x", subscriptions=HITS)

    @hook
    def on_event(self, event: Delivered, context: Context) -> None:
        self.seen += 1
        context.fact("seen", {"n": self.seen})


def test_what_is_kept_in_variables_is_lost() -> None:
    """After a restart it is gone, and tenants share it: both are told."""
    codes = {code for code, _, place in found(Remembers()) if place == "fact seen"}
    assert codes == {"lost_on_restart", "tenants_mixed"}


MODULE = """
from milepost_contracts.hooks import hook
from milepost_contracts.loading import load
from milepost_contracts.plugin import Manifest

SEEN = []

@hook
def manifest():
    return Manifest(id="small", version="1", summary="x", subscriptions=("goal.milestone_hit",))

@hook
def on_event(event, context):
    SEEN.append(event.id)
    context.fact("seen", {"n": len(SEEN)})
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give the name of a package whose inner module keeps something in a variable."""
    (tmp_path / "kit_checked").mkdir()
    (tmp_path / "kit_checked/__init__.py").write_text("from kit_checked.inner import *\n")
    (tmp_path / "kit_checked/inner.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield "kit_checked"
    for name in ("kit_checked", "kit_checked.inner"):
        sys.modules.pop(name, None)


def test_a_module_is_made_anew_too(module: str) -> None:
    """Its package is imported again at a restart, and in the end the modules are those that there were."""
    entry_point = EntryPoint("small", module, "milepost.plugins")
    before = entry_point.load()
    for plugin in (before, entry_point):
        codes = {code for code, _, place in found(plugin) if place == "fact seen"}
        assert codes == {"lost_on_restart", "tenants_mixed"}
        assert sys.modules[module] is before
        assert before.inner.SEEN == []


def test_what_does_not_load_is_a_finding(module: str) -> None:
    """A check never raises: what loading refuses is told as everything else is."""
    assert found(made(on_evnt=lambda: None)) == [("unknown_hook", "error", "loading")]
    assert found(EntryPoint("small", "nowhere_to_be_found", "")) == [("import_failed", "error", "loading")]
    assert found(object()) == [("no_manifest", "error", "loading")]
    assert found(made(start=lambda: 1 / 0)) == [("raises", "error", "start")]


def test_a_plugin_is_checked_with_its_configuration() -> None:
    """What it needs is told when it is missing; with it, the plugin runs with it."""
    plugin = made(config_schema=lambda: Bowl, secrets_schema=lambda: Bowl)
    ((code, _, place),) = found(plugin)
    assert (code, place) == ("invalid_config", "loading")
    assert found(plugin, config={"size": 1}, secrets={"size": 2}) == []
    assert "no such setting" in check(plugin, config={"size": 1, "x": 1}).findings[0].message


def test_it_is_asked_what_it_can_be_asked() -> None:
    """Questions that it does not know, every command that it reviews, and how it is: none may fail."""
    plugin = made(
        _permissions={"reviews": ("goal.*",)},
        review=lambda command: 1 / 0 if command.name == "goal.close_goal" else None,
        answer=lambda question: {"x": 1}[question.name],
        act=lambda question: {"x": 1}[question.name],
        health=lambda: True,
        stop=lambda: 1 / 0,
    )
    assert found(plugin) == [
        ("raises", "error", "act"),
        ("raises", "error", "answer"),
        ("raises", "error", "review at goal.close_goal"),
        ("raises", "error", "stop"),
        ("wrong_result", "error", "health"),
    ]


def test_findings_are_structs() -> None:
    """What a check came to can be printed as JSON and read back."""
    checked = check(hits(raises))
    assert msgspec.json.decode(msgspec.json.encode(checked), type=Checked) == checked
    assert not checked.passed


def test_revoked_grants_are_not_missed() -> None:
    """Who gives back only some of what it is asked about is found by the rest."""

    def some(event: Delivered, grants: list[Grant]) -> list[Grant]:
        return grants if event.name != "goal.reopened" else []

    plugin = hits(
        _manifest={"subscriptions": ("goal.closed", *HITS)}, decide_reward=lambda: thanks(), on_retracted=some
    )
    assert found(plugin) == [("grant_stands", "error", "goal.closed")]
