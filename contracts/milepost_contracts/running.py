"""One plugin, run: an event goes in, its hooks are called under a guard, and what they want comes out as a turn.

Nothing is stored or sent here. Whoever runs a plugin (the host's own process for it, a test) keeps the turn whole,
together with the position, or not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import functools
import inspect
import time
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from milepost_contracts import granting
from milepost_contracts.configuring import secrets_in
from milepost_contracts.context import Around, Context, GoalThen, Port, Turn
from milepost_contracts.failing import DEADLINE, Failure, failure_of
from milepost_contracts.loading import Plugin
from milepost_contracts.permitted import words_of
from milepost_contracts.plugin import (
    ERASED,
    RETRACTIONS,
    Delivered,
    Effect,
    Grant,
    Health,
    Manifest,
    Mode,
    ObjectiveMapping,
    Outcome,
    PluginError,
    Question,
    Refusal,
    Replay,
    Reviewed,
    matches,
    stable_id,
)
from milepost_contracts.results import GIVES
from milepost_contracts.watch import TICK_S, TimedOut, Watch

__all__ = ["DEADLINE", "TICK_S", "Done", "Failure", "Runner", "TimedOut", "Watch", "stable_id", "wants"]

CLOSING_S = 1.0  # for tasks that async handlers have left behind; then they are left alone


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A hook was called: its turn and result, or why it failed; `ms` is how long it took."""

    turn: Turn = msgspec.field(default_factory=Turn)
    result: Any = None
    failure: Failure | None = None
    ms: float = 0.0


def wants(manifest: Manifest, name: str) -> bool:
    """Whether the plugin subscribes to events called *name* (`goal.milestone_hit`)."""
    return _wanted(manifest.subscriptions, name)


@functools.lru_cache(maxsize=4096)  # a plugin's subscriptions times the events there are; asked for every event
def _wanted(subscriptions: tuple[str, ...], name: str) -> bool:
    return any(matches(pattern, name) for pattern in subscriptions)


class Runner:
    """Calls the hooks of one plugin; for one thread at a time."""

    def __init__(
        self,
        plugin: Plugin,
        port: Port,
        *,
        config: Any = None,
        secrets: Any = None,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        """Take the plugin, where it reads, its configuration and the time."""
        self.plugin = plugin
        self.manifest = plugin.manifest
        self.raised: BaseException | None = None  # what the last hook failed with, for whoever looks into it
        self.watch = Watch()  # entered around a batch, so that its clock is set once
        self._clock = clock
        self._has = {name: plugin.implementations(name) for name in GIVES}
        self._around = Around(
            plugin.manifest, _Whole(port, self.watch), config, secrets, secrets_in(secrets),
            performs=bool(self._has["perform"]), wakes=bool(self._has["on_timer"]),
        )  # fmt: skip
        self._names: dict[str, bool] = {}
        self._loop: asyncio.Runner | None = None
        self._calling = ""
        self._context: Context | None = None

    def close(self) -> None:
        """Free what running async handlers took; tasks that they left behind are cancelled."""
        if self._loop is not None:
            runs, self._loop = self._loop, None
            loop = runs.get_loop()
            # A task that does not take no for an answer is left alone.
            with contextlib.suppress(TimedOut, RuntimeError):
                self.watch.limited(runs.close, CLOSING_S)
            for task in asyncio.all_tasks(loop):
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001  as asyncio.gather does
            with contextlib.suppress(RuntimeError):
                loop.close()

    def concerns(self, name: str) -> bool:
        """Whether an event called *name* (`goal.milestone_hit`) comes to this plugin at all."""
        known = self._names.get(name)
        if known is None:
            known = wants(self.manifest, name)
            known = known or self._retracts(name)
            known = known or (name == ERASED and bool(self._has["on_person_erased"]))
            self._names[name] = known
        return known

    def _retracts(self, name: str) -> bool:
        """Whether the plugin is told of retractions called *name*: it has seen what they take back."""
        return name in RETRACTIONS and bool(self._has["on_retracted"]) and wants(self.manifest, RETRACTIONS[name])

    # What happens

    def deliver(
        self,
        document: bytes,
        opened: dict[str, Any] | None = None,
        *,
        mode: Mode = "live",
        known: tuple[str, str] | None = None,
    ) -> Done:
        """Hand an event over; *opened*: its data with the words opened that the plugin may read; *known*: Delivered."""

        def work() -> Turn:
            event = Delivered(document, opened, known=known)
            if not self.concerns(event.name):
                return Turn()
            words = () if opened is None else words_of(event.envelope, opened)
            context = self._begun(event.tenant, mode, event, words)
            self._take(event, context)
            return context.turn

        return self._guarded("on_event", work, self.manifest.timeout_s)

    def fire(self, tenant: str, key: str, at: dt.datetime, *, mode: Mode = "live") -> Done:
        """Call the timer *key*."""

        def work() -> Turn:
            context = self._begun(tenant, mode, timer=(key, at))
            self._each("on_timer", key=key, at=at, context=context)
            return context.turn

        return self._guarded("on_timer", work, self.manifest.timeout_s)

    def perform(self, effect: Effect) -> Done:
        """Have an effect done; of the turn, only the log holds anything."""

        def work() -> Turn:
            event = effect.event
            words = () if event is None else words_of(event.envelope, event.members)
            context = self._begun(effect.tenant, event=event, words=words, writable=False)
            self._each("perform", first=True, effect=effect, context=context)
            return context.turn

        return self._guarded("perform", work, self.manifest.effect_timeout_s)

    def performed(self, effect: Effect, outcome: Outcome) -> Done:
        """Tell what came of an attempt at an effect; its turn is kept together with the outcome."""

        def work() -> Turn:
            event = effect.event
            words = () if event is None else words_of(event.envelope, event.members)
            context = self._begun(effect.tenant, event=event, words=words)
            self._each("on_performed", effect=effect, outcome=outcome, context=context)
            return context.turn

        return self._guarded("on_performed", work, self.manifest.timeout_s)

    def act(self, request: Question, *, mode: Mode = "live") -> Done:
        """Have done what an administrator asks for; the turn, and as result JSON, None where it knows no such request.

        Others than administrators are refused with `not_allowed`.
        """

        def work() -> Done:
            if "admin" not in request.roles:
                raise PluginError("not_allowed", "only an administrator of the tenant can ask a plugin to do something")
            context = self._begun(request.tenant, mode, replays=bool(self._has["on_replayed"]))
            found = self._each("act", first=True, question=request, context=context)
            return Done(turn=context.turn, result=found[0] if found else None)

        return self._guarded("act", work, self.manifest.timeout_s)

    def replayed(self, document: bytes, opened: dict[str, Any] | None, replay: Replay, *, mode: Mode = "live") -> Done:
        """Hand over a past event that was asked for; one that is not subscribed to comes to nothing."""

        def work() -> Turn:
            event = Delivered(document, opened)
            if not wants(self.manifest, event.name):
                return Turn()
            context = self._begun(event.tenant, mode, event, words_of(event.envelope, opened))
            self._each("on_replayed", event=event, replay=replay, context=context)
            return context.turn

        return self._guarded("on_replayed", work, self.manifest.timeout_s)

    def review(self, command: Reviewed) -> Done:
        """Ask about a command; the result is the list of refusals."""

        def work() -> list[Refusal]:
            return self._each("review", command=command, context=self._begun(command.tenant, writable=False))

        return self._guarded("review", work, self.manifest.timeout_s)

    def answer(self, question: Question) -> Done:
        """Ask what the plugin knows; the result is JSON, None where it knows no such question."""

        def work() -> Done:
            context = self._begun(question.tenant, writable=False)
            found = self._each("answer", first=True, question=question, context=context)
            return Done(result=found[0] if found else None)

        return self._guarded("answer", work, self.manifest.timeout_s)

    def health(self) -> Done:
        """Ask whether the plugin is well."""

        def work() -> Health:
            found = self._each("health", first=True, context=self._begun("", writable=False))
            return found[0] if found else Health()

        return self._guarded("health", work, self.manifest.timeout_s)

    def start(self) -> Done:
        """Let the plugin begin; of the turn, only the log holds anything."""
        return self._told("start")

    def stop(self) -> Done:
        """Let the plugin end; of the turn, only the log holds anything."""
        return self._told("stop")

    # How

    def _told(self, name: str) -> Done:
        def work() -> Turn:
            context = self._begun("", writable=False)
            self._each(name, context=context)
            return context.turn

        return self._guarded(name, work, self.manifest.timeout_s)

    def _begun(
        self,
        tenant: str,
        mode: Mode = "live",
        event: Delivered | None = None,
        words: Iterable[str] = (),
        *,
        writable: bool = True,
        replays: bool = False,
        timer: tuple[str, dt.datetime] | None = None,
    ) -> Context:
        self._context = Context(
            self._around, tenant, self._clock(), mode, event,
            opened=words, writable=writable, replays=replays, timer=timer,
        )  # fmt: skip
        return self._context

    def _take(self, event: Delivered, context: Context) -> None:
        context.revoking = []
        name, has = event.name, self._has
        if name == ERASED and has["on_person_erased"]:
            self._each("on_person_erased", person=f"user:{event.aggregate_id}", context=context)
            granting.revoke_asked(self._each, event, context)
        if self._retracts(name):
            granting.retract(self._each, event, context)
        if not wants(self.manifest, name):
            return
        if has["on_retracted"]:
            granting.note(event, context)
        if has["map_objectives"]:
            context.objectives = _merged(self._each("map_objectives", event=event, context=context))
        self._each("on_event", event=event, context=context)
        granting.revoke_asked(self._each, event, context)  # what may be given anew is free then
        if has["decide_reward"]:
            granting.reward(self._each, self.manifest, event, context)
            granting.revoke_asked(self._each, event, context)

    def _each(self, name: str, *, first: bool = False, **arguments: Any) -> list[Any]:
        """Call every implementation of a hook, until one gives something where *first*; return what they give."""
        results: list[Any] = []
        self._calling = name
        for implementation in self._has[name]:
            given = implementation.function(*[arguments[wanted] for wanted in implementation.argnames])
            if given is None:
                continue
            if inspect.isawaitable(given) and (given := self._awaited(given)) is None:
                continue
            if (given := GIVES[name](name, given)) is not None:
                results.append(given)
                if first:
                    break
        return results

    def _awaited(self, given: Any) -> Any:
        if _loop_runs():
            if inspect.iscoroutine(given):
                given.close()
            message = "an async handler cannot be run from within a running event loop: call it from a thread"
            raise PluginError("loop_running", message)
        if self._loop is None or self._loop.get_loop().is_closed():
            self._loop = asyncio.Runner()
            # Not in __del__: where runner and loop are garbage together, the loop may be asked first, and complain.
            weakref.finalize(self, _forgotten, self._loop.get_loop())

        async def waited() -> Any:
            return await given

        return self._loop.run(waited())

    def _guarded(self, name: str, work: Callable[[], Any], timeout_s: float) -> Done:
        began = time.perf_counter()
        self._calling, self._context, self.raised = name, None, None
        try:
            result = self.watch.limited(work, timeout_s)
        # Foreign code runs in here: whatever it raises concerns it alone, but for the user who wants to end it all.
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001
            return self._failed(error, began)
        finally:
            self._ended()
        if isinstance(result, Done):
            return msgspec.structs.replace(result, ms=_ms(began))
        if isinstance(result, Turn):
            return Done(turn=result, ms=_ms(began))
        return Done(result=result, ms=_ms(began))

    def _ended(self) -> None:
        if self._context is not None:
            self._context.end()  # a thread or a task that was left behind has nothing to say any more

    def _failed(self, error: BaseException, began: float) -> Done:
        if isinstance(error, TimedOut):
            self.close()  # it was left in the middle of something
        self.raised = error
        words = self._context.seen if self._context is not None else ()
        return Done(failure=failure_of(self._calling, error, (*words, *self._around.hidden)), ms=_ms(began))


class _Whole:
    """The port, in whose calls no time limit strikes: half an answer read would be taken for the next one's."""

    def __init__(self, port: Port, watch: Watch) -> None:
        self._port = port
        self._whole = watch.whole

    def get(self, tenant: str, key: str) -> bytes | None:
        return self._whole(self._port.get, tenant, key)

    def scan(self, tenant: str, prefix: str) -> list[tuple[str, bytes]]:
        return self._whole(self._port.scan, tenant, prefix)

    def grants(self, tenant: str, goal: str | None, person: str | None) -> list[Grant]:
        return self._whole(self._port.grants, tenant, goal, person)

    def goal_at(self, tenant: str, id_: str, version: int | None) -> GoalThen:
        return self._whole(self._port.goal_at, tenant, id_, version)


def _forgotten(loop: asyncio.AbstractEventLoop) -> None:
    """Close the *loop* of a runner that nobody closed, without a word about what was left behind in it."""
    if not loop.is_running():
        loop.close()


def _loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _merged(results: list[list[ObjectiveMapping]]) -> list[ObjectiveMapping]:
    found: dict[str, ObjectiveMapping] = {}
    for result in results:
        for one in result:
            found.setdefault(one.to, one)
    return list(found.values())


def _ms(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 3)
