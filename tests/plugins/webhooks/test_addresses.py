"""Which addresses are public: every kind that is not, in every disguise, is refused unless the settings allow it."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from milepost_webhooks.addresses import ANSWERS_MAX, checked, embedded, permitted, resolve
from milepost_webhooks.config import networks
from milepost_webhooks.targets import Refused

from tests.support.resolving import Names

PUBLIC_4 = ("8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "223.255.255.255")
NOT_PUBLIC_4 = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255",
    "127.0.0.1", "127.255.255.255", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8",
    "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
)  # fmt: skip
PUBLIC_6 = ("2606:4700::1111", "2a00:1450:4001::5e", "2620:fe::fe")
NOT_PUBLIC_6 = (
    "::", "::1", "::10.0.0.1", "::8.8.8.8", "100::1", "64:ff9b:1::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1", "2606:4700::1111%eth0",
)  # fmt: skip


@pytest.mark.parametrize("address", [*PUBLIC_4, *PUBLIC_6])
def test_public_addresses_are_permitted(address: str) -> None:
    """Addresses of servers on the internet pass, those beside private ranges too."""
    assert permitted(address, ())


@pytest.mark.parametrize("address", [*NOT_PUBLIC_4, *NOT_PUBLIC_6])
def test_others_are_not(address: str) -> None:
    """Private, shared, loopback, link-local, multicast, reserved, documentation and unspecified addresses do not."""
    assert not permitted(address, ())


@pytest.mark.parametrize("form", ["::ffff:{}", "64:ff9b::{}", "2002:{hex}::", "2002:{hex}::1"])
def test_an_address_in_disguise_is_what_it_stands_for(form: str) -> None:
    """IPv4 inside IPv6 (mapped, NAT64, 6to4) is as public as the address that is inside."""
    for inner, public in [(one, True) for one in PUBLIC_4] + [(one, False) for one in NOT_PUBLIC_4]:
        number = int(ipaddress.IPv4Address(inner))
        address = form.format(inner, hex=f"{number >> 16:x}:{number & 0xFFFF:x}")
        assert embedded(ipaddress.ip_address(address)) == ipaddress.IPv4Address(inner)
        assert permitted(address, ()) is public, address


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:{}", "64:ff9b::{}"]))
def test_a_disguise_changes_nothing(address: ipaddress.IPv4Address, form: str) -> None:
    """For every IPv4 address the answer is the same with and without disguise, and no private one is public."""
    assert permitted(str(address), ()) == permitted(form.format(address), ())
    if address.is_private or address.is_multicast or address.is_reserved:
        assert not permitted(str(address), ())


@given(st.ip_addresses(v=6))
def test_no_private_address_is_public(address: ipaddress.IPv6Address) -> None:
    """For every IPv6 address: what Python knows to be anything but global is not permitted."""
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_site_local:
        assert embedded(address) is not None or not permitted(str(address), ())


def test_settings_allow_networks() -> None:
    """A network of allow_private is permitted, in disguise too, and nothing beside it."""
    allow = networks(("10.1.0.0/16", "fd00:1::/32"))
    for one in ("10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd00:1::5"):
        assert permitted(one, allow)
    for one in ("10.2.2.3", "::ffff:10.2.2.3", "fd00:2::5", "127.0.0.1"):
        assert not permitted(one, allow)


@pytest.mark.parametrize("text", ["", "localhost", "10.0.0.1:80", "0x7f.1", "2130706433", "127.1"])
def test_what_is_no_address_is_not_permitted(text: str) -> None:
    """Something that no resolver should answer is refused rather than guessed at."""
    assert not permitted(text, networks(("127.0.0.0/8",)))


@pytest.mark.parametrize("host", ["127.1", "0x7f.0.0.1", "2130706433", "017700000001", "localhost", "::1"])
async def test_other_ways_to_write_loopback_end_there(host: str) -> None:
    """What the system's resolver takes for loopback is loopback, however it is written."""
    with pytest.raises(Refused, match="not public"):
        await checked(host, 443, (), resolve)


async def test_every_answer_counts() -> None:
    """One private answer among public ones refuses the name."""
    for answers in (
        ["8.8.8.8", "10.0.0.1"],
        ["10.0.0.1", "8.8.8.8"],
        ["8.8.8.8", "2606:4700::1111", "::ffff:127.0.0.1"],
    ):
        with pytest.raises(Refused) as refused:
            await checked("hooks.example", 443, (), Names(hooks_example=[answers]))
        assert refused.value.code == "address_refused"
    fine = ["8.8.8.8", "2606:4700::1111"]
    assert await checked("hooks.example", 443, (), Names(hooks_example=[fine])) == fine


async def test_a_name_without_a_sound_answer_is_refused() -> None:
    """A name that there is not, that has no address or more than any service has is not sent to."""
    for names in (Names(), Names(hooks_example=[[]]), Names(hooks_example=[["8.8.8.8"] * (ANSWERS_MAX + 1)])):
        with pytest.raises(Refused) as refused:
            await checked("hooks.example", 443, (), names)
        assert refused.value.code == "name_unresolved"
    with pytest.raises(Refused, match="no address"):
        await checked(f"{'a' * 70}.example", 443, (), resolve)
