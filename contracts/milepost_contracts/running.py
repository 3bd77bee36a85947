"""One plugin, run: an event goes in, its hooks are called under a guard, and what they want comes out as a turn.

Nothing is stored or sent here. Whoever runs a plugin (the host's own process for it, a test) keeps the turn whole,
together with the position, or not at all.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import inspect
import signal
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

import msgspec

from milepost_contracts.context import RESERVED, Context, Port, Turn
from milepost_contracts.loading import Plugin
from milepost_contracts.plugin import (
    ERASED,
    RETRACTIONS,
    Delivered,
    Effect,
    GiveUp,
    Grant,
    Health,
    Later,
    Manifest,
    Mode,
    ObjectiveMapping,
    Outcome,
    PluginError,
    Question,
    Refusal,
    Replay,
    Reviewed,
    Reward,
    matches,
    noted_as,
    taken_back,
)

# Ids of grants, facts and commands are made of what they are for: the same ones come out of every delivery.
_IDS = uuid.UUID("0c4b7a52-58a0-5f39-8d0d-6f2f1c1d7b10")
NOTED = f"{RESERVED}noted/"
DEADLINE = "timed_out"
TICK_S = 0.02  # how exact a time limit is; limits are whole seconds as a rule


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a hook failed: a stable `code`, what was raised, and where; without values, which may be people's words."""

    code: str
    hook: str
    error: str = ""
    place: str = ""
    retry_s: float | None = None
    tried: bool = True  # False: this was no attempt
    final: bool = False  # trying again cannot help


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A hook was called: its turn and result, or why it failed; `ms` is how long it took."""

    turn: Turn = msgspec.field(default_factory=Turn)
    result: Any = None
    failure: Failure | None = None
    ms: float = 0.0


class TimedOut(BaseException):
    """A handler took too long. No Exception, so that a handler which catches everything does not go on."""


def stable_id(*parts: str) -> str:
    """Return the id (a UUID of version 5) that *parts* always have."""
    return str(uuid.uuid5(_IDS, "\0".join(parts)))


def wants(manifest: Manifest, name: str) -> bool:
    """Whether the plugin subscribes to events called *name* (`goal.milestone_hit`)."""
    return any(matches(pattern, name) for pattern in manifest.subscriptions)


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
        self._port = port
        self._config = config
        self._secrets = secrets
        self._clock = clock
        self._performs = plugin.has("perform")
        self._has = {name: plugin.implementations(name) for name in (*_ASKED, "perform")}
        self._names: dict[str, bool] = {}
        self._loop: asyncio.Runner | None = None
        self.watch = Watch()  # entered around a batch, so that its clock is set once

    def close(self) -> None:
        """Free what running async handlers took."""
        if self._loop is not None:
            self._loop.close()
            self._loop = None

    def concerns(self, name: str) -> bool:
        """Whether an event called *name* (`goal.milestone_hit`) comes to this plugin at all."""
        known = self._names.get(name)
        if known is None:
            known = wants(self.manifest, name)
            known = known or (name in RETRACTIONS and bool(self._has["on_retracted"]))
            known = known or (name == ERASED and bool(self._has["on_person_erased"]))
            self._names[name] = known
        return known

    # What happens

    def deliver(self, document: bytes, opened: dict[str, Any] | None = None, *, mode: Mode = "live") -> Done:
        """Hand an event over; *opened*: its data with the words opened that the plugin may read."""

        def work() -> Turn:
            event = Delivered(document, opened)
            if not self.concerns(event.name):
                return Turn()
            context = self._context(event.tenant, mode, event, _words(event, opened))
            self._take(event, context)
            return context.turn

        return self._guarded("on_event", work, self.manifest.timeout_s)

    def fire(self, tenant: str, key: str, at: dt.datetime, *, mode: Mode = "live") -> Done:
        """Call the timer *key*."""

        def work() -> Turn:
            context = self._context(tenant, mode)
            self._each("on_timer", key=key, at=at, context=context)
            return context.turn

        return self._guarded("on_timer", work, self.manifest.timeout_s)

    def perform(self, effect: Effect) -> Done:
        """Have an effect done."""
        return self._guarded("perform", lambda: self._performed(effect), self.manifest.effect_timeout_s)

    def performed(self, effect: Effect, outcome: Outcome) -> Done:
        """Tell what came of an attempt at an effect; its turn is kept together with the outcome."""

        def work() -> Turn:
            event = effect.event
            words = () if event is None else _words(event, event.members)
            context = self._context(effect.tenant, event=event, words=words)
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
            context = self._context(request.tenant, mode, replays=bool(self._has["on_replayed"]))
            found = self._each("act", first=True, question=request, context=context)
            return Done(turn=context.turn, result=msgspec.to_builtins(found[0]) if found else None)

        return self._guarded("act", work, self.manifest.timeout_s)

    def replayed(self, document: bytes, opened: dict[str, Any] | None, replay: Replay, *, mode: Mode = "live") -> Done:
        """Hand over a past event that was asked for; one that is not subscribed to comes to nothing."""

        def work() -> Turn:
            event = Delivered(document, opened)
            context = self._context(event.tenant, mode, event, _words(event, opened))
            if wants(self.manifest, event.name):
                self._each("on_replayed", event=event, replay=replay, context=context)
            return context.turn

        return self._guarded("on_replayed", work, self.manifest.timeout_s)

    def review(self, command: Reviewed) -> Done:
        """Ask about a command; the result is the list of refusals."""

        def work() -> list[Refusal]:
            context = self._context(command.tenant, writable=False)
            return [one for one in self._each("review", command=command, context=context) if one is not None]

        return self._guarded("review", work, self.manifest.timeout_s)

    def answer(self, question: Question) -> Done:
        """Ask what the plugin knows; the result is JSON, None where it knows no such question."""

        def work() -> Any:
            context = self._context(question.tenant, writable=False)
            found = self._each("answer", first=True, question=question, context=context)
            return msgspec.to_builtins(found[0]) if found else None

        return self._guarded("answer", work, self.manifest.timeout_s)

    def health(self) -> Done:
        """Ask whether the plugin is well."""

        def work() -> Health:
            found = self._each("health", first=True, context=self._context("", writable=False))
            return found[0] if found else Health()

        return self._guarded("health", work, self.manifest.timeout_s)

    def start(self) -> Done:
        """Let the plugin begin."""
        return self._begun("start")

    def stop(self) -> Done:
        """Let the plugin end."""
        return self._begun("stop")

    # How

    def _begun(self, name: str) -> Done:
        def work() -> None:
            self._each(name, context=self._context("", writable=False))

        return self._guarded(name, work, self.manifest.timeout_s)

    def _context(
        self,
        tenant: str,
        mode: Mode = "live",
        event: Delivered | None = None,
        words: Iterable[str] = (),
        *,
        writable: bool = True,
        replays: bool = False,
    ) -> Context:
        return Context(
            tenant=tenant,
            manifest=self.manifest,
            port=self._port,
            now=self._clock(),
            mode=mode,
            config=self._config,
            secrets=self._secrets,
            event=event,
            opened=words,
            writable=writable,
            performs=self._performs,
            replays=replays,
        )

    def _take(self, event: Delivered, context: Context) -> None:
        context.revoking = []
        if event.name == ERASED and self._has["on_person_erased"]:
            self._each("on_person_erased", person=f"user:{event.aggregate_id}", context=context)
            self._revoke_asked(event, context)
        if event.name in RETRACTIONS and self._has["on_retracted"]:
            self._retract(event, context)
        if not wants(self.manifest, event.name):
            return
        if self._has["on_retracted"] and (key := noted_as(event)) is not None:
            context.turn.writes[NOTED + key] = msgspec.json.encode(event.id)
        if self._has["map_objectives"]:
            context.objectives = _merged(self._each("map_objectives", event=event, context=context))
        self._each("on_event", event=event, context=context)
        self._revoke_asked(event, context)  # what may be given anew is free then
        if self._has["decide_reward"]:
            self._reward(event, context)
            self._revoke_asked(event, context)

    def _retract(self, event: Delivered, context: Context) -> None:
        retracted, key = taken_back(event)
        if key is not None:
            noted = context._read(NOTED + key)  # noqa: SLF001  the runner's own key
            if noted is None:
                return  # what it takes back never came here
            retracted = msgspec.json.decode(noted, type=str)
        assert retracted is not None  # noqa: S101  one of the two is there
        standing = context.grants()
        of_it = [grant for grant in standing if grant.cause == retracted]
        results = self._each("on_retracted", event=event, retracted=retracted, grants=of_it, context=context)
        known = {grant.id: grant for grant in standing}
        for grant in [grant for result in results for grant in result or ()]:
            if grant.id in known:
                self._revoke(known.pop(grant.id), event, context)

    def _revoke_asked(self, event: Delivered, context: Context) -> None:
        """Take back what handlers asked to have taken back."""
        while context.revoking:
            asked = context.revoking.pop(0)
            for grant in [grant for grant in context.grants() if grant.id == asked.id]:
                self._revoke(grant, event, context)

    def _revoke(self, grant: Grant, event: Delivered, context: Context) -> None:
        revoked = msgspec.structs.replace(grant, revoked_by=event.id)
        context.turn.revoked.append(revoked)
        context.turn.granted = [one for one in context.turn.granted if one.id != grant.id]
        self._each("on_revoked", grant=revoked, context=context)

    def _reward(self, event: Delivered, context: Context) -> None:
        found = self._each("decide_reward", first=True, event=event, context=context)
        rewards = found[0] if found else []
        for reward in [rewards] if isinstance(rewards, Reward) else rewards:
            plain = msgspec.convert(msgspec.to_builtins(reward), Reward)  # nonsense is refused here, not kept
            id_ = stable_id("grant", self.manifest.id, event.tenant, event.id, plain.rule, plain.to)
            known = context.grants(standing=False)
            if any(one.id == id_ for one in known) or any(
                one.stands and plain.once and _same(one.reward, plain) for one in known
            ):
                continue
            grant = Grant(
                id=id_,
                reward=plain,
                aggregate=event.aggregate,
                aggregate_id=event.aggregate_id,
                cause=event.id,
                at=event.occurred,
            )
            context.turn.granted.append(grant)
            self._each("on_granted", grant=grant, context=context)

    def _performed(self, effect: Effect) -> None:
        event = effect.event
        context = self._context(effect.tenant, event=event, writable=False)
        self._each("perform", first=True, effect=effect, context=context)

    def _each(self, name: str, *, first: bool = False, **arguments: Any) -> list[Any]:
        """Call every implementation of a hook, until one gives something where *first*; return what they give."""
        results: list[Any] = []
        for implementation in self._has[name]:
            given = implementation.function(*(arguments[wanted] for wanted in implementation.argnames))
            if inspect.isawaitable(given):
                given = self._awaited(given)
            if given is not None:
                results.append(given)
                if first:
                    break
        return results

    def _awaited(self, given: Any) -> Any:
        if self._loop is None:
            self._loop = asyncio.Runner()

        async def whole() -> Any:
            return await given

        try:
            return self._loop.run(whole())
        except TimedOut:
            self._loop = None  # it was left in the middle of something
            raise

    def _guarded(self, name: str, work: Callable[[], Any], timeout_s: float) -> Done:
        began = time.perf_counter()
        try:
            with self.watch:
                try:
                    self.watch.begin(timeout_s)
                    result = work()
                finally:
                    self.watch.end()
        # Foreign code runs in here: whatever it raises concerns it alone.
        except (Exception, TimedOut, SystemExit, asyncio.CancelledError) as error:  # noqa: BLE001
            return Done(failure=_failure(name, error), ms=_ms(began))
        if isinstance(result, Turn):
            return Done(turn=result, ms=_ms(began))
        if isinstance(result, Done):
            return msgspec.structs.replace(result, ms=_ms(began))
        return Done(result=result, ms=_ms(began))


_ASKED = (
    "start", "stop", "health", "on_event", "on_timer", "on_retracted", "on_person_erased", "decide_reward",
    "on_granted", "on_revoked", "map_objectives", "review", "answer", "on_performed", "act", "on_replayed",
)  # fmt: skip


def _same(one: Reward, other: Reward) -> bool:
    return (one.once, one.rule, one.to) == (other.once, other.rule, other.to)


def _merged(results: list[list[ObjectiveMapping]]) -> list[ObjectiveMapping]:
    found: dict[str, ObjectiveMapping] = {}
    for result in results:
        for one in result:
            found.setdefault(one.to, msgspec.convert(msgspec.to_builtins(one), ObjectiveMapping))
    return list(found.values())


def _words(event: Delivered, opened: dict[str, Any] | None) -> Iterator[str]:
    """Yield the words of *opened* that are sealed in the event."""
    if opened is None:
        return
    sealed = msgspec.json.decode(event.envelope.data)
    yield from _differing(sealed, opened)


def _differing(sealed: Any, opened: Any) -> Iterator[str]:
    if isinstance(opened, str):
        if sealed != opened:
            yield opened
    elif isinstance(opened, dict) and isinstance(sealed, dict):
        for name, value in opened.items():
            yield from _differing(sealed.get(name), value)
    elif isinstance(opened, list) and isinstance(sealed, list):
        for one, other in zip(sealed, opened, strict=False):
            yield from _differing(one, other)


def _failure(name: str, error: BaseException) -> Failure:
    """Describe *error* without its message where that is foreign: it may hold words of people."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    kind = type(error).__name__
    if isinstance(error, TimedOut):
        return Failure(code=DEADLINE, hook=name, error=kind, place=place)
    if isinstance(error, PluginError):
        return Failure(code=error.code, hook=name, error=str(error), place=place)
    if isinstance(error, GiveUp):
        return Failure(code=error.code, hook=name, error=kind, place=place, final=True)
    if isinstance(error, Later):
        return Failure(code=error.code, hook=name, error=kind, place=place, retry_s=error.seconds, tried=error.tried)
    if isinstance(error, MemoryError):
        return Failure(code="out_of_memory", hook=name, error=kind, place=place)
    return Failure(code="raised", hook=name, error=kind, place=place)


def _ms(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 3)


class Watch:
    """Ends what takes too long, in the main thread; elsewhere whoever waits has to notice by itself.

    A clock of the process ticks while it is entered; each tick looks whether what runs is late. So a limit costs a
    batch of events two system calls, not each event four.
    """

    def __init__(self) -> None:
        """Begin with nothing to watch."""
        self._until: float | None = None
        self._depth = 0
        self._before: Any = None

    def __enter__(self) -> Self:
        self._depth += 1
        if self._depth == 1 and _can_tick():
            self._before = signal.signal(signal.SIGALRM, self._tick)
            signal.setitimer(signal.ITIMER_REAL, TICK_S, TICK_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0 and _can_tick():
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._before)

    def begin(self, seconds: float) -> None:
        """Give what runs from now on so many seconds."""
        self._until = time.monotonic() + seconds

    def end(self) -> None:
        """Nothing runs that could be late."""
        self._until = None

    def _tick(self, *_: object) -> None:
        if self._until is not None and time.monotonic() > self._until:
            self._until = None
            raise TimedOut


def _can_tick() -> bool:
    return threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
