"""Messages go by mail to a real SMTP server and by HTTP to a real one: once, again after a failure, with their key."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from milepost_rewards.sending import send

from milepost_contracts.testing import Story
from tests.plugins.rewards.rewarding import active, hosted, rule
from tests.support.receiving import Receiver
from tests.support.smtp import HANG_UP, LATER, NEVER, Mailbox

HIT = rule("hit", on="goal.milestone_hit", give={"kind": "badge", "title": "Well done", "points": 5})


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as box:
        yield box


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        yield found


def _mail(box: Mailbox) -> dict[str, Any]:
    return {"personal": [box.url(**{"from": "rewards@example.com", "to": "{person}@people.example.com"})]}


def _http(receiver: Receiver, path: str = "{person}") -> str:
    return f"json://127.0.0.1:{receiver.port}/{path}"


def _sent(receiver: Receiver) -> list[dict[str, str]]:
    """Return title and message of every request, in order."""
    return [json.loads(one.body) for one in receiver.received]


# Mail


def test_a_reward_is_told_by_mail(mailbox: Mailbox) -> None:
    """The mail names the reward, its points and the milestone, links the goal, and carries the key of its effect."""
    story = Story()
    goal = active(story)
    goal.hit("First talk")
    host = hosted(story, HIT, secrets=_mail(mailbox), link="https://example.com/goals/{goal}")
    host.deliver(*story.documents)
    host.perform()
    (mail,) = mailbox.received
    person, (grant,) = story.person("mentee"), host.grants
    assert mail.recipients == [f"{person.partition(':')[2]}@people.example.com"]
    assert mail.subject == "Well done"
    assert mail.text.split("\n") == [
        "You are given: Well done",
        "Points: 5",
        "Milestone: First talk",
        f"https://example.com/goals/{goal.id}",
        "",
        f"Reference: {grant.id[:8]}",
        "",
    ]
    (effect,) = host.effects
    assert mail.message["X-Milepost-Effect"].replace(" ", "") == effect.key
    assert mail.message["References"].replace(" ", "") == f"<{effect.key.replace('/', '.')}@milepost>"


def test_what_is_sealed_is_never_printed(mailbox: Mailbox) -> None:
    """Of the milestone of an author who was erased the message has no line."""
    story = Story()
    goal = active(story)
    mentor = story.person("mentor")
    goal.hit("First talk", by=mentor)
    host = hosted(story, HIT, secrets=_mail(mailbox))
    host.deliver(*story.documents)
    story.erase(mentor)
    host.perform()
    (mail,) = mailbox.received
    assert "enc:v1" not in mail.content.decode()
    assert "Milestone" not in mail.text


def test_mail_that_is_refused_is_tried_again(mailbox: Mailbox) -> None:
    """Refused twice, taken the third time: one mail. Refused for good, the effect is given up with its code."""
    story = Story()
    active(story).hit()
    mailbox.answers = [LATER, NEVER]
    host = hosted(story, HIT, secrets=_mail(mailbox))
    host.deliver(*story.documents)
    host.perform()
    host.perform()
    assert len(mailbox.received) == 1
    assert list(host.stored.attempts.values()) == [3]
    mailbox.answers = [NEVER] * 5
    host.deliver(active(story, name="other").hit())
    host.perform()
    assert len(mailbox.received) == 1
    assert list(host.stored.dead.values()) == ["not_delivered"]
    assert len(host.grants) == 2


def test_a_mail_that_may_have_arrived_is_sent_again_with_the_same_key(mailbox: Mailbox) -> None:
    """The server takes it and dies before saying so: the second copy has the same headers, so it can be recognised."""
    story = Story()
    active(story).hit()
    mailbox.answers = [HANG_UP]
    host = hosted(story, HIT, secrets=_mail(mailbox))
    host.deliver(*story.documents)
    host.perform()
    one, other = mailbox.received
    assert one.message["X-Milepost-Effect"] == other.message["X-Milepost-Effect"]
    assert one.message["References"] == other.message["References"]
    assert one.text == other.text
    host.crash_after_commit()
    host.redeliver()
    host.perform()
    assert len(mailbox.received) == 2


# HTTP


def test_a_reward_is_told_by_http(receiver: Receiver) -> None:
    """A request of Apprise's JSON service has title and message, and its key in two headers."""
    story = Story()
    active(story).hit()
    host = hosted(story, HIT | {"to": "both"}, secrets={"personal": [_http(receiver)]})
    host.deliver(*story.documents)
    host.perform()
    assert [one.path for one in receiver.received] == [f"/{story.person(name)[5:]}" for name in ("mentee", "mentor")]
    assert [one["title"] for one in _sent(receiver)] == ["Well done"] * 2
    keys = [one.headers["idempotency-key"] for one in receiver.received]
    assert keys == [one.headers["x-milepost-effect"] for one in receiver.received] == [one.key for one in host.effects]


def test_every_destination_is_tried_on_its_own(receiver: Receiver) -> None:
    """Of a person's two, the one that fails is tried again, the one that took the message is left alone."""
    story = Story()
    active(story).hit()
    receiver.answers = [204, 500, 302]
    urls = [_http(receiver, "one"), _http(receiver, "two")]
    host = hosted(story, HIT, secrets={"people": {story.person("mentee"): urls}})
    host.deliver(*story.documents)
    host.perform()
    host.perform()
    assert [one.path for one in receiver.received] == ["/one", "/two", "/two", "/two"]


def test_a_destination_that_says_nothing_is_given_up_in_time() -> None:
    """Connected and silent: the transport's own limit ends it, before the host has to."""
    with socket.create_server(("127.0.0.1", 0)) as silent, contextlib.closing(silent):
        port = silent.getsockname()[1]
        for url in (f"json://127.0.0.1:{port}/", f"mailto://127.0.0.1:{port}?from=a@example.com&to=b@example.com"):
            assert not send(url, "Title", "Body", key="k", timeout_s=0.2)


def test_a_url_that_is_none_any_more_takes_nothing() -> None:
    """What Apprise cannot make a service of is a failure, not an error."""
    assert not send("nosuch://x", "Title", "Body", key="k", timeout_s=1)


def test_what_apprise_would_log_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A destination that refuses is no line in any log: it would hold addresses and tokens."""
    assert not send("json://127.0.0.1:9/", "Title", "Body", key="k", timeout_s=1)  # so that all is imported
    with caplog.at_level(logging.DEBUG), socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        server.close()
        assert not send(f"json://hunter22:secret@127.0.0.1:{port}/", "Title", "Body", key="k", timeout_s=1)
    assert caplog.records == []


def test_the_log_of_the_host_is_as_it_was(receiver: Receiver) -> None:
    """Apprise's logger is quiet only while a message is sent."""
    logger = logging.getLogger("apprise")
    assert send(_http(receiver, "x"), "Title", "Body", key="k", timeout_s=1)
    assert logger.disabled is False
