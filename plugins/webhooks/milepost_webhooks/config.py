"""What an operator decides: which endpoints there are, what each gets, how long it is tried and where it may be."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from milepost_contracts.plugin import Subscription
from milepost_contracts.types import Id, Name
from milepost_webhooks.targets import Refused, target

ENDPOINTS_MAX = 200  # each event is held against each of them
SCHEDULE_MAX = 20  # attempts at one event; the convention's schedule has 9 after the first
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64  # the convention's limits
DAY_S = 86_400.0

Seconds = Annotated[float, Meta(ge=1, le=7 * DAY_S)]
Tenant = Annotated[str, Meta(pattern=r"^(\*|[a-z0-9][a-z0-9_-]{0,62})(?!\n)$", description="acme, or * for all")]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who gets events: `tenants` is said expressly, so that nobody gets another's; every filter given has to fit.

    words: with people's words opened (only in the plugin `webhooks-words`). redirects: how many are followed.
    """

    id: Name
    url: Annotated[str, Meta(max_length=2000)]
    tenants: Annotated[tuple[Tenant, ...], Meta(min_length=1)]
    events: Annotated[tuple[Subscription, ...], Meta(min_length=1)] = ("*",)
    aggregates: tuple[Literal["goal", "mentorship", "programme", "person", "tenant", "access"], ...] = ()
    goals: tuple[Id, ...] = ()
    programmes: tuple[Id, ...] = ()
    enabled: bool = True
    words: bool = False
    redirects: Annotated[int, Meta(ge=0, le=5)] = 0


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration.

    ports, allow_http, allow_private (networks, `10.0.0.0/8`) say what may be connected to beyond https on 443 at
    public addresses. ca_file: certificates to trust beside the system's. connect_timeout_s: for one address;
    timeout_s: for everything from the name to the answer. retry_s: the delays after the first, second ... failed
    attempt; after the last one an event is given up. hold_s_max: how long an endpoint that fails is left alone at
    the most, before the next event is tried. An endpoint is disabled when nothing arrived for disable_after_hours,
    over at least disable_after_attempts attempts.
    """

    endpoints: Annotated[tuple[Endpoint, ...], Meta(max_length=ENDPOINTS_MAX)] = ()
    ports: tuple[Annotated[int, Meta(ge=1, le=65535)], ...] = (443,)
    allow_http: bool = False
    allow_private: tuple[str, ...] = ()
    ca_file: str | None = None
    connect_timeout_s: Annotated[float, Meta(ge=0.1, le=20)] = 5.0
    timeout_s: Annotated[float, Meta(ge=0.1, le=30)] = 15.0  # the convention says 15 to 30
    retry_s: Annotated[tuple[Seconds, ...], Meta(max_length=SCHEDULE_MAX)] = (
        # The convention's example: together three days and a bit.
        5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, DAY_S,
    )  # fmt: skip
    retry_after_s_max: Seconds = DAY_S
    hold_s_max: Seconds = 300.0
    disable_after_hours: Annotated[float, Meta(gt=0, le=24 * 365)] = 120.0
    disable_after_attempts: Annotated[int, Meta(ge=1)] = 10

    def __post_init__(self) -> None:
        """Refuse what could never work, by the name of the endpoint."""
        networks(self.allow_private)
        seen: set[str] = set()
        for endpoint in self.endpoints:
            if endpoint.id in seen:
                raise ValueError(f"two endpoints are called {endpoint.id!r}")
            seen.add(endpoint.id)
            try:
                target(endpoint.url, self.ports, allow_http=self.allow_http)
            except Refused as error:
                raise ValueError(f"endpoint {endpoint.id!r}: {error}") from error

    def endpoint(self, id_: object) -> Endpoint | None:
        """Return the endpoint *id_*, None where there is none."""
        return next((one for one in self.endpoints if one.id == id_), None)


class Signing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The secrets of one endpoint, `whsec_` and base64: the newest first, and while secrets change the old one."""

    signing: Annotated[tuple[str, ...], Meta(min_length=1, max_length=2)]

    def __post_init__(self) -> None:
        """Refuse what is no secret, without showing it."""
        for place, secret in enumerate(self.signing, start=1):
            scheme, _, encoded = secret.partition("_")
            try:
                size = len(base64.b64decode(encoded, validate=True))
            except (binascii.Error, ValueError):
                size = 0
            if scheme != "whsec" or not SECRET_BYTES_MIN <= size <= SECRET_BYTES_MAX:
                raise ValueError(
                    f"secret {place} is not whsec_ and {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes in base64"
                )

    def __repr__(self) -> str:
        return "<Signing>"


class Secrets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Secrets by endpoint; they are in no log, state or answer."""

    endpoints: dict[str, Signing] = {}

    def __repr__(self) -> str:
        return "<Secrets>"


def networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Return *texts* as networks; raises ValueError naming what is none."""
    return tuple(ipaddress.ip_network(text) for text in texts)
