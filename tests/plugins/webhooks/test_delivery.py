"""What arrives: the event's exact document, signed by the convention, once for each endpoint that wants it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from milepost_webhooks.delivery import USER_AGENT
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from milepost_contracts.envelope import decode
from milepost_contracts.events.programme import Closed
from milepost_contracts.testing import Story
from milepost_contracts.testing.story import uid
from tests.plugins.webhooks.hosting import Receiver, endpoint, hosted, secret, told
from tests.support.receiving import Certificate
from tests.support.resolving import Names


def test_the_document_arrives_as_it_is_on_the_bus() -> None:
    """The body is the event's document byte for byte, words sealed, signed so that the convention's library agrees."""
    story = told()
    with Receiver() as receiver:
        host = hosted(endpoint(receiver), story=story)
        host.deliver(*story.documents)
        host.perform()
    assert [one.body for one in receiver.received] == story.documents
    for one in receiver.received:
        assert Webhook(secret()).verify(one.body, one.headers)["tenant"] == "acme"
        assert one.path == "/hook"
        assert one.headers["content-type"] == "application/cloudevents+json"
        assert one.headers["user-agent"] == USER_AGENT
        assert one.headers["host"] == f"127.0.0.1:{receiver.port}"
        assert b"two hundred" not in one.body
    assert receiver.ids == [f"{decode(document).id}_crm" for document in story.documents]
    assert "." not in "".join(receiver.ids)


def test_a_signature_is_of_the_body_and_the_secret() -> None:
    """Another secret or one byte more does not verify."""
    story = told()
    with Receiver() as receiver:
        host = hosted(endpoint(receiver), story=story)
        host.deliver(*story.documents)
        host.perform()
    one = receiver.received[0]
    for wrong, body in ((secret(2), one.body), (secret(), one.body + b" ")):
        with pytest.raises(WebhookVerificationError):
            Webhook(wrong).verify(body, one.headers)


def test_while_secrets_change_both_verify() -> None:
    """With two secrets there are two signatures; a receiver with either accepts, the new one comes first."""
    story = told()
    with Receiver() as receiver:
        host = hosted(endpoint(receiver), story=story, secrets={"crm": {"signing": [secret(2), secret(1)]}})
        host.deliver(story.documents[0])
        host.perform()
    [one] = receiver.received
    for either in (secret(1), secret(2)):
        Webhook(either).verify(one.body, one.headers)
    first = one.headers["webhook-signature"].split(" ")[0]
    Webhook(secret(2)).verify(one.body, {**one.headers, "webhook-signature": first})
    assert one.headers["webhook-signature"].count("v1,") == 2


def test_filters_choose() -> None:
    """Tenants, events, aggregates, goals and programmes each let through what they name, and all have to."""
    story = told(hits=1)
    goal = story.goal(story.person("other"), name="other goal")
    goal.programme = uid("programme")
    goal.hit("In a programme")
    story.add(Closed(closed_on=story.now.date()), by=story.person("admin"), id_=uid("programme"))
    wanted: dict[str, dict[str, Any]] = {
        "all": {},
        "others": {"tenants": ["globex", "initech"]},
        "any": {"tenants": ["*"]},
        "hits": {"events": ["goal.milestone_hit", "mentorship.*"]},
        "aggregate": {"aggregates": ["programme", "person"]},
        "goal": {"goals": [goal.id]},
        "programme": {"programmes": [uid("programme")]},
        "both": {"programmes": [uid("programme")], "events": ["goal.*"]},
        "off": {"enabled": False},
    }
    host = hosted(*(endpoint("https://hooks.example/", id_, **more) for id_, more in wanted.items()), story=story)
    host.deliver(*story.documents)
    got: dict[str, list[int]] = {id_: [] for id_ in wanted}
    for one in host.effects:
        got[one.arguments["endpoint"]].append(decode(one.document or b"").number)
    assert got == {
        "all": [1, 2, 3, 4, 5], "others": [], "any": [1, 2, 3, 4, 5], "hits": [2, 4], "aggregate": [5],
        "goal": [3, 4], "programme": [4, 5], "both": [4], "off": [],
    }  # fmt: skip
    assert len({one.key for one in host.effects}) == len(host.effects)


def test_an_event_of_a_later_release_is_delivered() -> None:
    """A tag that this version does not know goes out like any other, filtered by what its envelope and data say."""
    story = told(hits=0)
    document = msgspec.json.decode(story.documents[0])
    document["type"] = "goal.celebrated.v9"
    document["data"] = {"context": {"programme": uid("programme")}}
    host = hosted(endpoint("https://hooks.example/", programmes=[uid("programme")], events=["goal.celebrated"]))
    host.deliver(msgspec.json.encode(document))
    assert len(host.effects) == 1


def test_words_are_opened_only_by_the_plugin_that_may() -> None:
    """`webhooks-words` opens words for endpoints that say so, others get them sealed; erased words stay sealed."""
    story = told(hits=1)
    with Receiver() as receiver:
        host = hosted(endpoint(receiver, words=True), endpoint(receiver, "bus"), story=story, words=True)
        host.deliver(story.documents[0])
        host.perform()
        story.erase(story.person("mentee"))
        host.deliver(story.documents[1])
        host.perform()
    got = {one.id: msgspec.json.decode(one.body) for one in receiver.received}
    created, hit = (decode(document).id for document in story.documents[:2])
    assert got[f"{created}_crm"]["data"]["title"] == "Speak freely to two hundred people"
    assert got[f"{created}_bus"]["data"]["title"].startswith("enc:v1:")
    assert got[f"{hit}_crm"]["data"]["title"].startswith("enc:v1:")
    sealed = msgspec.json.decode(story.documents[0])
    assert got[f"{created}_crm"] | {"data": None} == sealed | {"data": None}
    for one in receiver.received:
        Webhook(secret()).verify(one.body, one.headers)


def test_replay_and_dry_run_send_nothing() -> None:
    """History that is read for the first time is listed, not sent."""
    story = told()
    for mode in ("replay", "dry_run"):
        with Receiver() as receiver:
            host = hosted(endpoint(receiver), story=story, mode=mode)
            host.deliver(*story.documents)
            host.perform()
            assert receiver.received == []
            assert len(host.suppressed) == 2


def test_after_a_crash_the_same_id_comes_again() -> None:
    """A process that dies between sending and noting it sends again: with the same id, body and key, never others."""
    story = told()
    with Receiver() as receiver:
        host = hosted(endpoint(receiver), story=story)
        host.deliver(*story.documents)
        host.perform()
        host.crash_after_commit()
        host.perform(again=True)
        host.redeliver()
        host.redeliver(forgotten=True)
        host.perform()
        for document, kept in zip(story.documents, host.effects, strict=True):
            [wanted] = host.run(document).turn.effects
            assert (wanted.name, wanted.arguments) == (kept.name, kept.arguments)
    assert len(receiver.received) == 4
    assert len({(one.id, one.body) for one in receiver.received}) == len(set(receiver.ids)) == 2


def test_tls_is_verified(tmp_path: Path) -> None:
    """A certificate of the configured authority is accepted, by the name of the URL; others are no delivery."""
    story = told(hits=0)
    certificate = Certificate(tmp_path, ["hooks.example"])
    with Receiver(certificate=certificate) as receiver:
        names = Names(hooks_example=[["127.0.0.1"]], else_example=[["127.0.0.1"]])
        right = endpoint(f"https://hooks.example:{receiver.port}/", "right")
        wrong = endpoint(f"https://else.example:{receiver.port}/", "wrong")
        host = hosted(right, wrong, story=story, names=names, allow_http=False, ca_file=str(certificate.ca_file))
        host.deliver(*story.documents)
        host.perform()
        assert [one.id.rpartition("_")[2] for one in receiver.received] == ["right"]
        assert receiver.received[0].headers["host"] == f"hooks.example:{receiver.port}"
        assert certificate.asked == ["hooks.example", "else.example"]
        assert host.state["endpoint/wrong"]["code"] == "tls_failed"

        untrusted = hosted(right, story=story, names=names, allow_http=False)
        untrusted.deliver(*story.documents)
        untrusted.perform()
        assert untrusted.state["endpoint/right"]["code"] == "tls_failed"
        assert len(receiver.received) == 1


def test_a_certificate_out_of_date_is_refused(tmp_path: Path) -> None:
    """Yesterday's certificate is none."""
    story = told(hits=0)
    certificate = Certificate(tmp_path, ["hooks.example"], days=-1)
    with Receiver(certificate=certificate) as receiver:
        host = hosted(
            endpoint(f"https://hooks.example:{receiver.port}/"), story=story,
            names=Names(hooks_example=[["127.0.0.1"]]), ca_file=str(certificate.ca_file),
        )  # fmt: skip
        host.deliver(*story.documents)
        host.perform()
        assert host.state["endpoint/crm"]["code"] == "tls_failed"
        assert receiver.received == []


def test_the_next_address_is_tried() -> None:
    """A name with several addresses of which one does not answer is delivered to the next."""
    story = Story()
    story.goal(story.person("mentee"))
    with Receiver() as receiver:
        host = hosted(
            endpoint(f"http://hooks.example:{receiver.port}/"), story=story,
            names=Names(hooks_example=[["127.0.0.9", "127.0.0.1"]]), allow_private=["127.0.0.0/8"],
        )  # fmt: skip
        host.deliver(*story.documents)
        host.perform()
        assert len(receiver.received) == 1
