"""Stretches and what came of them cross between processes as length-prefixed MessagePack."""

from __future__ import annotations

from typing import IO, TypeVar

import msgspec

T = TypeVar("T")
_LENGTH_BYTES = 8
_encoder = msgspec.msgpack.Encoder()


def send(stream: IO[bytes], value: object) -> None:
    """Write *value* as one frame, and flush it."""
    content = _encoder.encode(value)
    stream.write(len(content).to_bytes(_LENGTH_BYTES))
    stream.write(content)
    stream.flush()


def receive(stream: IO[bytes], kind: type[T]) -> T | None:
    """Return the next frame as *kind*; None where the stream has ended. Raises EOFError in the middle of one."""
    length = stream.read(_LENGTH_BYTES)
    if not length:
        return None
    wanted = int.from_bytes(length)
    content = stream.read(wanted)
    if len(length) < _LENGTH_BYTES or len(content) < wanted:
        raise EOFError("the stream ended in the middle of a frame")
    return msgspec.msgpack.decode(content, type=kind)
