"""A file or a pipe becomes lines as they come, so that what is under way goes on while a slow writer thinks."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from typing import IO, NamedTuple

# Of one line: the largest command that any receiver takes, see Settings.message_bytes_max.
LINE_BYTES_MAX = 1_000_000
CHUNK_BYTES = 64 * 1024


class Line(NamedTuple):
    """Line `number` (from 1) and its `size` in bytes; `text` is None where it is longer than any command."""

    number: int
    size: int
    text: bytes | None


async def lines_of(file: IO[bytes]) -> AsyncIterator[Line]:
    """Yield the lines of *file* without their ends, blank ones too."""
    number, held, dropped = 1, bytearray(), 0
    async for chunk in _chunks(file):
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            held += part
            too_long = dropped or len(held) > LINE_BYTES_MAX
            yield Line(number, dropped + len(held) + 1, None if too_long else bytes(held))
            number, dropped = number + 1, 0
            held.clear()
        held += rest
        if len(held) > LINE_BYTES_MAX:
            dropped += len(held)
            held.clear()
    if held or dropped:
        yield Line(number, dropped + len(held), None if dropped else bytes(held))


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    mode = os.fstat(file.fileno()).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or file.isatty()):
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
            await asyncio.sleep(0)  # what is under way goes on
        return
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, file)
    try:
        while chunk := await reader.read(CHUNK_BYTES):
            yield chunk
    finally:
        transport.close()
