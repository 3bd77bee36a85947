"""What a host and the process of a plugin say to each other: frames of MessagePack over two sockets."""

from __future__ import annotations

import datetime as dt
import socket
import struct
from typing import Any, Literal

import msgspec

from milepost_contracts.failing import Failure
from milepost_contracts.plugin import Effect, Manifest, Mode, Outcome, Question, Replay
from milepost_contracts.turns import Turn

LENGTH = struct.Struct("!I")
FRAME_BYTES_MAX = 64 * 1024 * 1024  # a batch of events is some MB; more is no frame of ours
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
