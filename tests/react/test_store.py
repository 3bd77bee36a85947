"""What a plugin keeps, in SQLite and in PostgreSQL: turns with their position, and what may come twice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from milepost.database import Connection, DatabaseError, PostgresConnection, SQLiteConnection
from milepost.react.outbox import ARGUMENTS_KEPT_DAYS
from milepost.react.parking import ERROR_CHARS_MAX
from milepost.react.store import Moved, Position, Store, Timer, ToPark
from milepost.react.where import schema_of
from milepost_contracts.context import ReplayWanted
from milepost_contracts.envelope import decode
from tests.react.turns import MANIFEST, NOW, PERSON, TENANT, event_id, grant, kept, key
from tests.support.postgres import postgres_url  # noqa: F401  fixture

BEGIN = Position(1, 0)
HOUR = dt.timedelta(hours=1)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of all plugins' tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/some where/react.sqlite"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Give a store that has begun live at BEGIN."""
    made = Store(url, MANIFEST.id, clock=lambda: NOW)
    made.open()
    made.begin(BEGIN, "live")
    yield made
    made.close()


def to_park(number: int, **changes: object) -> ToPark:
    """Return the event *number*, to be put aside."""
    one = ToPark(
        tenant=TENANT, sequence=number, event_id=event_id(number), aggregate="goal",
        aggregate_id=event_id(2000 + number), document=b"{}", code="raised", hook="on_event", error="ValueError",
        place="here.py:1", attempts=5,
    )  # fmt: skip
    return msgspec.structs.replace(one, **changes)


def test_a_new_store(url: str) -> None:
    """A plugin that has stored nothing has no position, and what is set stays over a restart."""
    store = Store(url, "some-plugin_1")
    store.open()
    status = store.status()
    assert (status.position, status.mode, status.started) == (Position(0, 0), "live", False)
    assert (store.numbers(), store.counts().keys, store.looks_emptied()) == ({}, 0, False)
    store.begin(Position(3, 7), "replay", 90, {"acme": 4})
    store.set_paused("failing", "it raised")
    store.set_disabled(True)
    store.set_version("1.2.3")
    store.close()
    store.open()
    status = store.status()
    assert (status.position, status.mode, status.replay_until) == (Position(3, 7), "replay", 90)
    assert (status.paused, status.why, status.disabled, status.version) == ("failing", "it raised", True, "1.2.3")
    assert store.numbers() == {"acme": 4}
    assert status.started
    store.set_paused("")
    assert store.status().paused == ""
    store.close()
    store.close()
    with pytest.raises(DatabaseError, match="not open"):
        store.status()


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


def test_an_effect_key_has_one_content(store: Store) -> None:
    """The first decision about a key stands, in whatever mode it comes again; other content is counted, not kept."""
    store.keep_apart(kept(1, effects={"mail": {"a": 1, "b": [1]}}))
    store.keep_apart(kept(1, effects={"mail": {"b": [1], "a": 1}}, now=NOW + HOUR))  # only the time differs
    assert store.effects(changed=True) == []
    store.keep_apart(kept(1, effects={"mail": {"a": 2}}, mode="replay"))
    store.keep_apart(kept(2, effects={"mail": {"a": 1}}, mode="replay"))
    store.keep_apart(kept(2, effects={"mail": {"a": 1}}))
    first, second = store.effects()
    assert (first.key, first.state, first.arguments, first.changed) == (
        key(1, "mail"),
        "waiting",
        {"a": 1, "b": [1]},
        1,
    )
    assert (second.state, second.changed, second.document) == ("suppressed", 0, None)
    assert store.effects(changed=True) == [first]
    assert store.effects("suppressed") == store.effects(after=first.number) == [second]
    assert (store.counts().changed, store.counts().suppressed) == (1, 1)
    twice = kept(3, effects={"mail": {"a": 1}})
    store.keep_apart(
        msgspec.structs.replace(twice, outgoing=[*twice.outgoing, *kept(3, effects={"mail": {}}).outgoing])
    )
    assert store.effect(key(3, "mail")) == store.effects(changed=True)[1]
    assert store.effect("none") is None


def test_a_command_by_a_later_version_is_the_same(store: Store) -> None:
    """Which version of the plugin asks for a command, or says something, makes it no other one."""
    newer = msgspec.structs.replace(MANIFEST, version="2.0.0")
    for manifest in (MANIFEST, newer):
        turn = kept(1, commands={"post_comment": {"id": "x"}}, facts={"said": {"n": 1}}, manifest=manifest)
        store.keep_apart(turn)
    assert [one.changed for one in store.effects()] == [0]
    assert [one.changed for one in store.facts()] == [0]


def test_effects_on_their_way(store: Store) -> None:
    """An effect waits until it is due, is tried again when it is said, and counts its attempts."""
    store.keep_apart(kept(1, effects={"late": {}}, delay_s=60))
    store.keep_apart(kept(1, effects={"soon": {}}))
    assert [one.name for one in store.due_effects(NOW, 5)] == ["soon"]
    assert [one.name for one in store.due_effects(NOW + HOUR, 5)] == ["soon", "late"]
    assert [one.name for one in store.due_effects(NOW + HOUR, 1)] == ["soon"]
    assert store.next_effect() == NOW
    assert store.effect_failed(key(1, "soon"), "http_500", NOW + HOUR)
    assert store.effect_failed(key(1, "soon"), "not_yet", NOW + 2 * HOUR, tried=False)
    assert store.next_effect() == NOW + dt.timedelta(seconds=60)
    assert store.effect_sent(key(1, "late"), NOW + HOUR)
    (failed,) = store.due_effects(NOW + 2 * HOUR, 5)
    assert (failed.attempts, failed.tries, failed.last_code, failed.state) == (1, 1, "not_yet", "waiting")
    assert store.effect_dead(failed.key, "gave\0up")
    assert store.next_effect() is None
    (dead,) = store.effects("dead")
    assert (dead.attempts, dead.last_code, dead.document) == (2, "gaveup", b'{"sealed":1}')
    assert (store.counts().dead, store.counts().sent) == (1, 1)
    assert not store.effect_sent(dead.key, NOW)
    assert store.retry_effect(dead.key, NOW)
    assert not store.retry_effect(dead.key, NOW)
    (again,) = store.due_effects(NOW, 5)
    assert (again.attempts, again.tries) == (2, 0)


def test_what_telling_of_an_effect_comes_to(store: Store) -> None:
    """What the plugin makes of an outcome is kept with the outcome, and not where the effect no longer waits."""
    store.keep_apart(kept(1, effects={"a": {}, "b": {}, "c": {}}))
    assert store.effect_sent(key(1, "a"), NOW, kept(2, writes={"told": b"1"}))
    assert store.effect_failed(key(1, "b"), "x", NOW, kept(2, writes={"told": b"2"}))
    assert store.effect_dead(key(1, "c"), "x", kept(2, writes={"told": b"3"}))
    assert not store.effect_sent(key(1, "c"), NOW, kept(2, writes={"told": b"4"}))
    assert store.get(TENANT, "told") == b"3"


def test_what_stays_of_effects(store: Store) -> None:
    """The event goes when an effect is done, its arguments after a time; key and hash stay and go on preventing."""
    later = NOW + dt.timedelta(days=ARGUMENTS_KEPT_DAYS)
    store.keep_apart(kept(1, effects={"sent": {"a": 1}, "waits": {"a": 1}}))
    store.keep_apart(kept(2, effects={"listed": {"a": 1}}, mode="replay"))
    store.effect_sent(key(1, "sent"), NOW)
    assert (store.effects("sent")[0].document, store.effects("sent")[0].arguments) == (None, {"a": 1})
    assert store.trim(later - HOUR) == 0
    assert store.trim(later) == 2
    assert store.trim(later) == 0
    assert [one.arguments for one in store.effects()] == [None, {"a": 1}, None]
    store.keep_apart(kept(1, effects={"sent": {"a": 2}}))
    assert (store.counts().sent, store.counts().changed, store.counts().waiting) == (1, 1, 1)


def test_facts(store: Store) -> None:
    """Facts wait in order until they are published, each id once; one that a dry run listed is told when it is real."""
    one, two = kept(1, facts={"said": {"n": 1}}), kept(2, facts={"said": {"n": 2}})
    dry = kept(3, facts={"said": {"n": 3}}, mode="dry_run")
    again = kept(3, facts={"said": {"n": 8}}, mode="dry_run")
    for turn in (dry, again, one, two, one, kept(2, facts={"said": {"n": 9}})):
        store.keep_apart(turn)
    assert store.facts(limit=1)[0].document == dry.facts[0].document
    ids = [turn.facts[0].id for turn in (one, two)]
    assert [fact.id for fact in store.facts_waiting(9)] == ids
    assert [fact.id for fact in store.facts_waiting(1)] == ids[:1]
    store.facts_published(ids[:1])
    store.keep_apart(one)
    assert [fact.id for fact in store.facts_waiting(9)] == ids[1:]
    assert [(fact.state, fact.changed, fact.document is None) for fact in store.facts()] == [
        ("suppressed", 1, False), ("published", 0, True), ("waiting", 1, False),
    ]  # fmt: skip
    store.keep_apart(kept(3, facts={"said": {"n": 4}}))
    store.keep_apart(dry)
    (_, real) = store.facts("waiting")
    assert bytes(decode(real.document or b"").data) == b'{"n":4}'
    assert real.changed == 1
    counts = store.counts()
    assert (counts.facts_waiting, counts.facts_published, counts.facts_suppressed) == (2, 1, 0)
    store.facts_published([])


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


def test_grants(store: Store) -> None:
    """Grants are found by tenant, goal and person, in the order in which they were given, revoked ones too."""
    ann = f"user:{event_id(9)}"
    store.keep_apart(kept(2, granted=(grant(2), grant(1, person=ann))))
    store.keep_apart(kept(3, granted=(grant(3),), tenant="other"))
    store.keep_apart(kept(4, revoked=(grant(2, revoked_by=event_id(4)),), granted=(grant(4),)))
    assert store.grants(TENANT) == [grant(2, revoked_by=event_id(4)), grant(1, person=ann), grant(4)]
    assert store.grants(TENANT, person=ann) == [grant(1, person=ann)]
    assert store.grants(TENANT, goal=grant(4).aggregate_id, person=PERSON) == [grant(4)]
    assert store.grants("nobody") == []
    listed = store.given()
    assert [(one.tenant, one.grant.cause, one.dry) for one in listed] == [
        (TENANT, event_id(2), False), (TENANT, event_id(1), False), ("other", event_id(3), False),
        (TENANT, event_id(4), False),
    ]  # fmt: skip
    assert store.given(after=listed[0].number, limit=1) == listed[1:2]
    assert store.given(tenant="other") == listed[2:3]
    assert store.given(person=ann) == listed[1:2]
    assert store.given(goal=grant(4).aggregate_id) == listed[3:]


def test_grants_from_facts(store: Store) -> None:
    """Grants that the facts tell are added, those that are known stay as they are, with their codes."""
    store.keep_apart(kept(1, granted=(grant(1),)))
    told = [
        msgspec.structs.replace(grant(n), reward=msgspec.structs.replace(grant(n).reward, code=None)) for n in (1, 2)
    ]
    assert store.seed_grants([(TENANT, told[0]), (TENANT, told[1]), (TENANT, told[1])]) == 1
    assert store.grants(TENANT) == [grant(1), told[1]]
    assert store.seed_grants([]) == 0


def test_a_dry_run_grants_and_revokes_nothing(store: Store) -> None:
    """In a dry run the plugin sees what it granted and revoked; when it ends, nothing of that was."""
    store.keep_apart(kept(1, granted=(grant(1),)))
    store.set_mode("dry_run", 50)
    store.keep_apart(kept(2, mode="dry_run", granted=(grant(2),), revoked=(grant(1, revoked_by=event_id(2)),)))
    assert store.grants(TENANT) == [grant(1, revoked_by=event_id(2)), grant(2)]
    assert [(one.grant.id, one.dry) for one in store.given()] == [(grant(1).id, True), (grant(2).id, True)]
    assert store.counts().grants == 2
    store.set_mode("dry_run", 60)
    assert len(store.grants(TENANT)) == 2
    store.set_mode("live")
    assert store.grants(TENANT) == [grant(1)]
    assert (store.status().mode, store.status().replay_until) == ("live", 0)


def test_beginning_anew(store: Store) -> None:
    """Emptied for a replay, a store keeps what prevents doubling, and a replay gives, sends and tells nothing again."""
    events = [
        (kept(n, mode=mode, writes={"n": b"%d" % n}, timers={"t": NOW}, effects={"mail": {}}, granted=(grant(n),)), n)
        for mode in ("live", "replay") for n in (1, 2)
    ]  # fmt: skip
    store.keep([(turn, TENANT, n) for turn, n in events[:2]], Position(1, 2), before=BEGIN, handled=2, ms_max=1)
    store.keep([(None, TENANT, 3)], Position(1, 3), before=Position(1, 2), parked=[to_park(3)])
    store.keep_apart(kept(4, replays=(ReplayWanted(1, None, {}),), position=3))
    store.effect_sent(key(1, "mail"), NOW)
    store.facts_published([one.id for one in store.facts_waiting(1)])
    store.drop_due_timers(NOW)
    store.set_paused("by_hand", "a look")
    store.begin(Position(1, 0), "replay", 3, {"other": 7}, anew=True)
    counts, status = store.counts(), store.status()
    assert (counts.keys, counts.timers, counts.timers_listed, counts.parked, counts.replays) == (0, 0, 0, 0, 0)
    assert (counts.sent, counts.waiting, counts.grants, counts.facts_waiting, counts.facts_published) == (1, 1, 2, 1, 1)
    assert (status.mode, status.replay_until, status.handled, status.ms_max) == ("replay", 3, 0, 0.0)
    assert (status.started, status.paused, store.numbers()) == (True, "by_hand", {"other": 7})
    assert not store.looks_emptied()
    store.keep([(turn, TENANT, n) for turn, n in events[2:]], Position(1, 2), before=BEGIN)
    after = store.counts()
    assert (after.keys, after.timers) == (1, 1)
    assert msgspec.structs.replace(after, keys=0, timers=0) == counts


def test_a_dry_run_is_forgotten(store: Store) -> None:
    """What a dry run listed goes when the store begins anew: the next one may list something else."""
    store.begin(BEGIN, "dry_run", 9, anew=True)
    store.keep_apart(kept(1, mode="dry_run", effects={"mail": {"a": 1}}, facts={"said": {"n": 1}}, granted=(grant(1),)))
    assert (store.counts().suppressed, store.counts().facts_suppressed) == (1, 2)
    assert store.effects()[0].dry
    store.reset()
    assert not store.status().started
    assert (store.counts().suppressed, store.counts().facts_suppressed, store.counts().grants) == (0, 0, 0)
    store.begin(BEGIN, "replay", 9)
    store.keep_apart(kept(1, mode="replay", effects={"mail": {"a": 2}}, facts={"said": {"n": 2}}, granted=(grant(1),)))
    (listed,) = store.effects()
    assert (listed.arguments, listed.dry, listed.changed) == ({"a": 2}, False, 0)
    assert (store.counts().facts_waiting, store.counts().grants) == (2, 1)


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


@pytest.mark.parametrize("table", ["state", "timer", "granted"])
def test_an_emptied_table_is_seen(url: str, store: Store, table: str) -> None:
    """A table that somebody emptied is told from one that the plugin emptied itself; so is one that is gone."""
    store.keep_apart(kept(1, writes={"a": b"1"}, timers={"t": NOW}, granted=(grant(1),)))
    store.keep([], Position(1, 4), before=BEGIN)
    assert not store.looks_emptied()
    raw: Connection
    if store._file is not None:
        raw = SQLiteConnection(store._file)
        raw.execute(f"DELETE FROM {table}")
    else:
        store.close()
        raw = PostgresConnection(url, schema_of(MANIFEST.id))
        raw.execute(f"DROP TABLE {table}")
        store.open()
    raw.close()
    assert store.looks_emptied()
    assert store.status().position == Position(1, 4)


def test_what_a_plugin_deletes_itself(store: Store) -> None:
    """A plugin that deletes its last key or cancels or fires its last timer does not look emptied."""
    store.keep_apart(kept(1, writes={"a": b"1"}, timers={"t": NOW, "u": NOW, "v": NOW}))
    store.keep_apart(kept(1, writes={"a": None}, timers={"t": None}))
    assert store.keep_timer(kept(2), TENANT, "u", NOW)
    store.drop_due_timers(NOW)
    assert (store.counts().keys, store.counts().timers, store.looks_emptied()) == (0, 0, False)


def test_state_without_a_position(store: Store) -> None:
    """What is kept beside a lost position belongs to no events: it goes, and the plugin begins like a new one."""
    store.keep_apart(kept(1, writes={"a": b"1"}, effects={"mail": {}}, granted=(grant(1),)))
    with store._writing() as (connection, _):
        connection.execute("DELETE FROM status")
    store.close()
    store.open()
    assert (store.status().started, store.counts().keys, store.counts().waiting, store.counts().grants) == (
        False,
        0,
        1,
        1,
    )


def test_tables_of_another_version(store: Store) -> None:
    """Tables that another version made are refused."""
    with store._writing() as (connection, _):
        connection.execute("UPDATE status SET model = 99")
    with pytest.raises(DatabaseError) as refused:
        store.open()
    assert refused.value.code == "other_model"


def test_two_plugins_in_one_place(url: str) -> None:
    """Plugins whose names are alike keep apart."""
    names = [
        "a",
        "a-b",
        "a_b",
        "a__b",
        "a-_b",
        "a_-b",
        "a_m",
        "a-",
        "h",
        "hm",
        "a" * 63,
        "a" * 62 + "b",
        "a" * 62 + "-",
    ]
    stores = [Store(url, name) for name in names]
    for number, store in enumerate(stores, 1):
        store.open()
        store.begin(Position(number, 0), "live")
    for number, store in enumerate(stores, 1):
        assert store.status().position == Position(number, 0)
        store.close()
    assert len({schema_of(name) for name in names}) == len(names)
    for bad in ("", "A", "a.b", "a/b", "../a", "a" * 64, "-a", "a\n", 'a"'):
        with pytest.raises(ValueError, match="no name of a plugin"):
            Store(url, bad)


def test_bad_urls(tmp_path: Path) -> None:
    """A URL that is none is refused at once, a database that is not there when it is opened."""
    for bad in ("nonsense", "sqlite:///", "sqlite:///.."):
        with pytest.raises(DatabaseError, match=r"sqlite:///PATH|names no file"):
            Store(bad, "a")
    with pytest.raises(DatabaseError) as gone:
        Store("postgresql://nobody@127.0.0.1:1/none", "a").open()
    assert gone.value.code == "unavailable"
    (tmp_path / "react.a.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(DatabaseError) as broken:
        Store(f"sqlite:///{tmp_path}/react.sqlite", "a").open()
    assert broken.value.code == "unavailable"


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
