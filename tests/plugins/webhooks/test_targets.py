"""A URL means one place or it is refused: nothing that two readers would understand differently."""

from __future__ import annotations

import pytest
from milepost_webhooks.targets import Refused, redirected, target


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://hooks.example", "hooks.example", 443, "/", "hooks.example"),
        ("https://Hooks.Example:443/a/b?c=d", "hooks.example", 443, "/a/b?c=d", "hooks.example"),
        ("https://hooks.example:8443/?", "hooks.example", 8443, "/", "hooks.example:8443"),
        ("https://[2606:4700::1111]/x", "2606:4700::1111", 443, "/x", "[2606:4700::1111]"),
        ("https://8.8.8.8/", "8.8.8.8", 443, "/", "8.8.8.8"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
    ],
)
def test_a_url_is_taken_apart(url: str, host: str, port: int, path: str, authority: str) -> None:
    """Host, port, path with query and what the header Host says come out as they are used."""
    found = target(url, {443, 8443}, allow_http=False)
    assert (found.host, found.port, found.path, found.authority) == (host, port, path, authority)
    assert found.origin == f"https://{authority}"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.example/", "http_refused"),
        ("https://hooks.example:8080/", "port_refused"),
        ("https://hooks.example:0/", "port_refused"),
        ("https://hooks.example:99999/", "bad_url"),
        ("https://user:password@hooks.example/", "bad_url"),
        ("https://hooks.example@10.0.0.1/", "bad_url"),
        ("https://hooks.example\\@10.0.0.1/", "bad_url"),
        ("https://hooks.example/#part", "bad_url"),
        ("https://hooks.example/a b", "bad_url"),
        ("https://hooks.example/a\r\nHost: other", "bad_url"),
        ("https://hooks.example/\x00", "bad_url"),
        ("https://bücher.example/", "bad_url"),
        ("https://hooks.example。evil.example/", "bad_url"),
        ("https://hooks.example./", "bad_url"),
        ("https://%31%30.0.0.1/", "bad_url"),
        ("https://[fe80::1%25eth0]/", "bad_url"),
        ("https://[::1/", "bad_url"),
        ("https:///path", "bad_url"),
        ("https:hooks.example", "bad_url"),
        ("file:///etc/passwd", "bad_url"),
        ("gopher://hooks.example/", "bad_url"),
        ("//hooks.example/", "bad_url"),
        ("", "bad_url"),
    ],
)
def test_what_is_no_place_is_refused(url: str, code: str) -> None:
    """Other schemes, ports, credentials, fragments, and everything that parsers disagree on is refused with a code."""
    with pytest.raises(Refused) as refused:
        target(url, {443}, allow_http=False)
    assert refused.value.code == code
    assert "password" not in str(refused.value).replace("name and password", "")


def test_a_redirect_is_a_url_like_the_first() -> None:
    """Where an answer leads is resolved against where it came from, and held to the same rules."""
    place = target("https://hooks.example/a/b", {443}, allow_http=False)
    assert redirected(place, "../c?d", {443}, allow_http=False).path == "/c?d"
    assert redirected(place, "//other.example/", {443}, allow_http=False).host == "other.example"
    for location in ("http://hooks.example/", "//hooks.example:22/", "https://u@x.example/", "file:///", "https://[/"):
        with pytest.raises(Refused):
            redirected(place, location, {443}, allow_http=False)
