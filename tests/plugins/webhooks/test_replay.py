"""A range of past events is sent again: what was missed, by sequence or by time, known by the same ids or as new."""

from __future__ import annotations

from typing import Any

import pytest

from milepost_contracts.envelope import decode
from milepost_contracts.testing import Host
from milepost_contracts.testing.host import HookFailed
from tests.plugins.webhooks.hosting import Receiver, after, endpoint, hosted, told


def numbers(receiver: Receiver, since: int = 0) -> list[int]:
    """Return the sequences of what was received, from the place *since* on."""
    return [decode(one.body).number for one in receiver.received[since:]]


def begun(receiver: Receiver, hits: int = 5, **more: Any) -> Host:
    """Deliver a story of so many events and one."""
    host = hosted(endpoint(receiver), endpoint(receiver, "other", enabled=False), story=told(hits), **more)
    host.deliver(*host.story.documents)
    host.perform()
    return host


def asked(host: Host, endpoint_: str = "crm", id_: str = "1", **arguments: Any) -> Any:
    """Ask for a replay, with `from_` for `from`; return the answer."""
    named = {"from" if name == "from_" else name: value for name, value in arguments.items()}
    return host.act("replay", id_=id_, endpoint=endpoint_, **named)


def again(host: Host, **arguments: Any) -> None:
    """Ask for a replay and have it done."""
    asked(host, id_=f"replay {len(host.stored.replays)}", **arguments)
    host.replay()
    host.perform()


def test_a_range_of_sequences_comes_again_with_the_same_ids() -> None:
    """Exactly the range comes again, under keys of its own, each with the webhook-id that its receiver knows."""
    with Receiver() as receiver:
        host = begun(receiver)
        again(host, from_=2, to="4")
        assert numbers(receiver) == [1, 2, 3, 4, 5, 6, 2, 3, 4]
        assert receiver.ids[6:] == receiver.ids[1:4]
        assert [one.body for one in receiver.received[6:]] == host.story.documents[1:4]
        assert len({one.key for one in host.effects}) == 9


def test_a_replay_can_be_new_to_its_receiver() -> None:
    """With new_ids each replay has ids of its own, the same in each of its attempts."""
    with Receiver() as receiver:
        host = begun(receiver, hits=1)
        receiver.answers = [500]
        again(host, from_=1, to=1, new_ids=True)
        after(host, seconds=6)
        assert numbers(receiver) == [1, 2, 1, 1]
        assert receiver.ids[2] == receiver.ids[3]
        assert receiver.ids[2].startswith(receiver.ids[0] + "_")
        assert "." not in receiver.ids[2]
        again(host, from_=1, to=1, new_ids=True)
        assert len(set(receiver.ids)) == 4


def test_a_range_of_time_comes_again() -> None:
    """Instants and days (UTC, each whole) choose by when events were recorded; an open end is open."""
    with Receiver() as receiver:
        host = begun(receiver)  # recorded from 2026-03-02 09:00 on, each a minute after the other
        for bounds, wanted in (
            ({"from_": "2026-03-02T09:01:00Z", "to": "2026-03-02T10:02:00+01:00"}, [2, 3]),
            ({"from_": "2026-03-02T09:04:00Z"}, [5, 6]),
            ({"to": "2026-03-02T09:00:00Z"}, [1]),
            ({"from_": "2026-03-02", "to": "2026-03-02"}, [1, 2, 3, 4, 5, 6]),
            ({"from_": "2026-03-03"}, []),
            ({"from_": 5, "to": "2026-03-02T09:04:30Z"}, [5]),
        ):
            had = len(receiver.received)
            again(host, **bounds)
            assert numbers(receiver, had) == wanted, bounds


def test_what_was_missed_comes_when_the_endpoint_is_enabled() -> None:
    """After a disabling, enable and replay without a range bring every event that did not arrive, and forget that."""
    with Receiver(204, 410) as receiver:
        host = begun(receiver)
        assert numbers(receiver) == [1, 2]
        with pytest.raises(HookFailed, match="endpoint_disabled"):
            asked(host)
        host.act("enable", endpoint="crm")
        again(host)
        assert numbers(receiver) == [1, 2, 2, 3, 4, 5, 6]
        assert host.state == {}
        with pytest.raises(HookFailed, match="nothing_missed"):
            asked(host, id_="again")


def test_what_a_replay_does_not_bring_is_missed_again() -> None:
    """An endpoint that is disabled in the middle of a replay has missed the rest, which the next replay brings."""
    with Receiver(410) as receiver:
        host = begun(receiver, hits=3)
        host.act("enable", endpoint="crm")
        asked(host)
        host.replay(at_most=2)
        receiver.answers = [204, 410]
        host.perform()
        host.crash_after_commit()
        host.replay()
        host.perform()
        assert host.state["endpoint/crm"]["missed"] == {"first": 2, "last": 4, "count": 3}
        host.act("enable", id_="2", endpoint="crm")
        again(host)
        assert numbers(receiver) == [1, 1, 2, 2, 3, 4]
        assert host.state == {}


def test_a_part_of_what_was_missed_leaves_the_rest_known() -> None:
    """A replay that does not cover everything that was missed forgets nothing of it."""
    with Receiver(410) as receiver:
        host = begun(receiver, hits=3)
        host.act("enable", endpoint="crm")
        again(host, from_=2, to=3)
        assert host.state["endpoint/crm"]["missed"] == {"first": 1, "last": 4, "count": 4}
        again(host, from_=1)
        assert host.state == {}


def test_a_replay_is_filtered_like_events() -> None:
    """Only what the endpoint wants by its present configuration comes again; nothing to one that is off."""
    with Receiver() as receiver:
        host = hosted(
            endpoint(receiver, events=["goal.created"]), endpoint(receiver, "off", enabled=False), story=told(3)
        )
        host.deliver(*host.story.documents)
        host.perform()
        again(host, from_=1)
        assert numbers(receiver) == [1, 1]
        with pytest.raises(HookFailed, match="endpoint_disabled"):
            asked(host, "off", from_=1)


def test_a_request_that_comes_twice_is_one_replay() -> None:
    """The same request again, whose answer was lost, sends nothing again."""
    with Receiver() as receiver:
        host = begun(receiver, hits=1)
        for _ in range(2):
            assert asked(host, from_=2)["first"] == 2
            host.replay()
            host.perform()
        assert numbers(receiver) == [1, 2, 2]


@pytest.mark.parametrize(
    "wrong",
    [
        {"from_": 0}, {"from_": 5, "to": 4}, {"from_": "yesterday"}, {"from_": "2026-03-02T09:00:00"},
        {"from_": "2026-13-01"}, {"from_": -1}, {"from_": "2026-03-02", "to": "2026-03-01"}, {"from_": [1]},
        {"since": 1},
    ],
)  # fmt: skip
def test_a_range_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    """Sequences before the first, ends before beginnings and times without a zone are refused."""
    with Receiver() as receiver:
        host = begun(receiver, hits=0)
        with pytest.raises(HookFailed, match="invalid_request"):
            asked(host, **wrong)
        assert host.stored.replays == {}
