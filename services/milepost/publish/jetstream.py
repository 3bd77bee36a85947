"""The requests to JetStream that nats-py has no call for, and their answers, typed."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

API = "$JS.API"
# A leader change or a long write-out on a busy disk takes a second or two; the server itself gives up an open batch
# after ten.
ANSWER_S_MAX = 5.0

# The server's error codes that mean something here.
NO_MESSAGE = 10037
NO_STREAM = 10059
INVALID_CONFIG = 10052
WRONG_LAST_SEQUENCE = 10071
BATCH_INCOMPLETE = 10176
BATCH_DUPLICATE = 10201
BATCHES_TOO_MANY = 10210
# Atomic batches not enabled, a header that they refuse, more messages than they take.
MISCONFIGURED = frozenset({10174, 10177, 10199})

# What a request meets while the broker is away; nats-py goes on reconnecting in the meantime.
UNREACHABLE = (nats.errors.Error, OSError, asyncio.TimeoutError)

Reply = TypeVar("Reply", bound=msgspec.Struct)


class ApiError(Exception):
    """JetStream refused a request: `code` is the server's error code, e.g. 10071."""

    def __init__(self, code: int, description: str, subject: str) -> None:
        """Keep the *code* beside the message."""
        super().__init__(f"{description} ({code}) on {subject}")
        self.code = code


class _Error(msgspec.Struct):
    description: str = ""
    err_code: int = 0
    code: int = 0


class _Refusal(msgspec.Struct):
    error: _Error | None = None


class State(msgspec.Struct, frozen=True):
    """What a stream holds."""

    messages: int
    first_seq: int
    last_seq: int


class StreamInfo(msgspec.Struct, frozen=True):
    """A stream as the server has it; `config` is its echo of what was asked for."""

    config: dict[str, Any]
    state: State

    @property
    def metadata(self) -> dict[str, str]:
        """What we keep beside the messages, see streams.Marks."""
        return dict(self.config.get("metadata") or {})


class Message(msgspec.Struct, frozen=True):
    """A message of the stream, by STREAM.MSG.GET."""

    subject: str
    seq: int
    data: bytes = b""
    hdrs: bytes = b""

    @property
    def headers(self) -> dict[str, str]:
        """Its headers by name."""
        lines = self.hdrs.decode().split("\r\n")[1:]
        return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}


class _Got(msgspec.Struct):
    message: Message


class _Purged(msgspec.Struct):
    purged: int


class BatchAck(msgspec.Struct, frozen=True):
    """The answer to a committed batch: how many messages it has, and the stream sequence of the last one."""

    seq: int
    count: int = 0


class JetStream:
    """One stream of the broker that *nc* is connected to.

    Every call raises ApiError where the server refuses, and one of UNREACHABLE where it does not answer.
    """

    def __init__(self, nc: Client, stream: str, *, answer_s_max: float = ANSWER_S_MAX) -> None:
        """Keep the connection; nothing is sent."""
        self.nc = nc
        self.stream = stream
        self._answer_s_max = answer_s_max

    async def info(self) -> StreamInfo:
        """Return the stream's settings and state, from its leader."""
        return await self._ask(f"{API}.STREAM.INFO.{self.stream}", {}, StreamInfo)

    async def create(self, config: dict[str, Any]) -> StreamInfo:
        """Create the stream; refused where it is there with other settings."""
        return await self._ask(f"{API}.STREAM.CREATE.{self.stream}", config, StreamInfo)

    async def update(self, config: dict[str, Any]) -> StreamInfo:
        """Change the stream's settings to *config*."""
        return await self._ask(f"{API}.STREAM.UPDATE.{self.stream}", config, StreamInfo)

    async def last(self, subject: str) -> Message | None:
        """Return the last message on *subject* (a filter), from the leader; None where there is none."""
        try:
            got = await self._ask(f"{API}.STREAM.MSG.GET.{self.stream}", {"last_by_subj": subject}, _Got)
        except ApiError as error:
            if error.code == NO_MESSAGE:
                return None
            raise
        return got.message

    async def purge(self, *, before: int | None = None) -> int:
        """Remove every message, or those *before* a sequence (which may lie beyond the last); return how many."""
        request = {} if before is None else {"seq": before}
        return (await self._ask(f"{API}.STREAM.PURGE.{self.stream}", request, _Purged)).purged

    async def publish(self, subject: str, document: bytes, headers: dict[str, str]) -> bytes:
        """Publish and return the answer: empty for the first of a batch, else what `acknowledged` reads."""
        answer = await self._request(subject, document, headers)
        if answer.data:
            _refused(answer.data, subject)
        return bytes(answer.data)

    async def _ask(self, subject: str, request: dict[str, Any], reply: type[Reply]) -> Reply:
        answer = await self._request(subject, msgspec.json.encode(request))
        _refused(answer.data, subject)
        return msgspec.json.decode(answer.data, type=reply)

    async def _request(self, subject: str, content: bytes, headers: dict[str, str] | None = None) -> Msg:
        # nats-py's own timeout holds for the answer only; sending waits without end on a connection that just broke.
        async with asyncio.timeout(self._answer_s_max):
            return await self.nc.request(subject, content, timeout=self._answer_s_max, headers=headers)


def acknowledged(answer: bytes) -> BatchAck:
    """Return what the server says of a committed batch."""
    return msgspec.json.decode(answer, type=BatchAck)


def _refused(answer: bytes, subject: str) -> None:
    error = msgspec.json.decode(answer, type=_Refusal).error
    if error is not None:
        raise ApiError(error.err_code or error.code, error.description, subject)
