"""No event goes to a private address: not by URL, by answers for a name, by changing them or by a redirect."""

from __future__ import annotations

from pathlib import Path

import pytest

from milepost_contracts.testing import Host
from tests.plugins.webhooks.hosting import Receiver, after, endpoint, hosted, told
from tests.support.receiving import Certificate
from tests.support.resolving import Names


def code(host: Host, id_: str = "crm") -> str:
    """Return why the last attempt failed."""
    return str(host.state[f"endpoint/{id_}"]["code"])


def begun(host: Host) -> Host:
    """Deliver the story and try its effects."""
    host.deliver(*host.story.documents)
    host.perform()
    return host


def test_private_addresses_are_refused_unless_allowed() -> None:
    """Without allow_private nothing arrives on loopback; with it, it does."""
    with Receiver() as receiver:
        host = begun(hosted(endpoint(receiver), story=told(0), allow_private=[]))
        assert code(host) == "address_refused"
        assert receiver.received == []
        begun(hosted(endpoint(receiver), story=told(0)))
        assert len(receiver.received) == 1


@pytest.mark.parametrize("answers", [["127.0.0.1", "127.0.0.2"], ["8.8.8.8", "127.0.0.2"], ["::ffff:127.0.0.2"]])
def test_mixed_answers_are_refused(answers: list[str]) -> None:
    """A name with one answer that may not be connected to is not connected to at all."""
    with Receiver() as receiver, Receiver(host="127.0.0.2", port=receiver.port) as private:
        url = f"http://hooks.example:{receiver.port}/"
        host = begun(hosted(endpoint(url), story=told(0), names=Names(hooks_example=[answers])))
        assert code(host) == "address_refused"
        assert receiver.received == private.received == []


def test_a_name_that_changes_its_answer_gains_nothing() -> None:
    """A name is resolved once for each attempt, and connected to is what was checked: rebinding reaches nobody."""
    with Receiver() as public, Receiver(host="127.0.0.2", port=public.port) as private:
        names = Names(hooks_example=[["127.0.0.1"], ["127.0.0.2"]])  # 127.0.0.1 stands for a public address here
        host = hosted(endpoint(f"http://hooks.example:{public.port}/"), story=told(1), names=names)
        host.deliver(host.story.documents[0])
        host.perform()
        assert len(public.received) == 1
        assert names.asked == ["hooks.example"]
        host.deliver(host.story.documents[1])
        host.perform()
        assert code(host) == "address_refused"
        assert names.asked == ["hooks.example"] * 2
        assert private.received == []


def test_redirects_are_not_followed_by_default() -> None:
    """Without redirects in the configuration an answer that leads elsewhere is a failure, as the convention says."""
    with Receiver() as other, Receiver((307, {"location": other.url})) as receiver:
        host = begun(hosted(endpoint(receiver), endpoint(other, "other"), story=told(0)))
        assert code(host) == "http_307"
        assert [one.id.rpartition("_")[2] for one in other.received] == ["other"]


def test_redirects_are_followed_as_far_as_they_may() -> None:
    """So many redirects as the endpoint allows are followed, with the same body and headers; one more is a failure."""
    with Receiver() as receiver:
        receiver.answers = [(307, {"location": "/next?a=b"}), (308, {"location": receiver.url})]
        host = begun(hosted(endpoint(receiver, redirects=2), story=told(0)))
        assert host.state == {}
        assert [one.path for one in receiver.received] == ["/hook", "/next?a=b", "/hook"]
        assert len({(one.id, one.body, one.headers["webhook-signature"]) for one in receiver.received}) == 1
    with Receiver() as receiver:
        receiver.otherwise = (307, {"location": receiver.url})
        assert code(begun(hosted(endpoint(receiver, redirects=2), story=told(0)))) == "http_307"
        assert len(receiver.received) == 3


@pytest.mark.parametrize("status", [301, 302, 303])
def test_redirects_that_change_the_request_are_failures(status: int) -> None:
    """An answer after which other clients would ask with GET is not followed."""
    with Receiver() as receiver:
        receiver.answers = [(status, {"location": receiver.url})]
        assert code(begun(hosted(endpoint(receiver, redirects=5), story=told(0)))) == f"http_{status}"
        assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://127.0.0.2:{port}/", "address_refused"),
        ("http://inside.example:{port}/", "address_refused"),
        ("http://[::ffff:127.0.0.2]:{port}/", "address_refused"),
        ("//169.254.169.254:{port}/latest/meta-data", "address_refused"),
        ("http://127.0.0.1:22/", "port_refused"),
        ("http://127.0.0.1@127.0.0.2:{port}/", "bad_url"),
        ("file:///etc/passwd", "bad_url"),
        ("http://127.0.0.2:{port}/\u00fc", "bad_url"),
    ],
)
def test_redirects_are_checked_like_the_first_place(location: str, why: str) -> None:
    """A redirect to a private address, by whatever way, a closed port or another scheme is refused."""
    names = Names(inside_example=[["127.0.0.2"]], **{
        "127_0_0_1": [["127.0.0.1"]], "127_0_0_2": [["127.0.0.2"]], "::ffff:127_0_0_2": [["::ffff:127.0.0.2"]],
        "169_254_169_254": [["169.254.169.254"]],
    })  # fmt: skip
    with Receiver() as receiver, Receiver(host="127.0.0.2", port=receiver.port) as private:
        receiver.answers = [(307, {"location": location.format(port=receiver.port)})]
        host = begun(hosted(endpoint(receiver, redirects=5), story=told(0), names=names))
        assert code(host) == why
        assert len(receiver.received) == 1
        assert private.received == []


def test_a_redirect_does_not_leave_tls(tmp_path: Path) -> None:
    """From https an event is not redirected to http where that is not allowed."""
    certificate = Certificate(tmp_path, ["hooks.example"])
    with Receiver() as open_, Receiver((307, {"location": open_.url}), certificate=certificate) as receiver:
        host = begun(
            hosted(
                endpoint(f"https://hooks.example:{receiver.port}/", redirects=1), story=told(0), allow_http=False,
                names=Names(hooks_example=[["127.0.0.1"]]), ca_file=str(certificate.ca_file),
            )
        )  # fmt: skip
        assert code(host) == "http_refused"
        assert len(receiver.received) == 1
        assert open_.received == []


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that the environment names would connect to addresses that nobody checked: it is not asked."""
    with Receiver() as receiver, Receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.url)
        begun(hosted(endpoint(receiver), story=told(0)))
        assert len(receiver.received) == 1
        assert proxy.received == []


def test_a_name_that_is_not_there_is_tried_again() -> None:
    """A name without an answer is a failure like others: its server may be moving."""
    with Receiver() as receiver:
        names = Names(hooks_example=[[], ["127.0.0.1"]])
        host = begun(hosted(endpoint(f"http://hooks.example:{receiver.port}/"), story=told(0), names=names))
        assert code(host) == "name_unresolved"
        after(host, seconds=6)
        assert len(receiver.received) == 1
        assert host.state == {}
