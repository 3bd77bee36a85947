"""What turns come to is kept with the position, whole or not at all, and a redelivery changes nothing."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from milepost.react.parking import ERROR_CHARS_MAX
from milepost.react.store import Moved, Position, Store, Timer
from milepost_contracts.context import ReplayWanted
from tests.react.turns import BEGIN, HOUR, MANIFEST, NOW, TENANT, event_id, grant, kept, key, to_park


def test_turns_are_kept_with_the_position(store: Store) -> None:
    """State, timers, grants, effects, facts and counters stand as the turns left them, of each key the last one."""
    first = kept(
        1, writes={"a": b"1", "b": b"1"}, timers={"t": NOW + HOUR, "gone": NOW}, effects={"mail": {"to": 1}},
        commands={"post_comment": {"id": "x"}}, facts={"said": {"n": 1}}, granted=(grant(1),),
    )  # fmt: skip
    second = kept(2, writes={"a": b"2", "b": None}, timers={"t": NOW, "gone": None}, tenant="other")
    third = kept(3, writes={"a": b"3", "b": None}, timers={"gone": None})
    store.keep(
        [(first, TENANT, 1), (second, "other", 1), (None, TENANT, 2), (third, TENANT, 3)],
        Position(1, 4), before=BEGIN, handled=3, ms_total=4.5, ms_max=3.25,
    )  # fmt: skip
    store.keep([], Position(1, 9), before=Position(1, 4), handled=1, failed=2, ms_total=1, ms_max=1)
    assert store.numbers() == {TENANT: 3, "other": 1}
    assert store.scan(TENANT, "") == [("a", b"3")]
    assert (store.get("other", "a"), store.get("other", "b"), store.get("none", "a")) == (b"2", None, None)
    assert store.list_timers() == [Timer("other", "t", NOW), Timer(TENANT, "t", NOW + HOUR)]
    assert store.grants(TENANT) == [grant(1)]
    assert [(one.key, one.kind, one.arguments, one.document, one.due) for one in store.due_effects(NOW, 10)] == [
        (key(1, "mail"), "effect", {"to": 1}, b'{"sealed":1}', NOW),
        (
            key(1, "command:goal.post_comment:0"), "command",
            first.outgoing[1].arguments, b'{"sealed":1}', NOW,
        ),
    ]  # fmt: skip
    assert [(one.id, one.document) for one in store.facts_waiting(10)] == [
        (one.id, one.document) for one in first.facts
    ]
    status = store.status()
    assert (status.position, status.handled, status.failed) == (Position(1, 9), 4, 2)
    assert (status.ms_total, status.ms_max) == (5.5, 3.25)


def test_a_redelivery_changes_nothing(store: Store) -> None:
    """Events that were taken before are passed over, whatever comes of them this time, parked ones too."""
    store.keep(
        [(kept(1, writes={"n": b"1"}, effects={"mail": {}}), TENANT, 1), (None, TENANT, 2)], Position(1, 2),
        before=BEGIN, parked=[to_park(2)],
    )  # fmt: skip
    assert store.unpark(event_id(2), None)
    before = store.counts()
    again = kept(1, writes={"n": b"2"}, effects={"mail": {"other": 1}, "more": {}}, granted=(grant(1),))
    store.keep(
        [(again, TENANT, 1), (None, TENANT, 2), (kept(3, writes={"m": b"3"}), TENANT, 3)], Position(2, 3),
        before=Position(1, 2), parked=[to_park(2)],
    )  # fmt: skip
    assert store.get(TENANT, "n") == b"1"
    assert store.get(TENANT, "m") == b"3"
    assert store.counts() == msgspec.structs.replace(before, keys=2)
    assert store.status().position == Position(2, 3)


def test_another_copy_wrote(url: str, store: Store) -> None:
    """A turn is kept only where the position is the one that it was made at; else nothing of it is."""
    other = Store(url, MANIFEST.id)
    other.open()
    other.keep([(kept(1, writes={"a": b"other"}), TENANT, 1)], Position(1, 1), before=BEGIN)
    with pytest.raises(Moved):
        store.keep([(kept(1, writes={"a": b"mine", "b": b"mine"}), TENANT, 1)], Position(1, 1), before=BEGIN)
    assert store.scan(TENANT, "") == [("a", b"other")]
    other.close()


def test_what_fails_is_kept_not_at_all(store: Store) -> None:
    """A turn that cannot be written leaves nothing behind, and the store goes on."""
    bad = kept(2, writes={"b": b"1"}, timers={"t": NOW}, effects={"mail": {}})
    bad = msgspec.structs.replace(bad, grants=[grant(2, title="\ud800")])  # no JSON, no text
    with pytest.raises(UnicodeEncodeError):
        store.keep([(kept(1, writes={"a": b"1"}), TENANT, 1), (bad, TENANT, 2)], Position(1, 2), before=BEGIN)
    assert (store.scan(TENANT, ""), store.numbers(), store.status().position) == ([], {}, BEGIN)
    assert store.counts().timers == store.counts().waiting == 0
    store.keep([(kept(1, writes={"a": b"1"}), TENANT, 1)], Position(1, 2), before=BEGIN)


def test_scanning(store: Store) -> None:
    """Keys are found by their beginning, in the order of their bytes, of one tenant alone."""
    keys = ["", "a", "a/", "a/1", "a/2", "a0", "b", "a\ud7ff", "a\ud7ff1", "a\ue000", "\U0010ffff", "\U0010ffffz", "A"]
    writes = {name: name.encode() for name in keys if name}
    store.keep_apart(kept(1, writes=writes))
    store.keep_apart(kept(1, writes={"a/9": b"x"}, tenant="other"))
    for prefix in keys:
        assert store.scan(TENANT, prefix) == [
            (name, writes[name]) for name in sorted(writes, key=str.encode) if name.startswith(prefix)
        ]
    assert store.scan(TENANT, "a\0") == store.scan(TENANT, "\ud800") == []


def test_timers(store: Store) -> None:
    """A timer is kept once with what it came to, and not where it was moved, cancelled or fired before."""
    assert store.next_timer() is None
    store.keep_apart(kept(1, timers={"a": NOW + HOUR, "b": NOW, "c": NOW + 2 * HOUR}))
    store.keep_apart(kept(1, timers={"b": NOW + HOUR}, tenant="other"))
    a, b, c = (Timer(TENANT, name, NOW + hours * HOUR) for name, hours in (("a", 1), ("b", 0), ("c", 2)))
    others = Timer("other", "b", NOW + HOUR)
    assert store.next_timer() == NOW
    assert store.due_timers(NOW + HOUR, 9) == [b, a, others]
    assert store.due_timers(NOW + HOUR, 1) == [b]
    assert not store.keep_timer(kept(2, writes={"fired": b"1"}), *a._replace(at=NOW))
    assert store.get(TENANT, "fired") is None
    assert store.keep_timer(kept(2, writes={"fired": b"1"}), *b)
    assert not store.keep_timer(kept(2, writes={"fired": b"2"}), *b)
    assert store.get(TENANT, "fired") == b"1"
    assert store.keep_timer(kept(2, timers={"a": NOW + 3 * HOUR}), *a)  # it sets itself again
    assert store.list_timers(tenant=TENANT) == [c, a._replace(at=NOW + 3 * HOUR)]
    assert store.list_timers(limit=1, after=others) == [c]


def test_timers_after_a_replay(store: Store) -> None:
    """What came due in a replay is listed instead of fired, what lies ahead stands."""
    store.keep_apart(kept(1, timers={"a": NOW - HOUR, "b": NOW, "c": NOW + HOUR}))
    dropped = store.drop_due_timers(NOW)
    assert [one.key for one in dropped] == ["a", "b"]
    assert store.drop_due_timers(NOW) == []
    assert store.listed_timers() == dropped
    assert store.listed_timers(after=dropped[0]) == dropped[1:]
    assert store.list_timers() == [Timer(TENANT, "c", NOW + HOUR)]
    assert (store.counts().timers, store.counts().timers_listed) == (1, 2)


def test_naive_ends(store: Store) -> None:
    """Instants of other zones and before the year 1000 are kept as the instants that they are."""
    zone = dt.timezone(dt.timedelta(hours=5, minutes=45))
    early = dt.datetime(987, 1, 1, tzinfo=dt.UTC)
    store.keep_apart(
        kept(1, timers={"zone": NOW.astimezone(zone), "early": early, "late": NOW + dt.timedelta(microseconds=1)})
    )
    assert [one.key for one in store.list_timers()] == ["early", "zone", "late"]
    assert store.keep_timer(kept(1), TENANT, "zone", NOW)
    assert store.next_timer() == early


def test_parking(store: Store) -> None:
    """An event is put aside with the position, found by its goal, tried again, and taken out with what it came to."""
    nonsense = to_park(2, error="\0\ud800" + "x" * 9_999, aggregate_id=to_park(1).aggregate_id)
    store.keep(
        [(None, TENANT, 1), (kept(5, effects={"mail": {}}), TENANT, 2), (None, "other", 1)], Position(1, 3),
        before=BEGIN, parked=[to_park(1), nonsense, to_park(3, tenant="other", sequence=1)],
    )  # fmt: skip
    first, second, third = store.parked()
    assert (first.event_id, first.code, first.place, first.since) == (event_id(1), "raised", "here.py:1", NOW)
    assert len(second.error) == ERROR_CHARS_MAX - 1
    assert store.parked(tenant=TENANT, aggregate_id=first.aggregate_id) == [first, second]
    assert store.parked(tenant="other") == store.parked(after=second.number) == [third]
    assert store.parked(limit=1) == [first]
    assert store.parked_goals() == {(TENANT, "goal", first.aggregate_id), ("other", "goal", third.aggregate_id)}
    store.park(to_park(1, attempts=6, code="timed_out"), NOW + HOUR)
    again = store.parked_event(event_id(1))
    assert again == msgspec.structs.replace(first, attempts=6, code="timed_out", tried=NOW + HOUR)
    assert store.unpark(event_id(1), kept(1, writes={"a": b"1"}, granted=(grant(1),)))
    assert not store.unpark(event_id(1), kept(1, writes={"a": b"2"}))
    assert store.unpark(event_id(2), None)
    assert (store.get(TENANT, "a"), store.parked_event(event_id(2))) == (b"1", None)
    assert (store.counts().parked, store.counts().grants) == (1, 1)


def test_replays_of_a_range(store: Store) -> None:
    """Past events that were asked for come one batch after the other, and what they came to is kept with how far."""
    asked = kept(9, replays=(ReplayWanted(2, 4, {"to": "x"}), ReplayWanted(1, None, {})), position=10)
    store.keep_apart(asked)
    store.keep_apart(asked)
    first, second = store.replays()
    assert (first.tenant, first.replay, first.next) == (TENANT, asked.replays[0], 2)
    assert (second.replay.last, store.counts().replays) == (10, 2)
    id_ = first.replay.id
    assert store.keep_replayed(id_, [kept(2, writes={"a": b"2"}), kept(3, writes={"a": b"3"})], before=2, next_=4)
    assert not store.keep_replayed(id_, [kept(2, writes={"a": b"2"})], before=2, next_=4)
    assert (store.get(TENANT, "a"), store.replays()[0].next) == (b"3", 4)
    assert store.keep_replayed(id_, [], before=4, next_=5)
    assert not store.keep_replayed(id_, [], before=5, next_=6)
    assert store.replays() == store.replays(after=first.number) == [second]
    assert store.end_replay(second.replay.id)
    assert not store.end_replay(second.replay.id)
    assert (store.replays(), len(store.replays(done=True))) == ([], 2)


def test_what_goes_out_survives_a_power_failure(store: Store) -> None:
    """A turn with something to send or to tell is on the disk before anybody sends it; one without need not be."""
    connection = store._on()
    for mode, durable in (("replay", False), ("live", True), ("replay", False)):
        turn = kept(1, effects={"mail": {}}, mode=mode)  # type: ignore[arg-type]  # one of them
        store.keep([(turn, TENANT, store.numbers().get(TENANT, 0) + 1)], BEGIN, before=BEGIN)
        if store._file is not None:
            assert connection.query("PRAGMA synchronous") == [(2 if durable else 1,)]
    if store._file is None:
        with store._writing() as (_, begun):
            (written,) = connection.query("SELECT CAST(pg_current_wal_insert_lsn() AS TEXT)")[0]
        assert begun.mode == "live"
        assert connection.query("SELECT pg_current_wal_flush_lsn() >= CAST(? AS pg_lsn)", (written,)) == [(True,)]
