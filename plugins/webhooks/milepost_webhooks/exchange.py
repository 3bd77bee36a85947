"""One HTTP request to one address that was checked: strict limits, no cookies, no proxies, no redirects of its own."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl
from collections.abc import AsyncIterator, Sequence

import h11
import msgspec

from milepost_webhooks.targets import Target

HEAD_BYTES_MAX = 32 * 1024  # of an answer's status and headers; servers themselves allow requests half of that
READ_BYTES = 16 * 1024
# The body of an answer is not wanted; so much of it is taken that a server can end its work in peace.
DRAIN_BYTES_MAX = 64 * 1024
DRAIN_S = 1.0
CLOSE_S = 1.0  # for both sides' farewell; after that the connection is cut
ADDRESSES_MAX = 4  # tried one after the other, within the time that there is


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
) -> Answer:
    """Return the answer to *body*, sent to the first of *addresses* that can be reached.

    Raises Undelivered `connection_failed`, `tls_failed`, `bad_response`; the whole is to be limited by the caller.
    """
    whole = [
        ("host", target.authority),
        *headers,
        ("content-length", str(len(body))),
        ("accept-encoding", "identity"),
        ("connection", "close"),
    ]
    request = h11.Request(method="POST", target=target.path, headers=whole)
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES_MAX)
    sent = [connection.send(request), connection.send(h11.Data(data=body)), connection.send(h11.EndOfMessage())]
    try:
        async with _connected(target, addresses, connect_timeout_s, context) as (reader, writer):
            writer.write(b"".join(part for part in sent if part))
            response = await _response(connection, reader)
            await _drained(connection, reader)
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


@contextlib.asynccontextmanager
async def _connected(
    target: Target, addresses: Sequence[str], timeout_s: float, context: ssl.SSLContext | None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect to exactly one of *addresses*; the certificate is held against the name."""
    secure = context if target.scheme == "https" else None
    failed: OSError = ConnectionError("no address")
    for address in addresses[:ADDRESSES_MAX]:
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await asyncio.open_connection(
                    address, target.port, ssl=secure, server_hostname=target.host if secure else None
                )
            break
        except ssl.SSLError:
            raise
        except TimeoutError:
            failed = ConnectionError("timed out")
        except OSError as error:
            failed = error
    else:
        raise failed
    try:
        yield reader, writer
    except BaseException:  # whatever it was, a timeout too: nothing is waited for any more
        writer.transport.abort()
        raise
    writer.close()
    try:
        async with asyncio.timeout(CLOSE_S):
            await writer.wait_closed()
    except OSError:  # a receiver that is gone, or does not say goodbye: what it answered stands
        writer.transport.abort()


async def _response(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Response:
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            return event
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(READ_BYTES))


async def _drained(connection: h11.Connection, reader: asyncio.StreamReader) -> None:
    """Take a little of the body; whatever is wrong with it, the status has been said."""
    size = 0
    try:
        async with asyncio.timeout(DRAIN_S):
            while size <= DRAIN_BYTES_MAX:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    received = await reader.read(READ_BYTES)
                    size += len(received)
                    connection.receive_data(received)
                elif not isinstance(event, h11.Data):
                    return
    except (OSError, h11.RemoteProtocolError):
        return
