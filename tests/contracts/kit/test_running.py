# ruff: noqa: ARG005, PLW0108  hooks are functions, and name what they are given
"""Hooks are called under a guard: what they raise, give or leave behind concerns their plugin alone."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from typing import Any

import msgspec
import pytest

from milepost_contracts.commands.goal import PostComment, TagGoal
from milepost_contracts.context import KEPT_MAX, LOG_BYTES_MAX, TURN_BYTES_MAX, VALUE_BYTES_MAX, Context
from milepost_contracts.failing import RETRY_S_MAX
from milepost_contracts.plugin import (
    Delivered,
    Effect,
    GiveUp,
    Health,
    Later,
    ObjectiveMapping,
    Outcome,
    PluginError,
    Question,
    Refusal,
    Reviewed,
)
from milepost_contracts.results import ANSWER_BYTES_MAX
from milepost_contracts.testing.story import NOW
from tests.contracts.kit.plugins import MENTEE, Bowl, delivered, failed, made, runner, some_event, thanks

SECRET = "correct horse battery staple"  # noqa: S105  of nobody


def raising(error: BaseException) -> Any:
    """Return a handler that raises *error*."""

    def handler(event: Delivered) -> None:
        raise error

    return handler


def giving(thing: Any) -> Any:
    """Return a hook that gives *thing*."""
    return lambda: thing


class Forgetful(GiveUp):
    """An error whose author forgot what its parent needs."""

    def __init__(self) -> None:
        """Forget it."""


class Odd(BaseException):
    """Neither an Exception nor anything that Python knows."""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("x"), {"code": "raised", "error": "ValueError"}),
        (SystemExit(3), {"code": "raised", "error": "SystemExit"}),
        (Odd("x"), {"code": "raised", "error": "Odd"}),
        (GeneratorExit(), {"code": "raised", "error": "GeneratorExit"}),
        (asyncio.CancelledError(), {"code": "raised", "error": "CancelledError"}),
        (MemoryError(), {"code": "out_of_memory"}),
        (PluginError("no_such_day", "There is no such day"), {"code": "no_such_day", "error": "There is no such day"}),
        (PluginError("No such day!", "x"), {"code": "plugin_error"}),
        (GiveUp("gone"), {"code": "gone", "final": True}),
        (GiveUp("550 no such user"), {"code": "gave_up", "final": True}),
        (Forgetful(), {"code": "gave_up", "final": True}),
        (Later(60), {"code": "later", "retry_s": 60.0, "tried": True}),
        (Later(60, "busy", tried=False), {"code": "busy", "retry_s": 60.0, "tried": False}),
        (Later(-1), {"retry_s": 0.0}),
        (Later(float("nan")), {"retry_s": 0.0}),
        (Later(float("inf")), {"retry_s": RETRY_S_MAX}),
        (Later("soon"), {"retry_s": 0.0}),  # type: ignore[arg-type]  # what an author may write
    ],
)
def test_whatever_is_raised_is_a_failure(error: BaseException, told: dict[str, Any]) -> None:
    """Every error, also those that end programs, becomes a failure with a stable code and its place."""
    failure = failed(delivered(made(on_event=raising(error))))
    assert {name: getattr(failure, name) for name in told} == told
    assert failure.hook == "on_event"
    assert failure.place.startswith(f"{__file__}:")


def test_ctrl_c_is_for_the_program() -> None:
    """An interrupt ends what runs the plugin."""
    with pytest.raises(KeyboardInterrupt):
        delivered(made(on_event=raising(KeyboardInterrupt())))


def test_endless_recursion_is_a_failure() -> None:
    """A handler that calls itself for ever fails, and the one after it runs."""

    def deeper(event: Delivered, depth: int = 0) -> int:
        return deeper(event, depth + 1)

    runs = runner(made(on_event=lambda event: deeper(event)))
    assert failed(runs.deliver(some_event().document)).error == "RecursionError"
    assert failed(runs.deliver(some_event().document)).error == "RecursionError"


def test_what_was_raised_can_be_looked_into() -> None:
    """The failure tells no message, but who runs the plugin in a test finds the exception itself, until the next."""
    error = ValueError("in full")
    runs = runner(made(on_event=raising(error)))
    assert "in full" not in str(runs.deliver(some_event().document))
    assert runs.raised is error
    runs.health()
    assert runs.raised is None


def test_the_hook_that_failed_is_named() -> None:
    """It is the one that was called, not the one that the event came in by."""
    plugin = made(on_event=lambda: None, decide_reward=raising(ValueError()), map_objectives=lambda: None)
    assert failed(delivered(plugin)).hook == "decide_reward"


# Sync and async


def test_async_handlers_run_and_share_a_loop() -> None:
    """Each is awaited to its end; what one of them opened for its loop serves the next."""
    loops: list[Any] = []

    async def handler(event: Delivered, context: Context) -> None:
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())
        context.log("here")

    runs = runner(made(on_event=handler))
    assert [len(runs.deliver(some_event().document).turn.log) for _ in range(2)] == [1, 1]
    assert loops[0] is loops[1]
    runs.close()


async def test_an_async_handler_within_a_loop_is_told_why_not() -> None:
    """From inside a running loop it cannot be awaited: the failure says what to do."""

    async def handler(event: Delivered) -> None:
        """Do nothing."""

    failure = failed(delivered(made(on_event=handler)))
    assert (failure.code, "call it from a thread" in failure.error) == ("loop_running", True)


def test_a_loop_that_was_broken_is_made_anew() -> None:
    """A handler that stops or closes the loop harms itself alone."""
    tricks: list[Any] = [lambda loop: loop.stop(), lambda loop: loop.close(), lambda loop: None]

    async def handler(event: Delivered) -> None:
        tricks.pop(0)(asyncio.get_running_loop())
        await asyncio.sleep(0)

    runs = runner(made(on_event=handler))
    assert failed(runs.deliver(some_event().document)).error == "RuntimeError"
    assert failed(runs.deliver(some_event().document)).error == "RuntimeError"
    assert runs.deliver(some_event().document).failure is None
    kept = [runs._loop.get_loop()]  # type: ignore[union-attr]  # it has one by now
    kept[0].close()
    tricks.append(lambda loop: None)
    assert runs.deliver(some_event().document).failure is None
    runs.close()


def test_what_is_left_running_has_nothing_to_say() -> None:
    """A thread or a task that outlives its handler can neither write nor look: its turn is being kept."""
    told: list[str] = []
    go = threading.Event()

    def later(context: Context) -> None:
        go.wait(30)
        reach: Any
        for reach in (
            lambda: context.log("x"), lambda: context.effect("x"), lambda: context.state.get("x"),
            lambda: context.state.set("x", 1), context.grants, lambda: context.fact("x"),
        ):  # fmt: skip
            try:
                reach()
            except PluginError as error:
                told.append(error.code)

    threads: list[threading.Thread] = []

    def handler(event: Delivered, context: Context) -> None:
        threads.append(threading.Thread(target=later, args=(context,)))
        threads[0].start()

    done = delivered(made(_manifest={"stores": True}, on_event=handler, perform=lambda effect: None))
    go.set()
    threads[0].join()
    assert told == ["turn_over"] * 6
    assert (done.turn.count, done.turn.log) == (0, [])


def test_a_task_left_behind_is_cancelled_with_the_runner() -> None:
    """Closing cancels what async handlers started and did not await, and closes the loop."""
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("cancelled")

    tasks: list[Any] = []

    async def handler(event: Delivered) -> None:
        tasks.append(asyncio.create_task(forever()))
        await asyncio.sleep(0)

    delivered(made(on_event=handler))
    assert ended == ["cancelled"]


def test_a_runner_that_nobody_closes_leaves_no_loop_open() -> None:
    """A test that forgets to close its host sees no warning about it from elsewhere."""

    async def handler(event: Delivered) -> None:
        """Do nothing."""

    runs = runner(made(on_event=handler))
    runs.deliver(some_event().document)
    loop = runs._loop.get_loop()  # type: ignore[union-attr]  # it has one by now
    del runs
    gc.collect()
    assert loop.is_closed()


# Nonsense


def generator() -> Any:
    """Yield something."""
    yield 1


@pytest.mark.parametrize(
    ("hook", "given", "code"),
    [
        ("on_event", True, "wrong_result"),
        ("on_event", generator(), "wrong_result"),
        ("on_event", thanks(), "wrong_result"),
        ("decide_reward", 7, "wrong_result"),
        ("decide_reward", "a reward", "wrong_result"),
        ("decide_reward", {"to": MENTEE, "title": "x"}, "wrong_result"),
        ("decide_reward", [thanks(), None], "wrong_result"),
        ("decide_reward", thanks(to="everybody"), "wrong_result"),
        ("decide_reward", [thanks(title="")], "wrong_result"),
        ("decide_reward", thanks(points="many"), "wrong_result"),
        ("decide_reward", thanks(kind="gold"), "wrong_result"),
        ("decide_reward", iter(thanks, 0), "too_much"),
        ("decide_reward", [thanks(), thanks(title="Again")], "reward_twice"),
        ("map_objectives", [ObjectiveMapping(to="kr1", weight=0)], "wrong_result"),
        ("map_objectives", ["kr1"], "wrong_result"),
    ],
)
def test_nonsense_is_refused_by_name(hook: str, given: Any, code: str) -> None:
    """What a hook may not give is a failure that names the hook; nothing of it is kept."""
    done = delivered(made(**({"on_event": lambda: None} | {hook: lambda event: given})))
    failure = failed(done)
    assert (failure.code, failure.hook) == (code, hook)
    assert done.turn.count == 0


def test_an_effect_that_is_a_generator_is_not_done() -> None:
    """Nothing of it has run: to call it done would lose the effect; anything else that is given says done."""
    effect = Effect(key="small/x/y", name="y", tenant="acme")
    assert failed(runner(made(perform=lambda: generator())).perform(effect)).code == "wrong_result"
    assert runner(made(perform=lambda: True)).perform(effect).failure is None


@pytest.mark.parametrize("given", [None, [], (), iter([])])
def test_nothing_may_be_given_in_many_ways(given: Any) -> None:
    """None and an empty list are the same, so that the next one is asked."""
    other = made(decide_reward=lambda event: thanks(title="From a part"))
    del other.manifest, other.on_person_erased, other.on_retracted
    done = delivered(made(decide_reward=lambda event: given, parts=lambda: [other]))
    assert [grant.reward.title for grant in done.turn.granted] == ["From a part"]


@pytest.mark.parametrize("given", [True, "no", [Refusal(code="no", message="No")], Refusal(code="No!", message="x")])
def test_a_review_that_is_none(given: Any) -> None:
    """A plugin that answers a review with something else has failed; it has not refused."""
    runs = runner(made(_permissions={"reviews": ("*",)}, review=lambda command: given))
    done = runs.review(Reviewed(name="goal.close_goal", tenant="acme", id="x", version=1, actor=MENTEE))
    assert failed(done).code == "wrong_result"


@pytest.mark.parametrize("given", [True, "fine", {"well": True}])
def test_health_that_is_none(given: Any) -> None:
    """Health is told in its own form, and well is who has nothing to say."""
    assert failed(runner(made(health=lambda: given)).health()).code == "wrong_result"
    assert runner(made(health=lambda: Health(ok=False, message="x"))).health().result == Health(ok=False, message="x")
    assert runner(made()).health().result == Health()


@pytest.mark.parametrize(
    ("given", "code"), [(generator(), "not_json"), (object(), "not_json"), ("x" * ANSWER_BYTES_MAX, "too_much")]
)
def test_an_answer_is_json(given: Any, code: str) -> None:
    """Answers that cannot be sent are failures; Structs and dates become JSON."""
    question = Question(name="x", tenant="acme", actor=MENTEE, roles=("admin",), id="1")
    for runs in (runner(made(answer=lambda: given)).answer, runner(made(act=lambda: given)).act):
        assert failed(runs(question)).code == code
    assert runner(made(answer=lambda: Bowl(3))).answer(question).result == {"size": 3, "colour": "red"}
    assert runner(made(act=lambda: NOW)).act(question).result == "2026-03-02T09:00:00Z"
    assert runner(made(answer=lambda: None)).answer(question).result is None


def test_the_first_answer_counts_and_every_refusal() -> None:
    """Questions are answered by the first who knows; refusals are all told."""
    parts = [made(answer=lambda: None), made(answer=lambda: 2), made(answer=lambda: 3)]
    for one in parts:
        del one.manifest
    question = Question(name="x", tenant="acme", actor=MENTEE)
    assert runner(made(parts=lambda: parts)).answer(question).result == 2
    refusals = [Refusal(code="one", message="x"), Refusal(code="two", message="y")]
    refusing = [made(review=giving(refusal)) for refusal in refusals]
    for one in refusing:
        del one.manifest
    plugin = made(_permissions={"reviews": ("*",)}, review=lambda: None, parts=lambda: refusing)
    done = runner(plugin).review(Reviewed(name="goal.close_goal", tenant="acme", id="x", version=1, actor=MENTEE))
    assert [refusal.code for refusal in done.result] == ["one", "two"]


def test_objectives_are_merged() -> None:
    """All mappings count; of two for the same objective, the first."""
    seen: list[Any] = []
    other = made(map_objectives=lambda event: [ObjectiveMapping(to="a", weight=0.1), ObjectiveMapping(to="b")])
    del other.manifest
    plugin = made(
        map_objectives=lambda event: [ObjectiveMapping(to="a", weight=0.5)],
        on_event=lambda context: seen.extend(context.objectives),
        parts=lambda: [other],
    )
    assert delivered(plugin).failure is None
    assert [(one.to, one.weight) for one in seen] == [("a", 0.5), ("b", 1.0)]


# What may not be done


def test_where_only_looking_is_allowed() -> None:
    """In answers, reviews, health, start, stop and perform nothing can be written or asked for."""
    told: list[str] = []

    def tries(context: Context) -> None:
        reach: Any
        for reach in (
            lambda: context.state.set("x", 1), lambda: context.state.delete("x"), lambda: context.effect("x"),
            lambda: context.fact("x"), lambda: context.wake_at("x", NOW), lambda: context.cancel("x"),
            lambda: context.command(TagGoal, tags=[]), context.redeliver,
        ):  # fmt: skip
            with pytest.raises(PluginError) as caught:
                reach()
            told.append(caught.value.code)
        context.log("it may say something")

    hooks = dict.fromkeys(("start", "stop", "health", "answer", "review", "perform"), tries)
    runs = runner(made(_manifest={"stores": True}, _permissions={"reviews": ("*",), "commands": ("*",)}, **hooks))
    question = Question(name="x", tenant="acme", actor=MENTEE)
    command = Reviewed(name="goal.close_goal", tenant="acme", id="x", version=1, actor=MENTEE)
    effect = Effect(key="small/x/y", name="y", tenant="acme")
    for done in (
        runs.start(), runs.stop(), runs.health(), runs.answer(question), runs.review(command), runs.perform(effect)
    ):  # fmt: skip
        assert done.failure is None
    assert told == ["read_only"] * 8 * 6
    assert [line.message for line in runs.start().turn.log] == ["it may say something"]


@pytest.mark.parametrize(
    ("asks", "code"),
    [
        (lambda context: context.state.set("x", 1), "not_permitted"),
        (lambda context: context.effect("x"), "missing_hook"),
        (lambda context: context.wake_at("x", NOW), "missing_hook"),
        (lambda context: context.goal_at("x"), "not_permitted"),
        (lambda context: context.command(TagGoal, tags=["x"]), "not_permitted"),
        (lambda context: context.redeliver(), "not_permitted"),
    ],
)
def test_nothing_is_permitted_by_itself(asks: Any, code: str) -> None:
    """Without a word in the manifest, or the hook that it needs, nothing of it can be done."""
    assert failed(delivered(made(on_event=asks))).code == code


@pytest.mark.parametrize(
    ("asks", "code"),
    [
        (lambda context: context.state.set("", 1), "bad_key"),
        (lambda context: context.state.set("~mine", 1), "bad_key"),
        (lambda context: context.state.get("~noted/x"), "bad_key"),
        (lambda context: context.state.set("x" * 301, 1), "bad_key"),
        (lambda context: context.state.set(7, 1), "bad_key"),
        (lambda context: context.state.set("x", object()), "not_json"),
        (lambda context: context.state.set("x", "\ud800"), "not_json"),
        (lambda context: context.state.set("x", "y" * VALUE_BYTES_MAX), "too_much"),
        (lambda context: [context.state.set(f"k{n}", n) for n in range(KEPT_MAX + 1)], "too_much"),
        (lambda context: [context.state.set(f"k{n}", "x" * 60_000) for n in range(20)], "too_much"),
        (lambda context: context.effect("x", [1]), "not_json"),
        (lambda context: context.effect("x", {"y": "z" * VALUE_BYTES_MAX}), "too_much"),
        (lambda context: context.effect(""), "bad_name"),
        (lambda context: context.effect("x\ny"), "bad_name"),
        (lambda context: context.effect("x" * 201), "bad_name"),
        (lambda context: context.effect("command:goal.tag_goal:0"), "bad_name"),
        (lambda context: [context.effect("x"), context.effect("x")], "effect_twice"),
        (lambda context: context.effect("x", delay_s=-1), "bad_delay"),
        (lambda context: context.effect("x", delay_s=float("nan")), "bad_delay"),
        (lambda context: context.effect("x", delay_s="1"), "bad_delay"),
        (lambda context: context.fact("Badge Given"), "bad_name"),
        (lambda context: context.fact("badge_given\n"), "bad_name"),
        (lambda context: context.fact("reward_granted"), "bad_name"),
        (lambda context: context.fact("badge", 7), "not_json"),
        (lambda context: context.wake_at("x", NOW.replace(tzinfo=None)), "naive_instant"),
        (lambda context: context.wake_at("x", NOW.date()), "naive_instant"),
        (lambda context: context.wake_at("", NOW), "bad_key"),
        (lambda context: context.log("x", huge="y" * LOG_BYTES_MAX), "too_much"),
        (lambda context: context.log("x", thing=object()), "not_json"),
        (lambda context: context.command(PostComment, text="x", comment="no id"), "bad_command"),
        (lambda context: context.command(TagGoal, tugs=["x"]), "bad_command"),
        (lambda context: context.command(TagGoal, add=["x"], actor=MENTEE), "bad_command"),
        (lambda context: context.command(TagGoal, add=["x"], command_id="x"), "bad_command"),
        (lambda context: context.command("goal.tag_goal"), "bad_command"),
    ],
)
def test_what_cannot_be_kept_is_refused_at_once(asks: Any, code: str) -> None:
    """Each mistake fails where it is made, with its code, and not later in the host."""
    plugin = made(
        _manifest={"stores": True},
        _permissions={"commands": ("goal.*",)},
        on_event=lambda context: (asks(context), None)[1],
        perform=lambda effect: None,
        on_timer=lambda key: None,
    )
    assert failed(delivered(plugin)).code == code


def test_a_value_written_again_counts_once() -> None:
    """The limit on what an event comes to is about what is kept, not about how often it was changed."""

    def handler(context: Context) -> None:
        for _ in range(TURN_BYTES_MAX // 1000 + 1):
            context.state.set("x", "y" * 1000)

    assert delivered(made(_manifest={"stores": True}, on_event=handler)).failure is None


def test_a_timer_that_would_never_end_is_refused() -> None:
    """One that sets itself to when it was due would be due at once, for ever; later is fine."""

    def on_timer(key: str, at: Any, context: Context) -> None:
        context.wake_at("later", at)
        context.wake_at(key, at.replace(year=at.year + 1) if key == "yearly" else at)

    runs = runner(made(on_timer=on_timer))
    assert failed(runs.fire("acme", "x", NOW)).code == "timer_loop"
    assert set(runs.fire("acme", "yearly", NOW).turn.timers) == {"later", "yearly"}


def test_secrets_are_kept_nowhere() -> None:
    """A secret in state, facts, effects or logs, in a value or a name, is refused; errors do not tell it either."""

    def handler(event: Delivered, context: Context) -> None:
        reach: Any
        for reach in (
            lambda: context.state.set("x", [SECRET]), lambda: context.state.set(SECRET, 1),
            lambda: context.effect("x", {"y": f"Bearer {SECRET}"}), lambda: context.effect(SECRET),
            lambda: context.fact("x", {SECRET: 1}), lambda: context.log(f"using {SECRET}"),
            lambda: context.wake_at(SECRET, NOW),
        ):  # fmt: skip
            with pytest.raises(PluginError) as caught:
                reach()
            assert caught.value.code == "secret_kept"
        raise PluginError("refused", f"{SECRET} is wrong")

    plugin = made(_manifest={"stores": True}, on_event=handler, perform=lambda effect: None, on_timer=lambda key: None)
    failure = failed(delivered(plugin, secrets={"token": SECRET}))
    assert (failure.code, SECRET in str(failure)) == ("refused", False)


def test_what_is_mutated_afterwards_is_not_kept() -> None:
    """What was given to the context is copied: changing it later changes nothing."""

    def handler(context: Context) -> None:
        thing: dict[str, Any] = {"names": ["a"]}
        context.state.set("x", thing)
        context.effect("y", thing)
        context.fact("z", thing)
        thing["names"].append("b")
        context.state.get("x")["names"].append("c")

    plugin = made(_manifest={"stores": True}, on_event=handler, perform=lambda effect: None)
    turn = delivered(plugin).turn
    assert msgspec.json.decode(turn.writes["x"] or b"") == {"names": ["a"]}
    assert turn.effects[0].arguments == turn.facts[0].data == {"names": ["a"]}


def test_an_event_is_to_be_looked_at() -> None:
    """What a handler does to the event and its data changes neither whose reward it is nor what it was given for."""

    def on_event(event: Delivered, context: Context) -> None:
        for name in ("id", "envelope", "document", "data", "_data", "anything"):
            with pytest.raises(AttributeError):
                setattr(event, name, None)
        event.members.clear()
        event.data.tags.append("mine")
        context.revoking = None

    event = some_event()
    done = delivered(made(on_event=on_event, decide_reward=lambda: thanks()), event)
    assert done.failure is None
    (grant,) = done.turn.granted
    assert (grant.cause, grant.aggregate_id) == (event.id, event.aggregate_id)
    assert event.data.tags == []


def test_what_fails_comes_to_nothing() -> None:
    """A turn is whole or not at all: what was asked for before an error is not kept."""

    def handler(context: Context) -> None:
        context.state.set("x", 1)
        context.effect("y")
        raise ValueError

    done = delivered(made(_manifest={"stores": True}, on_event=handler, perform=lambda effect: None))
    assert (failed(done).code, done.turn.count) == ("raised", 0)


def test_only_what_is_subscribed_comes() -> None:
    """An event that nobody asked for comes to nothing, without any hook being called."""
    plugin = made(_manifest={"subscriptions": ("goal.closed",)}, on_event=raising(ValueError()))
    done = delivered(plugin)
    assert (done.failure, done.turn.count) == (None, 0)
    assert not runner(plugin).concerns("goal.created")
    assert runner(plugin).concerns("goal.closed")


def test_performing_says_what_came_of_it() -> None:
    """An effect is done by the first that says so; what it gives up for good and what it puts off is told."""
    seen: list[str] = []

    def perform(effect: Effect, context: Context) -> None:
        seen.append(f"{effect.name}/{context.tenant}")
        if effect.name != "done":
            raise {"later": Later(5), "never": GiveUp("never")}[effect.name]

    runs = runner(made(perform=perform))
    effects = [Effect(key=f"small/x/{name}", name=name, tenant="acme") for name in ("done", "later", "never")]
    done, later, never = (runs.perform(effect).failure for effect in effects)
    assert done is None
    assert (later and later.retry_s, never and never.final) == (5.0, True)
    assert seen == ["done/acme", "later/acme", "never/acme"]


def test_the_news_of_an_effect_fails_alone() -> None:
    """What `on_performed` raises is a failure of its own."""
    runs = runner(made(perform=lambda effect: None, on_performed=lambda outcome: 1 / 0))
    effect = Effect(key="small/x/y", name="y", tenant="acme")
    assert runs.perform(effect).failure is None
    assert failed(runs.performed(effect, Outcome(ok=True, final=True))).hook == "on_performed"


@pytest.mark.skipif(not hasattr(sys, "setrecursionlimit"), reason="CPython alone has this limit")
def test_nesting_without_end_is_no_json() -> None:
    """A value that holds itself is refused like any other that is no JSON."""

    def handler(context: Context) -> None:
        loop: list[Any] = []
        loop.append(loop)
        context.state.set("x", loop)

    assert failed(delivered(made(_manifest={"stores": True}, on_event=handler))).code == "not_json"
