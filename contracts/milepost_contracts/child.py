"""The process of one plugin: `python -m milepost_contracts.child WORK ASK`, on two sockets that its host has opened.

On the first the host asks (frames of four bytes of length and a MessagePack list: number, verb, arguments) and gets
answers; on the second the plugin's reads are answered by the host. The process holds no credentials: it reaches the
bus, the databases and the keys through its host alone. It ends when its host closes a socket, or dies.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from importlib.metadata import EntryPoint
from typing import Any, NoReturn

import msgspec

from milepost_contracts.ahead import Ahead, AskedPort
from milepost_contracts.frames import Acting, Batch, Firing, Hello, Line, Loaded, Performing, Replaying, Taken
from milepost_contracts.hooks import ENTRY_POINTS
from milepost_contracts.loading import load_entry_point
from milepost_contracts.plugin import Delivered, Effect, PluginError, Question, Reviewed
from milepost_contracts.running import Done, Runner
from milepost_contracts.turns import Turn

TURNS_BYTES_MAX = 4 * 1024 * 1024  # what a batch came to; it is told then, and the rest of the batch comes again
PR_SET_PDEATHSIG = 1  # of Linux's prctl.h
GARBAGE_MIN = 20_000  # new objects before Python looks for garbage; a batch makes thousands and keeps none
_decode = msgspec.msgpack.Decoder().decode
_encode = msgspec.msgpack.Encoder().encode


class Child:
    """Serves one plugin to its host."""

    def __init__(self, runner: Runner, ahead: Ahead) -> None:
        """Take what is run, and through what it reads."""
        self._runner = runner
        self._ahead = ahead
        self.number = 0  # of the question that is being answered
        self._whole = 0  # of the last batch that was taken to its end
        self.verbs: dict[str, Callable[[Any], Any]] = {
            "deliver": self._deliver,
            "fire": self._fire,
            "perform": self._perform,
            "review": lambda given: runner.review(msgspec.convert(given, Reviewed)),
            "answer": lambda given: runner.answer(msgspec.convert(given, Question)),
            "act": self._act,
            "performed": self._performed,
            "replayed": self._replayed,
            "health": lambda _: runner.health(),
            "start": lambda _: runner.start(),
            "stop": lambda _: runner.stop(),
        }

    def _deliver(self, given: Any) -> Taken:
        batch = msgspec.convert(given, Batch)
        if batch.after and batch.after != self._whole:
            return Taken(count=0)
        turns: list[tuple[int, Turn]] = []
        total = most = 0.0
        left = TURNS_BYTES_MAX
        until = time.perf_counter() + batch.budget_ms / 1000
        place = 0
        with self._runner.watch:
            for place, (document, opened, known) in enumerate(batch.items):
                if place and (left <= 0 or time.perf_counter() > until):
                    return Taken(count=place, turns=turns, ms_total=total, ms_max=most)
                done = self._runner.deliver(document, opened, mode=batch.mode, known=known)
                total, most = total + done.ms, max(most, done.ms)
                if done.failure is not None:
                    return Taken(count=place, turns=turns, failure=done.failure, ms_total=total, ms_max=most)
                if done.turn.count or done.turn.log:
                    turns.append((place, done.turn))
                    left -= len(_encode(done.turn))
                    self._ahead.made(known[1], done.turn)
        self._whole = self.number
        return Taken(count=len(batch.items), turns=turns, ms_total=total, ms_max=most)

    def _fire(self, given: Any) -> Done:
        firing = msgspec.convert(given, Firing)
        return self._runner.fire(firing.tenant, firing.key, firing.at, mode=firing.mode)

    def _perform(self, given: Any) -> Done:
        return self._runner.perform(_with_event(msgspec.convert(given, Performing)))

    def _performed(self, given: Any) -> Done:
        performing = msgspec.convert(given, Performing)
        assert performing.outcome is not None  # noqa: S101  the host knows it by now
        return self._runner.performed(_with_event(performing), performing.outcome)

    def _act(self, given: Any) -> Done:
        acting = msgspec.convert(given, Acting)
        return self._runner.act(acting.request, mode=acting.mode)

    def _replayed(self, given: Any) -> Done:
        replaying = msgspec.convert(given, Replaying)
        return self._runner.replayed(replaying.document, replaying.opened, replaying.replay, mode=replaying.mode)


def serve(work: Line, ask: Line, *, alone: bool = True) -> None:
    """Load the plugin that the host names, and do what it asks until it closes the socket; *alone* in its process."""
    content = work.receive()
    if content is None:
        return
    number, _, given = _decode(content)
    hello = msgspec.convert(given, Hello)
    if alone:
        _limit(hello.memory_bytes)
    try:
        plugin = load_entry_point(EntryPoint(hello.name, hello.value, ENTRY_POINTS))
        config = plugin.configured("config_schema", hello.config, source=hello.sources[0])
        secrets = plugin.configured("secrets_schema", hello.secrets, source=hello.sources[1])
    except PluginError as error:
        work.send((number, error.code, str(error)))
        return
    ahead = Ahead(AskedPort(ask, _end if alone else _give_up))
    runner = Runner(plugin, ahead, config=config, secrets=secrets)
    work.send((number, "", Loaded(manifest=plugin.manifest, hooks=plugin.hooks)))
    if alone:
        gc.set_threshold(GARBAGE_MIN)
    child = Child(runner, ahead)
    while (content := work.receive()) is not None:
        number, verb, given = _decode(content)
        ahead.begin()
        child.number = number
        work.send((number, "", child.verbs[verb](given)))
    runner.close()


def serve_inside(work: socket.socket, ask: socket.socket) -> None:
    """Serve in a thread of the host, for a plugin that it trusts, until the host closes the sockets."""
    with work, ask, closing(Line(work)) as questions, closing(Line(ask)) as reads, suppress(OSError):
        serve(questions, reads, alone=False)


def _end() -> NoReturn:
    os._exit(0)  # the host is gone, or its socket: nobody would take what comes of this


def _give_up() -> NoReturn:
    raise PluginError("host_gone", "the host does not answer any more")


def _with_event(performing: Performing) -> Effect:
    event = None if performing.document is None else Delivered(performing.document, performing.opened)
    return msgspec.structs.replace(performing.effect, event=event)


def _limit(memory_bytes: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # an image of the memory holds people's words, and secrets
    if memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _end_with(host: int) -> None:
    """Have this process killed when *host* dies, whatever it is doing; elsewhere than on Linux the sockets tell it."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != host:
        os._exit(0)  # it died before


def main() -> None:
    """Serve on the two descriptors that the command line names, for the process that it names third."""
    _end_with(int(sys.argv[3]))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # it ends with its host, which brings its work to an end first
    ends = [socket.socket(fileno=int(argument)) for argument in sys.argv[1:3]]
    serve(*(Line(end) for end in ends))
    os._exit(0)  # threads that a plugin has left behind do not hold this up


if __name__ == "__main__":
    main()
