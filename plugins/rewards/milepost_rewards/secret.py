"""Where rewards are told and which codes vouchers have (`rewards.secrets.toml`): read, checked, never shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from milepost_contracts.types import Id, Name, PersonRef
from milepost_rewards.config import Plain

CODES_MAX = 100_000  # of one pool; more is a mistake and not a list
CODE_CHARS_MAX = 200  # a code is typed or pasted; a longer line is no code
FILE_BYTES_MAX = 20 * 1024 * 1024  # as many codes as there may be, with room
DESTINATIONS_MAX = 5  # of one person; each is a message of its own
PERSON = "{person}"
PoolName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Code = Annotated[str, Meta(min_length=1, max_length=CODE_CHARS_MAX)]
_ANYBODY = "00000000-0000-0000-0000-000000000000"
_SCHEME = re.compile(r"^([A-Za-z0-9]{1,32}):")


class _Secret(Plain, frozen=True, kw_only=True):
    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Pool(_Secret, frozen=True, kw_only=True):
    """Codes of one kind: in `codes`, or in `file` (an absolute path), one a line.

    They are given in their order; new ones are added at the end and old ones left where they are. A line of the file
    that begins with # is a remark.
    """

    codes: Annotated[tuple[Code, ...], Meta(max_length=1000)] = ()
    file: str = ""

    def __post_init__(self) -> None:
        """Refuse a pool from two places or from none, and codes that are there twice."""
        if bool(self.codes) == bool(self.file):
            raise ValueError("a pool has codes = [...] or file = a path, one of them")
        if self.file and not Path(self.file).is_absolute():
            raise ValueError("file needs an absolute path")
        if max(Counter(self.codes).values(), default=0) > 1:
            raise ValueError("a code is there twice")
        if any(code != code.strip() for code in self.codes):
            raise ValueError("a code begins or ends with a space")


class Destinations(_Secret, frozen=True, kw_only=True):
    """Where messages go. personal: what reaches one person alone, with {person} for the person's id; channel: others.

    Both are URLs of Apprise.
    """

    personal: Annotated[tuple[str, ...], Meta(max_length=DESTINATIONS_MAX)] = ()
    channel: Annotated[tuple[str, ...], Meta(max_length=DESTINATIONS_MAX)] = ()

    def __post_init__(self) -> None:
        """Refuse what is no URL of Apprise, and a personal one that would reach the same person always."""
        for url in self.personal:
            if PERSON not in url:
                raise ValueError("a personal destination has {person} in it: without, everybody's messages go there")
            check_url(url)
        for url in self.channel:
            check_url(url)


class Tenant(Destinations, frozen=True, kw_only=True):
    """Where messages of a tenant go, and the codes that it has to give: no two tenants share a pool."""

    pools: dict[PoolName, Pool] = {}


class Secrets(Destinations, frozen=True, kw_only=True):
    """The whole of `rewards.secrets.toml`.

    Of destinations the nearest counts: the person's own, then personal ones of the programme, of the tenant, of
    everybody, then channels in the same order.
    """

    people: dict[PersonRef, Annotated[tuple[str, ...], Meta(max_length=DESTINATIONS_MAX)]] = {}
    programmes: dict[Id, Destinations] = {}
    tenants: dict[Name, Tenant] = {}

    def __post_init__(self) -> None:
        """Refuse codes that are there twice, and what is no URL."""
        Destinations.__post_init__(self)
        for urls in self.people.values():
            for url in urls:
                check_url(url)
        pools = [pool for _, _, pool in self.pools()]
        if max(Counter(code for pool in pools for code in pool.codes).values(), default=0) > 1:
            raise ValueError("two pools have the same code: it would be given twice")
        if max(Counter(pool.file for pool in pools if pool.file).values(), default=0) > 1:
            raise ValueError("two pools have the same file: its codes would be given twice")

    def pools(self) -> list[tuple[str, str, Pool]]:
        """Return every pool with its tenant and its name."""
        return [(tenant, name, pool) for tenant, of in self.tenants.items() for name, pool in of.pools.items()]

    def pool(self, tenant: str, name: str) -> Pool | None:
        """Return the pool *name* of *tenant*."""
        of = self.tenants.get(tenant)
        return of.pools.get(name) if of is not None else None

    def destinations(self, tenant: str, person: str, programme: str | None) -> tuple[tuple[str, ...], bool]:
        """Return the URLs for *person*, and whether they reach that person alone."""
        if own := self.people.get(person):
            return own, True
        none = Destinations()
        order = (self.programmes.get(programme or "", none), self.tenants.get(tenant, none), self)
        for place in order:
            if place.personal:
                return tuple(fill(url, person) for url in place.personal), True
        for place in order:
            if place.channel:
                return tuple(fill(url, person) for url in place.channel), False
        return (), False


def fill(url: str, person: str) -> str:
    """Return *url* with the id of *person* (`user:UUID`) in its place."""
    return url.replace(PERSON, person.partition(":")[2])


def check_url(url: str) -> None:
    """Raise ValueError where *url* is none that Apprise knows; names its scheme alone, the rest is secret."""
    from milepost_rewards.sending import service

    if service(fill(url, f"user:{_ANYBODY}")) is None:
        scheme = _SCHEME.match(url)
        called = f"of the scheme {scheme[1]}:// " if scheme else ""
        raise ValueError(f"a destination {called}is no URL of Apprise, or its service needs another package")


class Unreadable(Exception):  # noqa: N818  what is the matter; nobody is to blame
    """The codes of a pool cannot be read now; the message holds none of them."""


_read: dict[tuple[str, int, int], tuple[str, ...]] = {}  # the newest version of each file, as it was read


def codes(pool: Pool) -> tuple[str, ...]:
    """Return the codes of *pool* in order; raises Unreadable. A file is read again when it has changed."""
    if not pool.file:
        return pool.codes
    path = Path(pool.file)
    try:
        stat = path.stat()
        key = (pool.file, stat.st_mtime_ns, stat.st_size)
        if key not in _read:
            if stat.st_size > FILE_BYTES_MAX:
                raise Unreadable(f"its file is larger than {FILE_BYTES_MAX} bytes")
            found = tuple(dict.fromkeys(_lines(path.read_text("utf-8"))))
            for old in [old for old in _read if old[0] == pool.file]:
                del _read[old]
            _read[key] = found
    except OSError as error:
        raise Unreadable(f"its file cannot be read ({type(error).__name__})") from error
    except UnicodeDecodeError as error:
        raise Unreadable("its file is no UTF-8 text") from error
    if len(_read[key]) > CODES_MAX:
        raise Unreadable(f"its file has more than {CODES_MAX} codes")
    return _read[key]


def _lines(text: str) -> Iterator[str]:
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        code = line.strip()
        if len(code) > CODE_CHARS_MAX:
            raise Unreadable(f"line {number} of its file is longer than {CODE_CHARS_MAX} characters: no code")
        if code and not code.startswith("#"):
            yield code
