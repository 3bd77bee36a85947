"""An event is delivered: body and signatures are made, each step of the way is checked, the answer is judged."""

from __future__ import annotations

import asyncio
import datetime as dt
import email.utils
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from standardwebhooks.webhooks import Webhook

from milepost_contracts import envelope
from milepost_contracts.plugin import Delivered
from milepost_webhooks.addresses import Resolve, checked
from milepost_webhooks.config import Config, Endpoint, networks
from milepost_webhooks.exchange import Answer, Undelivered, post, tls
from milepost_webhooks.lines import Lines
from milepost_webhooks.targets import Refused, Target, redirected, target

VERSION = "0.1.0"
USER_AGENT = f"Milepost-Webhooks/{VERSION}"
# They say that the same request is to be made elsewhere; after the others clients make another one.
KEPT_BY_REDIRECT = (307, 308)
GONE = 410
JITTER = 0.1  # of a delay is spread, so that what failed together does not come back together


def body(event: Delivered, *, words: bool) -> bytes:
    """Return the event's document as it is on the bus, byte for byte; with *words*, its data opened as permitted."""
    if not words:
        return event.document
    data = msgspec.Raw(msgspec.json.encode(event.members))
    return envelope.encode(msgspec.structs.replace(event.envelope, data=data))


def message_id(event: Delivered, endpoint: Endpoint, replay: str = "") -> str:
    """Return `webhook-id`: the same for every attempt, so that a receiver which honours it takes the event once."""
    return "_".join(part for part in (event.id, endpoint.id, replay) if part)


def signed(id_: str, content: bytes, secrets: Sequence[str], now: dt.datetime) -> list[tuple[str, str]]:
    """Return the convention's three headers; while secrets change, there is a signature by each."""
    now = now.astimezone(dt.UTC)
    signatures = [Webhook(secret).sign(id_, now, content.decode()) for secret in secrets]
    return [
        ("webhook-id", id_),
        ("webhook-timestamp", str(int(now.timestamp()))),
        ("webhook-signature", " ".join(signatures)),
    ]


class Ways(NamedTuple):
    """How an endpoint is reached: who resolves names, and the connections that are kept."""

    resolve: Resolve
    lines: Lines


async def deliver(
    endpoint: Endpoint, content: bytes, signature: Sequence[tuple[str, str]], config: Config, ways: Ways
) -> None:
    """Have *endpoint* take *content*; raises Undelivered for anything but a 2xx in time."""
    headers = [("content-type", envelope.CONTENT_TYPE), ("user-agent", USER_AGENT), *signature]
    try:
        async with asyncio.timeout(config.timeout_s):
            answer = await _sent(endpoint, content, headers, config, ways)
    except TimeoutError as error:
        raise Undelivered("timed_out") from error
    except Refused as error:
        raise Undelivered(error.code) from error
    if not 200 <= answer.status < 300:  # noqa: PLR2004  the convention: success is 2xx
        raise Undelivered("gone" if answer.status == GONE else f"http_{answer.status}", answer.retry_after)


async def _sent(
    endpoint: Endpoint, content: bytes, headers: Sequence[tuple[str, str]], config: Config, ways: Ways
) -> Answer:
    """Return the last answer; every place on the way is checked like the first."""
    place = target(endpoint.url, config.ports, allow_http=config.allow_http)
    answer = await _asked(place, content, headers, config, ways)
    for _ in range(endpoint.redirects):
        if answer.status not in KEPT_BY_REDIRECT or not answer.location:
            break
        place = redirected(place, answer.location, config.ports, allow_http=config.allow_http)
        answer = await _asked(place, content, headers, config, ways)
    return answer


async def _asked(
    place: Target, content: bytes, headers: Sequence[tuple[str, str]], config: Config, ways: Ways
) -> Answer:
    addresses = await checked(place.host, place.port, networks(config.allow_private), ways.resolve)
    context = tls(config.ca_file) if place.scheme == "https" else None
    return await post(
        place, addresses, headers, content,
        connect_timeout_s=config.connect_timeout_s, context=context, lines=ways.lines,
    )  # fmt: skip


def delay_s(attempt: int, retry_after: str, key: str, config: Config, now: dt.datetime) -> float | None:
    """Return in how many seconds the next attempt after *attempt* is due; None: there is none any more.

    What the receiver asks for in Retry-After is honoured up to `retry_after_s_max`, never to come sooner.
    """
    if attempt > len(config.retry_s):
        return None
    planned = config.retry_s[attempt - 1]
    asked = min(retry_after_s(retry_after, now), config.retry_after_s_max)
    # Spread by the effect's key: evenly over effects, the same in every process.
    spread = zlib.crc32(f"{key}/{attempt}".encode()) / 2**32
    return max(planned, asked) * (1 + JITTER * spread)


def retry_after_s(header: str, now: dt.datetime) -> float:
    """Return the seconds that a Retry-After *header* (seconds or a date) asks for; 0 for none and for nonsense."""
    if header.isascii() and header.isdigit():
        return float(header[:12])
    try:
        at = email.utils.parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return 0.0
    at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
    return max(0.0, (at - now).total_seconds())
