"""Who speaks on which subject: what every stage checks before it believes a request."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from nats.aio.client import Client

from milepost_contracts.answers import Invalid, Problem, Refused
from milepost_contracts.queries import Query
from milepost_contracts.strict import strict
from milepost_contracts.types import NAME_PATTERN

_NAME = re.compile(NAME_PATTERN)
PLUGIN_HOST = "react"  # sends what plugins in its care want, each as itself; nobody else speaks through it
QUERY_BYTES_MAX = 128 * 1024  # a thousand key ids are some 30 kB


class Asked(NamedTuple):
    """A request's subject taken apart: `goals.{command|query}.v1.{tenant}.{caller}.{rest...}`."""

    tenant: str
    caller: str
    rest: tuple[str, ...]


@functools.lru_cache(maxsize=4096)  # tenants times callers times names; each is asked thousands of times
def parse_subject(subject: str) -> Asked | None:
    """Return the parts of a request's *subject*, None where a token is no name."""
    parts = subject.split(".")
    if len(parts) < 6 or not all(_NAME.match(part) for part in parts[3:]):  # noqa: PLR2004  four fixed, caller, name
        return None
    return Asked(parts[3], parts[4], tuple(parts[5:]))


def actor_problem(caller: str, actor: str, gateways: frozenset[str]) -> Problem | None:
    """Return why *actor* may not speak through *caller*, None where it may.

    The broker pins `caller` to the connection; only callers listed as gateways may name somebody else than themselves.
    """
    if caller in gateways or actor == f"service:{caller}" or actor.partition("@")[0] == f"plugin:{caller}":
        return None
    if caller == PLUGIN_HOST and actor.startswith("plugin:"):
        return None
    return Problem(
        code="actor_mismatch",
        field="actor",
        message=f"This connection speaks as {caller!r} and may not name another actor; gateways are set by "
        "MILEPOST_GATEWAYS.",
    )


def authenticated_by(caller: str, actor: str, gateways: frozenset[str]) -> str:
    """Return how the actor was authenticated, for the event: by the broker, or by which gateway."""
    return f"gateway:{caller}" if caller in gateways and actor != f"service:{caller}" else "nats"


async def subscribed(nc: Client) -> None:
    """Return when the server knows every subscription that was made on *nc*: then nobody is told that none is there.

    nats-py writes a ping past what still waits to be sent: the first round trip lets that go out, the second is after.
    """
    await nc.flush()
    await nc.flush()


class QueryDecoder:
    """Decodes the requests of some queries; holds the callers that may name other actors."""

    def __init__(self, queries: Iterable[type[Query]], gateways: frozenset[str]) -> None:
        """Take the queries that are answered here."""
        self._decoders = {query.NAME: msgspec.json.Decoder(strict(query)) for query in queries}
        self._queries = {query.NAME: msgspec.json.Decoder(query) for query in queries}
        self._gateways = gateways

    def decode(self, subject: str, body: bytes) -> tuple[str, Query] | Invalid | Refused:
        """Return (tenant, query), or the answer to what is none; never raises for what came."""
        asked = parse_subject(subject)
        if asked is None or len(asked.rest) != 1 or asked.rest[0] not in self._decoders:
            return _invalid("unknown_query", f"Queries here: {', '.join(sorted(self._decoders))}.")
        if len(body) > QUERY_BYTES_MAX:
            return _invalid("message_too_large", f"A query has at most {QUERY_BYTES_MAX} bytes.")
        try:
            self._decoders[asked.rest[0]].decode(body)
            query = self._queries[asked.rest[0]].decode(body)
        except msgspec.ValidationError as error:
            message, _, place = str(error).partition(" - at `")
            return _invalid("invalid_field", message, place.rstrip("`") or "$")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _invalid("invalid_json", f"Not JSON in UTF-8: {error}")
        if problem := actor_problem(asked.caller, query.actor, self._gateways):
            return Refused(errors=[problem])
        return asked.tenant, query


def _invalid(code: str, message: str, field: str | None = None) -> Invalid:
    return Invalid(errors=[Problem(code=code, message=message, field=field)])
