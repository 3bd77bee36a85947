"""A hook that takes too long is ended, where that can be done from within: in the main thread, by the process's clock.

Elsewhere, and in calls that never come back to Python, whoever waits for the process has to notice by itself.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # CPython's own, for which there is no stub
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, ParamSpec, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

TICK_S = 0.02  # how exact a time limit is; limits are whole seconds as a rule
# After it was told to end, a hook has so long to tidy up before it is told again: one that catches everything goes on.
AGAIN_S = 0.5
LEFT_S_MIN = 0.001  # of somebody else's clock that ran out meanwhile; 0 would stop it


class TimedOut(BaseException):
    """A handler took too long. No Exception, so that a handler which catches everything does not go on."""


class Watch:
    """Ends what takes too long.

    A clock of the process ticks while it is entered; each tick looks whether what runs is late. So a limit costs a
    batch of events a few system calls, not each event.
    """

    def __init__(self) -> None:
        """Begin with nothing to watch."""
        self._until: float | None = None
        self._depth = 0
        self._ticks = False
        self._before: Any = None
        self._clock_before = (0.0, 0.0)
        self._entered = 0.0
        self._handler = self._tick  # one object, to be told from what a plugin may have put in its place

    def __enter__(self) -> Self:
        self._depth += 1
        if self._depth == 1 and _can_tick():
            self._entered = time.monotonic()
            self._before = signal.signal(signal.SIGALRM, self._handler)
            self._clock_before = signal.setitimer(signal.ITIMER_REAL, TICK_S, TICK_S)
            self._ticks = True
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0 and self._ticks:
            self._ticks = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL if self._before is None else self._before)
            delay, interval = self._clock_before
            if delay:  # somebody else's clock, of a test's own time limit for instance, goes on
                left = delay - (time.monotonic() - self._entered)
                signal.setitimer(signal.ITIMER_REAL, max(left, LEFT_S_MIN), interval)

    def limited(self, work: Callable[[], T], seconds: float) -> T:
        """Return what *work* gives; raises TimedOut in it when it takes longer than *seconds*."""
        with self:
            # CPython's own functions: `signal.getsignal` makes an enumeration of it, for 4 us an event.
            if self._ticks and not (
                _signal.getsignal(signal.SIGALRM) is self._handler and _signal.getitimer(signal.ITIMER_REAL)[1]
            ):
                # What ran before has taken the signal or stopped the clock.
                signal.signal(signal.SIGALRM, self._handler)
                signal.setitimer(signal.ITIMER_REAL, TICK_S, TICK_S)
            self._until = time.monotonic() + seconds
            try:
                return _inside(work)
            finally:
                self._until = None

    def whole(self, call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return what *call* gives, which no limit ends in its middle; raises TimedOut when it took too long."""
        given = call(*arguments, **named)
        if self._until is not None and time.monotonic() > self._until:
            self._until = time.monotonic() + AGAIN_S
            raise TimedOut
        return given

    def _tick(self, _: int, frame: FrameType | None) -> None:
        if self._until is None or time.monotonic() <= self._until:
            return
        # Raised inside the work alone: what stands around it is never left half done.
        while frame is not None and frame.f_code is not _INSIDE:
            if frame.f_code is _WHOLE:
                return
            frame = frame.f_back
        if frame is not None:
            self._until = time.monotonic() + AGAIN_S
            raise TimedOut


def _inside(work: Callable[[], T]) -> T:
    return work()


_INSIDE, _WHOLE = _inside.__code__, Watch.whole.__code__


def _can_tick() -> bool:
    return threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
