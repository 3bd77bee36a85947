"""Commands cross from the process that speaks with the bus to the one that decides, and their answers back.

Speaking with the bus and deciding take about as long; in two processes they do it at the same time. Frames on a socket
pair: four bytes of length, then a MessagePack list. Whoever finds the other end closed ends too.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from milepost.accept.deciding import Ticket
from milepost.accept.decoding import Decoded
from milepost_contracts import answers
from milepost_contracts.answers import Warn
from milepost_contracts.commands import COMMANDS

if TYPE_CHECKING:
    from milepost.accept.committer import Committer
    from milepost_contracts.answers import Answer

_LENGTH = struct.Struct("!I")
SETTLED_S = 10.0  # longer than any command is decided again, see service.PATIENCE_S


class Asked(NamedTuple):
    """A command on its way to be decided; *wish* is its one form, and sound.

    reviewed: no plugin has to be asked, or none any more; late: the warnings of reviews that did not come.
    """

    number: int
    tenant: str
    caller: str
    authenticated_by: str
    aggregate: str
    name: str
    wish: bytes
    traceparent: str
    patience_s: float
    reviewed: bool
    late: list[Warn]


class Answered(NamedTuple):
    """Its answer, and how many attempts it took; or the version on which it was decided, for a review that it needs."""

    number: int
    answer: bytes
    attempts: int
    unreviewed: int | None = None


_asked = msgspec.msgpack.Decoder(list[Asked])
_answered = msgspec.msgpack.Decoder(list[Answered])
_encode = msgspec.msgpack.Encoder().encode


def _frame(items: list[Any]) -> bytes:
    content = _encode(items)
    return _LENGTH.pack(len(content)) + content


class Far:
    """Stands for the committer in the process that speaks with the bus."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take the two directions of the socket."""
        self._reader = reader
        self._writer = writer
        self._tickets: dict[int, Ticket] = {}
        self._number = 0
        self._leaving: list[Asked] = []
        self._task: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()
        self.closed = asyncio.Event()

    def start(self) -> None:
        """Begin to hand answers back."""
        self._task = asyncio.create_task(self._receive())

    def submit(self, ticket: Ticket) -> None:
        """Send *ticket* over; what comes in one turn of the loop goes in one frame."""
        self._number += 1
        self._tickets[self._number] = ticket
        decoded, command = ticket.decoded, ticket.decoded.command
        if not self._leaving:
            asyncio.get_running_loop().call_soon(self._send)
        self._leaving.append(
            Asked(
                self._number,
                decoded.tenant,
                decoded.caller,
                decoded.authenticated_by,
                command.AGGREGATE,
                command.NAME,
                decoded.wish,
                decoded.traceparent,
                ticket.until - time.monotonic(),
                ticket.review is None,
                ticket.late,
            )
        )

    async def settled(self) -> None:
        """Return when everything that was sent over is answered, the other end is gone, or nobody waits any more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLED_S):
                while self._tickets and not self.closed.is_set():
                    self._settled.clear()
                    await self._settled.wait()

    def _send(self) -> None:
        self._writer.write(_frame(self._leaving))
        self._leaving = []

    async def _receive(self) -> None:
        try:
            while True:
                (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
                for one in _answered.decode(await self._reader.readexactly(length)):
                    ticket = self._tickets.pop(one.number)
                    ticket.attempts = one.attempts
                    if one.unreviewed is None:
                        ticket.reply(ticket, answers.decode(one.answer))
                    elif ticket.review is not None:
                        ticket.review(ticket, one.unreviewed)
                self._settled.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed.set()
            self._settled.set()


class Near:
    """Takes what comes over in the process that decides, and sends the answers back."""

    def __init__(self, end: socket.socket, *, gone: Callable[[], None]) -> None:
        """Take this end of the socket pair; *gone* is called, from a thread, when the other end is closed."""
        self._end = end
        self._gone = gone
        self._plain = {key: msgspec.json.Decoder(command) for key, command in COMMANDS.items()}
        self._ready: list[Answered] = []
        # The deciding thread replies, and the one that reads here rejects: each answer is added to a list still unsent.
        self._adding = threading.Lock()
        self._sending = threading.Lock()

    def start(self, committer: Committer) -> None:
        """Begin to hand commands to *committer*, whose `replied` is this one's `flush`."""
        threading.Thread(target=self._read, args=(committer,), name="accept-cross", daemon=True).start()

    def flush(self) -> None:
        """Send the answers that are ready: a whole batch of them crosses in one frame."""
        with self._sending:
            with self._adding:
                ready, self._ready = self._ready, []
            if ready:
                with contextlib.suppress(OSError):  # nobody is there to be answered; the reading thread tells
                    self._end.sendall(_frame(ready))

    def close(self) -> None:
        """Close this end."""
        self._end.close()

    def _read(self, committer: Committer) -> None:
        with contextlib.suppress(OSError), self._end.makefile("rb", buffering=1 << 20) as incoming:
            while len(head := incoming.read(_LENGTH.size)) == _LENGTH.size:
                content = incoming.read(_LENGTH.unpack(head)[0])
                now = time.monotonic()
                committer.submit(*(self._ticket(asked, now) for asked in _asked.decode(content)))
        self._gone()

    def _ticket(self, asked: Asked, now: float) -> Ticket:
        command = self._plain[asked.aggregate, asked.name].decode(asked.wish)
        decoded = Decoded(asked.tenant, asked.caller, asked.authenticated_by, command, asked.traceparent, asked.wish)
        ticket = Ticket(decoded, partial(self._reply, asked.number), now, now + asked.patience_s)
        if not asked.reviewed:
            ticket.review = partial(self._hand_back, asked.number)
        ticket.late = asked.late
        return ticket

    def _hand_back(self, number: int, ticket: Ticket, version: int) -> None:
        with self._adding:
            self._ready.append(Answered(number, b"", ticket.attempts, version))

    def _reply(self, number: int, ticket: Ticket, answer: Answer) -> None:
        answered = Answered(number, msgspec.json.encode(answer), ticket.attempts)
        with self._adding:
            self._ready.append(answered)
