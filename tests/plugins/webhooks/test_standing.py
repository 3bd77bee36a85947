"""How failures are taken: tried again by the schedule, as the receiver asks, left alone, disabled, enabled by hand."""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime
from typing import Any

import pytest
from milepost_webhooks.config import Config
from milepost_webhooks.delivery import retry_after_s
from milepost_webhooks.standing import Standing, failed

from milepost_contracts.plugin import Delivered, Outcome, Question
from milepost_contracts.testing import Host
from milepost_contracts.testing.host import HookFailed
from tests.plugins.webhooks.hosting import Receiver, after, endpoint, hosted, told


def begun(*endpoints: dict[str, Any], hits: int = 0, **more: Any) -> Host:
    """Deliver a story and try its effects once."""
    host = hosted(*endpoints, story=told(hits), **more)
    host.deliver(*host.story.documents)
    host.perform()
    return host


def test_the_schedule_is_kept() -> None:
    """A delivery that fails is tried again by retry_s, a tenth later at the most, and given up after the last."""
    with Receiver() as receiver:
        receiver.otherwise = 500
        host = begun(endpoint(receiver), retry_s=[5, 300, 1800])
        for place, delay_s in enumerate((5, 300, 1800), start=1):
            after(host, seconds=delay_s - 1)
            assert len(receiver.received) == place
            after(host, seconds=delay_s * 0.1 + 1)
            assert len(receiver.received) == place + 1
        after(host, days=30)
        assert len(receiver.received) == 4
        assert list(host.stored.dead.values()) == ["http_500"]
        assert len(set(receiver.ids)) == 1
        stamps = [int(one.headers["webhook-timestamp"]) for one in receiver.received]
        assert stamps == sorted(set(stamps))  # of the attempt, not of the event
        signatures = {one.headers["webhook-signature"] for one in receiver.received}
        assert len(signatures) == 4


def test_success_clears_the_past() -> None:
    """After a delivery that works nothing is left of failures before it."""
    with Receiver(503, 500) as receiver:
        host = begun(endpoint(receiver))
        after(host, seconds=6)
        assert host.state["endpoint/crm"]["failures"] == 2
        after(host, seconds=331)
        assert len(receiver.received) == 3
        assert host.state == {}


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(status: int) -> None:
    """What a receiver asks for in seconds is waited for, and other events wait with it."""
    with Receiver((status, {"retry-after": "3600"})) as receiver:
        host = begun(endpoint(receiver), hits=1)
        assert len(receiver.received) == 1
        after(host, seconds=3599)
        assert len(receiver.received) == 1
        after(host, seconds=361)
        after(host, seconds=1)
        assert len(set(receiver.ids)) == 2
        assert host.state == {}


def test_retry_after_is_bounded() -> None:
    """A receiver that asks for a year is asked again after retry_after_s_max, one that asks for nothing by schedule."""
    with Receiver((429, {"retry-after": "31536000"}), (503, {"retry-after": "0"}), 204) as receiver:
        host = begun(endpoint(receiver), retry_after_s_max=600)
        after(host, seconds=661)
        assert len(receiver.received) == 2
        after(host, seconds=299)
        assert len(receiver.received) == 2
        after(host, seconds=32)
        assert len(receiver.received) == 3


def test_retry_after_is_seconds_or_a_date() -> None:
    """Both forms of HTTP are read; what lies in the past or is nonsense asks for nothing."""
    now = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
    assert retry_after_s("120", now) == 120
    assert retry_after_s(format_datetime(now + dt.timedelta(minutes=2), usegmt=True), now) == 120
    assert retry_after_s("Mon, 02 Mar 2026 09:01:00 -0000", now) == 60
    for nothing in ("", "-5", "soon", "1.5", "²", format_datetime(now - dt.timedelta(minutes=2)), "Mon, 99 Foo"):
        assert retry_after_s(nothing, now) == 0
    assert retry_after_s("9" * 5000, now) > 10**9


def test_a_failing_endpoint_holds_up_nobody() -> None:
    """While an endpoint fails it is asked once in a while, not by each event; its neighbour gets everything at once."""
    with Receiver() as dead, Receiver() as well:
        dead.otherwise = 500
        host = begun(endpoint(dead), endpoint(well, "well"), hits=9)
        assert len(dead.received) == 1
        assert len(well.received) == 10
        for _ in range(5):
            after(host, seconds=61)
        assert len(dead.received) <= 3  # after 5 s, and after 5 minutes
        dead.otherwise = 204
        after(host, seconds=301)
        after(host, seconds=301)
        assert len(set(dead.ids)) == 10
        assert list(host.stored.dead) == []
        assert host.state == {}


def test_what_fails_side_by_side_is_one_failure_to_wait_for() -> None:
    """Attempts under way at the same time that fail hold the endpoint once; who is throttled then waits longer."""
    now = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
    bad, config = Outcome(ok=False, final=False, code="http_500"), Config(retry_s=(5, 60, 600), hold_s_max=300)
    standing = Standing()
    for _ in range(4):
        standing = failed(standing, bad, config, now)
    assert (standing.held_until, standing.failures) == (now + dt.timedelta(seconds=5), 4)
    for waits_s in (60, 300, 300):
        assert standing.held_until is not None
        now = standing.held_until
        standing = failed(standing, bad, config, now)
        assert standing.held_until == now + dt.timedelta(seconds=waits_s)
    busy = Outcome(ok=False, final=False, code="http_503", retry_s=3600)
    assert failed(standing, busy, config, now).held_until == now + dt.timedelta(hours=1)
    assert failed(Standing(), bad, Config(retry_s=()), now).held_until == now


def test_gone_disables_at_once() -> None:
    """410 disables the endpoint: what is under way is given up, what comes is noted, and a fact says so."""
    with Receiver(410) as receiver:
        host = begun(endpoint(receiver), hits=2)
        assert len(receiver.received) == 1
        assert sorted(host.stored.dead.values()) == ["endpoint_disabled", "endpoint_disabled", "gone"]
        goal = host.story.goal(host.story.person("other"), name="later goal")
        goal.hit()
        host.deliver(*host.story.documents[3:])
        after(host, days=30)
        assert len(receiver.received) == 1
        standing = host.state["endpoint/crm"]
        assert standing["disabled"] == "gone"
        assert standing["missed"] == {"first": 1, "last": 5, "count": 5}
        [(name, told_)] = host.facts
        assert (name, told_["endpoint"], told_["why"], told_["code"]) == ("endpoint_disabled", "crm", "gone", "gone")


def test_long_failure_disables() -> None:
    """Nothing arrived for so long, tried so often: disabled; one failure long ago is not enough."""
    with Receiver() as receiver:
        receiver.otherwise = 500
        host = begun(endpoint(receiver), hits=0, disable_after_hours=72, disable_after_attempts=10)
        while receiver.received and len(receiver.received) < 10:
            after(host, hours=9)
        assert host.facts[0][1]["why"] == "failing"
        assert host.facts[0][1]["failures"] == 10
        assert host.state["endpoint/crm"]["disabled"] == "failing"
        assert any(line.message == "endpoint disabled" for line in host.log)

        host = begun(endpoint(receiver), hits=0, retry_s=[5], disable_after_hours=72, disable_after_attempts=10)
        after(host, days=30)
        assert host.facts == []
        assert host.state["endpoint/crm"]["missed"]["count"] == 1


def test_an_endpoint_is_enabled_by_hand() -> None:
    """It stays disabled, whatever arrives late, until an administrator enables it; a fact tells that too."""
    with Receiver(410) as receiver:
        host = begun(endpoint(receiver))
        after(host, days=100)
        assert host.act("enable", endpoint="crm") == {
            "endpoint": "crm", "missed": {"first": 1, "last": 1, "count": 1},
        }  # fmt: skip
        assert [name for name, _ in host.facts] == ["endpoint_disabled", "endpoint_enabled"]
        host.story.goal(host.story.person("other"), name="later goal")
        host.deliver(host.story.documents[-1])
        host.perform()
        assert len(receiver.received) == 2
        assert host.state["endpoint/crm"] == {"missed": {"first": 1, "last": 1, "count": 1}}
        host.act("enable", id_="2", endpoint="crm")
        assert len(host.facts) == 2


def test_an_endpoint_is_disabled_by_hand() -> None:
    """What an administrator disables gets nothing more, what was under way included."""
    with Receiver() as receiver:
        host = hosted(endpoint(receiver), story=told(0))
        host.deliver(*host.story.documents)
        assert host.act("disable", endpoint="crm") == {"endpoint": "crm", "disabled": "by_hand"}
        assert host.act("disable", id_="2", endpoint="crm") == {"endpoint": "crm", "disabled": "by_hand"}
        host.perform()
        assert receiver.received == []
        assert host.facts[0][1]["why"] == "by_hand"
        assert len(host.facts) == 1


def test_an_endpoint_that_is_removed_or_narrowed_gets_nothing_more() -> None:
    """What is under way when the configuration changes is held against the new one."""
    with Receiver() as receiver:
        before = hosted(endpoint(receiver), endpoint(receiver, "narrowed"), endpoint(receiver, "off"), story=told(0))
        before.deliver(*before.story.documents)
        host = hosted(
            endpoint(receiver, "narrowed", tenants=["globex"]), endpoint(receiver, "off", enabled=False),
            story=before.story,
        )  # fmt: skip
        host.stored.outbox.update(before.stored.outbox)
        host.perform()
        assert receiver.received == []
        assert sorted(host.stored.dead.values()) == ["endpoint_disabled", "endpoint_unknown", "no_longer_wanted"]
        assert sorted(host.state) == ["endpoint/off"]


def test_a_delivery_under_way_does_not_enable() -> None:
    """What comes of a delivery that was under way when an endpoint was disabled leaves it so."""
    with Receiver() as receiver:
        host = hosted(endpoint(receiver), story=told(0))
        host.deliver(*host.story.documents)
        effect = host._effect(host.effects[0], attempt=1)
        assert host.runner.perform(effect).failure is None
        host.act("disable", endpoint="crm")
        assert host.runner.performed(effect, Outcome(ok=True, final=True)).turn.count == 0
        late = host.runner.performed(effect, Outcome(ok=False, final=False, code="gone")).turn
        assert [line.message for line in late.log] == ["not delivered"]
        assert late.facts == []
        assert host.state["endpoint/crm"]["disabled"] == "by_hand"


def test_administrators_see_how_endpoints_stand() -> None:
    """The question `endpoints` tells those of the tenant, with no path of a URL and no secret; others are refused."""
    with Receiver(500) as receiver:
        host = begun(endpoint(receiver), endpoint(receiver, "theirs", tenants=["globex"]))
        assert host.runner.health().result.message == ""
        assert "there are no endpoints" in hosted().runner.health().result.message
        [one] = host.ask("endpoints", by="user:admin", roles=["admin"])
        assert (one["endpoint"], one["failures"], one["code"]) == ("crm", 1, "http_500")
        assert one["origin"] == f"http://127.0.0.1:{receiver.port}"
        assert "hook" not in str(one)
        assert host.ask("nonsense", by="user:admin", roles=["admin"]) is None
        with pytest.raises(HookFailed, match="not_allowed"):
            host.ask("endpoints", by="user:mentee")
        with pytest.raises(HookFailed, match=r"invalid_request: .*endpoint"):
            host.ask("endpoints", by="user:admin", roles=["admin"], endpoint="crm")


def test_requests_that_are_none_are_refused() -> None:
    """An unknown endpoint, another tenant's, and arguments that are none are refused by name; unknown verbs unknown."""
    host = hosted(endpoint("https://hooks.example/"), endpoint("https://hooks.example/", "theirs", tenants=["globex"]))
    for name in ("enable", "disable", "replay"):
        for wrong in ("other", "theirs"):
            with pytest.raises(HookFailed, match="endpoint_unknown"):
                host.act(name, endpoint=wrong)
        with pytest.raises(HookFailed, match="invalid_request"):
            host.act(name, endpoint="crm", nonsense=1)
        with pytest.raises(HookFailed, match="invalid_request"):
            host.act(name)
    assert host.act("explode", endpoint="crm") is None


def test_nothing_is_kept_of_people() -> None:
    """State, facts, log and effects' arguments name nobody and have no words; erasing a person changes nothing."""
    with Receiver(500, 410) as receiver:
        host = begun(endpoint(receiver), hits=2, words=True)
        after(host, seconds=6)
        person = host.story.person("mentee")
        kept = str([host.state, host.facts, host.log, [one.arguments for one in host.effects]])
        assert person.partition(":")[2] not in kept
        assert "audience" not in kept
        before = host.state
        host.deliver(Delivered(host.story.erase(person)))
        assert host.state["endpoint/crm"] | {"missed": 0} == before["endpoint/crm"] | {"missed": 0}


def test_others_cannot_ask_for_anything() -> None:
    """A mentee who asks to disable an endpoint is refused, and nothing changes."""
    host = hosted(endpoint("https://hooks.example/"))
    asked = Question(name="disable", tenant="acme", actor="user:mentee", arguments={"endpoint": "crm"}, id="1")
    done = host.runner.act(asked)
    assert done.failure is not None
    assert (done.failure.code, done.turn.count) == ("not_allowed", 0)
