"""A real SMTP server (aiosmtpd) on a loopback port that keeps what it takes; it can be told to refuse or to hang up."""

from __future__ import annotations

import asyncio
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import NamedTuple, Self

from aiosmtpd.smtp import SMTP, Envelope, Session

TAKEN = "250 taken"
LATER = "451 come back later"
NEVER = "550 nobody here"
HANG_UP = "hang up"  # takes the message and closes the connection without saying so, as a server that dies then


class Mail(NamedTuple):
    """A message as it came over the wire."""

    sender: str
    recipients: list[str]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        """The message, parsed by today's rules."""
        parsed = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def subject(self) -> str:
        return str(self.message["subject"])

    @property
    def text(self) -> str:
        """The words of the message, whatever their form."""
        body = self.message.get_body(("plain", "html"))
        assert body is not None
        return str(body.get_content()).replace("\r\n", "\n")


class Mailbox:
    """Takes mail; `answers` are given to messages in turn, then they are taken. As a context it listens."""

    def __init__(self, *answers: str) -> None:
        """Begin with no mail."""
        self.received: list[Mail] = []
        self.answers = list(answers)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def url(self, **parameters: str) -> str:
        """Return the URL by which Apprise sends here."""
        return f"mailto://127.0.0.1:{self.port}?" + "&".join(f"{name}={value}" for name, value in parameters.items())

    async def handle_DATA(  # noqa: N802  aiosmtpd's name
        self,
        server: SMTP,
        session: Session,  # noqa: ARG002  aiosmtpd's argument
        envelope: Envelope,
    ) -> str:
        answer = self.answers.pop(0) if self.answers else TAKEN
        if answer in (TAKEN, HANG_UP):
            content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
            self.received.append(Mail(envelope.mail_from or "", list(envelope.rcpt_tos), content))
        if answer == HANG_UP:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return answer

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(lambda: SMTP(self, hostname="localhost"), "127.0.0.1", 0)

    async def _end(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
