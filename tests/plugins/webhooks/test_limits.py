"""A receiver that is slow, endless or talks nonsense costs so much time and memory and no more."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from milepost_webhooks import exchange, lines
from milepost_webhooks.exchange import DRAIN_BYTES_MAX
from milepost_webhooks.lines import HEAD_BYTES_MAX

from milepost_contracts.testing import Host
from tests.plugins.webhooks.hosting import Receiver, endpoint, hosted, told
from tests.support.receiving import Certificate, Exchange
from tests.support.resolving import Names

TICK_S = 0.01
STARTED = b"HTTP/1.1 200 OK\r\n"


def begun(receiver: Receiver, timeout_s: float = 10) -> Host:
    """Deliver one event and try it."""
    host = hosted(endpoint(receiver), story=told(0), timeout_s=timeout_s)
    host.deliver(*host.story.documents)
    host.perform()
    return host


def silent(asked: Exchange, over: threading.Event) -> None:
    """Take the request and never answer."""
    over.wait()


def dripping(asked: Exchange, over: threading.Event) -> None:
    """Answer byte by byte, never coming to an end: each read alone is quick."""
    asked.wfile.write(STARTED + b"x-slow: ")
    while not over.wait(TICK_S):
        asked.wfile.write(b"x")


def continuing(asked: Exchange, over: threading.Event) -> None:
    """Say to go on, without end."""
    while not over.wait(TICK_S):
        asked.wfile.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")


@pytest.mark.parametrize("answer", [silent, dripping, continuing])
def test_the_whole_has_a_limit(answer: Callable[[Exchange, threading.Event], None]) -> None:
    """No answer, one that drips and one that never comes to the point end at timeout_s."""
    with Receiver(answer) as receiver:
        assert begun(receiver, timeout_s=0.3).state["endpoint/crm"]["code"] == "timed_out"


def test_a_receiver_that_does_not_take_the_connection_is_a_failure() -> None:
    """A port where nobody listens, or where nobody ever speaks TLS, is told by its code."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    host = hosted(endpoint(f"http://127.0.0.1:{port}/"), story=told(0))
    host.deliver(*host.story.documents)
    host.perform()
    assert host.state["endpoint/crm"]["code"] == "connection_failed"
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}/"
        host = hosted(endpoint(url), story=told(0), connect_timeout_s=0.2)
        host.deliver(*host.story.documents)
        host.perform()
    assert host.state["endpoint/crm"]["code"] == "connection_failed"


def endless(asked: Exchange, over: threading.Event) -> None:
    """Answer yes with a body that never ends, as fast as it is taken."""
    asked.wfile.write(STARTED + b"\r\n")
    sent = 0
    try:
        while not over.is_set():
            asked.wfile.write(b"x" * 65536)
            sent += 65536
    except OSError:
        asked.server.receiver.otherwise = sent  # how much was taken before the sender hung up


def test_an_endless_answer_is_a_yes_and_not_taken() -> None:
    """The status has been said: the event is delivered, and of the body only a little is read."""
    with Receiver(endless) as receiver:
        host = begun(receiver)
        assert list(host.stored.sent.values()) == [1]
        assert host.state == {}
    assert isinstance(receiver.otherwise, int)
    assert receiver.otherwise < 16 * 1024 * 1024  # what systems buffer at the most; DRAIN_BYTES_MAX are read
    assert DRAIN_BYTES_MAX < 100_000


def stalling(asked: Exchange, over: threading.Event) -> None:
    """Answer yes, promise a body and never send it."""
    asked.wfile.write(STARTED + b"content-length: 100\r\n\r\nx")
    over.wait()


def broken(asked: Exchange, over: threading.Event) -> None:
    """Answer yes and break off in the body."""
    asked.wfile.write(STARTED + b"transfer-encoding: chunked\r\n\r\nnonsense\r\n")


@pytest.mark.parametrize("answer", [stalling, broken])
def test_a_body_that_goes_wrong_changes_no_yes(answer: Callable[[Exchange, threading.Event], None]) -> None:
    """A body that stalls or breaks off after a 2xx does not have the event sent again."""
    with Receiver(answer) as receiver:
        assert begun(receiver).state == {}


def nonsense(asked: Exchange, over: threading.Event) -> None:
    """Answer with something else than HTTP."""
    asked.wfile.write(b"220 mail.example ESMTP\r\n")


def headers(asked: Exchange, over: threading.Event) -> None:
    """Answer with more headers than anybody needs."""
    asked.wfile.write(STARTED + b"x: y\r\n" * HEAD_BYTES_MAX + b"\r\n")


def header(asked: Exchange, over: threading.Event) -> None:
    """Answer with one header that never ends."""
    asked.wfile.write(STARTED + b"x: ")
    for _ in range(4):
        asked.wfile.write(b"y" * HEAD_BYTES_MAX)


def nothing(asked: Exchange, over: threading.Event) -> None:
    """Hang up."""


@pytest.mark.parametrize("answer", [nonsense, headers, header, nothing])
def test_what_is_no_answer_is_a_failure(answer: Callable[[Exchange, threading.Event], None]) -> None:
    """Another protocol, too many headers, one that is too long and no answer at all are failures with a code."""
    with Receiver(answer) as receiver:
        assert begun(receiver).state["endpoint/crm"]["code"] in ("bad_response", "connection_failed")


def test_a_receiver_that_does_not_say_goodbye_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By TLS both sides end a connection; one that does not answer that is cut, and its yes stands."""
    monkeypatch.setattr(exchange, "DRAIN_S", 0.1)
    monkeypatch.setattr(lines, "CLOSE_S", 0.1)
    certificate = Certificate(tmp_path, ["hooks.example"])
    with Receiver(stalling, certificate=certificate) as receiver:
        host = hosted(
            endpoint(f"https://hooks.example:{receiver.port}/"), story=told(0),
            names=Names(hooks_example=[["127.0.0.1"]]), ca_file=str(certificate.ca_file),
        )  # fmt: skip
        host.deliver(*host.story.documents)
        host.perform()
        assert list(host.stored.sent.values()) == [1]
        assert host.state == {}
