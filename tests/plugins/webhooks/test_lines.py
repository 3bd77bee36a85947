"""Connections are kept for the next event that goes to the same place, and are over when the plugin stops."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from milepost_webhooks import lines

from milepost_contracts.testing import Host
from tests.plugins.webhooks.hosting import Receiver, endpoint, hosted, told
from tests.support.receiving import Answer, Certificate, Exchange
from tests.support.resolving import Names

PATIENCE_S = 20


def sent(host: Host, *places: int) -> None:
    """Deliver the events at *places* of the story, each performed before the next."""
    for place in places:
        host.deliver(host.story.documents[place])
        host.perform()


def test_one_connection_does_for_many_events_until_the_plugin_stops() -> None:
    """Three events come over one connection, which `stop` ends; whoever goes on then opens another."""
    with Receiver() as receiver:
        host = hosted(endpoint(receiver), story=told(3))
        sent(host, 0, 1, 2)
        assert (len(receiver.received), len(receiver.connections)) == (3, 1)
        assert not receiver.ended.acquire(blocking=False)
        assert host.runner.stop().failure is None  # its process goes on here: nothing else ends the connection
        assert receiver.ended.acquire(timeout=PATIENCE_S)
        sent(host, 3)
        assert (len(receiver.received), len(receiver.connections)) == (4, 2)


def test_stop_ends_what_never_began() -> None:
    """A plugin that has sent nothing has nothing to end, and one that has stopped may be told again."""
    host = hosted(endpoint("https://hooks.example/"))
    assert host.runner.stop().failure is None
    assert host.runner.stop().failure is None


def test_it_is_kept_by_tls_too(tmp_path: Path) -> None:
    """The handshake, which costs most, is made once; `stop` ends the connection."""
    certificate = Certificate(tmp_path, ["hooks.example"])
    with Receiver(certificate=certificate) as receiver:
        host = hosted(
            endpoint(f"https://hooks.example:{receiver.port}/"), story=told(1), ca_file=str(certificate.ca_file),
            names=Names(hooks_example=[["127.0.0.1"]]),
        )  # fmt: skip
        sent(host, 0, 1)
        assert (len(receiver.received), len(receiver.connections)) == (2, 1)
        assert host.runner.stop().failure is None
        assert receiver.ended.acquire(timeout=PATIENCE_S)


def test_who_has_hung_up_is_called_again() -> None:
    """A receiver that ended the connection meanwhile gets the next event at the first attempt, over another."""
    with Receiver() as receiver:
        host = hosted(endpoint(receiver), story=told(1))
        sent(host, 0)
        receiver.hang_up()
        assert receiver.ended.acquire(timeout=PATIENCE_S)
        sent(host, 1)
        assert sorted(host.stored.sent.values()) == [1, 1]
        assert (len(receiver.received), len(receiver.connections), host.state) == (2, 2, {})


def nothing(asked: Exchange, over: threading.Event) -> None:
    """Hang up."""


def broken(asked: Exchange, over: threading.Event) -> None:
    """Begin to answer and hang up."""
    asked.wfile.write(b"HTTP/1.1 2")


def test_who_hangs_up_on_the_request_gets_it_again() -> None:
    """Over a connection that was kept, no answer at all means another try at once, with the same webhook-id."""
    with Receiver(204, nothing) as receiver:
        host = hosted(endpoint(receiver), story=told(1))
        sent(host, 0, 1)
        first, second, third = receiver.ids
        assert first != second == third
        assert sorted(host.stored.sent.values()) == [1, 1]
        assert host.state == {}


@pytest.mark.parametrize("answers", [[204, nothing, nothing], [204, broken], [nothing]])
def test_but_not_for_ever(answers: list[Answer]) -> None:
    """Half an answer, or none over a fresh connection, is a failure as ever."""
    with Receiver(*answers) as receiver:
        host = hosted(endpoint(receiver), story=told(1))
        sent(host, *range(2 if answers[0] == 204 else 1))
        assert host.state["endpoint/crm"]["failures"] == 1
        assert len(receiver.received) == len(answers)


def test_words_that_nobody_asked_for_are_no_answer() -> None:
    """What a receiver says between two events is not taken for its answer to the second."""
    names = Names(hooks_example=[["127.0.0.1"]])  # which takes no time, in which what was said could be noticed
    with Receiver(204, 500) as receiver:
        host = hosted(endpoint(f"http://hooks.example:{receiver.port}/"), story=told(1), names=names)
        sent(host, 0)
        receiver.connections[0].sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        sent(host, 1)
        assert host.state["endpoint/crm"]["code"] == "http_500"
        assert len(receiver.connections) == 2


def test_who_says_close_is_believed() -> None:
    """A receiver that wants no connection kept has none."""
    with Receiver((204, {"connection": "close"})) as receiver:
        host = hosted(endpoint(receiver), story=told(1))
        sent(host, 0, 1)
        assert (len(receiver.received), len(receiver.connections)) == (2, 2)


def test_the_name_decides_each_time() -> None:
    """Where the name leads elsewhere now, the event goes there, although a connection to the old place is open."""
    with Receiver() as old, Receiver(host="127.0.0.2", port=old.port) as new:
        host = hosted(
            endpoint(f"http://hooks.example:{old.port}/"), story=told(1), allow_private=["127.0.0.0/30"],
            names=Names(hooks_example=[["127.0.0.1"], ["127.0.0.2"]]),
        )  # fmt: skip
        sent(host, 0, 1)
        assert (len(old.received), len(new.received)) == (1, 1)


def test_another_name_has_its_own() -> None:
    """Two names with one address share no connection: a certificate is verified for one of them."""
    names = Names(one_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    with Receiver() as receiver:
        urls = {id_: f"http://{id_}.example:{receiver.port}/" for id_ in ("one", "other")}
        host = hosted(*(endpoint(url, id_) for id_, url in urls.items()), story=told(0), names=names)
        sent(host, 0)
        assert (len(receiver.received), len(receiver.connections)) == (2, 2)


def test_none_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time a connection is not used again, and ended."""
    monkeypatch.setattr(lines, "KEPT_S", 0.0)
    with Receiver() as receiver:
        host = hosted(endpoint(receiver), story=told(1))
        sent(host, 0, 1)
        assert len(receiver.connections) == 2
        assert receiver.ended.acquire(timeout=PATIENCE_S)


def test_not_too_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """For one more than may be kept, the one that was used longest ago is ended."""
    monkeypatch.setattr(lines, "KEPT_MAX", 1)
    with Receiver() as first, Receiver() as second:
        host = hosted(endpoint(first, "first"), endpoint(second, "second"), story=told(0))
        sent(host, 0)
        assert first.ended.acquire(timeout=PATIENCE_S)
        assert not second.ended.acquire(blocking=False)


def test_a_process_that_ends_takes_its_connections_along() -> None:
    """A crash ends them without a word; the next process opens its own."""
    with Receiver() as receiver:
        host = hosted(endpoint(receiver), story=told(1))
        sent(host, 0)
        host.crash_after_commit()
        assert receiver.ended.acquire(timeout=PATIENCE_S)
        sent(host, 1)
        assert (len(receiver.received), len(receiver.connections)) == (2, 2)
