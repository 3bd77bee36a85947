"""Which addresses an event may be sent to: public ones; names are resolved here, once, and all answers are checked.

What is connected to is the address that was checked, never the name again: an answer that changes in between (DNS
rebinding) changes nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

from milepost_webhooks.config import Network
from milepost_webhooks.targets import Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

ANSWERS_MAX = 32  # of one name: more addresses than any service has use for

# Python's own tables (`is_global`) change with its patch releases and hold some of these for public, so the ranges
# of IANA's special-purpose registries that are not to be reached from here are listed, and both have to agree.
_NOT_PUBLIC_4 = [
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers (CGNAT); also clouds' internal services
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local; clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
]
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")  # all that is given out as global unicast; outside it nothing is public
_NOT_PUBLIC_6 = [
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
]
_6TO4 = ipaddress.IPv6Network("2002::/16")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


async def resolve(host: str, port: int) -> list[str]:
    """Return every address of *host*, as the system's resolver gives them; raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def checked(host: str, port: int, allow: Sequence[Network], resolve_: Resolve) -> list[str]:
    """Return the addresses of *host*, each of which may be connected to.

    Raises Refused `address_refused` where one of them may not: a name with a public and a private answer is no
    mistake that one would want to help with. Raises Refused `name_unresolved` where there are none.
    """
    try:
        found = await resolve_(host, port)
    except (OSError, UnicodeError) as error:
        raise Refused("name_unresolved", "the name of the host has no address") from error
    if not 0 < len(found) <= ANSWERS_MAX:
        raise Refused("name_unresolved", "the name of the host has no address, or too many")
    if not all(permitted(address, allow) for address in found):
        raise Refused("address_refused", "an address of the host is not public, nor among allow_private")
    return list(found)


def permitted(text: str, allow: Sequence[Network]) -> bool:
    """Whether the address *text* is public or in one of the networks *allow*; what is no address is neither."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    meant = [address, embedded(address)]
    if any(one is not None and one.version == network.version and one in network for one in meant for network in allow):
        return True
    return public(address)


def public(address: Address) -> bool:
    """Whether *address* can be that of anybody's server on the internet."""
    inner = embedded(address)
    if inner is not None:
        return public(inner)
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not any(address in network for network in _NOT_PUBLIC_4)
    if address.scope_id is not None or address not in _PUBLIC_6:
        return False
    return address.is_global and not any(address in network for network in _NOT_PUBLIC_6)


def embedded(address: Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that packets to *address* may end up at: mapped, 6to4 or NAT64; None: none."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _6TO4:
        return ipaddress.IPv4Address(int(address) >> 80 & 0xFFFFFFFF)
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
