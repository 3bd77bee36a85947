"""Where a plugin's tables are, how it begins, begins anew, and what is seen when they are not whole."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from milepost.database import Connection, DatabaseError, PostgresConnection, SQLiteConnection
from milepost.react.store import Position, Store
from milepost.react.where import schema_of
from milepost_contracts.context import ReplayWanted
from tests.react.turns import BEGIN, MANIFEST, NOW, TENANT, grant, kept, key, to_park


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
