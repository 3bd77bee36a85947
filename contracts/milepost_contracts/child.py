"""The process of one plugin: `python -m milepost_contracts.child WORK ASK`, on two sockets that its host has opened.

On the first the host asks (frames of four bytes of length and a MessagePack list: number, verb, arguments) and gets
answers; on the second the plugin's reads are answered by the host. The process holds no credentials: it reaches the
bus, the databases and the keys through its host alone. It ends when its host closes a socket, or dies.
"""

from __future__ import annotations

import datetime as dt
import gc
import os
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from importlib.metadata import EntryPoint
from typing import Any, Literal, NoReturn

import msgspec

from milepost_contracts.context import GoalThen, Port, Turn
from milepost_contracts.hooks import ENTRY_POINTS
from milepost_contracts.loading import load_entry_point
from milepost_contracts.plugin import (
    Delivered,
    Effect,
    Grant,
    Later,
    Manifest,
    Mode,
    Outcome,
    PluginError,
    Question,
    Replay,
    Reviewed,
    is_of,
)
from milepost_contracts.running import Done, Failure, Runner

LENGTH = struct.Struct("!I")
FRAME_BYTES_MAX = 64 * 1024 * 1024  # a batch of events is some MB; more is no frame of ours
TURNS_BYTES_MAX = 4 * 1024 * 1024  # what a batch came to; it is told then, and the rest of the batch comes again
PR_SET_PDEATHSIG = 1  # of Linux's prctl.h
GARBAGE_MIN = 20_000  # new objects before Python looks for garbage; a batch makes thousands and keeps none
_decode = msgspec.msgpack.Decoder().decode
_encode = msgspec.msgpack.Encoder().encode


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """What the host says first: which plugin, its configuration as members, its limits."""

    name: str
    value: str  # of the entry point
    config: dict[str, Any] = {}
    secrets: dict[str, Any] = {}
    sources: tuple[str, str] = ("config", "secrets")  # how to call them in errors
    memory_bytes: int = 0  # 0: no limit


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: the manifest and the hooks that are implemented."""

    manifest: Manifest
    hooks: list[str]


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """What the plugin reads through its host."""

    verb: Literal["get", "scan", "grants", "goal_at"]
    arguments: list[Any]


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Events to take one after the other; after *budget_ms*, or many bytes, those that are left are not begun."""

    items: list[tuple[bytes, Any, tuple[str, str]]]  # document, its data with words opened or None, tag and tenant
    mode: Mode
    budget_ms: float
    after: int = 0  # the number of a batch without whose whole success this one is not begun; 0: it is


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """How many of a batch were taken, what those came to that came to something, and why the next one failed."""

    count: int
    turns: list[tuple[int, Turn]] = []
    failure: Failure | None = None
    ms_total: float = 0.0
    ms_max: float = 0.0


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """A timer to call."""

    tenant: str
    key: str
    at: dt.datetime
    mode: Mode


class Performing(msgspec.Struct, frozen=True, kw_only=True):
    """An effect to do, with the event that caused it."""

    effect: Effect
    document: bytes | None = None
    opened: Any = None
    outcome: Outcome | None = None  # of this attempt, when it is told


class Acting(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator asks for."""

    request: Question
    mode: Mode


class Replaying(msgspec.Struct, frozen=True, kw_only=True):
    """A past event that comes again."""

    document: bytes
    opened: Any
    replay: Replay
    mode: Mode


class Line:
    """Frames over a socket."""

    def __init__(self, end: socket.socket) -> None:
        """Take this side of it."""
        self._end = end
        self._incoming = end.makefile("rb", buffering=1 << 20)

    def close(self) -> None:
        """Close what reads; the socket is its owner's."""
        self._incoming.close()

    def send(self, item: Any) -> None:
        """Send *item*; raises ValueError for what is too long for a frame."""
        content = _encode(item)
        if len(content) > FRAME_BYTES_MAX:
            raise ValueError(f"a frame of {len(content)} bytes; {FRAME_BYTES_MAX} is most")
        self._end.sendall(LENGTH.pack(len(content)) + content)

    def receive(self) -> bytes | None:
        """Return the next frame; None where the other side is closed, or sends what is no frame."""
        head = self._incoming.read(LENGTH.size)
        if len(head) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack(head)
        if length > FRAME_BYTES_MAX:
            return None
        content = self._incoming.read(length)
        return content if len(content) == length else None


class AskedPort:
    """Reads of the plugin, answered by its host."""

    def __init__(self, line: Line, gone: Callable[[], NoReturn]) -> None:
        """Take the second socket, and what to do when nobody answers on it any more."""
        self._line = line
        self._gone = gone
        self._turn = threading.Lock()  # a handler may read from threads of its own

    def get(self, tenant: str, key: str) -> bytes | None:
        """See Port."""
        found: bytes | None = self._ask("get", tenant, key)
        return found

    def scan(self, tenant: str, prefix: str) -> list[tuple[str, bytes]]:
        """See Port."""
        return [(key, value) for key, value in self._ask("scan", tenant, prefix)]

    def grants(self, tenant: str, goal: str | None, person: str | None) -> list[Grant]:
        """See Port."""
        return msgspec.convert(self._ask("grants", tenant, goal, person), list[Grant])

    def goal_at(self, tenant: str, id_: str, version: int | None) -> GoalThen:
        """See Port."""
        return msgspec.json.decode(self._ask("goal_at", tenant, id_, version), type=GoalThen)

    def _ask(self, verb: Literal["get", "scan", "grants", "goal_at"], *arguments: Any) -> Any:
        try:
            with self._turn:
                self._line.send(Asked(verb, list(arguments)))
                content = self._line.receive()
        except OSError:
            content = None
        if content is None:
            self._gone()
        code, found = _decode(content)
        if code == "later":
            raise Later(float(found), "host_not_ready", tried=False)
        if code:
            raise PluginError(code, found)
        return found


_Writes = dict[tuple[str, str], bytes | None]
_Grants = dict[tuple[str, str], Grant]


class Ahead:
    """Reads as they will be when the turns of a batch that are made so far are kept: the host keeps them afterwards."""

    def __init__(self, port: Port) -> None:
        """Take what is kept."""
        self._port = port
        # Of the question before, which may still be on its way to the disk, and of this one.
        self._writes: tuple[_Writes, _Writes] = ({}, {})
        self._grants: tuple[_Grants, _Grants] = ({}, {})

    def begin(self) -> None:
        """Forget what was made before the last question: the host had kept it when it sent this one."""
        self._writes = (self._writes[1], {})
        self._grants = (self._grants[1], {})

    def made(self, tenant: str, turn: Turn) -> None:
        """Take in a turn that will be kept."""
        for key, value in turn.writes.items():
            self._writes[1][tenant, key] = value
        for grant in (*turn.granted, *turn.revoked):
            self._grants[1][tenant, grant.id] = grant

    def get(self, tenant: str, key: str) -> bytes | None:
        """See Port."""
        place = (tenant, key)
        for writes in reversed(self._writes):
            if place in writes:
                return writes[place]
        return self._port.get(tenant, key)

    def scan(self, tenant: str, prefix: str) -> list[tuple[str, bytes]]:
        """See Port."""
        found: dict[str, bytes | None] = dict(self._port.scan(tenant, prefix))
        for writes in self._writes:
            found |= {key: value for (of, key), value in writes.items() if of == tenant and key.startswith(prefix)}
        return sorted((key, value) for key, value in found.items() if value is not None)

    def grants(self, tenant: str, goal: str | None, person: str | None) -> list[Grant]:
        """See Port."""
        found = {grant.id: grant for grant in self._port.grants(tenant, goal, person)}
        for grants in self._grants:
            found |= {id_: grant for (of, id_), grant in grants.items() if of == tenant and is_of(grant, goal, person)}
        return list(found.values())

    def goal_at(self, tenant: str, id_: str, version: int | None) -> GoalThen:
        """See Port."""
        return self._port.goal_at(tenant, id_, version)


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
