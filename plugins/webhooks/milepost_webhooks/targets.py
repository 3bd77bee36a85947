"""Where an event may go: a URL is taken apart once, strictly, and what is checked is what is used."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urljoin, urlsplit

import msgspec

PORTS = {"https": 443, "http": 80}
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}").fullmatch
_PRINTABLE = re.compile(r"[!-~]+").fullmatch


class Refused(Exception):  # noqa: N818  an order not to go there
    """A place that no event may go to; `code` is stable, the message has no secrets that a URL may hold."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable *code* beside the message."""
        super().__init__(message)
        self.code = code


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A URL taken apart: `path` with its query, as it is sent; `host` without brackets."""

    url: str
    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the header Host says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """What may be shown of it: paths and queries of webhooks often hold secrets."""
        return f"{self.scheme}://{self.authority}"


def target(url: str, ports: Collection[int], *, allow_http: bool) -> Target:
    """Return *url* taken apart; raises Refused `bad_url`, `http_refused`, `port_refused`."""
    if not _PRINTABLE(url) or "\\" in url:
        raise Refused("bad_url", "a URL is of printable ASCII; write international names in their xn-- form")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Refused("bad_url", "this is no URL") from error
    if parts.scheme not in PORTS or not _HOST(host):
        raise Refused("bad_url", "a URL begins with https:// and the name of a host")
    if "@" in parts.netloc:
        raise Refused("bad_url", "a URL has no name and password before its host")
    if "#" in url:
        raise Refused("bad_url", "a URL that is sent to has no fragment")
    if parts.scheme == "http" and not allow_http:
        raise Refused("http_refused", "only https is allowed unless the configuration says allow_http = true")
    port = PORTS[parts.scheme] if port is None else port
    if port not in ports:
        raise Refused("port_refused", f"port {port} is not among the ports of the configuration")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(url=url, scheme=parts.scheme, host=host, port=port, path=path)


def redirected(before: Target, location: str, ports: Collection[int], *, allow_http: bool) -> Target:
    """Return where *location* leads from *before*, held to the same rules; raises Refused."""
    try:
        joined = urljoin(before.url, location)
    except ValueError as error:
        raise Refused("bad_url", "the place that it was redirected to is no URL") from error
    return target(joined, ports, allow_http=allow_http)
