# ruff: noqa: ARG002  handlers name what they are given
"""A hook that takes too long is ended, whatever it does about it; what stands around it stays whole."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from milepost_contracts.plugin import Delivered
from milepost_contracts.running import Runner
from milepost_contracts.testing.host import MemoryPort, Stored
from milepost_contracts.watch import AGAIN_S, TimedOut, Watch
from tests.contracts.kit.plugins import failed, made, runner, some_event

LIMIT_S = 0.05
LONG_S = 30.0  # nothing waits so long: a test that did would have found a hole


@pytest.fixture
def ends() -> Iterator[Callable[..., Runner]]:
    """Give runners of handlers with a short limit; whatever happens, they end."""
    made_: list[Runner] = []

    def begin(function: Any, **options: Any) -> Runner:
        made_.append(runner(made(_manifest={"timeout_s": LIMIT_S}, on_event=function), **options))
        return made_[-1]

    yield begin
    for one in made_:
        one.close()


def blocks(event: Delivered) -> None:
    """Wait for nothing."""
    time.sleep(LONG_S)


def spins(event: Delivered) -> None:
    """Compute nothing."""
    until = time.monotonic() + LONG_S
    while time.monotonic() < until:
        pass


def catches(event: Delivered) -> None:
    """Catch every Exception and go on."""
    until = time.monotonic() + LONG_S
    while time.monotonic() < until:
        with contextlib.suppress(Exception):
            time.sleep(LONG_S)


def catches_all(event: Delivered) -> None:
    """Catch everything, once."""
    with contextlib.suppress(BaseException):
        time.sleep(LONG_S)
    time.sleep(LONG_S)


def waits_for_a_lock(event: Delivered) -> None:
    """Wait for a lock that nobody lets go."""
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


async def sleeps(event: Delivered) -> None:
    """Await nothing."""
    await asyncio.sleep(LONG_S)


async def blocks_the_loop(event: Delivered) -> None:
    """Block in a coroutine."""
    time.sleep(LONG_S)  # noqa: ASYNC251  that is what it is about


async def refuses_to_end(event: Delivered) -> None:
    """Swallow every cancellation."""
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(LONG_S)


HANDLERS = [blocks, spins, catches, catches_all, waits_for_a_lock, sleeps, blocks_the_loop, refuses_to_end]


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_that_takes_too_long_is_ended(handler: Any, ends: Callable[..., Runner]) -> None:
    """Blocking, computing, catching, async or stubborn: it fails with `timed_out`, and the next one runs."""
    runs = ends(handler)
    before = signal.getsignal(signal.SIGALRM)
    assert failed(runs.deliver(some_event().document)).code == "timed_out"
    assert failed(runs.deliver(some_event().document)).code == "timed_out"
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_plugin_that_takes_the_alarm_is_watched_again(ends: Callable[..., Runner]) -> None:
    """A handler that puts its own in place of the clock's cannot keep the next one of the batch from being ended."""
    tricks: list[Any] = [
        lambda: signal.signal(signal.SIGALRM, signal.SIG_IGN),
        lambda: signal.setitimer(signal.ITIMER_REAL, 0),
        lambda: signal.alarm(0),
    ]

    def handler(event: Delivered) -> None:
        if tricks:
            tricks.pop()()
        else:
            time.sleep(LONG_S)

    runs = ends(handler)
    with runs.watch:
        for _ in range(3):
            assert runs.deliver(some_event().document).failure is None
        assert failed(runs.deliver(some_event().document)).code == "timed_out"


def test_somebody_elses_clock_goes_on() -> None:
    """A time limit of a test runner is not lost because a plugin was watched meanwhile."""
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _: rung.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        assert Watch().limited(lambda: 7, 1.0) == 7
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 0.2
        signal.pause()
        assert rung == [signal.SIGALRM]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class SlowPort(MemoryPort):
    """A port whose answers take longer than the handler has."""

    def __init__(self) -> None:
        super().__init__(Stored(), {})
        self.answered = 0

    def get(self, tenant: str, key: str) -> bytes | None:
        until = time.monotonic() + 3 * LIMIT_S
        while time.monotonic() < until:
            time.sleep(0.001)
        self.answered += 1
        return None


def test_a_read_is_never_left_half_done(ends: Callable[..., Runner]) -> None:
    """The limit strikes after an answer of the host was taken, not in the middle: the next one would get it."""

    def handler(event: Delivered, context: Any) -> None:
        for _ in range(1_000):
            context.state.get("x")

    runs = ends(handler)
    port = SlowPort()
    runs._around.port._port = port  # type: ignore[attr-defined]  # the one that it stands in front of
    assert failed(runs.deliver(some_event().document)).code == "timed_out"
    assert port.answered == 1


def test_the_limit_strikes_inside_alone() -> None:
    """Whatever the clock does, it raises in the work itself and not in what stands around it."""
    watch = Watch()
    with watch:
        for _ in range(20):
            with pytest.raises(TimedOut):
                watch.limited(lambda: [None for _ in iter(int, 1)], 0.001)  # endless
            until = time.monotonic() + 0.03
            while time.monotonic() < until:
                pass  # nothing is raised here


def test_what_is_whole_is_ended_afterwards() -> None:
    """A call that must not be cut goes on to its end, and then the work is ended."""
    steps: list[str] = []
    watch = Watch()

    def uncut() -> None:
        time.sleep(3 * LIMIT_S)
        steps.append("whole")

    def work() -> None:
        watch.whole(uncut)
        time.sleep(LONG_S)
        steps.append("went on")

    with pytest.raises(TimedOut):
        watch.limited(work, LIMIT_S)
    assert steps == ["whole"]


def test_elsewhere_nothing_is_ended() -> None:
    """In another thread there is no clock: the work runs to its end, and the caller has to look."""
    found: list[str] = []

    def work() -> None:
        time.sleep(LIMIT_S)
        found.append("done")

    thread = threading.Thread(target=lambda: Watch().limited(work, LIMIT_S / 5))
    thread.start()
    thread.join()
    assert found == ["done"]


def test_there_is_time_to_tidy_up() -> None:
    """Between being told to end and being told again lies long enough for a `finally`."""
    tidied: list[bool] = []

    def work() -> None:
        try:
            time.sleep(LONG_S)
        finally:
            time.sleep(AGAIN_S / 5)
            tidied.append(True)

    with pytest.raises(TimedOut):
        Watch().limited(work, LIMIT_S)
    assert tidied == [True]
