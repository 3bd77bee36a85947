"""One HTTP request to one address that was checked: strict limits, no cookies, no proxies, no redirects of its own."""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import Sequence

import h11
import msgspec

from milepost_webhooks.lines import Line, Lines, opened
from milepost_webhooks.targets import Target

READ_BYTES = 16 * 1024
# The body of an answer is not wanted; so much of it is taken that a server can end its work in peace.
DRAIN_BYTES_MAX = 64 * 1024
DRAIN_S = 1.0


class Undelivered(Exception):  # noqa: N818  what came of it
    """An attempt that failed; `code` is stable; `retry_after`: the header of that name, "" where there is none."""

    def __init__(self, code: str, retry_after: str = "") -> None:
        """Keep what the receiver said."""
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a server answered: its status, and the two headers that matter here, "" where they are absent."""

    status: int
    location: str
    retry_after: str


@functools.lru_cache(maxsize=4)
def tls(ca_file: str | None) -> ssl.SSLContext:
    """Return what verifies certificates: the system's authorities and those in *ca_file*; raises OSError."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


async def post(
    target: Target,
    addresses: Sequence[str],
    headers: Sequence[tuple[str, str]],
    body: bytes,
    *,
    connect_timeout_s: float,
    context: ssl.SSLContext | None,
    lines: Lines,
) -> Answer:
    """Return the answer to *body*, sent to one of *addresses*: over a kept connection, or the first that is reached.

    Raises Undelivered `connection_failed`, `tls_failed`, `bad_response`; the whole is to be limited by the caller.
    """
    whole = [
        ("host", target.authority),
        *headers,
        ("content-length", str(len(body))),
        ("accept-encoding", "identity"),
    ]
    request = h11.Request(method="POST", target=target.path, headers=whole)
    try:
        response = None
        if (kept := await lines.take(target, addresses)) is not None:
            response = await _over_kept(kept, request, body, lines)
        if response is None:
            line = await opened(target, addresses, connect_timeout_s, context)
            response = await _over(line, request, body, lines)
    except h11.RemoteProtocolError as error:
        raise Undelivered("bad_response") from error
    except ssl.SSLError as error:
        raise Undelivered("tls_failed") from error
    except OSError as error:
        raise Undelivered("connection_failed") from error
    known = {name: value.decode("latin-1") for name, value in response.headers}
    return Answer(
        status=response.status_code, location=known.get(b"location", ""), retry_after=known.get(b"retry-after", "")
    )


async def _over_kept(line: Line, request: h11.Request, body: bytes, lines: Lines) -> h11.Response | None:
    """Return the answer; None: the receiver was about to end the connection, and has not said a word."""
    try:
        return await _over(line, request, body, lines)
    except (OSError, h11.RemoteProtocolError):
        if line.heard:
            raise
        # Whether it has read the request nobody knows; it carries the same `webhook-id` when it comes again.
        return None


async def _over(line: Line, request: h11.Request, body: bytes, lines: Lines) -> h11.Response:
    """Return the answer that comes over *line*, which is kept where another request may follow."""
    speaks = line.speaks
    try:
        sent = [speaks.send(request), speaks.send(h11.Data(data=body)), speaks.send(h11.EndOfMessage())]
        line.writer.write(b"".join(part for part in sent if part))
        response = await _response(line)
        await _drained(line)
    except BaseException:  # whatever it was, a timeout too: nothing is waited for any more
        line.cut()
        raise
    if line.again():
        lines.keep(line)
    else:
        await line.close()
    return response


async def _response(line: Line) -> h11.Response:
    while True:
        event = line.speaks.next_event()
        if isinstance(event, h11.Response):
            return event
        if event is h11.NEED_DATA:
            received = await line.reader.read(READ_BYTES)
            line.heard = line.heard or bool(received)
            line.speaks.receive_data(received)


async def _drained(line: Line) -> None:
    """Take a little of the body; whatever is wrong with it, the status has been said."""
    size = 0
    try:
        async with asyncio.timeout(DRAIN_S):
            while size <= DRAIN_BYTES_MAX:
                event = line.speaks.next_event()
                if event is h11.NEED_DATA:
                    received = await line.reader.read(READ_BYTES)
                    size += len(received)
                    line.speaks.receive_data(received)
                elif not isinstance(event, h11.Data):
                    return
    except (OSError, h11.RemoteProtocolError):
        return
