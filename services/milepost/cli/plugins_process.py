"""A plugin that somebody writes runs in a process of its own, started here, heard out, and ended with the verb."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from milepost.cli.plugins_child import Failed, Feed, Frame, Hello
from milepost.cli.plugins_source import Source
from milepost_contracts.frames import FRAME_BYTES_MAX, LENGTH

# A handler has a minute at the most, and each that took long is told of; so has whatever a plugin imports.
SILENCE_S = 90.0
_decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)
_encode = msgspec.msgpack.Encoder().encode


class Child:
    """The process, while it runs: `send` feeds it, `frames` yields what it says until it ends."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Take the process and both ways of its socket."""
        self._process = process
        self._reader = reader
        self._writer = writer

    async def send(self, item: Hello | Feed) -> None:
        """Send *item*; one that is gone hears nothing more, and `frames` tells that it is gone."""
        content = _encode(item)
        with contextlib.suppress(ConnectionError):
            self._writer.write(LENGTH.pack(len(content)) + content)
            await self._writer.drain()

    def end(self) -> None:
        """Say that nothing more comes: it lets the plugin end, and ends."""
        with contextlib.suppress(OSError):
            self._writer.write_eof()

    async def frames(self, silence_s: float | None = SILENCE_S) -> AsyncIterator[Frame]:
        """Yield what it says until it ends; that it ended badly, or says nothing for so long, is a last Failed."""
        while True:
            try:
                async with asyncio.timeout(silence_s):
                    (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
                    content = await self._reader.readexactly(min(length, FRAME_BYTES_MAX))
                yield _decoder.decode(content)
            except TimeoutError:
                yield Failed(code="timed_out", error=f"nothing was heard of the plugin's process for {silence_s:g} s")
                return
            except (asyncio.IncompleteReadError, ConnectionError, struct.error):
                break
            except msgspec.MsgspecError as error:
                yield Failed(code="nonsense", error=f"what the process sent is no answer: {error}")
                return
        if status := await self._process.wait():
            told = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
            yield Failed(code="exited", error=f"the plugin's process was ended {told}")


@asynccontextmanager
async def child(source: Source, hello: Hello) -> AsyncIterator[Child]:
    """Give a process that tries the plugin of *source*; it is ended with the context."""
    near, far = socket.socketpair()
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([*map(str, source.paths), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONDONTWRITEBYTECODE": "1",  # the author's folder stays as it is
        "PYTHONUNBUFFERED": "1",  # what the author prints is seen when it is printed, also where it then hangs
    }
    try:
        with far:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "milepost.cli.plugins_child", str(far.fileno()),
                stdin=asyncio.subprocess.DEVNULL, stdout=2, pass_fds=(far.fileno(),), start_new_session=True,
                cwd="/", env=environment,
            )  # fmt: skip
        reader, writer = await asyncio.open_connection(sock=near)
    except BaseException:
        near.close()
        raise
    running = Child(process, reader, writer)
    try:
        await running.send(hello)
        yield running
    finally:
        writer.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with what it may have started; it leads its own session
        await process.wait()


def hello(task: Any, source: Source, **members: Any) -> Hello:
    """Return what the process of *source* is told first."""
    return Hello(
        task=task, name=source.name, value=source.value, config=source.config, secrets=source.secrets,
        sources=source.sources, **members,
    )  # fmt: skip
